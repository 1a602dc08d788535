# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.monsterr.media.plugins.module_utils._dns import records
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import RRset, Wanted

from .memory import Memory


def _a(name: str, *values: str, zone: str = "") -> Wanted:
    return Wanted(RRset(name, "A", values, 300), zone)


WANTED = [_a("tv.example.org", "192.0.2.1"), _a("music.example.net", "192.0.2.2"), _a("old.example.org")]


def test_records_are_made_and_a_second_run_changes_nothing() -> None:
    provider = Memory("example.org", "example.net")

    first = records.ensure(provider, WANTED, False)
    second = records.ensure(provider, WANTED, False)

    assert [result["action"] for result in first["results"]] == ["create", "create", "none"]
    assert [result["zone"] for result in first["results"]] == ["example.org", "example.net", "example.org"]
    assert first["changed"]
    assert not first["failed"]
    assert not second["changed"]
    assert second["diff"] == []
    assert provider.writes == 2


def test_check_mode_says_the_same_and_writes_nothing() -> None:
    provider = Memory("example.org", "example.net")

    looked = records.ensure(provider, WANTED, True)

    assert provider.writes == 0
    made = records.ensure(provider, WANTED, False)
    assert (looked["results"], looked["diff"]) == (made["results"], made["diff"])
    assert looked["findings"][0].summary == "tv.example.org A would be created."


def test_one_zone_that_refuses_does_not_stop_the_other() -> None:
    provider = Memory("example.org", "example.net")
    provider.broken = {"example.org"}

    result = records.ensure(provider, WANTED, False)

    assert result["failed"]
    assert result["changed"]
    assert [item.status for item in result["findings"]] == ["fail", "ok", "ok"]
    assert [item["changed"] for item in result["results"]] == [False, True, False]
    assert [diff["before_header"] for diff in result["diff"]] == ["zone example.net"]


def test_a_server_that_is_down_gives_results_of_the_same_shape() -> None:
    provider = Memory("example.org", "example.net")
    good = records.ensure(provider, WANTED, True)
    provider.down = True

    result = records.ensure(provider, WANTED, False)

    assert result["failed"]
    assert [set(item) for item in result["results"]] == [set(item) for item in good["results"]]
    assert [item.target for item in result["findings"]] == [item.target for item in good["findings"]]
    assert all("no answer" in item.summary for item in result["findings"])


def test_a_name_in_no_zone_is_told_and_the_others_are_made() -> None:
    provider = Memory("example.org")

    result = records.ensure(provider, WANTED, False)

    assert [item.status for item in result["findings"]] == ["ok", "fail", "ok"]
    assert "no zone that holds this name" in result["findings"][1].summary


def test_what_was_made_before_the_answer_got_lost_counts_as_changed() -> None:
    provider = Memory("example.org")
    provider.partly = {"example.org"}
    wanted = [_a("a.example.org", "192.0.2.1"), _a("b.example.org", "192.0.2.2")]

    result = records.ensure(provider, wanted, False)

    assert [item["changed"] for item in result["results"]] == [True, False]
    assert [item.status for item in result["findings"]] == ["ok", "fail"]
    assert "b.example.org" not in result["diff"][0]["after"]


def test_a_conflict_is_a_finding_and_the_rest_is_made() -> None:
    provider = Memory("example.org")
    alias = RRset("tv.example.org", "CNAME", ("x.example.org.",), 300)
    provider.data["example.org"][alias.key] = alias

    result = records.ensure(provider, [_a("tv.example.org", "192.0.2.1"), _a("b.example.org", "192.0.2.2")], False)

    assert [item.status for item in result["findings"]] == ["fail", "ok"]
    assert "CNAME" in result["findings"][0].summary
    assert "values: []" in result["findings"][0].hint
