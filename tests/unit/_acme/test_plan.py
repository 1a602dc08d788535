# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._acme import plan
from ansible_collections.monsterr.media.plugins.module_utils._acme.model import Held, Wanted, Window
from ansible_collections.monsterr.media.plugins.module_utils._acme.plan import decide, decide_placeholder
from hypothesis import given
from hypothesis import strategies as st

DIRECTORY = "https://ca.test/dir"
DAY = 86400.0
START = 1_800_000_000.0
WANTED = Wanted("tv", ("tv.example.org",))
HELD = Held(1, ("tv.example.org",), START, START + 90 * DAY, "CN=CA", "1", "ec-256", DIRECTORY, False, "aki.serial")


def _decide(live: Held | None, now: float = START + DAY, **more: object) -> plan.Decision:
    return decide(WANTED, live, more.pop("staged", None), DIRECTORY, now, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "action", "words"),
    [
        ({}, "none", "it is good until"),
        ({"identifiers": ("old.example.org",)}, "renew", "tv.example.org to be added; old.example.org to be taken out"),
        ({"directory": "https://other.test/dir"}, "renew", "it is from another CA (https://other.test/dir)"),
        ({"key_type": "rsa-2048"}, "renew", "its key is rsa-2048, and ec-256 is wanted"),
        ({"placeholder": True}, "issue", "there is only a self-signed placeholder"),
    ],
)
def test_each_difference_has_its_own_reason(change: dict, action: str, words: str) -> None:
    decision = _decide(replace(HELD, **change))

    assert decision.action == action
    assert words in decision.reason


def test_nothing_there_and_something_unreadable_there() -> None:
    assert _decide(None) == plan.Decision("issue", "there is no certificate yet")
    assert _decide(None, problem="what is there cannot be used").reason == "what is there cannot be used"


@pytest.mark.parametrize(("lifetime", "left"), [(90, 30), (45, 15), (12, 4), (6, 3), (1, 0.5)])
def test_renewed_at_a_third_or_for_short_ones_at_half(lifetime: float, left: float) -> None:
    held = replace(HELD, not_after=START + lifetime * DAY)
    due = held.not_after - left * DAY

    assert _decide(held, due - 60).action == "none"
    assert _decide(held, due + 60).action == "renew"
    assert "was to be renewed from" in _decide(held, due + 60).reason
    assert "it ended on" in _decide(held, held.not_after).reason


def test_the_cas_window_decides_instead_of_the_lifetime() -> None:
    early = Window(START + 2 * DAY, START + 3 * DAY, "https://ca.test/revoked")
    late = Window(START + 80 * DAY, START + 81 * DAY)

    assert _decide(HELD, START + DAY, window=early).action == "none"
    asked = _decide(HELD, START + 3 * DAY, window=early)
    assert asked.action == "renew"
    assert "https://ca.test/revoked" in asked.reason
    assert _decide(HELD, START + 70 * DAY, window=late).action == "none"
    assert _decide(HELD, START + 70 * DAY, window=None).action == "renew"


def test_a_window_after_the_end_is_no_reason_to_let_it_end() -> None:
    window = Window(HELD.not_after + DAY, HELD.not_after + 2 * DAY)

    assert _decide(HELD, START + 89 * DAY, window=window).action == "renew"


@given(
    cert_id=st.text("abcdef0123456789.", min_size=1, max_size=60),
    start=st.floats(0, 2e9),
    width=st.floats(0, 1e7),
)
def test_the_instant_is_in_the_window_and_always_the_same(cert_id: str, start: float, width: float) -> None:
    window = Window(start, start + width)

    chosen = plan.instant(cert_id, window)

    assert window.start <= chosen <= window.end
    assert chosen == plan.instant(cert_id, window)


def test_instants_are_spread_over_the_window() -> None:
    tenths = {int(plan.instant(f"id-{number}", Window(0, 10))) for number in range(200)}

    assert tenths == set(range(10))


@given(now=st.floats(START, START + 200 * DAY), lifetime=st.floats(0.1, 400), window=st.booleans())
def test_a_certificate_that_was_just_issued_is_never_renewed_at_once(now: float, lifetime: float, window: bool) -> None:
    held = replace(HELD, not_before=now, not_after=now + lifetime * DAY)
    advice = Window(now + lifetime * DAY / 3, now + lifetime * DAY / 2) if window else None

    assert decide(WANTED, held, None, DIRECTORY, now, advice).action == "none"


@given(now=st.floats(START, START + 400 * DAY))
def test_a_certificate_that_has_ended_is_never_left(now: float) -> None:
    assert (_decide(HELD, now).action == "none") == (now < plan.renewal_time(HELD))


def test_what_an_earlier_run_had_issued_is_used_first() -> None:
    staged = replace(HELD, generation=2)

    assert _decide(None, staged=staged).action == "install"
    assert _decide(replace(HELD, placeholder=True), staged=staged).action == "install"
    assert _decide(HELD, staged=staged).action == "none"
    assert _decide(None, staged=replace(staged, identifiers=("x.test",))).action == "issue"
    assert _decide(None, now=START + 80 * DAY, staged=staged).action == "issue"


def test_a_placeholder_never_takes_the_place_of_a_real_one() -> None:
    long_over = START + 400 * DAY

    assert decide_placeholder(WANTED, None, START).action == "placeholder"
    assert decide_placeholder(WANTED, None, START, "what is there cannot be used").action == "placeholder"
    assert decide_placeholder(WANTED, HELD, long_over).action == "none"
    assert decide_placeholder(WANTED, replace(HELD, identifiers=("x.test",)), START).action == "none"


def test_a_placeholder_is_made_anew_when_it_ends_or_its_names_change() -> None:
    placeholder = replace(HELD, placeholder=True, not_after=START + 30 * DAY)

    assert decide_placeholder(WANTED, placeholder, START).action == "none"
    assert decide_placeholder(WANTED, placeholder, START + 25 * DAY).action == "placeholder"
    assert decide_placeholder(WANTED, replace(placeholder, identifiers=("x.test",)), START).action == "placeholder"
