# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Showing the CA that the names are ours: files for http-01, TXT records for dns-01. All of it journaled before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core.clock import Deadline
from .._core.errors import InputError, MonsterrError, RefusedError
from .._core.finding import Finding, warn
from . import files
from .journal import Journal, Shown
from .model import DNS, challenge_name
from .pem import base64url

if TYPE_CHECKING:
    from .._dns.model import Key, RRset
    from .._dns.providers.base import Provider
    from .._dns.resolver import Resolver

CHECK = "certificate.challenge"
Merge = Callable[[tuple[str, ...], set[str]], tuple[str, ...]]  # the values there and ours: the values as they shall be
_LEFT = "The next run takes these records away. Until then, a wildcard record does not answer for the names above them."
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_TTL = 60
_TRIES = 3  # of a change that somebody else's change came before


@dataclass(frozen=True)
class Proof:
    """One challenge of the CA: for `identifier`, with its `token` and the key authorization made of it."""

    kind: str
    identifier: str
    token: str
    authorization: str


class Challenges:
    """Shows proofs, and takes away everything that this run or an earlier one showed."""

    def __init__(self, webroot: str, connect: Callable[[Deadline], Dns | None], journal: Journal) -> None:
        self._folder = Path(webroot) / ".well-known" / "acme-challenge" if webroot else None
        self._connect = connect
        self._journal = journal

    def show(self, proofs: Sequence[Proof], deadline: Deadline) -> tuple[dict[Proof, MonsterrError], list[Finding]]:
        """Show all `proofs`, and wait until every name server has the records.

        Returns for each proof that cannot be shown the error; and findings of interest.
        """
        failed: dict[Proof, MonsterrError] = {}
        targets: dict[Shown, list[Proof]] = {}
        dns: Dns | None = None
        records = [proof for proof in proofs if proof.kind == DNS]
        places: dict[Proof, Shown | MonsterrError] = {proof: self._file(proof) for proof in proofs if proof.kind != DNS}
        if records:
            try:
                dns = self._need_dns(deadline)
                places.update(dns.place(records))
            except MonsterrError as error:
                places.update(dict.fromkeys(records, error))
        for proof, place in places.items():
            if isinstance(place, Shown):
                targets.setdefault(place, []).append(proof)
            else:
                failed[proof] = place
        if not targets:
            return failed, []
        self._journal.save_shown(dict.fromkeys([*self._journal.shown(), *targets]))
        for item in targets:
            if not item.zone:
                self._write(item)
        shown = [item for item in targets if item.zone]
        errors, findings = dns.add(shown) if dns and shown else ({}, [])
        for item, error in errors.items():
            failed.update(dict.fromkeys(targets[item], error))
        return failed, findings

    def clean(self, deadline: Deadline) -> tuple[int, list[Finding]]:
        """Take away all that the journal has as shown; how many, and a finding for what could not be."""
        shown = self._journal.shown()
        if not shown:
            return 0, []
        findings: list[Finding] = []
        left: list[Shown] = []
        for item in shown:
            if not item.zone:
                Path(item.name).unlink(missing_ok=True)
        records = [item for item in shown if item.zone]
        if records:
            try:
                errors = self._need_dns(deadline).remove(records)
            except MonsterrError as error:
                errors = dict.fromkeys(records, error)
            left = list(errors)
            findings = [warn(CHECK, item.name, error.message, _LEFT) for item, error in errors.items()]
        self._journal.save_shown(left)
        return len(shown) - len(left), findings

    def _file(self, proof: Proof) -> Shown | MonsterrError:
        if not self._folder:
            hint = "Give the folder that the web server shows to the CA."
            return InputError("show the challenge", proof.identifier, "no web root is given", hint)
        if not _TOKEN.fullmatch(proof.token):
            return RefusedError("show the challenge", proof.identifier, "the CA's token is none (RFC 8555 section 8.3)")
        return Shown(str(self._folder / proof.token), proof.authorization)

    def _write(self, item: Shown) -> None:
        path = Path(item.name)
        files.folder(path.parent)
        files.write(path, item.value, 0o644)

    def _need_dns(self, deadline: Deadline) -> Dns:
        dns = self._connect(deadline)
        if not dns:
            hint = "Give the provider, its server and its key."
            raise InputError("use the DNS provider", DNS, "none is given", hint)
        return dns


class Dns:
    """TXT records at a provider, and the look at every name server of the zones."""

    def __init__(self, provider: Provider, resolver: Resolver) -> None:
        self._provider = provider
        self._resolver = resolver

    def place(self, proofs: Sequence[Proof]) -> dict[Proof, Shown | MonsterrError]:
        """Where each proof's record goes (where a CNAME at its name leads to) and what is in it, or why it cannot."""
        names = {proof: challenge_name(proof.identifier) for proof in proofs}
        places = self._resolver.aliases(names.values())
        zones = self._provider.zones(places.values())
        result: dict[Proof, Shown | MonsterrError] = {}
        for proof, name in names.items():
            place = places[name]
            if place in zones:
                digest = base64url(sha256(proof.authorization.encode()).digest())
                result[proof] = Shown(place, f'"{digest}"', zones[place])
            else:
                why = f"the DNS server has no zone that holds {place}"
                hint = "Add the zone to that server, or have a CNAME record at that name lead to a zone that it has."
                result[proof] = RefusedError("show the challenge", name, why, hint)
        return result

    def add(self, shown: Sequence[Shown]) -> tuple[dict[Shown, MonsterrError], list[Finding]]:
        """Add the records, one change for each zone, and wait for every server. The errors by record, and findings."""
        errors = self._change_all(shown, lambda there, values: tuple(sorted({*there, *values})))
        late, findings = self._wait([item for item in shown if item not in errors])
        return {**errors, **late}, findings

    def remove(self, shown: Sequence[Shown]) -> dict[Shown, MonsterrError]:
        """Take the records away, and no other at the same names; the errors by record."""
        return self._change_all(shown, lambda there, values: tuple(value for value in there if value not in values))

    def _change_all(self, shown: Sequence[Shown], merge: Merge) -> dict[Shown, MonsterrError]:
        """One change for each zone; a zone that fails does not stop the others."""
        errors: dict[Shown, MonsterrError] = {}
        for zone in sorted({item.zone for item in shown}):
            mine = [item for item in shown if item.zone == zone]
            try:
                self._change(zone, mine, merge)
            except MonsterrError as error:
                errors.update(dict.fromkeys(mine, error))
        return errors

    def _change(self, zone: str, shown: Sequence[Shown], merge: Merge) -> None:
        from .._dns.plan import plan

        for attempt in range(1, _TRIES + 1):
            there = self._provider.get_rrsets(zone, {(item.name, "TXT") for item in shown})
            made = plan(zone, self._merged(shown, there, merge), there)
            for (name, _kind), why in made.conflicts.items():
                raise RefusedError("show the challenge", name, why, "Remove the record that stands in the way.")
            try:
                if made.changes:
                    self._provider.apply(zone, made.changes)
                return
            except RefusedError as error:
                if error.details.get("rcode") not in ("NXRRSET", "YXRRSET") or attempt == _TRIES:
                    raise

    def _merged(self, shown: Iterable[Shown], there: Mapping[Key, RRset], merge: Merge) -> list[RRset]:
        from .._dns.model import RRset

        values: dict[str, set[str]] = {}
        for item in shown:
            values.setdefault(item.name, set()).add(item.value)
        result = []
        for name, mine in values.items():
            before = there.get((name, "TXT"))
            ttl = before.ttl if before else _TTL
            result.append(RRset(name, "TXT", merge(before.values if before else (), mine), ttl))
        return result

    def _wait(self, shown: Sequence[Shown]) -> tuple[dict[Shown, MonsterrError], list[Finding]]:
        """Wait until every name server has the records. One that is behind fails them; one that is mute is told of."""
        from .._dns import rules

        merged = self._merged(shown, {}, lambda _there, values: tuple(sorted(values)))
        errors: dict[Shown, MonsterrError] = {}
        findings = []
        for item, zone, answers in self._resolver.wait(merged) if merged else ():
            wrong = [answer for answer in answers if not rules.right(item, answer, contains=True)]
            behind = [answer for answer in wrong if answer.state == rules.ANSWERED]
            if behind:
                names = ", ".join(f"{answer.server} (serial {answer.serial})" for answer in behind)
                hint = "Check its zone transfer. The CA was not asked to look, so nothing counts against its limits."
                why = f"{names} did not have the record in time"
                error = RefusedError("show the challenge", f"{item.name} TXT", why, hint)
                errors.update({one: error for one in shown if one.name == item.name})
            else:
                mute = ", ".join(f"{answer.server}: {answer.detail}" for answer in wrong)
                story = zone.problem or f"not every name server of {zone.name} could be asked: {mute}"
                hint = "The CA may ask that one too: repair it, or take it out of the zone's NS records."
                findings.append(warn(CHECK, item.name, f"{story[0].upper()}{story[1:]}.", hint))
        return errors, findings


def connect(options: Mapping[str, Any] | None, deadline: Deadline) -> Dns | None:
    """What `options` (the module's O(dns)) describe; None without them."""
    if not options:
        return None
    try:
        from .._dns.providers import base
        from .._dns.resolver import Resolver
    except ImportError:
        hint = "Install python3-dnspython."
        raise InputError("use the DNS provider", DNS, "the Python library dnspython is missing", hint) from None
    resolver = Resolver(deadline, options.get("resolvers") or (), options.get("servers") or {})
    return Dns(base.connect(options, deadline), resolver)
