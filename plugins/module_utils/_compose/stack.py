# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All services of one host: looked at together, then changed at the same time, each for itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .._core.clock import Clock, Deadline
from .._core.files import locked
from .._core.finding import Finding, ok
from .._health.probes import probe
from .engine import Engine
from .service import CHECK, Place, Removal, Result, ServiceChange, installed


def apply(
    services: Sequence[Mapping[str, Any]],
    secrets: Mapping[str, str],
    *,
    root: Path,
    state: Path,
    network: str,
    concurrency: int,
    prune: bool,
    purge: Sequence[str] = (),
    lock_timeout: float,
    check_mode: bool,
    clock: Clock,
    engine: Callable[[], Engine] = Engine,
) -> dict[str, Any]:
    """Make the host's services what `services` says; the module's result.

    engine  makes a connection to Docker Engine; each thread has its own
    """
    place = Place(root, state, network)
    here = engine()
    changes = [ServiceChange(item, secrets, place, engine(), probe, clock) for item in services]
    names = {item["name"] for item in services}
    gone = {name: False for name in (installed(place) if prune else ())}
    gone |= {name: True for name in purge if place.folder(name).exists()}
    removals = [Removal(name, place, engine(), data) for name, data in gone.items() if name not in names]
    everything: list[ServiceChange | Removal] = [*changes, *removals]
    recovered: list[Finding] = []
    if check_mode:
        results = [item.look() for item in everything]
    elif _nothing_to_do(changes, removals, place, here, network):
        results = [item.look() for item in changes]
    else:
        here.require()
        state.mkdir(parents=True, exist_ok=True)
        os.chmod(state, 0o700)
        # Theirs together: one that is undone may not take it away under another.
        root.mkdir(mode=0o755, parents=True, exist_ok=True)
        with locked(state / "stack.lock", Deadline(lock_timeout, clock), "change the services of this host"):
            recovered = [finding for item in changes for finding in item.recover()]
            if not here.has_network(network):
                here.create_network(network)
            results = [item.look() for item in everything]
            _change(everything, results, {item["name"]: item["after"] for item in services}, concurrency)
    for result in results:
        if not result.changed and not result.findings:
            result.findings.append(ok(CHECK, result.name, "As planned.", container=result.container_id[:12]))
    return {
        "changed": any(result.changed for result in results),
        "failed": any(result.failed for result in results),
        "services": [result.as_dict() for result in results],
        "findings": [*recovered, *(finding for result in results for finding in result.findings)],
        "diff": [part for result in results for part in result.diff],
        "msg": _message(results),
    }


def _nothing_to_do(
    changes: Sequence[ServiceChange], removals: Sequence[Removal], place: Place, engine: Engine, network: str
) -> bool:
    """Whether the host is as planned: then nothing is written, not even a lock."""
    journals = any(place.journal(item.name).exists() for item in changes)
    return not (journals or removals or not engine.has_network(network) or any(item.look().changed for item in changes))


def _change(
    items: Sequence[ServiceChange | Removal],
    results: Sequence[Result],
    after: Mapping[str, Sequence[str]],
    concurrency: int,
) -> None:
    """Change what has to be changed, at the same time where nothing has to wait for another.

    Each waits for those named in its `after`. They are started first, so that no thread waits for one that has none.
    """
    started: dict[str, Future[None]] = {}
    pending = {item.name: (item, result) for item, result in zip(items, results, strict=True)}

    def work(item: ServiceChange | Removal, result: Result, first: Sequence[Future[None]]) -> None:
        for other in first:
            other.result()
        if result.changed:
            item.change(result)

    with ThreadPoolExecutor(max_workers=max(1, concurrency)) as pool:
        while pending:
            free = [name for name in pending if not any(other in pending for other in after.get(name, ()))]
            for name in free:
                item, result = pending.pop(name)
                first = [started[other] for other in after.get(name, ()) if other in started]
                started[name] = pool.submit(work, item, result, first)
    for future in started.values():
        future.result()


def _message(results: Sequence[Result]) -> str:
    failed = [result for result in results if result.failed]
    return (
        " ".join(finding.summary for result in failed for finding in result.findings) or "All services are as planned."
    )
