# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks over the network: http, tcp, tls, dns. Each is bounded by its deadline, looking up names included."""

from __future__ import annotations

import calendar
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .._core.clock import Deadline
from .._core.errors import InputError, UnreachableError
from .._core.finding import Finding, fail, ok
from .._core.http import Client, connect
from . import verdict

Record = Mapping[str, Any]


def http(record: Record, deadline: Deadline, ca_bundle: str) -> Finding:
    """Ask a page. No redirect is followed."""
    parts = urlsplit(record["url"])
    base = f"{parts.scheme}://{parts.netloc}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    trust = trusted(ca_bundle) if ca_bundle else ""
    with Client(base, address=record.get("address") or "", ca_data=trust) as client:
        answer = client.request("GET", path, attempted="ask for its health", deadline=deadline)
    wanted, contains = record.get("status") or [200], record.get("contains") or ""
    location, redirect = answer.headers.get("location", ""), record.get("redirect") or ""
    return verdict.http(
        record["name"], record["url"], answer.status, answer.text, answer.seconds, wanted, contains, location, redirect
    )


def tcp(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """Connect."""
    place = f"{record['host']}:{record['port']}"
    with connect(record["host"], record["port"], deadline):
        return ok("health.tcp", record["name"], f"{place} accepts connections.", place=place)


def tls(record: Record, deadline: Deadline, ca_bundle: str) -> Finding:
    """Connect, and verify the certificate: its chain, its name, its end."""
    name = record.get("server_name") or record["host"]
    place = name if record["port"] == 443 else f"{name}:{record['port']}"
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(cadata=ca_bundle)
    try:
        with (
            connect(record["host"], record["port"], deadline) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            shown = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        summary = f"{place} shows a certificate that is not good: {error.verify_message}."
        hint = "See the findings of the certificates, then run the site again."
        return fail("health.tls", record["name"], summary, hint, place=place, code=error.verify_code)
    begin, end = (calendar.timegm(_date(shown[key])) for key in ("notBefore", "notAfter"))
    return verdict.tls(record["name"], place, begin, end, deadline.clock.time(), record.get("min_days"))


def dns(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """Ask a name server by UDP (and by TCP for an answer that does not fit)."""
    try:
        import dns.exception
        import dns.resolver
    except ImportError:
        raise UnreachableError(
            "ask a name server", record["name"], "the Python library dnspython is missing", "Install python3-dnspython."
        ) from None
    kind = record.get("type") or "A"
    question = f"{record['query']} {kind}"
    try:
        resolver = dns.resolver.Resolver(configure=not record.get("server"))
        if record.get("server"):
            resolver.nameservers = [record["server"]]
        resolver.port = record.get("port") or 53
    except (ValueError, dns.exception.DNSException) as error:
        raise InputError("ask a name server", str(record.get("server")), str(error)) from None
    started = deadline.clock.monotonic()
    try:
        answer = resolver.resolve(f"{record['query'].rstrip('.')}.", kind, lifetime=max(0.1, deadline.remaining()))
        values = [rdata.to_text().strip('"') for rdata in answer]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        values = []
    except dns.exception.DNSException as error:
        who = record.get("server") or "The resolver of the host"
        summary = f"{who} gives no answer for {question}: {error}"
        return fail("health.dns", record["name"], summary, "See whether the name server runs and can be reached.")
    seconds = deadline.clock.monotonic() - started
    return verdict.dns(record["name"], question, values, record.get("values") or (), seconds)


def _date(text: str) -> time.struct_time:
    return time.strptime(text, "%b %d %H:%M:%S %Y %Z")


def trusted(ca_bundle: str) -> str:
    """The system's certificates and `ca_bundle`, as one text."""
    paths = ssl.get_default_verify_paths()
    try:
        with open(paths.cafile or "/etc/ssl/certs/ca-certificates.crt", encoding="ascii", errors="ignore") as file:
            return f"{file.read()}\n{ca_bundle}"
    except OSError:
        return ca_bundle


KINDS = {"http": http, "tcp": tcp, "tls": tls, "dns": dns}
