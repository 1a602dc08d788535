# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole work, with a CA and name servers in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._acme import files
from ansible_collections.monsterr.media.plugins.module_utils._acme.certificates import Certificates, Settings
from ansible_collections.monsterr.media.plugins.module_utils._acme.challenges import Dns
from ansible_collections.monsterr.media.plugins.module_utils._acme.model import Wanted
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import CommandError, UnreachableError
from ansible_collections.monsterr.media.plugins.module_utils._dns import rules
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import RRset, Server
from ansible_collections.monsterr.media.plugins.module_utils._dns.rules import Answer, Zone

from .._dns.memory import Memory
from ..clock import FakeClock
from .ca import DIRECTORY, Ca, down, problem

TV = Wanted("tv", ("tv.example.org",))
MUSIC = Wanted("music", ("music.example.org",))
WILD = Wanted("wild", ("*.example.org", "example.org"), "dns-01")
NS2 = Server("ns2.example.org", "198.51.100.53")


class Names:
    """A resolver: what to say of aliases, and what of the wait."""

    def __init__(self, provider: Memory) -> None:
        self.provider = provider
        self.alias: dict[str, str] = {}
        self.late: list[Answer] = []
        self.seen: list[RRset] = []

    def aliases(self, names: Any) -> dict[str, str]:
        return {name: self.alias.get(name, name) for name in names}

    def wait(self, wanted: Sequence[RRset]) -> list[tuple[RRset, Zone, list[Answer]]]:
        self.seen += wanted
        zone = Zone("example.org", (NS2,))
        return [(item, zone, self.late) for item in wanted] if self.late else []


class House:
    """A host with its store, state and web root, and the world around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.ca = Ca(self.clock)
        self.provider = Memory("example.org")
        self.names = Names(self.provider)
        self.commands: list[list[str]] = []
        self.failing: set[str] = set()
        self.settings: dict[str, Any] = {"terms_agreed": True}

    def run(self, *wanted: Wanted, check_mode: bool = False, placeholder: bool = False) -> dict[str, Any]:
        """One run of the module."""
        settings = Settings(
            directory=self.settings.get("directory", DIRECTORY),
            store=str(self.folder / "store"),
            state_dir=str(self.folder / "state"),
            webroot=str(self.folder / "web"),
            validate=[["nginx", "-t"]],
            activate=[["reload"]],
            **{key: value for key, value in self.settings.items() if key != "directory"},
        )
        certificates = Certificates(
            settings,
            wanted,
            self.clock,
            self.ca,
            lambda _deadline: Dns(self.provider, self.names),  # type: ignore[arg-type]
            self._command,
        )
        return certificates.ensure_placeholders(check_mode) if placeholder else certificates.ensure(check_mode)

    def _command(self, words: Sequence[str]) -> None:
        self.commands.append(list(words))
        if words[0] in self.failing:
            raise CommandError("run the command", " ".join(words), "it ended with 1: no")

    def generation(self, name: str) -> str:
        """What the link of `name` leads to; empty without one."""
        link = self.folder / "store" / name / "live"
        return os.readlink(link).rsplit("/", 1)[1] if os.path.lexists(link) else ""

    def left(self) -> list[str]:
        """What of the state is about something that is under way."""
        names = os.listdir(self.folder / "state") if (self.folder / "state").exists() else []
        return sorted(name for name in names if not name.startswith(("account-", "lock", "ari")))

    def txt(self) -> dict[str, tuple[str, ...]]:
        """All TXT records."""
        zones = self.provider.data.values()
        return {name: item.values for zone in zones for (name, kind), item in zone.items() if kind == "TXT"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def _statuses(result: dict[str, Any]) -> list[str]:
    return [item.status for item in result["findings"]]


def test_all_are_issued_in_one_run_and_the_second_does_nothing(house: House) -> None:
    first = house.run(TV, MUSIC, WILD)
    asked = house.ca.requests.copy()
    second = house.run(TV, MUSIC, WILD)

    assert [item["action"] for item in first["results"]] == ["issue"] * 3
    assert [item["changed"] for item in first["results"]] == [True] * 3
    assert [item["action"] for item in second["results"]] == ["none"] * 3
    assert second["changed"] is False
    assert second["diff"] == []
    assert house.commands == [["nginx", "-t"], ["reload"]]
    assert house.left() == []
    assert house.txt() == {}
    assert list((house.folder / "web" / ".well-known" / "acme-challenge").iterdir()) == []
    assert house.ca.requests["new"] == asked["new"] == 3


def test_no_key_is_in_any_result(house: House) -> None:
    result = str(house.run(TV, WILD))

    assert "PRIVATE" not in result
    for path in (house.folder / "store").glob("*/generations/*/privkey.pem"):
        assert path.read_text().splitlines()[1] not in result


def test_both_values_of_a_wildcard_and_its_name_are_shown_in_one_change(house: House) -> None:
    mine = RRset("_acme-challenge.example.org", "TXT", ('"somebody else"',), 120)
    house.provider.data["example.org"][mine.key] = mine

    house.run(WILD)

    [waited] = house.names.seen
    assert len(waited.values) == 2
    assert house.provider.writes == 2  # one to add, one to take away
    assert house.txt() == {mine.name: mine.values}


def test_a_cname_at_the_challenge_leads_to_where_the_record_is_made(house: House) -> None:
    house.provider.data["acme.test"] = {}
    house.names.alias = {"_acme-challenge.example.org": "x.acme.test"}

    house.run(WILD)

    assert [item.name for item in house.names.seen] == ["x.acme.test"]


def test_check_mode_says_what_and_why_and_writes_nothing(house: House) -> None:
    result = house.run(TV, WILD, check_mode=True)

    assert result["changed"] is True
    assert [item["reason"] for item in result["results"]] == ["there is no certificate yet"] * 2
    assert "_acme-challenge.example.org TXT (for the time of the challenge)" in result["results"][1]["writes"]
    assert result["results"][0]["writes"][0].endswith("tv/live/privkey.pem")
    assert '"tv.example.org"' in result["diff"][0]["after"]
    assert list(house.folder.iterdir()) == []
    assert not house.ca.requests


def test_one_that_is_refused_does_not_stop_the_others(house: House) -> None:
    house.ca.deny = {"music.example.org"}

    result = house.run(TV, MUSIC, WILD)

    assert _statuses(result)[:3] == ["ok", "fail", "ok"]
    assert result["failed"] is True
    assert result["changed"] is True
    told = result["findings"][1]
    assert "(music.example.org)" in told.summary
    assert "unauthorized: what is shown there is not the token" in told.summary
    assert told.summary.endswith("There is none in use.")
    assert [bool(item["generation"]) for item in result["results"]] == [True, False, True]


def test_a_ca_that_is_down_leaves_the_old_pair_and_says_so(house: House) -> None:
    house.run(TV)
    house.clock.now += 70 * 86400
    house.ca.answers["dir"] = [down()] * 100

    result = house.run(TV)

    assert result["results"][0]["action"] == "renew"
    assert result["failed"] is True
    assert result["changed"] is False
    assert "connection refused" in result["findings"][0].summary
    assert "The old one stays, good until" in result["findings"][0].summary
    assert house.generation("tv") == "1"


def test_a_ca_that_is_down_is_no_matter_while_nothing_is_due(house: House) -> None:
    house.run(TV)
    house.clock.now += 86400
    house.ca.answers["dir"] = [down()] * 100

    result = house.run(TV)

    assert (result["failed"], result["changed"], _statuses(result)) == (False, False, ["ok"])


def test_renewal_keeps_the_generation_before(house: House) -> None:
    house.run(TV)
    house.clock.now += 61 * 86400

    result = house.run(TV)

    assert result["results"][0]["action"] == "renew"
    assert house.generation("tv") == "2"
    assert sorted(os.listdir(house.folder / "store" / "tv" / "generations")) == ["1", "2"]
    keys = {path.read_text() for path in (house.folder / "store").glob("tv/generations/*/privkey.pem")}
    assert len(keys) == 2


def test_the_cas_advice_is_kept_and_followed_and_check_mode_agrees(house: House) -> None:
    house.ca.window = (house.clock.now + 10 * 86400, house.clock.now + 11 * 86400)
    house.run(TV)
    house.run(TV)
    asked = house.ca.requests["ari"]
    house.run(TV)
    assert house.ca.requests["ari"] == asked == 1

    house.clock.now += 12 * 86400
    assert house.run(TV, check_mode=True)["results"][0]["action"] == "renew"
    result = house.run(TV)
    assert "the CA asks for it" in result["results"][0]["reason"]
    assert house.ca.payloads[-1] and any(
        "replaces" in (told or {}) for kind, told in house.ca.payloads if kind == "new"
    )


@pytest.mark.parametrize("trouble", ["wrong_key", "wrong_chain", "fewer_names"])
def test_a_wrong_certificate_never_goes_live(house: House, trouble: str) -> None:
    house.run(TV, MUSIC)
    house.clock.now += 61 * 86400
    setattr(house.ca, trouble, True)

    result = house.run(TV)

    assert result["failed"] is True
    assert "verify the certificate" in result["findings"][0].summary
    assert house.generation("tv") == "1"


def test_a_test_that_fails_puts_the_old_one_back_and_the_next_run_asks_for_no_new_one(house: House) -> None:
    house.run(TV)
    house.clock.now += 61 * 86400
    house.failing = {"nginx"}

    failed = house.run(TV)

    assert failed["failed"] is True
    assert failed["changed"] is False
    assert house.generation("tv") == "1"
    assert "The old certificates were put back. It fails with the old ones too." in failed["findings"][-1].summary
    orders = house.ca.requests["new"]
    house.failing = set()

    repaired = house.run(TV)

    assert repaired["results"][0]["action"] == "install"
    assert house.generation("tv") == "2"
    assert house.ca.requests["new"] == orders
    assert house.left() == []


def test_the_first_certificate_of_a_name_whose_test_fails_leaves_the_placeholder(house: House) -> None:
    house.run(TV, placeholder=True)
    house.failing = {"reload"}

    result = house.run(TV)

    assert result["failed"] is True
    assert result["results"][0]["placeholder"] is True
    assert house.generation("tv") == "1"


def test_a_laggard_stops_before_the_ca_is_asked_to_look(house: House) -> None:
    house.names.late = [Answer(NS2, rules.ANSWERED, (), "NOERROR", 7)]

    result = house.run(WILD, TV)

    assert _statuses(result)[:2] == ["fail", "ok"]
    assert "ns2.example.org (198.51.100.53) (serial 7) did not have the record in time" in result["findings"][0].summary
    assert house.ca.requests["challenge"] == 1
    assert house.txt() == {}


def test_a_mute_server_is_told_of_and_does_not_stop(house: House) -> None:
    house.names.late = [Answer(NS2, rules.SILENT, detail="no answer within 2 s")]

    result = house.run(WILD)

    assert _statuses(result)[:2] == ["ok", "warn"]
    assert "ns2.example.org (198.51.100.53): no answer within 2 s" in result["findings"][1].summary


def test_a_name_in_no_zone_of_the_provider_stops_only_itself(house: House) -> None:
    other = Wanted("other", ("other.test",), "dns-01")

    result = house.run(other, WILD)

    assert _statuses(result)[:2] == ["fail", "ok"]
    assert "no zone that holds _acme-challenge.other.test" in result["findings"][0].summary


def test_records_that_could_not_be_taken_away_are_by_the_next_run(house: House) -> None:
    look, tries = house.provider.get_rrsets, []

    def flaky(zone: str, keys: Any) -> Any:
        tries.append(zone)
        if len(tries) == 2:
            raise UnreachableError("ask", "ns1", "no answer")
        return look(zone, keys)

    house.provider.get_rrsets = flaky  # type: ignore[method-assign]
    first = house.run(WILD)
    assert "warn" in _statuses(first)
    assert house.left() == ["challenges.json"]
    assert house.txt()

    looked = house.run(WILD, check_mode=True)
    assert looked["changed"] is True
    assert house.txt()
    second = house.run(WILD)
    assert second["changed"] is True
    assert house.txt() == {}
    assert house.left() == []
    assert house.run(WILD)["changed"] is False


def test_a_zone_that_cannot_be_cleaned_does_not_keep_another_from_it(house: House) -> None:
    house.provider.data = {"example.net": {}, **house.provider.data}
    change, broken = house.provider.apply, []

    def flaky(zone: str, changes: Any) -> None:
        if zone == "example.net" and changes[0].after is None:
            broken.append(zone)
            raise UnreachableError("change the zone", zone, "no answer")
        change(zone, changes)

    house.provider.apply = flaky  # type: ignore[method-assign]
    house.run(WILD, Wanted("net", ("example.net",), "dns-01"))

    assert broken
    assert list(house.txt()) == ["_acme-challenge.example.net"]
    house.provider.apply = change  # type: ignore[method-assign]
    house.run(WILD, Wanted("net", ("example.net",), "dns-01"))
    assert house.txt() == {}


def test_a_challenge_that_the_ca_does_not_offer_is_told(house: House) -> None:
    house.ca.offers = ["tls-alpn-01"]

    result = house.run(TV)

    assert "offers tls-alpn-01, and not http-01" in result["findings"][0].summary


def test_a_refused_order_is_told_with_the_cas_words(house: House) -> None:
    house.ca.answers["new"] = [problem("rejectedIdentifier", "blocked by policy")]

    result = house.run(TV)

    assert "rejectedIdentifier: blocked by policy" in result["findings"][0].summary
    assert result["findings"][0].evidence["type"] == "rejectedIdentifier"


def test_an_answer_out_of_all_order_is_told_too(house: House) -> None:
    house.ca.answers["authz"] = [(200, {}, {"status": "pending"})]

    result = house.run(TV)

    assert "not as RFC 8555 has it" in result["findings"][0].summary


def test_terms_not_agreed_to_are_told_for_each(house: House) -> None:
    house.settings = {"terms_agreed": False}

    result = house.run(TV, MUSIC)

    assert _statuses(result) == ["fail", "fail"]
    assert "terms_agreed" in result["findings"][0].hint


def test_a_full_disk_is_a_finding_and_the_old_pair_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.run(TV)
    house.clock.now += 61 * 86400
    write = files.write

    def full(path: Path, text: str, mode: int = 0o600) -> None:
        if path.name == "chain.pem":
            raise OSError(28, "No space left on device", str(path))
        write(path, text, mode)

    monkeypatch.setattr(files, "write", full)
    result = house.run(TV)

    assert "No space left on device" in result["findings"][0].summary
    assert house.generation("tv") == "1"


def test_what_a_killed_write_left_is_swept_away(house: House) -> None:
    (house.folder / "state").mkdir()
    (house.folder / "state" / ".order-tv.json.x1y2").write_text("half a key")

    house.run(TV)

    assert house.left() == []


def test_placeholders_are_made_once_and_never_in_place_of_a_real_one(house: House) -> None:
    first = house.run(TV, MUSIC, placeholder=True)
    assert [item["placeholder"] for item in first["results"]] == [True, True]
    assert house.run(TV, MUSIC, placeholder=True)["changed"] is False
    assert not house.ca.requests

    house.run(TV)
    second = house.run(TV, MUSIC, placeholder=True)
    assert second["changed"] is False
    assert [item["placeholder"] for item in second["results"]] == [False, True]
    assert house.commands == [["nginx", "-t"], ["reload"]]


def test_placeholders_in_check_mode(house: House) -> None:
    result = house.run(TV, placeholder=True, check_mode=True)

    assert result["changed"] is True
    assert list(house.folder.iterdir()) == []
    assert '"placeholder": true' in result["diff"][0]["after"]


def test_many_are_worked_on_at_the_same_time(house: House) -> None:
    wanted = [Wanted(f"h{number}", (f"h{number}.example.org",)) for number in range(40)]
    house.ca.bad_nonces = 30

    result = house.run(*wanted)

    assert not result["failed"], result["msg"]
    assert len(house.ca.orders) == 40
