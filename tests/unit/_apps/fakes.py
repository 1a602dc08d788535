# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client whose answers are written down, and what hangs on it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

from ansible_collections.monsterr.media.plugins.module_utils._apps.ledger import Ledger
from ansible_collections.monsterr.media.plugins.module_utils._apps.session import Session
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.http import Response

from ..clock import FakeClock


def response(status=200, body="", **headers):
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Response(status, headers, content, "http://app.test/x")


class FakeClient:
    """Gives the next written answer for a method and path; an exception is raised. `asked` is what was asked."""

    base = "http://app.test"

    def __init__(self, answers):
        self.answers, self.asked, self.headers, self.cookies = answers, [], {}, {}

    def request(self, method, path, *, attempted, deadline, **options):
        self.asked.append((f"{method} {path}", options))
        deadline.check(attempted, self.base)
        answer = self.answers[f"{method} {path}"]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        pass


def session(answers, seconds=60.0, check_mode=False):
    made = Session("app", "http://app.test", Deadline(seconds, FakeClock(0.0)), check_mode)
    made.client = FakeClient(answers)
    return made


def application(kind, answers, tmp_path: Path, check_mode=False, **record):
    """An application of `kind` whose server gives `answers`."""
    whole = {
        "service": "app",
        "settings": {},
        "credentials": {"username": "admin", "password": "now", "password_previous": "before", "api_key": "k"},
        "connections": [],
        **record,
    }
    talk = session(answers, check_mode=check_mode)
    return SimpleNamespace(app=kind(whole, talk, Ledger(tmp_path / "wiring.json")), session=talk, client=talk.client)
