# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._acme import pem
from ansible_collections.monsterr.media.plugins.module_utils._acme.client import Acme
from ansible_collections.monsterr.media.plugins.module_utils._acme.model import Window
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    MonsterrError,
    RefusedError,
    UnreachableError,
)
from hypothesis import given
from hypothesis import strategies as st

from ..clock import FakeClock
from .ca import DIRECTORY, ERROR, URL, Ca, down, problem

NAMES = ["a.example.org"]


def _acme(ca: Ca, seconds: float = 60, register: bool = True) -> Acme:
    acme = Acme(DIRECTORY, pem.new_key("ec-256"), Deadline(seconds, ca.clock), ca)
    if register:
        acme.register("me@example.org", True, False)
    return acme


@pytest.fixture
def ca() -> Ca:
    return Ca(FakeClock())


def test_the_account_is_found_again_and_its_address_changed(ca: Ca) -> None:
    key = pem.new_key("ec-256")
    for email, changed in (("me@example.org", False), ("me@example.org", False), ("you@example.org", True)):
        Acme(DIRECTORY, key, Deadline(60, ca.clock), ca).register(email, True, changed)

    assert [account["contact"] for account in ca.accounts.values()] == [["mailto:you@example.org"]]


def test_terms_that_are_not_agreed_to_stop_before_anything_is_sent(ca: Ca) -> None:
    with pytest.raises(InputError, match=f"{URL}/terms"):
        _acme(ca, register=False).register("", False, False)
    assert not ca.accounts
    ca.terms = ""
    _acme(ca, register=False).register("", False, False)
    assert len(ca.accounts) == 1


def test_nonces_are_refused_as_often_as_the_ca_likes(ca: Ca) -> None:
    acme = _acme(ca)
    ca.bad_nonces = 50

    assert acme.new_order(NAMES).status == "pending"
    assert ca.requests["new"] == 51


def test_nonces_refused_for_ever_end_at_the_deadline(ca: Ca) -> None:
    acme = _acme(ca, 5)
    ca.bad_nonces = 10**9
    ask = acme._ask

    def slow(*arguments):
        ca.clock.sleep(0.1)
        return ask(*arguments)

    acme._ask = slow
    with pytest.raises(DeadlineError):
        acme.new_order(NAMES)


def test_one_nonce_is_asked_for_and_then_each_answer_brings_the_next(ca: Ca) -> None:
    acme = _acme(ca)
    for _turn in range(5):
        acme.new_order(NAMES)

    assert ca.requests["nonce"] == 0  # the directory's answer brought the first


@pytest.mark.parametrize("retry_after", ["seconds", "date"])
def test_patience_is_had_as_long_as_the_ca_asks(ca: Ca, retry_after: str) -> None:
    acme = _acme(ca)
    order = acme.new_order(NAMES)
    [place] = order.content["authorizations"]
    ca.authorizations[place].update(status="looking", busy=2)
    ca.retry_after = retry_after
    ca.clock.slept.clear()

    found = acme.poll(place, ("pending",), "wait")

    assert found.status == "valid"
    assert [round(pause) for pause in ca.clock.slept] == [7, 7]


def test_polling_ends_at_the_deadline(ca: Ca) -> None:
    acme = _acme(ca, 30)
    order = acme.new_order(NAMES)
    start = ca.clock.now

    with pytest.raises(DeadlineError, match="still says pending"):
        acme.poll(order.url, ("pending",), "wait")
    assert ca.clock.now - start == 30


def test_polling_without_a_word_from_the_ca_backs_off(ca: Ca) -> None:
    acme = _acme(ca, 60)
    order = acme.new_order(NAMES)
    ca.clock.slept.clear()
    with pytest.raises(DeadlineError):
        acme.poll(order.url, ("pending",), "wait")

    assert ca.clock.slept[0] == 0.25
    assert max(ca.clock.slept) == 5
    assert len(ca.clock.slept) < 25


def test_a_busy_ca_is_asked_again_after_its_time(ca: Ca) -> None:
    acme = _acme(ca)
    ca.answers["new"] = [
        problem("rateLimited", "slow down", 429, **{"retry-after": "12"}),
        (503, {"retry-after": "3"}, ""),
    ]

    assert acme.new_order(NAMES).status == "pending"
    assert ca.clock.slept == [12, 3]


def test_a_rate_limit_beyond_the_deadline_says_when_to_come_back(ca: Ca) -> None:
    acme = _acme(ca)
    ca.answers["new"] = [problem("rateLimited", "too many certificates", 429, **{"retry-after": "86400"})]

    with pytest.raises(RefusedError) as caught:
        acme.new_order(NAMES)

    assert caught.value.why == (
        "the CA says rateLimited: too many certificates; it asks to come back after 2027-01-16 08:00 UTC"
    )
    assert caught.value.details["type"] == "rateLimited"
    assert "staging" in caught.value.hint


def test_a_problem_document_becomes_one_sentence_and_keeps_its_parts(ca: Ca) -> None:
    acme = _acme(ca)
    told = {
        "type": f"{ERROR}malformed",
        "detail": "Some of the identifiers requested were rejected.",
        "subproblems": [
            {"type": f"{ERROR}caa", "detail": "CAA forbids it.", "identifier": {"type": "dns", "value": "a.test"}},
            {"type": f"{ERROR}dns", "detail": "No such name", "identifier": {"type": "dns", "value": "b.test"}},
        ],
    }
    ca.answers["new"] = [(400, {}, told)]

    with pytest.raises(RefusedError) as caught:
        acme.new_order(NAMES)

    assert caught.value.why == (
        "the CA says malformed: Some of the identifiers requested were rejected; a.test: CAA forbids it; "
        "b.test: No such name"
    )
    assert len(caught.value.details["subproblems"]) == 2


def test_a_connection_that_breaks_is_tried_again_and_one_that_stays_broken_is_told(ca: Ca) -> None:
    acme = _acme(ca)
    ca.answers["new"] = [down("closed"), down()]
    assert acme.new_order(NAMES).status == "pending"

    ca.answers["new"] = [down()] * 10
    with pytest.raises(UnreachableError):
        acme.new_order(NAMES)
    assert len(ca.answers["new"]) == 6


def test_a_certificate_of_the_ca_that_is_not_trusted_is_told_at_once(ca: Ca) -> None:
    ca.answers["dir"] = [down("tls")]

    with pytest.raises(UnreachableError):
        _acme(ca)
    assert ca.clock.slept == []


def test_finalizing_twice_is_left_to_the_look_at_the_order(ca: Ca) -> None:
    acme = _acme(ca)
    order = acme.new_order(NAMES)

    acme.finalize(order, b"")  # the CA says orderNotReady


def test_the_new_order_says_what_it_replaces_only_where_the_ca_knows_that(ca: Ca) -> None:
    _acme(ca).new_order(NAMES, "aki.serial")
    assert "replaces" not in ca.payloads[-1][1]

    ca.window = (0, 1)
    acme = _acme(ca)
    acme.new_order(NAMES, "aki.serial")
    assert ca.payloads[-1][1]["replaces"] == "aki.serial"

    ca.answers["new"] = [problem("alreadyReplaced", "it was replaced before", 409)]
    acme.new_order(NAMES, "aki.serial")
    assert "replaces" not in ca.payloads[-1][1]


def test_advice_is_a_window_and_how_long_it_holds(ca: Ca) -> None:
    acme = _acme(ca)
    assert acme.advice("aki.serial")[0] is None

    ca.window = (1_800_000_000, 1_800_086_400)
    window, holds = _acme(ca).advice("aki.serial")
    assert (window, holds) == (Window(1_800_000_000, 1_800_086_400, f"{URL}/why"), 3600)


@given(body=st.text(max_size=200) | st.from_regex(r'\{"newNonce": ?[0-9\[\]{}"a-z]*\}', fullmatch=True))
def test_any_answer_in_place_of_a_directory_is_one_readable_error(body: str) -> None:
    ca = Ca(FakeClock())
    ca.answers["dir"] = [(200, {}, body)]

    with pytest.raises(MonsterrError):
        _acme(ca, register=False).directory()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "detail", "subproblems"]), inner)
    ),
    max_leaves=8,
)


@given(status=st.sampled_from([400, 403, 404, 409, 429, 500, 503]), content=_json)
def test_any_refusal_is_one_readable_error(status: int, content: object) -> None:
    ca = Ca(FakeClock())
    acme = _acme(ca)
    ca.answers["new"] = [(status, {"retry-after": "soon"}, content)]

    with pytest.raises(RefusedError) as caught:
        acme.new_order(NAMES)
    assert caught.value.why


@given(text=st.text(max_size=40) | st.text("0123456789²", max_size=400))
def test_any_retry_after_is_survived(text: str) -> None:
    ca = Ca(FakeClock())
    acme = _acme(ca)
    order = acme.new_order(NAMES)
    ca.answers["order"] = [(200, {"retry-after": text}, {"status": "valid"})]

    wait = acme.fetch(order.url, "look").wait
    assert wait is None or 0 <= wait <= 366 * 86400
