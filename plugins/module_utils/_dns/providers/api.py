# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls to a provider's API: tokens that never show, limits that are honoured, errors that say what to do."""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Mapping
from typing import Any, Optional

from ..._core.clock import Deadline
from ..._core.errors import DeadlineError, RefusedError, UnreachableError
from ..._core.http import Client, Query, Response
from ..._core.secret import mask
from ..options import Traits

Headers = Callable[[str, str, Optional[Query], bytes], Mapping[str, str]]  # noqa: UP045 pylint takes | for arithmetic
Story = Callable[[Response], str]

_BUSY = (429, 503)  # not done, to be asked again (RFC 6585 section 4, RFC 9110 section 15.6.4)
_BROKEN = (500, 502, 504)  # nobody knows whether it was done: only reading is repeated
_TRIES = 6
_FIRST = 1.0  # seconds before the second try, doubled with each further one
_RESETS = ("ratelimit-reset", "x-ratelimit-reset")  # Hetzner, DigitalOcean: seconds since 1970


class Api:
    """One API of one provider.

    headers  sent with each request (the token is in here), or a function of method, path, query and body (a signature)
    secrets  what may never show in an error
    story    finds the provider's own words in an answer that is an error
    again    whether an answer that is an error says to try again, beyond the usual status codes
    """

    def __init__(
        self,
        traits: Traits,
        url: str,
        deadline: Deadline,
        *,
        headers: Mapping[str, str] | Headers,
        secrets: Mapping[str, str],
        story: Story,
        again: Callable[[Response], bool] = lambda _answer: False,
        ca_file: str = "",
    ) -> None:
        self.traits, self.deadline = traits, deadline
        self._client = Client(url or traits.endpoint, ca_file=ca_file)
        self._headers, self._secrets, self._story, self._again = headers, secrets, story, again

    def call(
        self,
        method: str,
        path: str,
        attempted: str,
        *,
        query: Query | None = None,
        json: Any = None,
        body: bytes = b"",
        accept: tuple[int, ...] = (),
    ) -> Response:
        """The answer, whose status is 2xx or one of `accept`; a provider that is busy is asked again."""
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            headers = self._headers(method, path, query, body) if callable(self._headers) else self._headers
            try:
                answer = self._client.request(
                    method, path, attempted=attempted, deadline=self.deadline, query=query, json=json,
                    headers=headers, body=body or None,
                )  # fmt: skip
            except UnreachableError:
                if method != "GET" or last:
                    raise
                self._pause(_FIRST * 2**attempt, attempted, "it cannot be reached")
                continue
            if 200 <= answer.status < 300 or answer.status in accept:
                return answer
            busy = answer.status in _BUSY or self._again(answer)
            if last or not (busy or (method == "GET" and answer.status in _BROKEN)):
                break
            self._pause(self._wait(answer, attempt), attempted, f"it is busy ({answer.status})")
        self._refuse(answer, attempted)
        return answer

    def _wait(self, answer: Response, attempt: int) -> float:
        """Seconds until the provider wants to be asked again: as it says, or longer each time."""
        after = answer.headers.get("retry-after", "")
        if after.strip().isdigit():
            return float(after)
        date = email.utils.parsedate_tz(after) if after else None
        now = self.deadline.clock.time()
        if date:
            return max(0.0, email.utils.mktime_tz(date) - now)
        for name in _RESETS if answer.status in _BUSY else ():
            reset = answer.headers.get(name, "")
            if reset.isdigit() and int(reset) > now:
                return int(reset) - now
        return _FIRST * 2**attempt

    def _pause(self, seconds: float, attempted: str, why: str) -> None:
        left = self.deadline.remaining()
        if seconds >= left:
            story = f"{why}, and wants to be asked again in {seconds:.0f} s, but only {left:.0f} s are left"
            hint = "Run it again later, or raise the deadline."
            raise DeadlineError(attempted, self.traits.title, story, hint, retry_after=round(seconds))
        self.deadline.pause(seconds)

    def _refuse(self, answer: Response, attempted: str) -> None:
        try:
            story = " ".join(mask(self._story(answer), self._secrets).split())[:300]
        except (RefusedError, LookupError, TypeError, AttributeError):
            story = ""
        hint = self.traits.hint if answer.status in (401, 403) else ""
        answer.expect(attempted, 200, why=story, hint=hint)


def option(options: Mapping[str, Any], name: str) -> str:
    """A text option, without space around it; empty if it is not there."""
    return str(options.get(name) or "").strip()
