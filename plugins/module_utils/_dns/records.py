# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module `dns_records` does: read, plan, one check-mode gate, apply; each zone on its own.

Three things keep what is not ours safe. Only names and types that are listed are looked at. With an `owner`, an RRset
that is there, differs and was not made by that owner is refused (`ownership`). And no more than a part of a zone is
deleted or replaced at once (`plan.too_much`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import MonsterrError, RefusedError
from .._core.finding import FAIL, Finding, fail, ok, warn
from . import ownership
from .model import Key, RRset, Wanted
from .plan import Change, Plan, plan, too_much
from .providers.base import Provider

_CHECK = "dns.records"
_FOREIGN = "Set adopt to take it over, or choose another name."
_FORCE = "If that is what you want, run it once with force."


@dataclass(frozen=True)
class Policy:
    """What may be changed.

    owner      the name that records are registered under, in the zone; without one nothing is registered
    prune      whether records that the owner registered, and that are not listed any more, are deleted
    adopt      whether records that are there, and registered by nobody or somebody else, are taken over
    threshold  the percentage of a zone's RRsets that may be deleted at once, and of others' that may be replaced
    force      whether the threshold is ignored
    dnssec     whether zones are to be signed
    """

    owner: str = ""
    prune: bool = False
    adopt: bool = False
    threshold: int = 30
    force: bool = False
    dnssec: bool = False


@dataclass
class _Zone:
    """One zone's part of the work, and what became of it."""

    name: str
    wanted: list[RRset]
    current: dict[Key, RRset] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    conflicts: Mapping[Key, str] = field(default_factory=dict)
    done: frozenset[Key] = frozenset()  # changes that are made (in check mode: that would be)
    error: MonsterrError | None = None
    pruned: list[Key] = field(default_factory=list)
    ds: list[str] = field(default_factory=list)
    signed: bool = False  # signed by this call (in check mode: would be)
    notes: list[Finding] = field(default_factory=list)

    @property
    def registry(self) -> Key:
        """Where the registry is."""
        return ownership.key_of(self.name)


def ensure(
    provider: Provider, wanted: Sequence[Wanted], check_mode: bool, policy: Policy | None = None
) -> dict[str, Any]:
    """Make the records as `wanted` with `provider`; the module's result, 1:1 with `wanted` whatever happens."""
    policy = policy or Policy()
    zones, lost = _zones(provider, wanted)
    for zone in zones.values():
        _attempt(zone, provider, check_mode, policy)
        if policy.dnssec:
            _sign(zone, provider, check_mode)
    homes = {item.key: zone for zone in zones.values() for item in zone.wanted}
    results = [_result(item, homes.get(item.rrset.key), lost, check_mode) for item in wanted]
    findings = [result.pop("_finding") for result in results]
    findings += [note for zone in zones.values() for note in (*zone.notes, *_pruned_findings(zone, check_mode))]
    failed = [item for item in findings if item.status == FAIL]
    return {
        "changed": any(zone.done or zone.signed for zone in zones.values()),
        "results": results,
        "zones": [
            {"name": zone.name, "pruned": [_title(key) for key in zone.pruned if key in zone.done], "ds": zone.ds}
            for zone in zones.values()
        ],
        "findings": findings,
        "diff": _diff(zones.values()),
        "failed": bool(failed),
        "msg": " ".join(dict.fromkeys(item.summary for item in failed)),
    }


def _zones(provider: Provider, wanted: Sequence[Wanted]) -> tuple[dict[str, _Zone], dict[str, MonsterrError]]:
    """The work by zone, and for each name without a zone the reason."""
    names = {item.rrset.name for item in wanted if not item.zone}
    lost: dict[str, MonsterrError] = {}
    found: dict[str, str] = {}
    try:
        found = provider.zones(names)
    except MonsterrError as error:
        lost = dict.fromkeys(names, error)
    zones: dict[str, _Zone] = {}
    for item in wanted:
        name = item.zone or found.get(item.rrset.name, "")
        if name:
            zones.setdefault(name, _Zone(name, [])).wanted.append(item.rrset)
        elif item.rrset.name not in lost:
            lost[item.rrset.name] = RefusedError(
                "find the zone",
                item.rrset.name,
                "the DNS server has no zone that holds this name",
                "Add the zone to that server, or correct the name.",
            )
    return zones, lost


def _attempt(zone: _Zone, provider: Provider, check_mode: bool, policy: Policy) -> None:
    """Read, plan and change one zone; an error stays with it, so that the other zones go on."""
    tried = False
    try:
        zone.current = provider.get_rrsets(zone.name, [*(item.key for item in zone.wanted), zone.registry])
        made = _plan(zone, provider, policy)
        zone.changes, zone.conflicts = made.changes, made.conflicts
        batches = _batches(zone, policy, provider.traits.batch)
        if not batches:
            return
        _restrain(zone, provider, policy)
        if check_mode:
            provider.check(zone.name, zone.changes)
        for batch in () if check_mode else batches:
            tried = True
            provider.apply(zone.name, batch)
        zone.done = frozenset(change.key for change in zone.changes)
    except MonsterrError as error:
        zone.error = error
        if tried:
            zone.done = _landed(zone, provider)


def _plan(zone: _Zone, provider: Provider, policy: Policy) -> Plan:
    """What to change, without what the provider cannot hold, and without what is somebody else's."""
    conflicts: dict[Key, str] = {}
    fitting: dict[Key, RRset] = {}
    for item in zone.wanted:
        try:
            fitting[item.key] = provider.fit(zone.name, item) if item.values else item
        except RefusedError as error:
            conflicts[item.key] = error.why
    registry = ownership.Registry.read(zone.name, zone.current.get(zone.registry))
    if policy.owner:
        for key, item in list(fitting.items()):
            have = zone.current.get(key)
            whose = registry.owner(key)
            if have and have != item and whose != policy.owner and not policy.adopt:
                by = f"by {whose}, and not by {policy.owner}" if whose else f"and was not made by {policy.owner}"
                conflicts[key] = f"{_title(key)} is there with {', '.join(have.values)}, {by}"
                del fitting[key]
    if policy.owner and policy.prune:
        zone.pruned = _leftovers(zone, provider, policy, registry)
    gone = [RRset(*key, (), 0) for key in zone.pruned]
    made = plan(zone.name, [*fitting.values(), *gone], zone.current)
    zone.wanted = [fitting.get(item.key, item) for item in zone.wanted]
    return Plan(made.changes, {**made.conflicts, **conflicts})


def _leftovers(zone: _Zone, provider: Provider, policy: Policy, registry: ownership.Registry) -> list[Key]:
    """What we made once and what is not listed any more."""
    listed = {item.key for item in zone.wanted}
    owned = sum(whose == policy.owner for whose in registry.owners.values())
    if owned == len(registry.mine(policy.owner, listed)):
        return []
    there = provider.list_rrsets(zone.name)
    if there is None:
        hint = "Allow zone transfers for the key, or list such records with no values."
        summary = f"Records of {zone.name} are not listed any more, but its server does not tell which: they stay."
        zone.notes.append(warn(_CHECK, zone.name, summary, hint))
        return []
    mine = [key for key in registry.mine(policy.owner, there) if key not in listed and key != zone.registry]
    zone.current = {**{key: there[key] for key in mine}, **zone.current}
    return sorted(mine)


def _batches(zone: _Zone, policy: Policy, size: int) -> list[list[Change]]:
    """The changes in the calls to make; with an owner, `zone.changes` gets that of the registry too.

    In one call where the provider makes them all or none. Else a record is claimed before it is made, and released
    after it is gone: so whatever interrupts us, nothing of ours is left that we do not know.
    """
    changes = list(zone.changes)
    if not policy.owner:
        return [changes] if changes else []
    there = zone.current.get(zone.registry)
    registry = ownership.Registry.read(zone.name, there)
    claim = [change.key for change in changes if change.after]
    unwanted = [item.key for item in zone.wanted if not item.values and item.key not in zone.conflicts]
    absent = [key for key in registry.mine(policy.owner, unwanted) if key not in zone.current]
    release = [*absent, *(change.key for change in changes if not change.after)]
    claimed = registry.after(policy.owner, claim)
    final = registry.after(policy.owner, claim, release)
    whole = _difference(there, final)
    zone.changes = (*changes, *whole)
    if len(zone.changes) <= size:
        return [list(zone.changes)] if zone.changes else []
    last = _difference(claimed if claimed.values else None, final)
    return [part for part in (_difference(there, claimed), changes, last) if part]


def _difference(before: RRset | None, after: RRset) -> list[Change]:
    goal = after if after.values else None
    return [Change(before, goal)] if before != goal else []


def _restrain(zone: _Zone, provider: Provider, policy: Policy) -> None:
    """`RefusedError` if the changes are more than the policy allows."""
    if policy.force or not any(change.before for change in zone.changes):
        return
    registry = ownership.Registry.read(zone.name, zone.current.get(zone.registry))
    ours = set(registry.mine(policy.owner, [change.key for change in zone.changes])) if policy.owner else set()
    # A new value for what is registered as ours is no blunder: a host that moves changes all its records at once.
    changes = [
        change
        for change in zone.changes
        if change.key != zone.registry and not (change.action == "update" and change.key in ours)
    ]
    there = provider.list_rrsets(zone.name) or zone.current
    why = too_much(changes, len(there), policy.threshold)
    if why:
        raise RefusedError(f"change the zone {zone.name}", "nothing was changed", why, _FORCE)


def _sign(zone: _Zone, provider: Provider, check_mode: bool) -> None:
    """Have the zone signed, and tell what the registrar shall be given."""
    hint = "Give them to the registrar of your domain."
    try:
        zone.ds = provider.dnssec(zone.name, False)
        if not zone.ds:
            zone.signed = True
            zone.ds = [] if check_mode else provider.dnssec(zone.name, True)
    except MonsterrError as error:
        zone.signed = False
        zone.notes.append(fail("dns.dnssec", zone.name, error.message, error.hint))
        return
    if zone.signed:
        summary = (
            f"{zone.name} {'would be' if check_mode else 'was'} signed. Its DS records: {', '.join(zone.ds) or '-'}."
        )
        zone.notes.append(warn("dns.dnssec", zone.name, summary, hint))
    else:
        zone.notes.append(ok("dns.dnssec", zone.name, f"{zone.name} is signed.", ds=zone.ds))


def _pruned_findings(zone: _Zone, check_mode: bool) -> Iterable[Finding]:
    for key in zone.pruned:
        if key in zone.done:
            words = "would be" if check_mode else "was"
            yield ok(_CHECK, _title(key), f"{_title(key)} is not listed any more, and {words} deleted.")
        elif zone.error:
            yield fail(_CHECK, _title(key), f"Could not delete {_title(key)}: {zone.error.why}.", zone.error.hint)


def _title(key: Key) -> str:
    return " ".join(key)


def _landed(zone: _Zone, provider: Provider) -> frozenset[Key]:
    """The changes that were made although the zone ended in an error: an earlier batch, or an answer that got lost."""
    try:
        now = provider.get_rrsets(zone.name, [change.key for change in zone.changes])
    except MonsterrError:
        return frozenset()
    return frozenset(change.key for change in zone.changes if now.get(change.key) == change.after)


def _result(item: Wanted, zone: _Zone | None, lost: Mapping[str, MonsterrError], check_mode: bool) -> dict[str, Any]:
    key = item.rrset.key
    before = zone.current.get(key) if zone else None
    change = next((change for change in zone.changes if change.key == key), None) if zone else None
    error = zone.error if zone else lost[item.rrset.name]
    final = change.after if change else before
    action = change.action if change else "none"
    changed = zone is not None and key in zone.done
    return {
        "name": key[0],
        "type": key[1],
        "zone": zone.name if zone else "",
        "action": action,
        "changed": changed,
        "before": _plain(before),
        "after": _plain(final if changed else before),
        "_finding": _finding(item.rrset, zone, change, error, check_mode),
    }


def _finding(
    wanted: RRset, zone: _Zone | None, change: Change | None, error: MonsterrError | None, check_mode: bool
) -> Finding:
    target = f"{wanted.name} {wanted.type}"
    conflict = zone.conflicts.get(wanted.key) if zone else None
    if conflict:
        hint = "List the records that stand in the way with `values: []` to have them removed, or choose another name."
        hint = hint if "CNAME" in conflict else _FOREIGN
        story = conflict if conflict.startswith(wanted.name) else f"{conflict[0].upper()}{conflict[1:]}"
        return fail(_CHECK, target, f"{story}.", hint)
    done = zone is not None and wanted.key in zone.done
    if error and not done and (change or not zone or not zone.changes):
        summary = f"Could not {error.attempted} ({error.target}): {error.why}."
        return fail(_CHECK, target, summary, error.hint, **error.details)
    if not change:
        return ok(_CHECK, target, f"{target} is as wanted.")
    verb = {"create": "created", "update": "updated", "delete": "deleted"}[change.action]
    summary = f"{target} {'would be' if check_mode else 'was'} {verb}"
    if error and len(zone.done) == len(zone.changes):  # all landed, and no other finding tells of the error
        return warn(_CHECK, target, f"{summary}, but then: {error.why}.", error.hint)
    if change.after and change.after.ttl != wanted.ttl:
        return ok(_CHECK, target, f"{summary}, with a TTL of {change.after.ttl} seconds, which the provider wants.")
    return ok(_CHECK, target, f"{summary}.")


def _plain(item: RRset | None) -> dict[str, Any]:
    return {"values": list(item.values), "ttl": item.ttl} if item and item.values else {"values": [], "ttl": 0}


def _diff(zones: Any) -> list[dict[str, str]]:
    """One diff for each zone that changes, as lines of a zone file; only of the RRsets that change."""
    diffs = []
    for zone in sorted(zones, key=lambda zone: zone.name):
        changes = sorted((change for change in zone.changes if change.key in zone.done), key=lambda change: change.key)
        if not changes:
            continue
        before = [line for change in changes if change.before for line in change.before.lines()]
        after = [line for change in changes if change.after for line in change.after.lines()]
        header = f"zone {zone.name}"
        diffs.append(
            {
                "before_header": header,
                "after_header": header,
                "before": "".join(f"{line}\n" for line in before),
                "after": "".join(f"{line}\n" for line in after),
            }
        )
    return diffs
