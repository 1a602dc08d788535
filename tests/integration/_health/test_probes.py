# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probes against real servers."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._health.probes import check_all, probe
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytestmark = pytest.mark.integration
NAME = "sonarr.monsterr.test"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"pong")

    def log_message(self, *_: Any) -> None:
        pass


def _certificate(folder: Path, days: int) -> tuple[Path, str]:
    """A certificate that signs itself: the file with key and certificate, and the PEM text to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{days}.pem"
    path.write_bytes(secret + pem)
    return path, pem.decode()


def _serve(file: Path | None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    if file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("tls")
    good, near, expired = (_certificate(folder, days) for days in (90, 3, -1))
    running = {"plain": (_serve(None), "")}
    running |= {name: (_serve(file), pem) for name, (file, pem) in (("good", good), ("near", near), ("old", expired))}
    yield {name: (server.server_address[1], pem) for name, (server, pem) in running.items()}
    for server, _pem in running.values():
        server.shutdown()
        server.server_close()


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def mute() -> Iterator[int]:
    """Accepts connections (the backlog does) and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _tls(port: int, name: str = NAME) -> dict[str, Any]:
    return {"name": "site", "kind": "tls", "host": "127.0.0.1", "port": port, "server_name": name}


@pytest.mark.parametrize(
    ("server", "trust", "name", "status", "says"),
    [
        ("good", True, NAME, "ok", "more days"),
        ("near", True, NAME, "warn", "ends in"),
        ("old", True, NAME, "fail", "expired"),
        ("good", False, NAME, "fail", "self-signed"),
        ("good", True, "else.monsterr.test", "fail", "else.monsterr.test"),
    ],
)
def test_certificates(servers: Any, server: str, trust: bool, name: str, status: str, says: str) -> None:
    port, pem = servers[server]
    found = probe(_tls(port, name), Deadline(5), pem if trust else "")
    assert (found.status, says in found.summary) == (status, True), found


def test_http(servers: Any) -> None:
    url = f"http://127.0.0.1:{servers['plain'][0]}/ping"
    look = {"name": "sonarr", "kind": "http", "url": url}
    assert probe({**look, "contains": "pong"}, Deadline(5)).status == "ok"
    assert "without 'else'" in probe({**look, "contains": "else"}, Deadline(5)).summary
    assert "200, not 204" in probe({**look, "status": [204]}, Deadline(5)).summary


def test_https_at_an_address_with_its_own_trust(servers: Any) -> None:
    port, pem = servers["good"]
    look = {"name": "sonarr", "kind": "http", "url": f"https://{NAME}:{port}/", "address": "127.0.0.1"}
    assert probe(look, Deadline(5), pem).status == "ok"
    assert probe(look, Deadline(5)).status == "fail"


def test_nobody_listens(closed: int) -> None:
    looks = [
        {"name": "tcp", "kind": "tcp", "host": "127.0.0.1", "port": closed},
        {"name": "http", "kind": "http", "url": f"http://127.0.0.1:{closed}/", "depends": ["tcp"]},
        _tls(closed),
    ]
    found = check_all(looks, Deadline(5))
    assert [item.target for item in found] == ["tcp", "http", "site"]
    assert {item.status for item in found} == {"fail"}
    assert [item.evidence.get("cause") for item in found] == [None, "tcp", None]


def test_a_server_that_says_nothing_ends_with_the_deadline(mute: int) -> None:
    started = time.monotonic()
    looks = [{"name": "http", "kind": "http", "url": f"http://127.0.0.1:{mute}/"}, _tls(mute)]
    found = check_all(looks, Deadline(1), wait=True)
    assert {item.status for item in found} == {"fail"}
    assert time.monotonic() - started < 3


def test_what_is_not_there_is_a_finding_and_no_error() -> None:
    looks = [
        {"name": "unit", "kind": "unit", "unit": "monsterr-nothing.service"},
        {"name": "container", "kind": "container", "container": "monsterr-nothing"},
    ]
    assert [item.status for item in check_all(looks, Deadline(10))] == ["fail", "fail"]
