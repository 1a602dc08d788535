# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a zone begins with, what of it is ours, and the verdicts about parent and secondaries."""

from __future__ import annotations

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._nameserver.zone import (
    Ds,
    RRset,
    behind,
    delegation,
    ds,
    edits,
    first,
    ours,
    read,
)

SERVERS = {"ns1.example.org": ["203.0.113.10", "2001:db8::1"], "ns2.example.net": ["203.0.113.20"]}
KEY = Ds(100, 13, 2, "AA" * 32)
OTHER = Ds(200, 13, 2, "BB" * 32)


def test_a_zone_begins_with_its_servers_and_the_addresses_of_those_inside_it():
    lines = first("example.org", SERVERS, "ns1.example.org", 7).splitlines()
    assert lines[0] == "example.org. 3600 SOA ns1.example.org. hostmaster.example.org. 7 900 300 1209600 300"
    assert lines[1:] == [
        "example.org. 3600 NS ns1.example.org.",
        "example.org. 3600 NS ns2.example.net.",
        "ns1.example.org. 3600 A 203.0.113.10",
        "ns1.example.org. 3600 AAAA 2001:db8::1",
    ]


def test_a_zone_that_holds_no_server_has_no_addresses():
    assert [item.type for item in ours("_acme-challenge.example.org", SERVERS)] == ["NS"]


def test_only_what_differs_is_edited():
    wanted = RRset("example.org.", "NS", ("a.example.", "b.example."))
    assert edits(wanted, ["b.example.", "a.example."]) == []
    assert edits(wanted, []) == [["zone-set", "example.org.", "3600", "NS", value] for value in wanted.values]
    assert edits(wanted, ["old.example."])[0] == ["zone-unset", "example.org.", "NS"]


def test_the_words_of_knot_are_read():
    text = (
        "[example.org.] example.org. 3600 NS ns2.example.net.\n[example.org.] example.org. 3600 NS ns1.example.org.\n"
    )
    assert read(text) == ["ns1.example.org.", "ns2.example.net."]
    said = f"example.org. DS 100 13 1 {'cc' * 20}\nexample.org. DS 100 13 2 {'aa' * 32}\n"
    assert ds(said) == [KEY]


@pytest.mark.parametrize(
    ("keys", "parent", "status", "said"),
    [
        ([KEY], [KEY], "ok", "its parent says so"),
        ([KEY], [], "warn", "its parent does not say so"),
        ([KEY], None, "warn", "could not be found out"),
        ([KEY], [OTHER], "fail", "bogus"),
        ([KEY], [KEY, OTHER], "warn", "a key that is not there (200)"),
        ([], [], "fail", "no key"),
    ],
)
def test_what_there_is_to_do_at_the_parent(keys, parent, status, said):
    finding = delegation("example.org", keys, parent)
    assert finding.status == status
    assert said in finding.summary
    if status != "ok" and keys and said != "a key that is not there (200)":
        assert "key tag 100" in finding.hint and "AA" * 32 in finding.hint


def test_a_secondary_that_is_behind_is_named_with_its_serial():
    assert behind("example.org", 5, {"10.0.0.2": 5}).status == "ok"
    finding = behind("example.org", 5, {"10.0.0.2": 4, "10.0.0.3": "gives no answer"})
    assert finding.status == "warn"
    assert "10.0.0.2 has 4; 10.0.0.3 gives no answer" in finding.summary
