# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`acme_certificate` against Pebble (which refuses 5 % of all nonces), Knot and a web root."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._acme.store import Store
from ansible_collections.monsterr.media.plugins.modules import acme_certificate

from ..ansible_module import call
from ..fixtures import NameServers
from ..servers import PRIMARY, Pebble, Web

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[3]
KILLED = "import tests.conftest; from tests.integration._acme import killed; killed.main()"


@dataclass
class House:
    """A host: its folders, and how it reaches the CA and the name servers."""

    folder: Path
    names: NameServers
    pebble: Pebble
    web: Web

    @property
    def parameters(self) -> dict[str, Any]:
        """The module's parameters, but for the certificates."""
        return {
            "directory": self.pebble.directory,
            "ca_bundle": self.pebble.ca,
            "terms_agreed": True,
            "email": "admin@example.test",
            "webroot": str(self.web.folder),
            "store": str(self.folder / "store"),
            "state_dir": str(self.folder / "state"),
            "dns": {**self.names.update, "resolvers": [self.names.resolver], "servers": self.names.servers},
            "deadline": 60,
        }

    def run(self, *certificates: dict[str, Any], check_mode: bool = False, **more: Any) -> dict[str, Any]:
        """One run."""
        return call(acme_certificate, check_mode, certificates=list(certificates), **{**self.parameters, **more})

    def live(self, name: str) -> Any:
        """The certificate in use."""
        held, problem = Store(str(self.folder / "store")).live(name)
        assert not problem
        return held

    def tidy(self) -> None:
        """Assert that nothing of the work is left lying about."""
        for zone in self.names.zones:
            assert not [name for name in _texts(self.names, zone) if "_acme-challenge" in name]
        folder = self.web.folder / ".well-known" / "acme-challenge"
        assert not folder.exists() or not list(folder.iterdir())
        left = [name for name in os.listdir(self.folder / "state") if not name.startswith(("account-", "ari", "lock"))]
        assert left == []


def _texts(names: NameServers, zone: str) -> list[str]:
    """Every line of the zone on the primary that is a TXT record."""
    command = ["kdig", f"@{PRIMARY}", "-p", str(names.port), "-b", PRIMARY, "+noall", "+answer", zone, "AXFR"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "SOA" in done.stdout, done.stdout
    return [line for line in done.stdout.splitlines() if "\tTXT\t" in line]


@pytest.fixture
def house(tmp_path: Path, names: NameServers, pebble: Pebble, web: Web) -> House:
    return House(tmp_path, names, pebble, web)


def _http(name: str, *identifiers: str) -> dict[str, Any]:
    return {"name": name, "identifiers": list(identifiers)}


def _dns(name: str, *identifiers: str) -> dict[str, Any]:
    return {"name": name, "identifiers": list(identifiers), "challenge": "dns-01"}


def test_both_challenges_wildcards_and_the_second_run(house: House) -> None:
    wanted = [
        _http("web", "host.example.test", "a.wild.example.test"),
        _dns("wild", "other.test", "*.other.test"),
        {**_dns("rsa", "rsa.example.test"), "key_type": "rsa-2048"},
    ]

    looked = house.run(*wanted, check_mode=True)
    assert list(house.folder.iterdir()) == []
    first = house.run(*wanted)
    orders = house.pebble.orders()
    second = house.run(*wanted)

    assert looked["changed"] and first["changed"]
    assert [item["action"] for item in looked["results"]] == ["issue"] * 3
    assert not first.get("failed"), first["msg"]
    assert second["changed"] is False
    assert second["diff"] == []
    assert house.pebble.orders() == orders
    assert house.live("web").identifiers == ("a.wild.example.test", "host.example.test")
    assert house.live("wild").identifiers == ("*.other.test", "other.test")
    assert house.live("rsa").key_type == "rsa-2048"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name in ("web", "wild", "rsa"):
        live = house.folder / "store" / name / "live"
        context.load_cert_chain(live / "fullchain.pem", live / "privkey.pem")
        assert (live / "fullchain.pem").read_text() == (live / "cert.pem").read_text() + (
            live / "chain.pem"
        ).read_text()
        assert (live / "privkey.pem").stat().st_mode & 0o777 == 0o600
    house.tidy()


def test_changed_names_and_key_type_make_a_new_one(house: House) -> None:
    house.run(_http("web", "host.example.test"))

    names = house.run(_http("web", "host.example.test", "b.wild.example.test"))
    key = house.run({**_http("web", "host.example.test", "b.wild.example.test"), "key_type": "ec-384"})

    assert names["results"][0]["reason"] == "its identifiers changed: b.wild.example.test to be added"
    assert key["results"][0]["reason"] == "its key is ec-256, and ec-384 is wanted"
    assert house.live("web").generation == 3
    assert '"key_type": "ec-384"' in key["diff"][0]["after"]


def test_a_name_that_the_ca_refuses_does_not_stop_the_others(house: House) -> None:
    blocked = _http("no", f"tv.{house.pebble.blocked}")
    missing = _http("gone", "gone.example.test")

    result = house.run(blocked, missing, _http("web", "host.example.test"))

    assert [item["status"] for item in result["findings"]][:3] == ["fail", "fail", "ok"]
    assert "rejectedIdentifier" in result["findings"][0]["summary"]
    assert "remove it, or use another CA" in result["findings"][0]["hint"]
    assert "gone.example.test" in result["findings"][1]["summary"]
    assert result["failed"] and result["changed"]
    house.tidy()


def test_a_web_server_that_shows_something_else(house: House, tmp_path: Path) -> None:
    result = house.run(_http("web", "host.example.test"), webroot=str(tmp_path / "elsewhere"))

    assert result["failed"]
    assert "the CA says unauthorized" in result["findings"][0]["summary"]
    assert "not what we showed" in result["findings"][0]["hint"]


def test_a_ca_that_is_down_is_told_and_the_old_pair_stays(house: House, web: Web) -> None:
    house.run(_http("web", "host.example.test"))
    before = house.live("web")
    start = time.monotonic()

    result = house.run(_http("web", "host.example.test", "c.wild.example.test"), directory="https://127.0.0.1:1/dir")

    assert time.monotonic() - start < 12
    assert result["failed"] and not result["changed"]
    assert "127.0.0.1 port 1: connection refused" in result["findings"][0]["summary"]
    assert "The old one stays" in result["findings"][0]["summary"]
    assert house.live("web") == before


def test_a_ca_that_is_not_trusted_is_told(house: House) -> None:
    result = house.run(_http("web", "host.example.test"), ca_bundle="")

    assert result["failed"]
    assert "its certificate is not trusted" in result["findings"][0]["summary"]


def test_name_servers_that_are_down_stop_only_the_dns_challenge(house: House) -> None:
    dns = {**house.parameters["dns"], "server": "127.0.0.1", "port": 1}

    result = house.run(_dns("wild", "other.test"), _http("web", "host.example.test"), dns=dns)

    assert [item["status"] for item in result["findings"]][:2] == ["fail", "ok"]
    assert "no answer" in result["findings"][0]["summary"]


def test_a_wrong_key_for_dns_is_told_and_is_in_no_result(house: House) -> None:
    wrong = "d3JvbmcgYnV0IHNlY3JldA=="

    result = house.run(_dns("wild", "other.test"), dns={**house.parameters["dns"], "key_secret": wrong})

    assert result["failed"]
    assert "BADSIG" in result["findings"][0]["summary"]
    assert wrong not in json.dumps(result)


def test_a_config_test_that_fails_puts_the_old_one_back(house: House, tmp_path: Path) -> None:
    house.run(_http("web", "host.example.test"), state="placeholder")
    gate, log = tmp_path / "gate", tmp_path / "log"
    validate, activate = [["test", "-e", str(gate)]], [["cp", "/dev/null", str(log)]]

    failed = house.run(_http("web", "host.example.test"), validate=validate, activate=activate)
    assert failed["failed"]
    assert house.live("web").placeholder
    assert not log.exists()
    issued = house.pebble.issued()
    gate.touch()
    repaired = house.run(_http("web", "host.example.test"), validate=validate, activate=activate)

    assert repaired["results"][0]["action"] == "install"
    assert not house.live("web").placeholder
    assert log.exists()
    assert house.pebble.issued() == issued


def test_placeholder_first_then_the_real_one_which_stays(house: House) -> None:
    wanted = [_http("web", "host.example.test"), _dns("wild", "*.other.test")]

    made = house.run(*wanted, state="placeholder")
    again = house.run(*wanted, state="placeholder")
    house.run(*wanted)
    kept = house.run(*wanted, state="placeholder")

    assert (made["changed"], again["changed"], kept["changed"]) == (True, False, False)
    assert not house.live("web").placeholder


def test_a_ca_that_refuses_nearly_every_second_nonce(house: House, tmp_path: Path) -> None:
    nameserver = house.names.resolver.replace("#", ":")
    picky = Pebble(tmp_path / "ca", house.web.port, nameserver, PEBBLE_WFE_NONCEREJECT="40", PEBBLE_AUTHZREUSE="0")
    house.pebble = picky
    try:
        picky.start()
        result = house.run(*(_http(f"n{number}", f"n{number}.wild.example.test") for number in range(5)))
    finally:
        picky.stop()

    assert not result.get("failed"), result["msg"]
    assert "Configured to reject 40% of good nonces" in picky.log.read_text()


class Watch(threading.Thread):
    """Looks all the time whether the pair in use is whole; `broken` says when it was not."""

    def __init__(self, store: Path, name: str) -> None:
        super().__init__(daemon=True)
        self._live = store / name / "live"
        self._end = threading.Event()
        self.broken: list[str] = []
        self.looks = 0

    def run(self) -> None:
        while not self._end.wait(0.002):
            folder = self._live.resolve()  # as a server does that opens both at one moment
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                    folder / "fullchain.pem", folder / "privkey.pem"
                )
            except (OSError, ssl.SSLError) as error:
                self.broken.append(str(error))
            self.looks += 1

    def stop(self) -> None:
        self._end.set()
        self.join()


@pytest.mark.parametrize("challenge", ["http-01", "dns-01"])
def test_killed_after_every_step_the_next_run_finishes_it(
    house: House, challenge: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    identifier = "host.example.test" if challenge == "http-01" else "other.test"
    certificate = {"name": "tv", "identifiers": [identifier], "challenge": challenge}
    log = tmp_path / "activated"
    steps: list[str] = []
    for number in range(1, 100):
        house.folder = tmp_path / str(number)
        house.run(certificate, state="placeholder")
        parameters = {**house.parameters, "certificates": [certificate], "activate": [["cp", "/dev/null", str(log)]]}
        orders, issued = house.pebble.orders(), house.pebble.issued()
        watch = Watch(house.folder / "store", "tv")
        watch.start()
        command = [sys.executable, "-c", KILLED, str(number), json.dumps(parameters)]
        child = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
        finished = child.returncode == 0
        assert finished or child.returncode == -9, child.stderr

        last = child.stderr.splitlines()[-1]
        was_live = not house.live("tv").placeholder
        result = call(acme_certificate, **parameters)
        watch.stop()

        assert not result.get("failed"), (last, result["msg"])
        assert not house.live("tv").placeholder, last
        assert watch.broken == [], last
        assert watch.looks > 5
        assert house.pebble.issued() == issued + 1, last
        assert house.pebble.orders() == orders + (2 if last.startswith("ca.new_order") else 1), last
        assert log.exists(), last
        log.unlink()
        house.tidy()
        if finished:
            break
        steps.append(last.replace(str(house.folder), ""))
        assert result["changed"] or was_live, last
        assert call(acme_certificate, **parameters)["changed"] is False, last
    with capsys.disabled():
        print(f"\n{challenge}: killed after each of {len(steps)} steps: {', '.join(steps)}")
    assert len(steps) > 15


@pytest.mark.parametrize("challenge", ["http-01", "dns-01"])
def test_twenty_at_once(house: House, challenge: str, capsys: pytest.CaptureFixture[str]) -> None:
    zone = "wild.example.test" if challenge == "http-01" else "other.test"
    wanted = [
        {"name": f"n{number}", "identifiers": [f"n{number}.{zone}"], "challenge": challenge} for number in range(20)
    ]
    start = time.monotonic()

    result = house.run(*wanted)

    with capsys.disabled():
        print(f"\n20 certificates by {challenge}: {time.monotonic() - start:.1f} s")
    assert not result.get("failed"), result["msg"]
    assert len({item["serial"] for item in result["results"]}) == 20
    house.tidy()
