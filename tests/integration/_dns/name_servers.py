# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""BIND and PowerDNS as child processes on loopback, beside Knot in `servers.py`."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import dns.message
import dns.query

from ..servers import KEY_NAME, KEY_SECRET, Process, free_port, need

SCHEMA = Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
ADDRESS = "127.0.0.1"


def ask(port: int, name: str, kind: str) -> list[str]:
    """The values that the server on `port` gives, sorted."""
    try:
        response = dns.query.tcp(dns.message.make_query(name, kind), ADDRESS, timeout=2, port=port)
    except OSError:
        return []
    return sorted(rdata.to_text() for rrset in response.answer for rdata in rrset)


def listens(port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection((ADDRESS, port), 1).close()
    except OSError:
        return False
    return True


class Bind:
    """BIND 9, primary of one zone that our key may change and transfer."""

    def __init__(self, folder: Path, zone: str, text: str) -> None:
        folder.mkdir(parents=True)
        self.port = free_port(ADDRESS)
        (folder / "zone").write_text(text)
        (folder / "named.conf").write_text(
            f'''
options {{
    directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
    listen-on port {self.port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no; managed-keys-directory "{folder}";
}};
controls {{ }};
key "{KEY_NAME}" {{ algorithm hmac-sha256; secret "{KEY_SECRET}"; }};
zone "{zone}" {{
    type primary; file "{folder}/zone"; allow-update {{ key "{KEY_NAME}"; }}; allow-transfer {{ key "{KEY_NAME}"; }};
}};
'''
        )
        self.process = Process([need("named"), "-g", "-n", "1", "-c", str(folder / "named.conf")], folder / "log")
        self.zone = zone

    @property
    def options(self) -> dict[str, Any]:
        """How the module reaches it."""
        return {"server": ADDRESS, "port": self.port, "key_name": KEY_NAME, "key_secret": KEY_SECRET}

    def start(self) -> None:
        """Start it and wait until it serves its zone."""
        self.process.start()
        self.process.wait_for(lambda: bool(ask(self.port, self.zone, "SOA")))

    def stop(self) -> None:
        """End it."""
        self.process.stop()


class PowerDns:
    """PowerDNS with SQLite, its API, and one zone."""

    token = "token-of-a-test-0123456789"

    def __init__(self, folder: Path, zone: str, records: dict[tuple[str, str], str]) -> None:
        folder.mkdir(parents=True)
        self.zone = zone
        self.port, self.web = free_port(ADDRESS), free_port(ADDRESS)
        program, util = need("pdns_server"), need("pdnsutil")
        if not SCHEMA.exists():
            need("pdns-backend-sqlite3")
        subprocess.run([need("sqlite3"), str(folder / "db")], input=SCHEMA.read_bytes(), check=True)
        user = ["setuid=", "setgid="] if os.getuid() else []
        lines = [
            "launch=gsqlite3", f"gsqlite3-database={folder}/db", "gsqlite3-dnssec=yes", f"socket-dir={folder}",
            f"local-address={ADDRESS}", f"local-port={self.port}", "api=yes", f"api-key={self.token}",
            "webserver=yes", f"webserver-address={ADDRESS}", f"webserver-port={self.web}", "cache-ttl=0",
            "query-cache-ttl=0", "negquery-cache-ttl=0", "zone-cache-refresh-interval=0", *user,
        ]  # fmt: skip
        (folder / "pdns.conf").write_text("\n".join(lines) + "\n")
        common = [util, f"--config-dir={folder}"]
        subprocess.run([*common, "create-zone", zone, f"ns1.{zone}"], check=True, capture_output=True)
        for (name, kind), value in records.items():
            label = name.removesuffix(zone).rstrip(".") or "@"
            subprocess.run([*common, "add-record", zone, label, kind, "300", value], check=True, capture_output=True)
        command = [program, f"--config-dir={folder}", "--daemon=no", "--guardian=no", "--disable-syslog"]
        self.process = Process(command, folder / "log")

    @property
    def options(self) -> dict[str, Any]:
        """How the module reaches it."""
        return {"provider": "powerdns", "endpoint": f"http://{ADDRESS}:{self.web}", "token": self.token}

    def start(self) -> None:
        """Start it and wait until it serves its zone."""
        self.process.start()
        self.process.wait_for(lambda: listens(self.web) and bool(ask(self.port, self.zone, "SOA")))

    def stop(self) -> None:
        """End it."""
        self.process.stop()
