# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One application, asked and told: what asks and what changes something are two methods, so that writes are counted."""

from __future__ import annotations

from typing import Any

from .._core.clock import Deadline
from .._core.errors import DeadlineError, MonsterrError, UnreachableError
from .._core.http import Client, Response

EACH = 60.0  # seconds one request may take: an application that tests a peer while it saves needs some
PROBE = 5.0  # seconds a sign of life may take
PAUSE = 1.0  # seconds between two looks at an application that is still starting


class Session:
    """A conversation with one application, within one deadline.

    service     its name, for messages
    check_mode  nothing may be written; `write` is then a mistake of ours
    """

    def __init__(self, service: str, url: str, deadline: Deadline, check_mode: bool) -> None:
        self.service, self.deadline, self.check_mode = service, deadline, check_mode
        self.client = Client(url)
        self.writes = 0

    def ask(self, method: str, path: str, attempted: str, seconds: float = EACH, **options: Any) -> Response:
        """A request that changes nothing: reading, logging in, having a connection tested."""
        deadline = Deadline(min(seconds, self.deadline.remaining()), self.deadline.clock)
        return self.client.request(method, path, attempted=attempted, deadline=deadline, **options)

    def write(self, method: str, path: str, attempted: str, **options: Any) -> Response:
        """A request that changes the application."""
        if self.check_mode:
            raise RuntimeError(f"{self.service}: {method} {path} in check mode")
        self.writes += 1
        return self.ask(method, path, attempted, **options)

    def up(self, path: str) -> None:
        """Wait until `path` is answered by anything but a server error; in check mode look once.

        Raises `UnreachableError` in check mode, else `DeadlineError`, with the last reason.
        """
        attempted = f"reach {self.service}"
        while True:
            try:
                answer = self.ask("GET", path, attempted, PROBE)
                if answer.status < 500:
                    return
                why = f"it answers {answer.status} {answer.reason}".rstrip()
            except (UnreachableError, DeadlineError) as error:
                why = error.why
            target = self.client.base
            if self.check_mode:
                raise UnreachableError(attempted, target, why)
            if not self.deadline.pause(PAUSE):
                raise DeadlineError(
                    attempted,
                    target,
                    f"{why}, after {self.deadline.seconds:g} s",
                    f"See what it says: docker logs {self.service}",
                )

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


def is_down(error: MonsterrError) -> bool:
    """Whether `error` means that the application as a whole cannot be talked to, so that going on makes no sense."""
    return isinstance(error, (UnreachableError, DeadlineError))
