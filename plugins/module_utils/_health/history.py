# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What many looks mean together: one bad look is no news, a slow start is no failure, and what comes and goes is told
once. Pure: history and findings in, history and findings out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from .._core.finding import FAIL, OK, SEVERITY, Finding, ok, warn

CONFIRM = 2  # looks in a row that it takes to believe that something is worse than it was
WINDOW = 3600.0  # seconds that a change counts towards flapping
FLAPS = 6  # changes in the window, three times down and up, that make it flap
KEEP = 60  # looks that are remembered

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Track:
    """What is remembered of one target.

    status  what is believed: ``ok``, ``warn`` or ``fail``
    since   when that began, in seconds since 1970-01-01 UTC
    seen    what the last look said, and `streak` how many looks in a row have said so
    flips   the moments at which it failed or came back, within `WINDOW`
    looks   the last looks, oldest first: moment and status
    """

    status: str
    since: float
    seen: str
    streak: int
    flips: tuple[float, ...] = ()
    looks: tuple[tuple[float, str], ...] = ()

    @property
    def flapping(self) -> bool:
        """Whether it comes and goes."""
        return len(self.flips) >= FLAPS


History = dict[str, Track]


def starting(findings: Sequence[Finding], records: Sequence[Record], now: float) -> list[Finding]:
    """`findings`, a failure being only a warning within ``start_period`` of the start of the container behind it."""
    began = {item.target: _moment(item.evidence.get("started_at")) for item in findings}
    needs = {record["name"]: record.get("depends") or () for record in records}
    periods = {record["name"]: record.get("start_period") or 0 for record in records}
    told = []
    for item in findings:
        start = max((began.get(name, 0.0) for name in _behind(item.target, needs)), default=0.0)
        left = start + periods.get(item.target, 0) - now
        if item.status == FAIL and start and left > 0 and not item.evidence.get("cause"):
            summary = f"{item.target} was started {now - start:.0f} s ago, and does not work yet: {item.summary}"
            hint = f"Wait: it has {left:.0f} s more before that is a failure."
            item = warn(item.check, item.target, summary, hint, **{**item.evidence, "starting": True})
        told.append(item)
    return told


def judge(history: Mapping[str, Track], findings: Sequence[Finding], now: float) -> tuple[History, list[Finding]]:
    """The new history, and each finding as it stands in the light of the old one.

    Worse is believed when `CONFIRM` looks in a row say so, better at once. Targets that are not looked at any more are
    forgotten. Each target is in `findings` once.
    """
    new: History = {}
    told = []
    for item in findings:
        track = _next(history.get(item.target), item, now)
        new[item.target] = track
        told.append(_told(track, item))
    return new, told


def dump(history: Mapping[str, Track]) -> dict[str, Any]:
    """`history` as plain data."""
    return {target: asdict(track) for target, track in history.items()}


def load(data: Any) -> History:
    """`history` from plain data; what cannot be read is as if it had never been."""
    found: History = {}
    for target, item in data.items() if isinstance(data, Mapping) else ():
        try:
            track = Track(**item)
            looks = tuple((float(moment), str(status)) for moment, status in track.looks)
            if track.status in SEVERITY and track.seen in SEVERITY:
                found[str(target)] = replace(track, flips=tuple(map(float, track.flips)), looks=looks)
        except (TypeError, ValueError):
            continue
    return found


def _next(track: Track | None, item: Finding, now: float) -> Track:
    # What starts says nothing about itself yet, in either direction.
    seen = (track.status if track else OK) if item.evidence.get("starting") else item.status
    if track is None:
        track = Track(OK, now, OK, 0)
    streak = track.streak + 1 if seen == track.seen else 1
    flips = tuple(moment for moment in track.flips if 0 <= now - moment < WINDOW)
    if (seen == FAIL) != (track.seen == FAIL):
        flips = (*flips, now)[-FLAPS:]
    better = SEVERITY[seen] <= SEVERITY[track.status]
    status = seen if better or streak >= CONFIRM else track.status
    since = track.since if status == track.status else now
    looks = (*track.looks, (now, item.status))[-KEEP:]
    return Track(status, since, seen, streak, flips, looks)


def _told(track: Track, item: Finding) -> Finding:
    evidence = {**item.evidence, "since": track.since}
    if track.flapping:
        summary = f"{item.target} comes and goes. Now: {item.summary}"
        hint = item.hint or "Look into its log of the last hour."
        return warn(item.check, item.target, summary, hint, **{**evidence, "flapping": True})
    if track.status == item.status:
        return Finding(item.check, item.target, item.status, item.summary, item.hint, evidence)
    if track.status == OK:
        return ok(item.check, item.target, f"{item.summary} That is not believed yet.", **evidence)
    return Finding(item.check, item.target, track.status, item.summary, item.hint, evidence)


def _behind(target: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
    """`target` and all that it needs, however far away."""
    found: set[str] = set()
    todo = [target]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += needs.get(name, ())
    return found


def _moment(text: Any) -> float:
    """Docker's time, such as 2026-11-26T12:00:00.123456789Z, in seconds since 1970; 0 for none."""
    try:
        return datetime.strptime(str(text)[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
