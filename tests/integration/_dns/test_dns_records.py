# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`dns_records` against Knot."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.modules import dns_records

from ..ansible_module import call
from ..fixtures import NameServers
from ..servers import KEY_SECRET, PRIMARY, free_port

pytestmark = pytest.mark.integration


def _record(name: str, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "values": list(values), **more}


def test_records_of_two_zones_are_made_once(names: NameServers) -> None:
    wanted = [
        _record("tv.example.test", "A", "192.0.2.1", "192.0.2.2"),
        _record("tv.example.test", "AAAA", "2001:db8::1"),
        _record("txt.other.test", "TXT", 'with "quotes" and ü', ttl=60),
        _record("mail.other.test", "MX", "10 Mail.Example.test"),
        _record("caa.other.test", "CAA", '0 issue "letsencrypt.org"'),
    ]

    first = call(dns_records, records=wanted, **names.update)
    second = call(dns_records, records=wanted, **names.update)

    assert [item["action"] for item in first["results"]] == ["create"] * 5
    assert names.primary.ask("tv.example.test", "A") == ["192.0.2.1", "192.0.2.2"]
    assert names.primary.ask("mail.other.test", "MX") == ["10 mail.example.test."]
    assert first["changed"] is True
    assert second["changed"] is False
    assert [item["action"] for item in second["results"]] == ["none"] * 5


def test_check_mode_and_diff_are_exact_and_nothing_is_written(names: NameServers) -> None:
    call(dns_records, records=[_record("d.example.test", "A", "192.0.2.1")], **names.update)
    serial = names.primary.ask("example.test", "SOA")
    wanted = [_record("d.example.test", "A", "192.0.2.9", ttl=60), _record("e.example.test", "A", "192.0.2.1")]

    looked = call(dns_records, check_mode=True, records=wanted, **names.update)

    assert names.primary.ask("example.test", "SOA") == serial
    assert looked["changed"] is True
    assert looked["diff"] == [
        {
            "before_header": "zone example.test",
            "after_header": "zone example.test",
            "before": "d.example.test. 300 IN A 192.0.2.1\n",
            "after": "d.example.test. 60 IN A 192.0.2.9\ne.example.test. 300 IN A 192.0.2.1\n",
        }
    ]
    made = call(dns_records, records=wanted, **names.update)
    assert (made["results"], made["diff"]) == (looked["results"], looked["diff"])


def test_what_is_not_listed_is_left_alone_and_a_record_is_removed(names: NameServers) -> None:
    call(
        dns_records,
        records=[_record("gone.example.test", "A", "192.0.2.1"), _record("gone.example.test", "TXT", "stays")],
        **names.update,
    )

    result = call(dns_records, records=[_record("gone.example.test", "A")], **names.update)

    assert result["results"][0]["action"] == "delete"
    assert names.primary.ask("gone.example.test", "A") == []
    assert names.primary.ask("gone.example.test", "TXT") == ['"stays"']
    assert names.primary.ask("host.example.test", "A") == ["127.0.0.1"]


def test_a_name_that_a_wildcard_answers_for_gets_its_own_record(names: NameServers) -> None:
    wanted = [_record("x.wild.example.test", "A", "127.0.0.1")]

    first = call(dns_records, records=wanted, **names.update)
    second = call(dns_records, records=wanted, **names.update)

    assert (first["results"][0]["action"], second["results"][0]["action"]) == ("create", "none")


def test_a_cname_in_the_way_is_a_finding_in_check_mode_too(names: NameServers) -> None:
    call(dns_records, records=[_record("alias.example.test", "CNAME", "host.example.test")], **names.update)
    wanted = [_record("alias.example.test", "A", "192.0.2.1")]

    looked = call(dns_records, check_mode=True, records=wanted, **names.update)
    tried = call(dns_records, records=wanted, **names.update)

    assert looked["failed"] and tried["failed"]
    assert "CNAME" in looked["findings"][0]["summary"]
    assert names.primary.ask("alias.example.test", "CNAME") == ["host.example.test."]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_cname_beside_records_that_are_not_listed_is_refused(names: NameServers, check_mode: bool) -> None:
    wanted = [_record("host.example.test", "CNAME", "tv.example.test")]

    result = call(dns_records, check_mode=check_mode, records=wanted, **names.update)

    assert result["failed"]
    assert "a CNAME cannot stand beside any other" in result["findings"][0]["summary"]
    assert names.primary.ask("host.example.test", "A") == ["127.0.0.1"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_secret": base64.b64encode(b"another secret").decode()}, "BADSIG"),
        ({"key_name": "nobody"}, "BADKEY"),
    ],
)
def test_a_wrong_key_is_told_in_check_mode_too(
    names: NameServers, change: dict[str, str], words: str, check_mode: bool
) -> None:
    wanted = [_record("key.example.test", "A", "192.0.2.1"), _record("host.example.test", "A", "127.0.0.1", ttl=60)]

    result = call(dns_records, check_mode=check_mode, records=wanted, **{**names.update, **change})

    assert result["failed"]
    assert words in result["findings"][0]["summary"]
    assert result["findings"][0]["hint"].startswith("Check the key's name")
    assert result["results"][0]["changed"] is False
    assert change.get("key_secret", KEY_SECRET) not in str(result)


def test_a_server_that_is_down_is_told_soon(names: NameServers) -> None:
    wanted = [_record("a.example.test", "A", "192.0.2.1"), _record("b.other.test", "A", "192.0.2.1")]
    start = time.monotonic()

    result = call(dns_records, records=wanted, **{**names.update, "port": free_port(PRIMARY)})

    assert time.monotonic() - start < 10
    assert result["failed"]
    assert [item["status"] for item in result["findings"]] == ["fail", "fail"]
    assert [item["name"] for item in result["results"]] == ["a.example.test", "b.other.test"]
    assert "Check that the server runs" in result["findings"][0]["hint"]


def test_a_zone_that_the_server_has_not_stops_only_its_own_records(names: NameServers) -> None:
    wanted = [_record("a.nowhere.test", "A", "192.0.2.1"), _record("good.example.test", "A", "192.0.2.1")]

    result = call(dns_records, records=wanted, **names.update)

    assert result["failed"]
    assert [item["status"] for item in result["findings"]] == ["fail", "ok"]
    assert names.primary.ask("good.example.test", "A") == ["192.0.2.1"]


def test_four_hundred_records_go_in_one_call(names: NameServers) -> None:
    wanted = [_record(f"n{number}.other.test", "A", "192.0.2.1") for number in range(400)]

    first = call(dns_records, records=wanted, **names.update)
    second = call(dns_records, records=wanted, **names.update)

    assert sum(item["changed"] for item in first["results"]) == 400
    assert second["changed"] is False


def test_bad_records_are_all_named_and_nothing_is_asked(names: NameServers) -> None:
    wanted = [_record("a.example.test", "A", "no address"), _record("b.example.test", "NOPE", "x")]

    result = call(dns_records, records=wanted, **names.update)

    assert result["failed"]
    assert [item["target"] for item in result["findings"]][:2] == [
        "records[0] a.example.test A",
        "records[1] b.example.test NOPE",
    ]
