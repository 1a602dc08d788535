# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looking at services: each kind of probe asks, and hands the facts to `verdict`."""

from __future__ import annotations

import calendar
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from .._core.clock import Deadline
from .._core.errors import MonsterrError
from .._core.finding import FAIL, Finding, fail, ok
from .._core.http import Client
from . import verdict

PATIENCE = 10.0  # seconds that one look may take
_PAUSES = (0.2, 0.5, 1.0, 2.0)

Record = Mapping[str, Any]


def probe(record: Record, deadline: Deadline, ca_bundle: str = "") -> Finding:
    """Look once.

    record     ``name``, ``kind`` (http, tcp, tls, container, unit) and what that kind needs
    ca_bundle  PEM certificates to trust besides the system's
    """
    patience = Deadline(min(PATIENCE, deadline.remaining()), deadline.clock)
    try:
        return _KINDS[record["kind"]](record, patience, ca_bundle)
    except MonsterrError as error:
        hint = error.hint or "Look into the service's log."
        return fail(f"health.{record['kind']}", record["name"], error.message.replace(error.hint, "").strip(), hint)
    except (OSError, subprocess.SubprocessError) as error:
        summary = f"{record['name']} does not answer: {error}"
        return fail(f"health.{record['kind']}", record["name"], summary, "See whether it runs.")


def wait_healthy(record: Record, deadline: Deadline, ca_bundle: str = "") -> Finding:
    """Look again and again, until all is well or the time is over; the last verdict."""
    for turn in range(10**6):
        finding = probe(record, deadline, ca_bundle)
        if finding.status != FAIL or not deadline.pause(_PAUSES[min(turn, len(_PAUSES) - 1)]):
            return finding
    raise AssertionError("a deadline ends")


def check_all(
    records: Sequence[Record], deadline: Deadline, wait: bool = False, concurrency: int = 32, ca_bundle: str = ""
) -> list[Finding]:
    """One finding for each record, in their order. Failures that follow from another say so.

    wait  whether to give what is still starting until `deadline`
    """
    look = wait_healthy if wait else probe
    if not records:
        return []
    with ThreadPoolExecutor(max_workers=min(concurrency, len(records))) as pool:
        findings = list(pool.map(lambda record: look(record, deadline, ca_bundle), records))
    return verdict.caused(findings, {record["name"]: record.get("depends") or () for record in records})


def _http(record: Record, deadline: Deadline, ca_bundle: str) -> Finding:
    parts = urlsplit(record["url"])
    base = f"{parts.scheme}://{parts.netloc}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    trust = _trusted(ca_bundle) if ca_bundle else ""
    with Client(base, address=record.get("address") or "", ca_data=trust) as client:
        answer = client.request("GET", path, attempted="ask for its health", deadline=deadline)
    wanted, contains = record.get("status") or [200], record.get("contains") or ""
    return verdict.http(record["name"], record["url"], answer.status, answer.text, answer.seconds, wanted, contains)


def _tcp(record: Record, deadline: Deadline, ca_bundle: str) -> Finding:
    place = f"{record['host']}:{record['port']}"
    with socket.create_connection((record["host"], record["port"]), timeout=max(0.1, deadline.remaining())):
        return ok("health.tcp", record["name"], f"{place} accepts connections.", place=place)


def _tls(record: Record, deadline: Deadline, ca_bundle: str) -> Finding:
    name = record.get("server_name") or record["host"]
    place = name if record["port"] == 443 else f"{name}:{record['port']}"
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(cadata=ca_bundle)
    try:
        timeout = max(0.1, deadline.remaining())
        with (
            socket.create_connection((record["host"], record["port"]), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            shown = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        summary = f"{place} shows a certificate that is not good: {error.verify_message}."
        return fail(
            "health.tls", record["name"], summary, "See the findings of the certificates, then run the site again."
        )
    not_after = calendar.timegm(time.strptime(shown["notAfter"], "%b %d %H:%M:%S %Y %Z"))
    min_days = record.get("min_days")
    return verdict.tls(
        record["name"], place, not_after, deadline.clock.time(), verdict.WARN_DAYS if min_days is None else min_days
    )


def _container(record: Record, deadline: Deadline, ca_bundle: str) -> Finding:
    from .._compose.engine import Engine

    engine = Engine()
    engine.require()
    seen = engine.container(record["container"])
    facts = seen and {
        "name": record["container"],
        "status": seen.status,
        "restarts": seen.restarts,
        "oom_killed": seen.oom_killed,
        "exit_code": seen.exit_code,
        "started_at": seen.started_at,
        "image": seen.image,
    }
    return verdict.container(record["name"], facts or None)


def _unit(record: Record, deadline: Deadline, ca_bundle: str) -> Finding:
    words = ["systemctl", "show", "--property=LoadState,ActiveState,SubState", "--", record["unit"]]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=max(0.1, deadline.remaining()),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    state = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    return verdict.unit(record["name"], record["unit"], state)


def _trusted(ca_bundle: str) -> str:
    """The system's certificates and `ca_bundle`, as one text."""
    paths = ssl.get_default_verify_paths()
    try:
        with open(paths.cafile or "/etc/ssl/certs/ca-certificates.crt", encoding="ascii", errors="ignore") as file:
            return f"{file.read()}\n{ca_bundle}"
    except OSError:
        return ca_bundle


_KINDS: dict[str, Callable[[Record, Deadline, str], Finding]] = {
    "http": _http,
    "tcp": _tcp,
    "tls": _tls,
    "container": _container,
    "unit": _unit,
}
