# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import random

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._apps.compare import (
    Change,
    differences,
    same,
    secret_change,
    unknown,
)
from hypothesis import given
from hypothesis import strategies as st

scalars = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
settings = st.dictionaries(st.text(max_size=5), values, max_size=5)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (8080, "8080"),
        ("8080", 8080),
        (1.0, 1),
        (True, "true"),
        (False, "False"),
        ("", None),
        ([], None),
        ([], ""),
        ("/data/media/tv", "/data/media/tv/"),
        ([5030, 5040], ["5040", "5030"]),
        (["a", "b"], "b, a"),
        ("b,a", ["a", "b"]),
        ({"a": 1}, {"a": "1", "b": 2}),
        ([{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 1}]),
    ],
)
def test_what_an_application_takes_for_the_same_is_the_same(wanted, found):
    assert same(wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (8080, 8081),
        (True, None),
        (0, None),
        (False, ""),
        ("/data", "/data2"),
        ("/", ""),
        ("tv", "TV"),
        (["a"], ["a", "b"]),
        (["a", "a"], ["a"]),
        ({"a": 1}, {"b": 1}),
        ("1.10", 1.1),
    ],
)
def test_what_differs_is_not(wanted, found):
    assert not same(wanted, found)


@given(values)
def test_everything_is_the_same_as_itself(value):
    assert same(value, value)


@given(scalars | st.lists(scalars), scalars | st.lists(scalars))
def test_being_the_same_goes_both_ways(one, other):
    assert same(one, other) == same(other, one)


@given(st.lists(values), st.randoms())
def test_order_counts_only_where_it_is_said_to(items, chance: random.Random):
    shuffled = list(items)
    chance.shuffle(shuffled)
    assert same(items, shuffled)
    assert not same([1, 2], [2, 1], ordered=True)


@given(settings, settings)
def test_writing_what_differs_leaves_no_difference_and_all_else_alone(wanted, found):
    wanted = {key: value for key, value in wanted.items() if key in found}
    after = {**found, **wanted}
    assert differences("x", wanted, after) == []
    assert {key for key in found if not same(found[key], after[key])} <= set(wanted)
    assert (differences("x", wanted, found) == []) == all(same(wanted[key], found[key]) for key in wanted)


@given(settings)
def test_where_nothing_is_yet_everything_is_a_change(wanted):
    assert differences("x", wanted, None) == [Change(f"x: {key}", None, value) for key, value in wanted.items()]


def test_a_change_names_the_setting_down_to_the_key():
    wanted = {"a": {"b": 1, "c": 2}, "gone": 1}
    assert differences("host", wanted, {"a": {"b": 1, "c": 3}, "d": 4}) == [Change("host: a.c", 3, 2)]


def test_a_secret_is_never_in_its_change():
    assert secret_change("host: password", True).as_dict() == {
        "setting": "host: password",
        "before": "******** (not ours)",
        "after": "********",
    }
    assert secret_change("host: password", False).before is None


def test_a_misspelt_name_gets_the_nearest():
    assert unknown(["copyUsingHardlink", "zzz", "known"], ["copyUsingHardlinks", "known"]) == {
        "copyUsingHardlink": "copyUsingHardlinks",
        "zzz": "",
    }
