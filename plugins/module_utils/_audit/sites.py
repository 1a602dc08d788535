# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sites as the world sees them: TLS, redirects, headers, cookies."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from .._core.clock import Deadline
from .._core.finding import Finding, fail, ok, warn

HEADERS = ("strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy")
STRANGER = "not-one-of-ours.invalid"
_SECONDS = 5.0  # for one connection
_AT_ONCE = 8


@dataclass(frozen=True)
class Seen:
    """What one site answered.

    trouble   why there is no good TLS connection to it; '' if there is
    old       versions of TLS that it should not speak and does
    plain     status and place that it sends plain HTTP to; None if nothing listens there
    headers   of its answer, names in small letters
    cookies   those that it sets, each as it sets them
    """

    name: str
    trouble: str = ""
    old: Sequence[str] = ()
    plain: tuple[int, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[str] = ()


def judge(seen: Seen) -> list[Finding]:
    """What is to be said of one site. Pure."""
    name = seen.name
    if seen.trouble:
        hint = "Run certificates and health: they tell more of it."
        return [fail("audit.tls", name, f"{name} cannot be reached safely: {seen.trouble}.", hint)]
    found = []
    if seen.old:
        hint = "Allow TLS 1.2 and 1.3 only (ssl_protocols)."
        found.append(fail("audit.tls", name, f"{name} still speaks {', '.join(seen.old)}, which can be broken.", hint))
    if seen.plain and not (seen.plain[0] in (301, 302, 307, 308) and seen.plain[1].startswith("https://")):
        said = f"http://{name} answers {seen.plain[0]} in place of a redirect to HTTPS."
        found.append(fail("audit.redirect", name, said, "Run site: the proxy redirects."))
    missing = [header for header in HEADERS if header not in seen.headers]
    if missing:
        said = f"{name} does not send {', '.join(missing)}."
        found.append(warn("audit.headers", name, said, "Run site, or see web.headers of the service's definition."))
    if re.search(r"/\d", seen.headers.get("server", "")):
        said = f"{name} tells the version of its server: {seen.headers['server']}."
        found.append(warn("audit.headers", name, said, "Set server_tokens off."))
    open_cookies = [cookie.partition("=")[0] for cookie in seen.cookies if "; secure" not in cookie.lower()]
    if open_cookies:
        said = f"{name} sets cookies that also go over plain HTTP: {', '.join(sorted(open_cookies))}."
        found.append(warn("audit.cookie", name, said, "HSTS keeps browsers from it; the application should mend it."))
    return found or [ok("audit.site", name, f"{name} is as careful as it can be.")]


def look(names: Sequence[str], address: str, port: int, plain: int, roots: str, deadline: Deadline) -> list[Seen]:
    """Ask each site, several at once. address: where they are, '' to look each up. roots: PEM to trust as well."""

    def one(name: str) -> Seen:
        where = address or name
        try:
            headers, cookies = _ask(name, where, port, roots, deadline)
        except (OSError, http.client.HTTPException) as error:
            return Seen(name, str(error) or type(error).__name__)
        old = [label for version, label in _OLD if _speaks(version, name, where, port, deadline)]
        return Seen(name, "", old, _plain(name, where, plain, deadline), headers, cookies)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, names))


def strangers(address: str, port: int, deadline: Deadline) -> Finding:
    """Whether a name that is not ours gets a certificate, which tells whose server it is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _connect(context, STRANGER, address, port, deadline).close()
    except OSError:
        return ok("audit.tls", address, "A name that is not ours gets no answer.")
    said = f"{address} shows a certificate to whoever asks for any name, and so which names are yours."
    return warn("audit.tls", address, said, "Refuse the handshake in the default server (ssl_reject_handshake on).")


_OLD = ((ssl.TLSVersion.TLSv1, "TLS 1.0"), (ssl.TLSVersion.TLSv1_1, "TLS 1.1"))


def _connect(context: ssl.SSLContext, name: str, address: str, port: int, deadline: Deadline) -> ssl.SSLSocket:
    plain = socket.create_connection((address, port), timeout=max(0.1, min(_SECONDS, deadline.remaining())))
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def _speaks(version: ssl.TLSVersion, name: str, address: str, port: int, deadline: Deadline) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        # That they are deprecated is the very point.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with suppress(OSError):
        _connect(context, name, address, port, deadline).close()
        return True
    return False


def _ask(name: str, address: str, port: int, roots: str, deadline: Deadline) -> tuple[dict[str, str], list[str]]:
    context = ssl.create_default_context()
    if roots:
        context.load_verify_locations(cadata=roots)
    connection = http.client.HTTPSConnection(name, port)
    connection.sock = _connect(context, name, address, port, deadline)
    try:
        connection.request("GET", "/", headers={"Host": name, "Connection": "close"})
        answer = connection.getresponse()
        headers = {key.lower(): value for key, value in answer.getheaders()}
        return headers, answer.headers.get_all("Set-Cookie") or []
    finally:
        connection.close()


def _plain(name: str, address: str, port: int, deadline: Deadline) -> tuple[int, str] | None:
    connection = http.client.HTTPConnection(address, port, timeout=max(0.1, min(_SECONDS, deadline.remaining())))
    try:
        connection.request("GET", "/", headers={"Host": name, "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location") or ""
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
