# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one HTTP client, for applications' APIs, ACME and probes: HTTP/1.1 (RFC 9112) over plain TCP or TLS.

What the standard library lacks for our purpose is here: one deadline for the whole exchange (name, connection, TLS,
every byte of the answer), a name that is asked at a given address, errors that say what was attempted. Redirects are
not followed, so that who asks decides. No error holds a query, a header or a body, which may be secret.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import json as _json
import select
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union
from urllib.parse import urlencode, urlsplit, urlunsplit

from .clock import Deadline
from .errors import DeadlineError, InputError, RefusedError, UnreachableError

LIMIT = 32 * 1024 * 1024
_CHUNK = 64 * 1024
_REPEATABLE = ("GET", "HEAD", "OPTIONS")

Query = Union[Mapping[str, Any], Sequence[tuple[str, Any]]]  # noqa: UP007 pylint takes | here for arithmetic


@dataclass(frozen=True)
class Response:
    """What a server answered.

    status   the status code
    headers  the last value of each header, its name in lower case
    body     the whole body, decoded from its transfer coding
    target   the address that was asked, without query and credentials: fit for an error
    seconds  from the first try to connect to the last byte
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    target: str
    seconds: float = 0.0
    reason: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """The body as UTF-8; what is not becomes a replacement character."""
        return self.body.decode("utf-8", "replace")

    def json(self, attempted: str = "read the answer") -> Any:
        """The body as JSON; `RefusedError` when it is none."""
        try:
            return _json.loads(self.body)
        except ValueError:
            kind = self.headers.get("content-type", "no content type")
            raise RefusedError(
                attempted, self.target, f"the answer is not JSON ({kind}, {len(self.body)} bytes)", status=self.status
            ) from None

    def expect(self, attempted: str, *statuses: int, why: str = "", hint: str = "") -> Response:
        """This very answer if its status is one of `statuses` (none given: any 2xx), else `RefusedError`.

        why  what the peer gave as its reason, if the caller can tell
        """
        if self.status in statuses or (not statuses and 200 <= self.status < 300):
            return self
        words = f"{self.status} {self.reason or http.client.responses.get(self.status, '')}".strip()
        raise RefusedError(
            attempted, self.target, f"the answer is {words}{': ' + why if why else ''}", hint, status=self.status
        )


class Client:
    """A server, asked over one connection that is kept open between requests. Not for more than one thread.

    url      scheme, host, port and the path that goes before each request's own
    address  connect there in place of the URL's host; the Host header and the TLS name stay the URL's
    ca_file  PEM bundle to trust in place of the system's; `ca_data` is the same as text
    verify   whether the server's certificate and name are checked
    headers  sent with each request
    limit    the largest body accepted, in bytes

    Cookies that the server sets are sent back to it until it takes them away (no expiry, one server: a session).
    """

    def __init__(
        self,
        url: str,
        *,
        address: str = "",
        ca_file: str = "",
        ca_data: str = "",
        verify: bool = True,
        headers: Mapping[str, str] | None = None,
        limit: int = LIMIT,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("use the address", _bare(url), "it is not http://host or https://host")
        try:
            self.port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise InputError("use the address", _bare(url), "its port is not a number from 1 to 65535") from None
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.prefix = parts.path.rstrip("/")
        self.base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.address = address or self.host
        self.headers = {"User-Agent": "monsterr.media", "Accept": "application/json, */*;q=0.5", **(headers or {})}
        self.cookies: dict[str, str] = {}
        self.limit = limit
        self._ca_file, self._ca_data, self._verify = ca_file, ca_data, verify
        self._context: ssl.SSLContext | None = None
        self._connection: _Connection | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        attempted: str,
        deadline: Deadline,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Query | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Send one request and read the whole answer, whatever its status.

        path       begins with a slash; or a whole URL on this very server
        attempted  what this is for, as in "read the host settings"
        json, form, body  at most one of them
        Raises `UnreachableError` (its `details['kind']`: name, connect, tls, closed or protocol), `DeadlineError`
        and, for an answer over the limit, `RefusedError`.
        """
        if path.startswith(self.base + "/"):
            path = path[len(self.base) :]
        elif path.startswith("/"):
            path = self.prefix + path
        else:
            raise InputError(attempted, _bare(path), f"it is not on {self.base}")
        target = self.base + path.partition("?")[0]
        if query:
            path += ("&" if "?" in path else "?") + urlencode(query, doseq=True)
        sent = {"Host": self.base.partition("//")[2], **self.headers, **(headers or {})}
        if json is not None:
            body = _json.dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        elif form is not None:
            body = urlencode(form, doseq=True).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())

        deadline.check(attempted, target)
        start = deadline.clock.monotonic()
        try:
            answer, content = self._exchange(method, path, body, sent, deadline)
        except _Refused as error:
            self.close()
            raise UnreachableError(attempted, target, error.why, kind=error.kind) from None
        except TimeoutError:
            self.close()
            waited = deadline.clock.monotonic() - start
            raise DeadlineError(attempted, target, f"no whole answer after {waited:.1f} s", kind="timeout") from None
        except _TooLarge:
            self.close()
            raise RefusedError(attempted, target, f"the answer is larger than {self.limit} bytes") from None
        except (http.client.HTTPException, ssl.SSLError, OSError) as error:
            self.close()
            kind, why = _broken(error)
            raise UnreachableError(attempted, target, why, kind=kind) from None
        for line in answer.headers.get_all("set-cookie") or ():
            self._cookie(line)
        return Response(
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
            content,
            target,
            deadline.clock.monotonic() - start,
            answer.reason,
        )

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline
    ) -> tuple[http.client.HTTPResponse, bytes]:
        reused = self._connection is not None and not self._connection.stale()
        try:
            return self._once(method, path, body, headers, deadline)
        except (http.client.RemoteDisconnected, ConnectionError):
            # A kept connection may be closed by the server just as we write (RFC 9112 section 9.3.1).
            if not reused or method not in _REPEATABLE:
                raise
            self.close()
            return self._once(method, path, body, headers, deadline)

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: Deadline
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None or self._connection.stale():
            self.close()
            self._connection = _Connection(self.address, self.port, self.host, self._tls())
        connection = self._connection
        connection.begin(deadline)
        connection.request(method, path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        parts, size = [], 0
        while chunk := answer.read(_CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if size > self.limit:
                raise _TooLarge
        if answer.will_close:
            self.close()
        return answer, b"".join(parts)

    def _tls(self) -> ssl.SSLContext | None:
        if self.secure and self._context is None:
            try:
                context = ssl.create_default_context(cafile=self._ca_file or None, cadata=self._ca_data or None)
            except (OSError, ssl.SSLError) as error:
                raise InputError("read the certificates to trust", self._ca_file or "given", str(error)) from None
            if not self._verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._context = context
        return self._context

    def _cookie(self, line: str) -> None:
        pair, *attributes = line.split(";")
        name, _unused, value = pair.strip().partition("=")
        gone = any(item.strip().lower() == "max-age=0" for item in attributes)
        if value and not gone:
            self.cookies[name] = value
        else:
            self.cookies.pop(name, None)


class _TooLarge(Exception):
    pass


class _Refused(Exception):
    def __init__(self, kind: str, why: str) -> None:
        self.kind, self.why = kind, why
        super().__init__(why)


class _Connection(http.client.HTTPConnection):
    """A connection whose every step takes its time from the current request's deadline."""

    def __init__(self, address: str, port: int, name: str, context: ssl.SSLContext | None) -> None:
        super().__init__(name, port)
        self._address, self._name, self._context = address, name, context
        self._deadline = Deadline(0)

    def begin(self, deadline: Deadline) -> None:
        self._deadline = deadline
        if isinstance(self.sock, _Timed):
            self.sock.deadline = deadline

    def stale(self) -> bool:
        if self.sock is None:
            return True
        try:
            # Anything to read before we have asked is the server's goodbye.
            return bool(select.select([self.sock.fileno()], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def connect(self) -> None:
        targets = _addresses(self._address, self.port, self._deadline)
        last = _Refused("name", f"{self._address} has no address")
        for index, (family, where) in enumerate(targets):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                # A dead address (a broken IPv6 route) leaves the others their share.
                sock.settimeout(_left(self._deadline) / (len(targets) - index))
                sock.connect(where)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._context:
                    sock.settimeout(_left(self._deadline))
                    sock = self._context.wrap_socket(sock, server_hostname=self._name)
            except ssl.SSLError as error:
                sock.close()
                raise _Refused(*_broken(error)) from None
            except TimeoutError:
                sock.close()
                if index == len(targets) - 1:
                    raise
                last = _Refused("connect", f"{where[0]} port {self.port} does not answer")
            except OSError as error:
                sock.close()
                words = (error.strerror or str(error)).lower()
                last = _Refused("connect", f"{where[0]} port {self.port}: {words}")
            else:
                self.sock = _Timed(sock, self._deadline)  # type: ignore[assignment]
                return
        raise last


class _Timed:
    """What `http.client` needs of a socket, with the deadline in place of a time-out for each single read."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self.deadline = sock, deadline
        self._readers, self._done = 0, False

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self.deadline))
        self._sock.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Reader(self), _CHUNK)

    def recv_into(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self.deadline))
        return self._sock.recv_into(buffer)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        """Close it once nobody reads from it any more: an answer is read after its connection was given up."""
        self._done = True
        if not self._readers:
            self._sock.close()

    def release(self) -> socket.socket:
        """The plain socket, for another to use."""
        return self._sock

    def read_to_end(self) -> None:
        self._readers -= 1
        if self._done:
            self.close()


class _Reader(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._timed.read_to_end()
        super().close()


def _left(deadline: Deadline) -> float:
    left = deadline.remaining()
    if left <= 0:
        raise TimeoutError
    return left


def _addresses(host: str, port: int, deadline: Deadline) -> list[tuple[int, tuple[Any, ...]]]:
    """Where `host` can be connected to. The resolver knows no deadline, so a name is looked up by a helper thread."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        box: list[Any] = []

        def look() -> None:
            try:
                box.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                box.append(error)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(_left(deadline))
        if not box:
            raise TimeoutError from None
        if isinstance(box[0], Exception):
            words = getattr(box[0], "strerror", None) or box[0]
            raise _Refused("name", f"the name {host} cannot be resolved: {words}") from None
        found = box[0]
    else:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [(family, where) for family, _unused, _unused, _unused, where in found]


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection for what does not speak HTTP: `deadline` bounds looking up the name as well as connecting.

    Its time-out is what was left of `deadline`. Raises OSError, with the reason in words.
    """
    connection = _Connection(host, port, host, None)
    connection.begin(deadline)
    try:
        connection.connect()
    except _Refused as error:
        raise ConnectionError(error.why) from None
    sock = connection.sock.release()  # type: ignore[union-attr]
    sock.settimeout(_left(deadline))
    return sock


def _broken(error: Exception) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls", f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "tls", f"no TLS connection: {error.reason or 'broken off'}"
    if isinstance(error, http.client.InvalidURL):
        return "protocol", "the path has characters that no URL may hold"
    if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError)):
        return "closed", "the connection was closed before the whole answer came"
    if isinstance(error, http.client.HTTPException):
        return "protocol", "what answers there does not speak HTTP"
    return "connect", (getattr(error, "strerror", None) or str(error)).lower()


def _bare(url: str) -> str:
    """`url` without credentials and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
