# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looking at many things at once: each kind of probe asks (`network`, `host`), and hands the facts to `verdict`."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._core.clock import Deadline
from .._core.errors import MonsterrError
from .._core.finding import FAIL, Finding, fail
from . import host, network, verdict

PATIENCE = 10.0  # seconds that one look may take
_PAUSES = (0.2, 0.5, 1.0, 2.0)
_LINGER = 1.0  # seconds beyond the deadline for what is about to give up by itself

Record = Mapping[str, Any]

_KINDS: dict[str, Callable[[Record, Deadline, str], Finding]] = {**network.KINDS, **host.KINDS}


def probe(record: Record, deadline: Deadline, ca_bundle: str = "") -> Finding:
    """Look once.

    record     ``name``, ``kind`` and what that kind needs, as the module `service_health_info` documents it
    ca_bundle  PEM certificates to trust besides the system's
    """
    patience = Deadline(min(PATIENCE, deadline.remaining()), deadline.clock)
    try:
        return _KINDS[record["kind"]](record, patience, ca_bundle)
    except MonsterrError as error:
        hint = error.hint or "Look into the service's log."
        return fail(f"health.{record['kind']}", record["name"], error.message.replace(error.hint, "").strip(), hint)
    except (OSError, subprocess.SubprocessError) as error:
        summary = f"{record['name']} does not answer: {error}"
        return fail(f"health.{record['kind']}", record["name"], summary, "See whether it runs.")


def wait_healthy(record: Record, deadline: Deadline, ca_bundle: str = "") -> Finding:
    """Look again and again, until all is well or the time is over; the last verdict."""
    for turn in range(10**6):
        finding = probe(record, deadline, ca_bundle)
        if finding.status != FAIL or not deadline.pause(_PAUSES[min(turn, len(_PAUSES) - 1)]):
            return finding
    raise AssertionError("a deadline ends")


def check_all(
    records: Sequence[Record], deadline: Deadline, wait: bool = False, concurrency: int = 32, ca_bundle: str = ""
) -> list[Finding]:
    """One finding for each record, in their order. Failures that follow from another say so.

    wait  whether to give what is still starting until `deadline`
    """
    look = wait_healthy if wait else probe
    found = _together(lambda record: look(record, deadline, ca_bundle), records, deadline, concurrency)
    findings = [one or _unfinished(record, deadline) for one, record in zip(found, records, strict=True)]
    return verdict.caused(findings, {record["name"]: record.get("depends") or () for record in records})


def _together(
    look: Callable[[Record], Finding], records: Sequence[Record], deadline: Deadline, concurrency: int
) -> list[Finding | None]:
    """The finding of each record; None for those that are not done soon after `deadline`.

    Some things cannot be interrupted, such as a call into a dead network mount. The threads are daemons, so that such a
    one is left behind and keeps nobody waiting.
    """
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Finding | BaseException]] = queue.SimpleQueue()
    for number in range(len(records)):
        todo.put(number)

    def work() -> None:
        while True:
            try:
                number = todo.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((number, look(records[number])))
            except BaseException as error:
                done.put((number, error))

    for _worker in range(min(concurrency, len(records))):
        threading.Thread(target=work, daemon=True).start()
    found: list[Finding | None] = [None] * len(records)
    for _record in records:
        try:
            number, result = done.get(timeout=deadline.remaining() + _LINGER)
        except queue.Empty:
            break
        if isinstance(result, BaseException):
            raise result
        found[number] = result
    return found


def _unfinished(record: Record, deadline: Deadline) -> Finding:
    summary = f"Looking at {record['name']} was not done after {deadline.seconds:g} s."
    return fail(f"health.{record['kind']}", record["name"], summary, "See whether what it asks hangs.")
