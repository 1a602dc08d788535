# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.monsterr.media.plugins.module_utils._core.finding import SEVERITY
from ansible_collections.monsterr.media.plugins.module_utils._dns import rules
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import RRset, Server
from ansible_collections.monsterr.media.plugins.module_utils._dns.rules import Answer, Zone
from hypothesis import given
from hypothesis import strategies as st

NS1, NS2 = Server("ns1.example.org", "192.0.2.53"), Server("ns2.example.org", "198.51.100.53")
ZONE = Zone("example.org", (NS1, NS2))
WANTED = RRset("tv.example.org", "A", ("192.0.2.10",), 300)
GOOD = ("192.0.2.10",)


def _said(server: Server, *values: str, serial: int | None = 7) -> Answer:
    return Answer(server, rules.ANSWERED, values, "NOERROR", serial)


def test_all_servers_right_is_ok() -> None:
    found = rules.verdict(WANTED, ZONE, [_said(NS1, *GOOD), _said(NS2, *GOOD)])

    assert (found.status, found.summary) == ("ok", "tv.example.org A is as wanted on all 2 name server addresses.")


def test_a_missing_record_has_the_record_to_add_as_its_hint() -> None:
    found = rules.verdict(WANTED, ZONE, [_said(NS1), _said(NS2)])

    assert found.status == "fail"
    assert found.summary == "There is no record tv.example.org A."
    assert found.hint == "Add this in the zone example.org: tv.example.org. 300 IN A 192.0.2.10"


def test_a_wrong_record_says_what_is_and_what_shall_be() -> None:
    found = rules.verdict(WANTED, ZONE, [_said(NS1, "203.0.113.1"), _said(NS2, "203.0.113.1")])

    assert found.summary == "tv.example.org A is 203.0.113.1, and should be 192.0.2.10."
    assert found.hint.startswith("Change it to this in the zone example.org: tv.example.org. 300 IN A 192.0.2.10")


def test_the_laggard_is_named_with_its_serial() -> None:
    found = rules.verdict(WANTED, ZONE, [_said(NS1, *GOOD, serial=8), _said(NS2, serial=7)])

    assert found.status == "fail"
    assert "ns2.example.org (198.51.100.53) still says nothing (serial 7)" in found.summary
    assert "ns1.example.org (192.0.2.53) has it right (serial 8)" in found.summary
    assert found.hint.startswith("Wait until ns2.example.org (198.51.100.53) has serial 8")


def test_two_servers_with_one_serial_and_other_data_are_no_matter_of_waiting() -> None:
    found = rules.verdict(WANTED, ZONE, [_said(NS1, *GOOD), _said(NS2, "203.0.113.1")])

    assert "Wait" not in found.hint
    assert "check its zone transfer" in found.hint


def test_a_mute_server_beside_a_good_one_is_a_warning() -> None:
    mute = Answer(NS2, rules.SILENT, detail="no answer within 2 s")

    found = rules.verdict(WANTED, ZONE, [_said(NS1, *GOOD), mute])

    assert found.status == "warn"
    assert "ns2.example.org (198.51.100.53) (no answer within 2 s)" in found.summary


def test_an_address_family_that_this_machine_has_not_says_nothing() -> None:
    far = Answer(Server("ns2.example.org", "2001:db8::53"), rules.UNROUTABLE, detail="network is unreachable")

    assert rules.verdict(WANTED, ZONE, [_said(NS1, *GOOD), far]).status == "ok"
    assert rules.settled(WANTED, [_said(NS1, *GOOD), far])


def test_no_answer_at_all_is_a_failure_that_names_every_server() -> None:
    answers = [Answer(NS1, rules.SILENT, detail="refused"), Answer(NS2, rules.LAME, detail="it answered REFUSED")]

    found = rules.verdict(WANTED, ZONE, answers)

    assert found.status == "fail"
    assert "ns1.example.org" in found.summary
    assert "ns2.example.org" in found.summary


def test_a_record_that_should_not_exist() -> None:
    gone = RRset("old.example.org", "A", (), 300)

    assert rules.verdict(gone, ZONE, [_said(NS1), _said(NS2)]).status == "ok"
    found = rules.verdict(gone, ZONE, [_said(NS1, "192.0.2.1"), _said(NS2, "192.0.2.1")])
    assert (found.status, found.hint) == ("fail", "Remove old.example.org. A from the zone example.org.")


def test_a_zone_without_servers_says_its_problem() -> None:
    found = rules.verdict(WANTED, Zone("example.org", problem="No name server of example.org has an address"), [])

    assert (found.status, found.summary) == ("fail", "No name server of example.org has an address.")


def test_further_values_do_no_harm_to_a_challenge_that_is_waited_for() -> None:
    answers = [_said(NS1, "192.0.2.10", "192.0.2.99"), _said(NS2, *GOOD)]

    assert rules.settled(WANTED, answers)
    assert rules.verdict(WANTED, ZONE, answers).status == "fail"
    assert not rules.settled(WANTED, [])


_states = st.sampled_from([rules.ANSWERED, rules.SILENT, rules.LAME, rules.UNROUTABLE])
_answers = st.lists(
    st.builds(
        Answer,
        st.sampled_from([NS1, NS2]),
        _states,
        st.sampled_from([(), GOOD, ("203.0.113.1",)]),
        serial=st.none() | st.integers(0, 2**32 - 1),
    ),
    max_size=4,
)


@given(answers=_answers)
def test_any_answers_make_one_verdict_with_a_hint_when_it_is_bad(answers: list[Answer]) -> None:
    found = rules.verdict(WANTED, ZONE, answers)

    assert found.status in SEVERITY
    assert bool(found.hint) == (found.status != "ok")
    if found.status == "ok":
        assert all(rules.right(WANTED, answer) or answer.state == rules.UNROUTABLE for answer in answers)
