# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`dns_check_info` against a primary and a secondary Knot."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.modules import dns_check_info, dns_records

from ..ansible_module import call
from ..fixtures import NameServers

pytestmark = pytest.mark.integration


def _check(names: NameServers, *records: dict[str, Any], **more: Any) -> dict[str, Any]:
    return call(dns_check_info, records=list(records), **{"resolvers": [names.resolver], "port": names.port, **more})


def _record(name: str, *values: str) -> dict[str, Any]:
    return {"name": name, "type": "A", "values": list(values)}


def _until_secondary_has(names: NameServers, name: str) -> None:
    end = time.monotonic() + 10
    while not names.secondary.ask(name, "A"):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_both_servers_are_asked_and_a_missing_record_comes_with_its_hint(names: NameServers) -> None:
    result = _check(names, _record("host.example.test", "127.0.0.1"), _record("no.other.test", "192.0.2.1"))

    assert [item["status"] for item in result["findings"]] == ["ok", "fail"]
    assert result["changed"] is False
    assert [answer["server"] for answer in result["results"][0]["answers"]] == ["ns1.example.test", "ns2.example.test"]
    assert result["findings"][1]["hint"] == "Add this in the zone other.test: no.other.test. 300 IN A 192.0.2.1"


def test_a_secondary_that_is_down_and_one_that_lags_are_named(names: NameServers) -> None:
    late = _record("late.example.test", "192.0.2.1")
    names.secondary.stop()
    call(dns_records, records=[late], **names.update)

    down = _check(names, late)["findings"][0]
    names.secondary.start()  # with the zone as it was
    lags = _check(names, late)["findings"][0]
    call(dns_records, records=[_record("more.example.test", "192.0.2.1")], **names.update)
    _until_secondary_has(names, "late.example.test")
    fine = _check(names, late)["findings"][0]

    assert down["status"] == "warn"
    assert f"ns2.example.test (127.0.30.2#{names.port}) (no answer within 2 s)" in down["summary"]
    assert lags["status"] == "fail"
    assert f"ns2.example.test (127.0.30.2#{names.port}) still says nothing (serial " in lags["summary"]
    assert lags["hint"].startswith("Wait until ns2.example.test")
    assert fine["status"] == "ok"


def test_a_long_answer_comes_by_tcp(names: NameServers) -> None:
    values = [f"{number} {'x' * 200}" for number in range(20)]
    record = {"name": "long.example.test", "type": "TXT", "values": values}
    call(dns_records, records=[record], **names.update)

    end = time.monotonic() + 10
    while (result := _check(names, record))["findings"][0]["status"] != "ok":
        assert time.monotonic() < end, result
        time.sleep(0.1)


def test_servers_given_for_a_zone_need_no_recursion(names: NameServers) -> None:
    result = _check(
        names, _record("host.example.test", "127.0.0.1"), resolvers=["127.0.0.1#1"], servers=names.servers, port=53
    )

    assert result["findings"][0]["status"] == "ok"


def test_resolvers_that_are_down_are_told_within_the_deadline(names: NameServers) -> None:
    start = time.monotonic()

    result = _check(names, _record("host.example.test", "127.0.0.1"), resolvers=["127.0.0.1#1"], deadline=3)

    assert time.monotonic() - start < 6
    assert result["findings"][0]["status"] == "fail"
    assert "127.0.0.1#1" in result["findings"][0]["summary"]


def test_a_thousand_records_in_one_call(names: NameServers, capsys: pytest.CaptureFixture[str]) -> None:
    records = [_record(f"h{number}.wild.example.test", "127.0.0.1") for number in range(1000)]
    start = time.monotonic()

    result = _check(names, *records)

    with capsys.disabled():
        print(f"\n1,000 records on 2 servers: {time.monotonic() - start:.2f} s")
    assert {item["status"] for item in result["findings"]} == {"ok"}


def test_caa_above_a_name_forbids_or_allows_its_authority(names: NameServers) -> None:
    record = {"name": "example.test", "type": "CAA", "values": ['0 issue "ca.example"'], "ttl": 60}
    call(dns_records, records=[record], **names.update)
    asked = [
        {"name": "tv.deep.example.test", "type": "CAA", "ca": "ca.example"},
        {"name": "tv.deep.example.test.", "type": "CAA", "ca": "other.example"},
    ]

    found = [_check(names, one)["findings"][0] for one in asked]
    given = _check(names, asked[1], servers={"example.test": [f"127.0.30.1#{names.port}"]})["findings"][0]

    assert [one["status"] for one in found] == ["ok", "fail"]
    assert found[1]["summary"] == "CAA at example.test does not let other.example issue for tv.deep.example.test."
    assert given["summary"] == found[1]["summary"]


def test_a_private_dns_that_refuses_the_names_above_is_no_failure(names: NameServers) -> None:
    found = _check(names, {"name": "x.other.test", "type": "CAA", "ca": "ca.example"})["findings"][0]

    assert found["status"] == "warn"
    assert "up to test restricts" in found["summary"]
