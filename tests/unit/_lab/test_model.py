# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names, addresses and paths of a lab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError
from ansible_collections.monsterr.media.plugins.module_utils._lab import lab, model
from hypothesis import given
from hypothesis import strategies as st


def test_each_machine_has_an_address_of_its_own_and_the_services_have_the_first() -> None:
    found = model.lab("rehearse", ["edge", "media.example.org"], ["example.org"], "10.1.2.0/24")
    assert found.gateway == "10.1.2.1"
    assert {item.host: item.address for item in found.machines} == {
        "infra": "10.1.2.2",
        "edge": "10.1.2.10",
        "media.example.org": "10.1.2.11",
    }
    assert found.directory == "https://10.1.2.2:14000/dir"
    assert found.twins["media.example.org"].hostname == "media"


@given(st.lists(st.text(min_size=1, max_size=80).filter(lambda name: name != "infra"), unique=True, max_size=20))
def test_whatever_hosts_are_called_their_machines_are_told_apart(hosts: list[str]) -> None:
    machines = model.lab("x", hosts).machines
    for names in ([item.name for item in machines], [str(item.root) for item in machines]):
        assert len(set(names)) == len(machines)
    for item in machines:
        assert len(item.name) <= 64 and item.name.isascii() and "/" not in item.name
        assert item.hostname and "." not in item.hostname
        assert item.root.is_relative_to(model.STATE / "x" / "machines")


def test_labs_share_nothing_that_the_computer_shows() -> None:
    first, second = model.lab("rehearse"), model.lab("test-2")
    assert {first.bridge, first.table, first.folder}.isdisjoint({second.bridge, second.table, second.folder})
    assert len(first.bridge) <= 15


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "../etc"}, "a name has a-z"),
        ({"name": "all"}, "is not all"),
        ({"network": "10.0.0.1/24"}, "host bits"),
        ({"network": "8.8.8.0/24"}, "private network"),
        ({"network": "10.0.0.0/28"}, "/24 or larger"),
        ({"hosts": ["a", "a"]}, "named once"),
        ({"hosts": ["infra"]}, "none is named infra"),
        ({"hosts": [f"h{number}" for number in range(300)]}, "no room for 300"),
        ({"domains": ["exa mple"]}, "not a domain name"),
        ({"hosts": ["a"], "limits": {"b": {"/x": "1M"}}}, "not a host of the lab"),
        ({"hosts": ["a"], "limits": {"a": {"/x": "much"}}}, "a size such as 64M"),
    ],
)
def test_what_cannot_be_is_refused_and_named(options: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        model.lab(**{"name": "x", **options})


def test_every_lab_is_found_again_as_it_was_described(tmp_path: Path) -> None:
    described = {"hosts": ["a", "b"], "domains": ["x.test"], "network": "10.9.9.0/24", "limits": {"a": {"/y": "1M"}}}
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole/lab.json").write_text(json.dumps(described))
    (tmp_path / "half").mkdir()
    (tmp_path / "ip_forward").write_text("0")
    half, whole = lab.every(tmp_path)
    assert (half.name, half.hosts) == ("half", ())
    assert (whole.name, whole.twins["b"].address, whole.twins["a"].limits) == ("whole", "10.9.9.11", {"/y": "1M"})
