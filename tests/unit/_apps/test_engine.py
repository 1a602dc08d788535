# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import threading
from typing import ClassVar

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._apps import engine
from ansible_collections.monsterr.media.plugins.module_utils._apps.application import Application, Settings
from ansible_collections.monsterr.media.plugins.module_utils._apps.ledger import Ledger
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import (
    DeadlineError,
    RefusedError,
    UnreachableError,
)
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import ok

from ..clock import FakeClock
from .fakes import response, session

DOWN = UnreachableError("reach app", "http://app.test", "127.0.0.1 port 1: connection refused")


class Memory(Settings):
    """A part that is kept in a dict."""

    def __init__(self, app, wanted, has, keeps=True):
        super().__init__(app.service, "memory", wanted)
        self.app, self.has, self.keeps = app, has, keeps

    def read(self):
        return dict(self.has)

    def write(self, found):
        self.app.session.writes += 1
        if self.keeps:
            self.has.update(self.wanted)


class Remembers(Application):
    """An application that needs no network."""

    has: ClassVar[dict] = {}
    keeps = True

    def parts(self):
        return [Memory(self, self.settings, self.has, self.keeps)]


def record(name="app", app="memory", connections=(), **settings):
    return {
        "service": name,
        "app": app,
        "url": "http://app.test",
        "settings": settings,
        "credentials": {},
        "connections": list(connections),
    }


@pytest.fixture
def wire(tmp_path, monkeypatch):
    monkeypatch.setattr(engine.Session, "up", lambda self, path: None)

    def run(records, kinds, check=False, secrets=None):
        ledger = Ledger(tmp_path / "wiring.json", frozen=check)
        return engine.wire_all(records, secrets or {}, ledger, 60, check, FakeClock(), kinds)

    return run


def kind(has, **members):
    return type("Kind", (Remembers,), {"has": has, **members})


def test_only_what_differs_is_written_and_check_mode_writes_nothing(wire):
    has = {"a": 1, "b": 2}
    (preview,) = wire([record(a=5)], {"memory": kind(has)}, check=True)
    assert (preview.state, preview.writes, has) == ("differs", 0, {"a": 1, "b": 2})
    (first,) = wire([record(a=5)], {"memory": kind(has)})
    assert [change.as_dict() for change in first.changes] == [{"setting": "memory: a", "before": 1, "after": 5}]
    assert (first.state, first.writes, has) == ("wired", 1, {"a": 5, "b": 2})
    (second,) = wire([record(a=5)], {"memory": kind(has)})
    assert second.as_dict() == {"service": "app", "state": "wired", "changed": False, "changes": [], "writes": 0}


def test_a_setting_that_was_not_kept_fails(wire):
    (outcome,) = wire([record(a=5)], {"memory": kind({"a": 1}, keeps=False)})
    assert outcome.state == "failed"
    assert outcome.findings[0].summary == "app did not keep a setting: memory: a is 1, not 5."


def test_one_that_breaks_does_not_stop_the_others_and_results_keep_their_order(wire):
    def broken(self):
        raise ValueError("oops")

    def refuses(self):
        raise RefusedError("log in", "b", "wrong password")

    kinds = {"memory": kind({"a": 1}), "bug": kind({}, login=broken), "refuses": kind({}, login=refuses)}
    records = [record("c", "bug"), record("b", "refuses"), record("x", "memroy"), record("a", a=1)]
    outcomes = wire(records, kinds)
    assert [(outcome.service, outcome.state) for outcome in outcomes] == [
        ("c", "failed"),
        ("b", "failed"),
        ("x", "failed"),
        ("a", "wired"),
    ]
    assert [outcome.findings[0].summary for outcome in outcomes[:3]] == [
        "Wiring c broke: ValueError: oops.",
        "Could not log in: wrong password.",
        "Could not wire it: there is no application 'memroy'.",
    ]
    assert outcomes[2].findings[0].hint == "Did you mean memory?"


def test_a_peer_is_done_before_those_that_connect_to_it(wire):
    done, guard = [], threading.Lock()

    def login(self):
        with guard:
            done.append(self.service)

    one = {"kind": "download_client", "service": "client"}
    app = {"kind": "application", "service": "app"}
    records = [record("indexer", connections=[app]), record("app", connections=[one]), record("client")]
    wire(records, {"memory": kind({}, login=login)})
    assert done == ["client", "app", "indexer"]


def test_a_circle_of_connections_is_cut():
    one = record("one", connections=[{"kind": "application", "service": "two"}])
    two = record("two", connections=[{"kind": "application", "service": "one"}])
    assert [(item["service"], peers) for item, peers in engine.order([one, two])] == [("two", set()), ("one", {"two"})]


def test_a_category_is_no_reason_to_wait():
    client = record("client", connections=[{"kind": "category", "service": "app"}])
    assert engine.order([client, record("app")])[0] == (client, set())


def test_secrets_that_an_application_told_are_masked(wire):
    kinds = {"memory": kind({"url": "http://x?key=hidden-one"})}
    (outcome,) = wire([record(url="http://x")], kinds, secrets={"app.key": "hidden-one"})
    assert outcome.changes[0].before == "http://x?key=********"
    (told,) = engine.diff([outcome])
    assert (told["before"], told["after"]) == ("memory: url: http://x?key=********\n", "memory: url: http://x\n")


def test_an_application_that_does_not_run_is_told_in_check_mode_without_a_failure(tmp_path, monkeypatch):
    def up(self, path):
        raise DOWN

    monkeypatch.setattr(engine.Session, "up", up)
    kinds = {"memory": kind({})}
    (outcome,) = engine.wire_all([record(a=5)], {}, Ledger(tmp_path / "x"), 60, True, FakeClock(), kinds)
    assert outcome.state == "pending"
    assert outcome.findings == [
        ok(
            "wiring.pending",
            "app",
            "app does not run (127.0.0.1 port 1: connection refused). It would be wired once it does.",
        )
    ]
    assert outcome.changes[0].after == 5


def test_waiting_ends_when_it_answers_and_server_errors_are_no_answer():
    talk = session({"GET /ping": [DOWN, DOWN, response(500), response(401)]})
    talk.up("/ping")
    assert talk.deadline.clock.now == 3


def test_waiting_ends_with_the_deadline_and_the_last_reason():
    talk = session({"GET /ping": [DOWN]}, seconds=120)
    with pytest.raises(DeadlineError, match=r"connection refused, after 120 s.*docker logs app"):
        talk.up("/ping")
    assert talk.deadline.clock.now == 120


def test_one_that_takes_two_minutes_to_start_is_waited_for_within_the_default_deadline():
    answers = [DOWN] * 60 + [response(503)] * 60 + [response(200)]
    talk = session({"GET /": answers}, seconds=180)
    talk.up("/")
    assert 110 < sum(talk.deadline.clock.slept) < 130


def test_in_check_mode_it_is_looked_at_once():
    talk = session({"GET /ping": [DOWN]}, check_mode=True)
    with pytest.raises(UnreachableError, match="connection refused"):
        talk.up("/ping")
    assert talk.deadline.clock.now == 0


def test_nothing_can_be_written_in_check_mode():
    talk = session({"POST /x": response()}, check_mode=True)
    with pytest.raises(RuntimeError, match="check mode"):
        talk.write("POST", "/x", "write")
    assert talk.client.asked == []
