# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wires applications: each of its parts is read, compared, written if it differs, and read again.

Nothing is remembered between parts, so a run that was killed anywhere is simply run again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .._core.clock import Clock, Deadline
from .._core.errors import InputError, MonsterrError, UnreachableError
from .._core.finding import FAIL, Finding, fail, ok
from .._core.secret import mask, resolve
from .application import Application, Part
from .compare import Change, unknown
from .ledger import Ledger
from .session import Session, is_down

Kinds = Mapping[str, Callable[[Mapping[str, Any], Session, Ledger], Application]]
AT_ONCE = 8  # applications wired at the same time; the rest waits its turn


@dataclass
class Outcome:
    """What became of one application.

    state    wired, differs (check mode: something would change), pending (check mode: it does not run) or failed
    changes  what was, or would be, changed
    writes   how many requests were sent that change something
    """

    service: str
    state: str = "wired"
    changes: list[Change] = field(default_factory=list)
    writes: int = 0
    findings: list[Finding] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """One result of the module."""
        return {
            "service": self.service,
            "state": self.state,
            "changed": bool(self.changes or self.writes),
            "changes": [change.as_dict() for change in self.changes],
            "writes": self.writes,
        }


def wire_all(
    records: Sequence[Mapping[str, Any]],
    secrets: Mapping[str, str],
    ledger: Ledger,
    seconds: float,
    check_mode: bool,
    clock: Clock,
    kinds: Kinds,
) -> list[Outcome]:
    """Wire each of `records`, peers before those that connect to them. One outcome a record, in their order.

    seconds  that each application gets, from its turn on, to come up and be wired
    """
    done = {record["service"]: threading.Event() for record in records}

    def one(record: Mapping[str, Any], peers: set[str]) -> Outcome:
        outcome = Outcome(record["service"])
        try:
            for peer in peers:
                done[peer].wait(seconds * len(records))
            _wire(outcome, record, secrets, ledger, Deadline(seconds, clock), check_mode, kinds)
        except MonsterrError as error:
            outcome.findings += [*error.findings, error.finding()]
        except Exception as error:  # a mistake of ours in one application is not to stop the others
            outcome.findings.append(
                fail(
                    "wiring.internal",
                    outcome.service,
                    f"Wiring {outcome.service} broke: {type(error).__name__}: {error}.",
                    "This is a mistake in the collection. Please report it.",
                )
            )
        finally:
            done[record["service"]].set()
        if any(finding.status == FAIL for finding in outcome.findings):
            outcome.state = "failed"
        return outcome

    ordered = order(records)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # In this order, so that a peer never waits in line behind those that wait for it.
        running = {record["service"]: pool.submit(one, record, peers) for record, peers in ordered}
        return [_masked(running[record["service"]].result(), secrets) for record in records]


def order(records: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], set[str]]]:
    """`records` with peers first, each with the peers it has to wait for. A circle is cut at whoever comes first."""
    by_name = {record["service"]: record for record in records}
    result: dict[str, set[str]] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in result or name in path:
            return
        peers = {item["service"] for item in by_name[name]["connections"] if item["kind"] != "category"}
        for peer in sorted(peers & by_name.keys()):
            visit(peer, (*path, name))
        result[name] = peers & result.keys()

    for name in by_name:
        visit(name, ())
    return [(by_name[name], peers) for name, peers in result.items()]


def _wire(
    outcome: Outcome,
    record: Mapping[str, Any],
    secrets: Mapping[str, str],
    ledger: Ledger,
    deadline: Deadline,
    check_mode: bool,
    kinds: Kinds,
) -> None:
    if record["app"] not in kinds:
        near = next(iter(unknown([record["app"]], kinds).values()))
        raise InputError(
            "wire it",
            outcome.service,
            f"there is no application {record['app']!r}",
            f"Did you mean {near}?" * bool(near),
        )
    session = Session(outcome.service, record["url"], deadline, check_mode)
    try:
        application = kinds[record["app"]](resolve(record, secrets), session, ledger)
        parts = application.parts()
        try:
            session.up(application.alive)
        except UnreachableError as error:
            outcome.state = "pending"
            outcome.changes = [change for part in parts for change in part.differ(None)]
            text = f"{outcome.service} does not run ({error.why}). It would be wired once it does."
            outcome.findings.append(ok("wiring.pending", outcome.service, text))
            return
        application.login()
        settled = [(part, found) for part in parts if (found := _settle(outcome, part, check_mode)) is not None]
        # Last, since it may wait for peers.
        for part, found in settled:
            outcome.findings += part.verify(found)
    finally:
        outcome.writes = session.writes
        session.close()
    if check_mode and outcome.changes:
        outcome.state = "differs"
    if not outcome.findings:
        said = f"would change {len(outcome.changes)} settings" if outcome.changes else "is wired as planned"
        said = f"was given {len(outcome.changes)} settings" if outcome.changes and not check_mode else said
        outcome.findings.append(ok("wiring", outcome.service, f"{outcome.service} {said}."))


def _settle(outcome: Outcome, part: Part, check_mode: bool) -> Any:
    """Make `part` as it is wanted; what the application has then, or None if that could not be told."""
    try:
        found = part.read()
        changes = part.differ(found)
        if changes and not check_mode:
            part.write(found)
            found = part.read()
            outcome.findings += [_not_kept(outcome.service, change) for change in part.differ(found)]
        outcome.changes += changes
        return found
    except MonsterrError as error:
        if is_down(error):
            raise
        outcome.findings += [*error.findings, error.finding()]
        return None


def _not_kept(service: str, change: Change) -> Finding:
    return fail(
        "wiring.kept",
        service,
        f"{service} did not keep a setting: {change.setting} is {change.before!r}, not {change.after!r}.",
        "It may not allow this value. Set one that it keeps, or take the setting out.",
    )


def _masked(outcome: Outcome, secrets: Mapping[str, str]) -> Outcome:
    """`outcome` with every secret that an application may have told us masked."""

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return mask(value, secrets)
        if isinstance(value, Mapping):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value

    outcome.changes = [Change(change.setting, plain(change.before), plain(change.after)) for change in outcome.changes]
    outcome.findings = [Finding(**plain(finding.as_dict())) for finding in outcome.findings]
    return outcome


def diff(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """What Ansible shows for ``--diff``: for each application that differs, its settings before and after."""
    return [
        {
            "before_header": outcome.service,
            "after_header": outcome.service,
            "before": "".join(f"{change.setting}: {_shown(change.before)}\n" for change in outcome.changes),
            "after": "".join(f"{change.setting}: {_shown(change.after)}\n" for change in outcome.changes),
        }
        for outcome in outcomes
        if outcome.changes
    ]


def _shown(value: Any) -> str:
    return "(not set)" if value is None else value if isinstance(value, str) else json.dumps(value, sort_keys=True)
