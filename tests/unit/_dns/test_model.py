# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError
from ansible_collections.monsterr.media.plugins.module_utils._dns import model


@pytest.mark.parametrize(
    ("kind", "written", "canonical"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("CNAME", "Host.Example.org", "host.example.org."),
        ("MX", "10 Mail.example.org.", "10 mail.example.org."),
        ("TXT", "v=spf1 -all", '"v=spf1 -all"'),
        ("TXT", '"two" "parts"', '"twoparts"'),
        ("TXT", "x" * 300, f'"{"x" * 255}" "{"x" * 45}"'),
        ("CAA", '0 issue "letsencrypt.org"', '0 issue "letsencrypt.org"'),
    ],
)
def test_a_value_has_one_form_however_it_is_written(kind: str, written: str, canonical: str) -> None:
    assert model.canonical(kind, written) == canonical


def test_a_record_is_read_into_an_rrset_with_defaults() -> None:
    [wanted] = model.read([{"name": "Sonarr.Example.org.", "type": "a", "values": ["192.0.2.2", "192.0.2.1"]}])

    assert wanted.rrset == model.RRset("sonarr.example.org", "A", ("192.0.2.1", "192.0.2.2"), 300)
    assert wanted.rrset.lines() == [
        "sonarr.example.org. 300 IN A 192.0.2.1",
        "sonarr.example.org. 300 IN A 192.0.2.2",
    ]


def test_every_problem_is_told_at_once_with_its_place() -> None:
    records = [
        {"name": "a.example.org", "type": "A", "values": ["192.0.2.300"]},
        {"name": "b.example.org", "type": "SOA", "values": []},
        {"name": "c.example.org", "type": "CNAME", "values": ["x.example.org", "y.example.org"]},
        {"name": "d.example.org", "type": "A", "values": ["192.0.2.1"], "zone": "example.net"},
        {"name": "e.example.org", "type": "A", "values": ["192.0.2.1"], "ttl": -1},
        {"name": "f.example.org", "type": "A", "values": ["192.0.2.1"]},
        {"name": "F.example.org", "type": "a", "values": ["192.0.2.2"]},
        {"name": "bad..name", "type": "A", "values": ["192.0.2.2"]},
    ]

    with pytest.raises(InputError) as caught:
        model.read(records)

    targets = [item.target for item in caught.value.findings]
    assert targets == [
        "records[0] a.example.org A",
        "records[1] b.example.org SOA",
        "records[2] c.example.org CNAME",
        "records[3] d.example.org A",
        "records[4] e.example.org A",
        "records[6] F.example.org a",
        "records[7] bad..name A",
    ]
    assert "records[5] has the same name and type" in caught.value.findings[5].summary


@pytest.mark.parametrize(("text", "port"), [("192.0.2.1", 53), ("192.0.2.1#5353", 5353), ("2001:db8::1#54", 54)])
def test_a_server_is_an_address_with_an_optional_port(text: str, port: int) -> None:
    assert model.server(text).port == port


@pytest.mark.parametrize("text", ["ns1.example.org", "", "192.0.2.1#x", "192.0.2.1:53"])
def test_a_server_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        model.server(text)
