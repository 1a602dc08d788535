# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A clock that goes on only when somebody sleeps."""

from __future__ import annotations


class FakeClock:
    """Starts at `now` (seconds since 1970-01-01 UTC); `slept` has every pause."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return self.now

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Go on."""
        self.slept.append(seconds)
        self.now += seconds
