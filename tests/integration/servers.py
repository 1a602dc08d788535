# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real name servers (Knot), a real ACME CA (Pebble) and a web root, as child processes on loopback."""

from __future__ import annotations

import base64
import datetime
import functools
import http.server
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PRIMARY = "127.0.30.1"
SECONDARY = "127.0.30.2"
KEY_NAME = "monsterr"
KEY_SECRET = base64.b64encode(b"a key for tests, 32 bytes long!!").decode()
START = 15  # seconds a server may take to answer


def need(program: str) -> str:
    """The path of `program`; skips the test if this machine has it not."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not path:
        pytest.skip(f"{program} is not installed: apt-get install $(cat tests/requirements-debian.txt)")
    return path


def free_port(*addresses: str) -> int:
    """A port that is free at all `addresses`, for TCP and UDP."""
    for _try in range(50):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            for address in addresses:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(type=kind) as probe:
                        probe.bind((address, port))
        except OSError:
            continue
        return port
    raise RuntimeError("no free port")


class Process:
    """A child process that ends with the test."""

    def __init__(self, command: list[str], log: Path, **environment: str) -> None:
        self._command, self._log, self._environment = command, log, {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it says goes to the log file."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def wait_for(self, ready: Any) -> None:
        """Wait until `ready()` is true."""
        end = time.monotonic() + START
        while not ready():
            if time.monotonic() > end or (self._process and self._process.poll() is not None):
                raise RuntimeError(f"{self._command[0]} did not start:\n{self._log.read_text()}")
            time.sleep(0.05)


class Knot:
    """One Knot name server, primary or secondary of `zones`."""

    def __init__(self, folder: Path, address: str, port: int, zones: dict[str, str], primary: str = "") -> None:
        self.address, self.port, self.zones = address, port, zones
        folder.mkdir(parents=True)
        for zone, text in zones.items():
            if not primary:
                (folder / f"{zone}.zone").write_text(text)
        (folder / "knot.conf").write_text(self._config(folder, primary))
        self.process = Process([need("knotd"), "-c", str(folder / "knot.conf")], folder / "log")

    def _config(self, folder: Path, primary: str) -> str:
        other = SECONDARY if self.address == PRIMARY else PRIMARY
        zones = "".join(
            f"  - domain: {zone}\n    acl: [update, transfer]\n    semantic-checks: off\n"
            + ("    master: other\n    journal-content: changes\n" if primary else "    notify: other\n")
            for zone in self.zones
        )
        return f"""
server:
    rundir: {folder}
    listen: {self.address}@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {folder}
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {KEY_SECRET}
remote:
  - id: other
    address: {other}@{self.port}
    via: {self.address}
acl:
  - id: update
    key: {KEY_NAME}
    action: update
  - id: transfer
    address: 127.0.30.0/24
    action: [transfer, notify]
template:
  - id: default
    storage: {folder}
zone:
{zones}"""

    def start(self) -> None:
        """Start it and wait until it serves all its zones."""
        self.process.start()
        for zone in self.zones:
            self.process.wait_for(functools.partial(self._serves, zone))

    def stop(self) -> None:
        """End it."""
        self.process.stop()

    def _serves(self, zone: str) -> bool:
        return bool(self.ask(zone, "SOA"))

    def ask(self, name: str, kind: str) -> list[str]:
        """The values that the server gives, sorted."""
        query = dns.message.make_query(name, kind)
        try:
            response = dns.query.tcp(query, self.address, timeout=2, port=self.port)
        except OSError:
            return []
        return sorted(rdata.to_text() for rrset in response.answer for rdata in rrset)


def zone_text(zone: str, records: str = "") -> str:
    """A zone file with both our servers as its name servers."""
    return f"""$ORIGIN {zone}.
$TTL 60
@ SOA ns1 hostmaster 1 3600 600 86400 5
@ NS ns1
@ NS ns2
ns1 A {PRIMARY}
ns2 A {SECONDARY}
{records}
"""


class Web:
    """Serves a folder by HTTP, as nginx serves the ACME web root."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer((address, 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class Pebble:
    """One Pebble CA. `directory` is its address, `ca` the PEM to trust for it, `blocked` a domain it refuses."""

    blocked = "blocked.test"

    def __init__(self, folder: Path, http_port: int, dns_server: str, **environment: str) -> None:
        program = need("pebble")
        folder.mkdir(parents=True)
        self.port, self.management = free_port("127.0.0.1"), free_port("127.0.0.1")
        self.directory = f"https://127.0.0.1:{self.port}/dir"
        self.ca = _own_certificate(folder)
        config = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(folder / "cert.pem"),
            "privateKey": str(folder / "key.pem"),
            "httpPort": http_port,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "domainBlocklist": [self.blocked],
        }
        (folder / "config.json").write_text(json.dumps({"pebble": config}))
        self.log = folder / "log"
        command = [program, "-strict", "-config", str(folder / "config.json"), "-dnsserver", dns_server]
        self.process = Process(command, self.log, **{"PEBBLE_VA_NOSLEEP": "1", **environment})

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.process.start()
        self.process.wait_for(self._listens)

    def stop(self) -> None:
        """End it."""
        self.process.stop()

    def orders(self) -> int:
        """How many orders it took since it was started."""
        return self.log.read_text().count("Added order ")

    def issued(self) -> int:
        """How many certificates it issued since it was started."""
        return self.log.read_text().count("Issued certificate serial ")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


def _own_certificate(folder: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pebble of a test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem.decode()
