# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DNS messages on the wire: the one place with sockets. Tests put a scripted `Send` in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rdatatype

from .._core.clock import Deadline
from .._core.errors import UnreachableError
from .model import Server

T = TypeVar("T")
Send = Callable[[dns.message.Message, Server, float], Awaitable[dns.message.Message]]

PAYLOAD = 1232  # bytes: the largest UDP answer that no path has to fragment
TIMEOUT = 2.0  # seconds for one try
TRIES = 2
PARALLEL = 64


async def send(query: dns.message.Message, server: Server, timeout: float) -> dns.message.Message:
    """`query` to `server` by UDP, and by TCP if the answer is cut off (RFC 7766 section 5)."""
    response, _tcp = await dns.asyncquery.udp_with_fallback(
        query, server.address, timeout=timeout, port=server.port, ignore_unexpected=True
    )
    return response


def question(name: str, kind: str, recurse: bool) -> dns.message.Message:
    """A query for `name` (absolute); `recurse` asks the server to look elsewhere too."""
    query = dns.message.make_query(f"{name}.", kind, use_edns=0, payload=PAYLOAD)
    if not recurse:
        query.flags &= ~dns.flags.RD
    return query


class Asker:
    """Asks one server one question, patiently but not for ever."""

    def __init__(self, deadline: Deadline, transport: Send = send, timeout: float = TIMEOUT) -> None:
        self.deadline = deadline
        self._send = transport
        self._timeout = timeout

    async def ask(self, name: str, kind: str, server: Server, recurse: bool = False) -> dns.message.Message:
        """The server's answer, whatever its rcode; `UnreachableError` if there is none."""
        why = "the time for the whole check is over"
        details: dict[str, Any] = {}
        for _attempt in range(TRIES):
            left = self.deadline.remaining()
            if left <= 0:
                break
            try:
                return await self._send(question(name, kind, recurse), server, min(self._timeout, left))
            except dns.exception.Timeout:
                why = f"no answer within {self._timeout:g} s"
            except (OSError, EOFError) as error:
                why = str(error) or type(error).__name__
                details["errno"] = getattr(error, "errno", None)
            except dns.exception.DNSException as error:
                why = f"its answer cannot be read: {str(error) or type(error).__name__}"
        raise UnreachableError(
            f"ask for {name} {kind}", str(server), why, "Check that the server runs and port 53 is open.", **details
        )


async def together(work: Iterable[Awaitable[T]], parallel: int = PARALLEL) -> list[T]:
    """The results of `work` in its order, at most `parallel` at a time."""
    places = asyncio.Semaphore(parallel)

    async def one(item: Awaitable[T]) -> T:
        async with places:
            return await item

    return await asyncio.gather(*(one(item) for item in work))
