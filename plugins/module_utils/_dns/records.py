# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module `dns_records` does: read, plan, one check-mode gate, apply; each zone on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import MonsterrError, RefusedError
from .._core.finding import FAIL, Finding, fail, ok
from .model import Key, RRset, Wanted
from .plan import Change, plan
from .providers.base import Provider

_CHECK = "dns.records"


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


def ensure(provider: Provider, wanted: Sequence[Wanted], check_mode: bool) -> dict[str, Any]:
    """Make the records as `wanted` with `provider`; the module's result, 1:1 with `wanted` whatever happens."""
    zones, lost = _zones(provider, wanted)
    for zone in zones.values():
        _attempt(zone, provider, check_mode)
    homes = {item.key: zone for zone in zones.values() for item in zone.wanted}
    results = [_result(item, homes.get(item.rrset.key), lost, check_mode) for item in wanted]
    findings = [result.pop("_finding") for result in results]
    failed = [item for item in findings if item.status == FAIL]
    return {
        "changed": any(result["changed"] for result in results),
        "results": results,
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


def _attempt(zone: _Zone, provider: Provider, check_mode: bool) -> None:
    """Read, plan and change one zone; an error stays with it, so that the other zones go on."""
    try:
        zone.current = provider.get_rrsets(zone.name, [item.key for item in zone.wanted])
        result = plan(zone.name, zone.wanted, zone.current)
        zone.changes, zone.conflicts = result.changes, result.conflicts
        if not zone.changes:
            return
        if check_mode:
            provider.check(zone.name, zone.changes)
        else:
            provider.apply(zone.name, zone.changes)
        zone.done = frozenset(change.key for change in zone.changes)
    except MonsterrError as error:
        zone.error = error
        if zone.changes and not check_mode:
            zone.done = _landed(zone, provider)


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
    action = change.action if change else "none"
    changed = zone is not None and key in zone.done
    return {
        "name": key[0],
        "type": key[1],
        "zone": zone.name if zone else "",
        "action": action,
        "changed": changed,
        "before": _plain(before),
        "after": _plain(item.rrset if changed else before),
        "_finding": _finding(item.rrset, zone, change, error, check_mode),
    }


def _finding(
    wanted: RRset, zone: _Zone | None, change: Change | None, error: MonsterrError | None, check_mode: bool
) -> Finding:
    target = f"{wanted.name} {wanted.type}"
    conflict = zone.conflicts.get(wanted.key) if zone else None
    if conflict:
        hint = "List the records that stand in the way with `values: []` to have them removed, or choose another name."
        return fail(_CHECK, target, f"{conflict[0].upper()}{conflict[1:]}.", hint)
    done = zone is not None and wanted.key in zone.done
    if error and not done and (change or not zone or not zone.changes):
        summary = f"Could not {error.attempted} ({error.target}): {error.why}."
        return fail(_CHECK, target, summary, error.hint, **error.details)
    if not change:
        return ok(_CHECK, target, f"{target} is as wanted.")
    verb = {"create": "created", "update": "updated", "delete": "deleted"}[change.action]
    return ok(_CHECK, target, f"{target} {'would be' if check_mode else 'was'} {verb}.")


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
