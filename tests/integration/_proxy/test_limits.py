# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rate limits and headers, by the real nginx: what they stop, and what they must not touch."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._plan.web import HEADERS

pytestmark = pytest.mark.integration

LOGIN = {"login": ["/api/v2/auth/login"]}


def statuses(proxy, path, count, method="GET", at_once=16):
    """The statuses of many requests over a few connections, as a browser makes them."""

    def some(number):
        connection = proxy.connect()
        found = []
        for _each in range(number):
            connection.request(method, path, headers={"Host": proxy.site["name"], "Content-Length": "0"})
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        connection.close()
        return found

    with ThreadPoolExecutor(at_once) as pool:
        return [status for found in pool.map(some, [count // at_once] * at_once) for status in found]


def test_a_page_of_many_covers_is_not_touched(proxy):
    assert set(statuses(proxy(LOGIN), "/cover/2000", 960)) == {200}


def test_a_client_that_asks_without_end_is_told_to_wait(proxy):
    found = proxy(LOGIN, proxy_requests_per_second=1, proxy_requests_burst=20)
    answers = statuses(found, "/x", 64)
    assert (answers.count(200) >= 21, 429 in answers, set(answers) - {200, 429}) == (True, True, set())
    status, headers, body = found.ask("/x")
    assert (status, headers["retry-after"]) == (429, "30")
    assert b"Try again" in body
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/api/v2/auth/login", "/API/v2/Auth/Login", "//api/v2/./auth/login", "/api/v2/auth/login/"]
)
def test_tries_to_log_in_are_few_however_the_path_is_written(proxy, path):
    answers = statuses(proxy(LOGIN), path, 32, "POST", at_once=1)
    assert answers[:10] == [200] * 10
    assert answers[-10:] == [429] * 10


def test_only_tries_to_log_in_are_counted(proxy):
    found = proxy(LOGIN)
    assert set(statuses(found, "/api/v2/auth/login", 64)) == {200}
    assert set(statuses(found, "/api/v2/torrents/add", 64, "POST")) == {200}


def test_a_login_that_was_stopped_leaves_the_rest_alone(proxy):
    found = proxy(LOGIN)
    assert 429 in statuses(found, "/api/v2/auth/login", 32, "POST", at_once=1)
    assert found.ask("/")[0] == 200


def test_limits_can_be_switched_off(proxy):
    off = {"proxy_requests_per_second": 0, "proxy_logins_per_minute": 0, "proxy_connections": 0}
    assert set(statuses(proxy(LOGIN, **off), "/api/v2/auth/login", 64, "POST")) == {200}


def test_a_long_stream_is_not_touched(proxy):
    size = 200_000_000
    connection = proxy(LOGIN).connect()
    connection.request("GET", f"/stream/{size}", headers={"Host": "app.example.org"})
    answer, got = connection.getresponse(), 0
    while chunk := answer.read(1 << 20):
        got += len(chunk)
    assert got == size


def test_every_site_tells_browsers_to_be_careful_and_a_definition_may_differ(proxy):
    found = proxy({"headers": {"X-Frame-Options": "", "Referrer-Policy": "no-referrer", "X-Mine": "yes"}})
    _status, headers, _body = found.ask("/")
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["permissions-policy"] == HEADERS["Permissions-Policy"]
    assert (headers["referrer-policy"], headers["x-mine"]) == ("no-referrer", "yes")
    # What the site itself does not say, the application may.
    assert headers["x-frame-options"] == "ALLOWALL"


def test_the_applications_own_policy_stays_beside_ours(proxy):
    connection = proxy({}).connect()
    connection.request("GET", "/", headers={"Host": "app.example.org"})
    answer = connection.getresponse()
    policies = [value for name, value in answer.getheaders() if name.lower() == "content-security-policy"]
    assert sorted(policies) == sorted([HEADERS["Content-Security-Policy"], "default-src 'self'"])
    assert [value for name, value in answer.getheaders() if name.lower() == "x-frame-options"] == ["SAMEORIGIN"]


def test_the_log_is_json_and_has_no_query(proxy):
    found = proxy({})
    found.ask("/api?apikey=not-to-be-seen")
    text = (found.folder / "log/access.log").read_text()
    entry = json.loads(text.splitlines()[-1])
    assert (entry["method"], entry["path"], entry["status"], entry["client"]) == ("GET", "/api", 200, "127.0.0.1")
    assert "not-to-be-seen" not in text
