# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import base64

import dns.exception
import dns.message
import dns.rcode
import dns.tsig
import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import (
    InputError,
    RefusedError,
    UnreachableError,
)
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import RRset, Server
from ansible_collections.monsterr.media.plugins.module_utils._dns.plan import Change
from ansible_collections.monsterr.media.plugins.module_utils._dns.providers import rfc2136

from ..clock import FakeClock
from .servers import World, zone

PRIMARY = "192.0.2.53"
SECRET = base64.b64encode(b"secret").decode()
TV = RRset("tv.example.org", "A", ("192.0.2.10",), 300)


class Updates:
    """Takes updates, answers with `rcodes` in turn (then NOERROR), keeps what it got."""

    def __init__(self, *rcodes: int, signed: bool = True) -> None:
        self.rcodes, self.signed = list(rcodes), signed
        self.got: list[dns.message.Message] = []

    def __call__(self, message: dns.message.Message, server: Server, timeout: float) -> dns.message.Message:
        self.got.append(dns.message.from_wire(message.to_wire(), keyring=message.keyring))
        answer = dns.message.make_response(message)
        answer.set_rcode(self.rcodes.pop(0) if self.rcodes else dns.rcode.NOERROR)
        if not self.signed:
            answer.tsig = None
            return dns.message.from_wire(answer.to_wire())
        return dns.message.from_wire(answer.to_wire(), keyring=message.keyring, request_mac=message.mac)

    def sections(self) -> list[tuple[list[str], list[str]]]:
        """Prerequisites and updates of each message, as text."""
        return [
            tuple([text for rrset in section for text in rrset.to_text().splitlines()] for section in found)
            for found in ((message.prerequisite, message.update) for message in self.got)
        ]


def _provider(world: World | None = None, updates: object = None) -> rfc2136.Rfc2136:
    world = world or World({})
    key = dns.tsig.Key("monsterr", SECRET, "hmac-sha256")
    return rfc2136.Rfc2136(
        Server(PRIMARY, PRIMARY), key, Deadline(60, FakeClock()), send=world.send, update=updates or Updates()
    )


def test_a_new_record_is_added_on_condition_that_there_is_none() -> None:
    updates = Updates()

    _provider(updates=updates).apply("example.org", [Change(None, TV)])

    [(prerequisites, changes)] = updates.sections()
    assert prerequisites == ["tv.example.org. NONE A"]
    assert changes == ["tv.example.org. 300 IN A 192.0.2.10"]


def test_a_changed_record_is_replaced_on_condition_that_it_is_as_we_saw_it() -> None:
    updates, new = Updates(), RRset("tv.example.org", "A", ("192.0.2.11",), 60)

    _provider(updates=updates).apply("example.org", [Change(TV, new)])

    [(prerequisites, changes)] = updates.sections()
    assert prerequisites == ["tv.example.org. 0 IN A 192.0.2.10"]
    assert changes == ["tv.example.org. ANY A", "tv.example.org. 60 IN A 192.0.2.11"]


def test_a_cname_is_made_only_where_there_is_nothing_else() -> None:
    updates, alias = Updates(), RRset("tv.example.org", "CNAME", ("x.example.org.",), 300)

    _provider(updates=updates).apply("example.org", [Change(None, alias)])

    assert updates.sections()[0][0] == ["tv.example.org. NONE ANY"]


def test_a_look_sends_the_conditions_and_no_change() -> None:
    updates = Updates()

    _provider(updates=updates).check("example.org", [Change(TV, None)])

    assert updates.sections() == [(["tv.example.org. 0 IN A 192.0.2.10"], [])]


def test_many_changes_go_in_messages_that_fit() -> None:
    updates = Updates()
    changes = [Change(None, RRset(f"h{n}.example.org", "TXT", (f'"{"x" * 200}"',), 300)) for n in range(450)]

    _provider(updates=updates).apply("example.org", changes)

    assert [len(message.update) for message in updates.got] == [200, 200, 50]
    assert all(len(message.to_wire()) < 65535 for message in updates.got)


@pytest.mark.parametrize(
    ("rcode", "words"),
    [
        (dns.rcode.REFUSED, "does not let this key change the zone"),
        (dns.rcode.NOTAUTH, "does not serve the zone"),
        (dns.rcode.NXRRSET, "changed while we looked"),
        (dns.rcode.YXDOMAIN, "a CNAME cannot stand beside any other"),
        (dns.rcode.SERVFAIL, "SERVFAIL"),
    ],
)
def test_every_refusal_says_what_it_means(rcode: int, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        _provider(updates=Updates(rcode)).apply("example.org", [Change(None, TV)])

    assert caught.value.hint
    assert caught.value.details["rcode"] == dns.rcode.to_text(rcode)


def test_an_answer_without_our_signature_is_not_believed() -> None:
    with pytest.raises(RefusedError, match="not signed"):
        _provider(updates=Updates(signed=False)).apply("example.org", [Change(None, TV)])


@pytest.mark.parametrize(
    ("trouble", "kind", "words"),
    [
        (dns.tsig.PeerBadKey(), RefusedError, "BADKEY"),
        (dns.tsig.PeerBadSignature(), RefusedError, "BADSIG"),
        (dns.tsig.PeerBadTime(), RefusedError, "clock"),
        (dns.tsig.BadSignature(), RefusedError, "cannot be trusted"),
        (dns.exception.Timeout(), UnreachableError, "no answer in time"),
        (ConnectionRefusedError(111, "Connection refused"), UnreachableError, "Connection refused"),
        (EOFError(), UnreachableError, "connection closed"),
    ],
)
def test_every_failure_on_the_wire_is_one_readable_error(trouble: Exception, kind: type, words: str) -> None:
    def fail(*_: object) -> dns.message.Message:
        raise trouble

    with pytest.raises(kind, match=words) as caught:
        _provider(updates=fail).apply("example.org", [Change(None, TV)])
    assert SECRET not in caught.value.message


def test_a_wildcards_answer_is_not_taken_for_the_record() -> None:
    text = zone("* 60 IN A 192.0.2.10", "tv 60 IN A 192.0.2.10")
    updates = Updates(dns.rcode.NXRRSET, dns.rcode.NOERROR)

    found = _provider(World({PRIMARY: {"example.org": text}}), updates).get_rrsets(
        "example.org", [("music.example.org", "A"), ("tv.example.org", "A")]
    )

    assert list(found) == [("tv.example.org", "A")]
    assert [prerequisites for prerequisites, _changes in updates.sections()] == [
        ["music.example.org. ANY A"],
        ["tv.example.org. ANY A"],
    ]


def test_a_cname_at_the_name_is_reported_whatever_was_asked() -> None:
    world = World({PRIMARY: {"example.org": zone("tv 60 IN CNAME x")}})

    found = _provider(world).get_rrsets("example.org", [("tv.example.org", "A"), ("no.example.org", "A")])

    assert found == {("tv.example.org", "CNAME"): RRset("tv.example.org", "CNAME", ("x.example.org.",), 60)}


def test_the_zone_of_a_name_is_the_nearest_that_the_server_has() -> None:
    below = "@ 60 IN SOA ns1 admin 9 1 1 1 1\n@ 60 IN NS ns1\n"
    world = World({PRIMARY: {"example.org": zone(), "sub.example.org": below}})

    found = _provider(world).zones(["a.b.example.org", "x.sub.example.org", "sub.example.org", "a.example.net"])

    assert found == {
        "a.b.example.org": "example.org",
        "x.sub.example.org": "sub.example.org",
        "sub.example.org": "sub.example.org",
    }


def test_a_secret_that_is_no_base64_is_refused_without_showing_it() -> None:
    options = {"server": "127.0.0.1", "key_name": "k", "key_secret": "not base64!"}

    with pytest.raises(InputError) as caught:
        rfc2136.connect(options, Deadline(1, FakeClock()))

    assert "not base64!" not in caught.value.message
