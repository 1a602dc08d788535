# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Time as a dependency: an injectable clock, and deadlines so that no wait is unbounded."""

from __future__ import annotations

import time

from .errors import DeadlineError


class Clock:
    """The real clock. Tests pass one of their own with the same three methods."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Deadline:
    """A point in time by which something has to be done."""

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.seconds = seconds
        self._end = self.clock.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - self.clock.monotonic())

    def expired(self) -> bool:
        """Whether the time is over."""
        return self.remaining() <= 0

    def pause(self, seconds: float) -> bool:
        """Sleep for `seconds` or until the end, whichever is first; false when the time is over."""
        self.clock.sleep(min(seconds, self.remaining()))
        return not self.expired()

    def check(self, attempted: str, target: str, why: str = "", hint: str = "") -> None:
        """Raise `DeadlineError` when the time is over."""
        if self.expired():
            raise DeadlineError(attempted, target, why or f"not done after {self.seconds:g} s", hint)
