# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.monsterr.media.plugins.module_utils._dns.model import Key, RRset
from ansible_collections.monsterr.media.plugins.module_utils._dns.plan import Change, applied, plan
from hypothesis import given
from hypothesis import strategies as st

ZONE = "example.org"
_VALUES = {"A": ["192.0.2.1", "192.0.2.2"], "TXT": ['"a"', '"b"'], "CNAME": ["x.example.org.", "y.example.org."]}


def _a(name: str, *values: str, ttl: int = 300) -> RRset:
    return RRset(name, "A", values, ttl)


@st.composite
def _wanted(draw: st.DrawFn) -> RRset:
    kind = draw(st.sampled_from(sorted(_VALUES)))
    most = 1 if kind == "CNAME" else 2
    values = draw(st.lists(st.sampled_from(_VALUES[kind]), max_size=most, unique=True))
    name = draw(st.sampled_from(["a.example.org", "b.example.org", "c.example.org"]))
    return RRset(name, kind, tuple(sorted(values)), draw(st.sampled_from([60, 300])))


def _zone(items: list[RRset]) -> dict[Key, RRset]:
    """A zone as a server may have it: nothing empty, and no CNAME beside another record."""
    found = {item.key: item for item in items if item.values}
    alone = {name for name, kind in found if kind == "CNAME"}
    return {key: item for key, item in found.items() if key[1] == "CNAME" or key[0] not in alone}


_lists = st.lists(_wanted(), max_size=8, unique_by=lambda item: item.key)


@given(wanted=_lists, there=_lists)
def test_a_second_plan_is_empty(wanted: list[RRset], there: list[RRset]) -> None:
    before = _zone(there)
    first = plan(ZONE, wanted, before)

    second = plan(ZONE, wanted, applied(before, first.changes))

    assert second.changes == ()
    assert set(second.conflicts) == set(first.conflicts)


@given(wanted=_lists, there=_lists)
def test_only_what_is_listed_changes_and_no_cname_gets_company(wanted: list[RRset], there: list[RRset]) -> None:
    before = _zone(there)
    after = applied(before, plan(ZONE, wanted, before).changes)

    listed = {item.key for item in wanted}
    assert {key: item for key, item in after.items() if key not in listed} == {
        key: item for key, item in before.items() if key not in listed
    }
    assert after == _zone(list(after.values()))


@given(wanted=_lists, there=_lists)
def test_what_is_wanted_is_had_or_is_a_conflict(wanted: list[RRset], there: list[RRset]) -> None:
    before = _zone(there)
    made = plan(ZONE, wanted, before)
    after = applied(before, made.changes)

    for item in wanted:
        assert item.key in made.conflicts or after.get(item.key) == (item if item.values else None)


def test_each_kind_of_change() -> None:
    there = {item.key: item for item in [_a("same.example.org", "192.0.2.1"), _a("ttl.example.org", "192.0.2.1")]}
    old = _a("old.example.org", "192.0.2.9")
    there[old.key] = old
    new, slow = _a("new.example.org", "192.0.2.1"), _a("ttl.example.org", "192.0.2.1", ttl=60)

    made = plan(ZONE, [_a("same.example.org", "192.0.2.1"), new, slow, _a("old.example.org")], there)

    assert made.changes == (
        Change(old, None),
        Change(None, new),
        Change(there[slow.key], slow),
    )
    assert [change.action for change in made.changes] == ["delete", "create", "update"]


def test_a_name_that_is_a_cname_is_a_conflict_that_says_so() -> None:
    alias = RRset("a.example.org", "CNAME", ("b.example.org.",), 300)

    made = plan(ZONE, [_a("a.example.org", "192.0.2.1")], {alias.key: alias})

    assert made.changes == ()
    assert "CNAME" in made.conflicts[("a.example.org", "A")]


def test_a_cname_is_replaced_when_its_removal_is_listed() -> None:
    alias = RRset("a.example.org", "CNAME", ("b.example.org.",), 300)
    gone = RRset("a.example.org", "CNAME", (), 300)

    made = plan(ZONE, [_a("a.example.org", "192.0.2.1"), gone], {alias.key: alias})

    assert [change.action for change in made.changes] == ["delete", "create"]
    assert not made.conflicts


def test_the_zones_own_name_servers_are_left_alone() -> None:
    servers = RRset(ZONE, "NS", ("ns1.example.org.",), 300)

    assert plan(ZONE, [servers], {}).conflicts
    assert not plan(ZONE, [RRset(f"sub.{ZONE}", "NS", ("ns1.example.org.",), 300)], {}).conflicts
