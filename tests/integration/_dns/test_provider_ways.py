# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What only one provider has: batches, limits, actions, signatures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import DeadlineError, RefusedError
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import RRset
from ansible_collections.monsterr.media.plugins.module_utils._dns.plan import Change
from ansible_collections.monsterr.media.plugins.module_utils._dns.providers import base

from ...standins.dns.route53 import KEY_ID
from ...standins.dns.vendor import TOKEN
from ...unit.clock import FakeClock
from .test_providers import STANDINS, ZONE, _place

pytestmark = pytest.mark.integration

NEW = Change(None, RRset("new.example.test", "A", ("192.0.2.1",), 3600))


def _connect(vendor: Any, kind: str, clock: FakeClock, seconds: float = 60) -> base.Provider:
    options = {"provider": kind, "endpoint": vendor.url, "token": TOKEN}
    if kind == "route53":
        options |= {"key_name": KEY_ID, "key_secret": TOKEN, "token": ""}
    return base.connect(options, Deadline(seconds, clock))


@pytest.mark.parametrize(
    ("kind", "headers", "waits"),
    [
        ("desec", {"Retry-After": "7"}, 7),
        ("cloudflare", {"Retry-After": "5"}, 5),
        ("hetzner", {"RateLimit-Reset": str(1_800_000_000 + 9)}, 9),
        ("digitalocean", {"ratelimit-reset": str(1_800_000_000 + 11)}, 11),
    ],
)
def test_a_busy_provider_is_asked_again_when_it_says(kind: str, headers: dict[str, str], waits: int) -> None:
    vendor, clock = STANDINS[kind](ZONE), FakeClock()
    vendor.busy = [(429, {"detail": "Request was throttled."}, headers)]
    try:
        _connect(vendor, kind, clock).apply(ZONE, [NEW])
    finally:
        vendor.stop()

    assert clock.slept[0] == waits
    assert vendor.dump()["new.example.test", "A"][0] == ["192.0.2.1"]


def test_a_wait_beyond_the_deadline_is_told_at_once() -> None:
    vendor, clock = STANDINS["desec"](ZONE), FakeClock()
    vendor.busy = [(429, {"detail": "Request was throttled."}, {"Retry-After": "80000"})]
    try:
        with pytest.raises(DeadlineError, match="80000 s, but only 60 s are left"):
            _connect(vendor, "desec", clock).apply(ZONE, [NEW])
    finally:
        vendor.stop()
    assert clock.slept == []


def test_route53_is_throttled_and_then_waits_until_it_is_in_sync() -> None:
    vendor, clock = STANDINS["route53"](ZONE), FakeClock()
    vendor.busy = [vendor.throttled()]
    try:
        _connect(vendor, "route53", clock).apply(ZONE, [NEW])
    finally:
        vendor.stop()
    assert clock.slept == [1.0, 2.0]
    assert vendor.asked[-1] == "GET /2013-04-01/change/C1"


def test_an_action_of_hetzner_that_fails_is_told() -> None:
    vendor = STANDINS["hetzner"](ZONE)
    vendor.fails = "zone_error"
    try:
        with pytest.raises(RefusedError, match="zone_error"):
            _connect(vendor, "hetzner", FakeClock()).apply(ZONE, [NEW])
    finally:
        vendor.stop()


@pytest.mark.parametrize("kind", ["cloudflare", "desec", "route53"])
def test_many_changes_are_one_request(kind: str) -> None:
    vendor = STANDINS[kind](ZONE)
    changes = [Change(None, RRset(f"n{number}.{ZONE}", "A", ("192.0.2.1",), 3600)) for number in range(40)]
    try:
        _connect(vendor, kind, FakeClock()).apply(ZONE, changes)
    finally:
        vendor.stop()
    assert len(vendor.writes()) == 1
    assert len(vendor.dump()) == 40


def test_desec_gets_a_ttl_that_it_takes() -> None:
    vendor = STANDINS["desec"](ZONE)
    try:
        provider = _connect(vendor, "desec", FakeClock())
        assert provider.fit(ZONE, RRset("a.example.test", "A", ("192.0.2.1",), 300)).ttl == 3600
    finally:
        vendor.stop()


@pytest.mark.parametrize("kind", ["powerdns", "cloudflare", "desec", "exec"])
def test_a_zone_is_signed_and_the_ds_records_are_returned(kind: str, tmp_path: Path) -> None:
    wanted = {"name": "a.example.test", "type": "A", "values": ["192.0.2.1"]}
    for place in _place(kind, tmp_path):
        first = place.make(wanted, dnssec=True)
        second = place.make(wanted, dnssec=True)

        assert not first.get("failed"), first["msg"]
        assert first["zones"][0]["ds"] == second["zones"][0]["ds"] != []
        assert second["changed"] is False


@pytest.mark.parametrize("kind", ["bind", "hetzner", "digitalocean", "route53"])
def test_where_a_zone_cannot_be_signed_on_demand_it_is_said(kind: str, tmp_path: Path) -> None:
    for place in _place(kind, tmp_path):
        result = place.make({"name": "a.example.test", "type": "A", "values": ["192.0.2.1"]}, dnssec=True)

        assert result["failed"]
        assert "has no call for it" in result["msg"]
