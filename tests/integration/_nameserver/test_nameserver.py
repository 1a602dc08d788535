# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A primary and a secondary Knot with the role's own configuration, on loopback."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import dns.message
import dns.query
import dns.tsigkeyring
import dns.update
import jinja2
import pytest
import yaml
from ansible_collections.monsterr.media.plugins.modules import nameserver

from ...conftest import REPOSITORY
from ..ansible_module import call
from ..servers import KEY_NAME, KEY_SECRET, START, free_port, need

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may give zones to the name server's user"),
]
PRIMARY, SECONDARY = "127.0.31.1", "127.0.31.2"
ZONE = "example.org"
SERVERS = {"ns1.example.org": ["203.0.113.10"], "ns2.example.org": ["203.0.113.20"]}


class Server:
    """A Knot of its own folder."""

    def __init__(self, folder: Path, address: str, peer: str, port: int) -> None:
        self.folder, self.address, self.port = folder, address, port
        (folder / "lib").mkdir(parents=True)
        (folder / "run").mkdir()
        role = REPOSITORY / "roles/nameserver"
        here = {"primary": address == PRIMARY, "listen": [address], "peers": [peer], "zones": [ZONE]}
        known = yaml.safe_load((role / "defaults/main.yml").read_text()) | {
            "nameserver_key_name": KEY_NAME,
            "nameserver_key_algorithm": "hmac-sha256",
            "nameserver_key_secret": KEY_SECRET,
            "nameserver_here": here,
        }
        engine = jinja2.Environment(
            loader=jinja2.FileSystemLoader(role / "templates"), trim_blocks=True, undefined=jinja2.StrictUndefined
        )
        engine.filters["regex_replace"] = lambda text, _end, more: text + more
        text = engine.get_template("knot.conf.j2").render(known)
        text = text.replace("/run/knot", f"{folder}/run").replace("/var/lib/knot", f"{folder}/lib")
        text = text.replace("    user: knot:knot\n", "").replace("@53", f"@{port}")
        self.config = folder / "knot.conf"
        self.config.write_text(text)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [need("knotd"), "-c", str(self.config)],
            stdout=(self.folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        until = time.monotonic() + START
        while time.monotonic() < until:
            try:
                return void(self.ask("SOA"))
            except Exception:
                time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def ask(self, kind: str, name: str = ZONE, dnssec: bool = False) -> dns.message.Message:
        query = dns.message.make_query(name, kind, want_dnssec=dnssec)
        return dns.query.tcp(query, self.address, timeout=2, port=self.port)

    def values(self, kind: str, name: str = ZONE) -> list[str]:
        return sorted(str(item) for rrset in self.ask(kind, name).answer for item in rrset)


def void(_value: object) -> None:
    """Nothing."""


@pytest.fixture
def pair(tmp_path):
    need("knotd")
    port = free_port(PRIMARY, SECONDARY)
    servers = [
        Server(tmp_path / "primary", PRIMARY, SECONDARY, port),
        Server(tmp_path / "secondary", SECONDARY, PRIMARY, port),
    ]
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.stop()


def run(primary, check=False, **more):
    words = {
        "zones": [ZONE],
        "servers": SERVERS,
        "primary": "ns1.example.org",
        "secondaries": [SECONDARY],
        "port": primary.port,
        "resolvers": [f"{PRIMARY}#{primary.port}"],
        "config": str(primary.config),
        "storage": str(primary.folder / "lib"),
        "deadline": 15,
    }
    return call(nameserver, check, **{**words, **more})


def update(primary, name, kind, value):
    keys = dns.tsigkeyring.from_text({KEY_NAME: KEY_SECRET})
    change = dns.update.UpdateMessage(ZONE, keyring=keys, keyalgorithm="hmac-sha256")
    change.replace(f"{name}.{ZONE}.", 60, kind, value)
    assert dns.query.tcp(change, primary.address, timeout=5, port=primary.port).rcode() == 0


def test_the_configuration_is_good(pair):
    for server in pair:
        subprocess.run(["knotc", "-c", str(server.config), "conf-check"], check=True)


def test_check_mode_tells_and_does_nothing(pair):
    primary, _secondary = pair
    looked = run(primary, check=True)
    assert (looked["changed"], looked["zones"][0]["action"]) == (True, "create")
    assert "NS ns1.example.org." in looked["diff"][0]["after"]
    assert not list((primary.folder / "lib").glob("*.zone"))


def test_a_new_zone_is_signed_served_by_both_and_its_ds_handed_out(pair):
    primary, secondary = pair
    made = run(primary)
    (zone,) = made["zones"]
    assert (made["changed"], zone["action"], bool(zone["serial"])) == (True, "create", True)
    told = {item["check"]: item for item in made["findings"]}
    assert told["nameserver.secondary"]["status"] == "ok", told
    assert secondary.values("NS") == ["ns1.example.org.", "ns2.example.org."]
    assert secondary.values("A", "ns2.example.org") == ["203.0.113.20"]
    answer = secondary.ask("SOA", dnssec=True)
    assert any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer.answer)
    # There is no parent here: what to add to it is told.
    assert told["nameserver.ds"]["status"] == "warn"
    assert zone["ds"][0].split()[3] in told["nameserver.ds"]["hint"]

    again = run(primary)
    assert (again["changed"], again["zones"][0]["action"], again["zones"][0]["ds"]) == (False, "none", zone["ds"])


def test_updates_with_the_key_come_in_stay_and_reach_the_secondary(pair):
    primary, secondary = pair
    run(primary)
    update(primary, "sonarr", "A", "192.0.2.10")
    assert run(primary)["changed"] is False
    assert secondary.values("A", "sonarr.example.org") == ["192.0.2.10"]
    primary.stop()
    primary.start()
    assert primary.values("A", "sonarr.example.org") == ["192.0.2.10"]


def test_without_the_key_nothing_is_changed_or_transferred(pair):
    primary, _secondary = pair
    run(primary)
    change = dns.update.UpdateMessage(ZONE)
    change.replace(f"evil.{ZONE}.", 60, "A", "192.0.2.66")
    assert dns.query.tcp(change, PRIMARY, timeout=5, port=primary.port).rcode() != 0
    with pytest.raises(dns.query.TransferError):
        list(dns.query.xfr(PRIMARY, ZONE, port=primary.port))


def test_another_name_server_in_the_inventory_changes_only_the_servers(pair):
    primary, _secondary = pair
    run(primary)
    update(primary, "sonarr", "A", "192.0.2.10")
    servers = {"ns1.example.org": ["203.0.113.11"], "ns9.example.net": ["203.0.113.20"]}
    looked = run(primary, check=True, servers=servers)
    assert (looked["changed"], primary.values("NS")) == (True, ["ns1.example.org.", "ns2.example.org."])
    assert run(primary, servers=servers)["zones"][0]["action"] == "update"
    assert primary.values("NS") == ["ns1.example.org.", "ns9.example.net."]
    assert primary.values("A", "ns1.example.org") == ["203.0.113.11"]
    assert primary.values("A", "sonarr.example.org") == ["192.0.2.10"]
    assert run(primary, servers=servers)["changed"] is False


def test_a_secondary_that_is_down_is_named(pair):
    primary, secondary = pair
    run(primary)
    secondary.stop()
    update(primary, "sonarr", "A", "192.0.2.10")
    told = {item["check"]: item for item in run(primary, deadline=3)["findings"]}
    assert told["nameserver.secondary"]["status"] == "warn"
    assert SECONDARY in told["nameserver.secondary"]["summary"]
