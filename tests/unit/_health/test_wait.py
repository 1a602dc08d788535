# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting: when it ends, and how often it looks."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import fail, ok
from ansible_collections.monsterr.media.plugins.module_utils._health import probes

from ..clock import FakeClock


def _answers(monkeypatch: pytest.MonkeyPatch, good_after: int) -> list[str]:
    seen: list[str] = []

    def look(record: Any, deadline: Deadline, ca_bundle: str) -> Any:
        seen.append(record["name"])
        return (
            ok("health.tcp", "a", "up")
            if len(seen) > good_after
            else fail("health.tcp", "a", "down", "See whether it runs.")
        )

    monkeypatch.setitem(probes._KINDS, "tcp", look)
    return seen


def test_it_waits_with_growing_pauses_until_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, clock = _answers(monkeypatch, good_after=5), FakeClock()
    found = probes.wait_healthy({"name": "a", "kind": "tcp"}, Deadline(60, clock))
    assert (found.status, len(seen)) == ("ok", 6)
    assert clock.slept == [0.2, 0.5, 1.0, 2.0, 2.0]


def test_it_gives_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, good_after=10**6)
    clock = FakeClock()
    found = probes.wait_healthy({"name": "a", "kind": "tcp"}, Deadline(10, clock))
    assert found.status == "fail"
    assert sum(clock.slept) == pytest.approx(10)
