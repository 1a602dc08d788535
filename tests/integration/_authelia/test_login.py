# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Browsers, programs and intruders before the login."""

from __future__ import annotations

import http.client
import http.cookies
import json
import re
import socket
import ssl
import time
import urllib.parse
from base64 import b32decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from .conftest import USERS, World

SONARR, QBITTORRENT, NZBGET, PORTAL = (f"{name}.example.org" for name in ("sonarr", "qbittorrent", "nzbget", "auth"))


class Connection(http.client.HTTPSConnection):
    """To nginx on loopback, by the name of a site."""

    def connect(self) -> None:
        context = ssl._create_unverified_context()
        self.sock = context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), 10), server_hostname=self.host
        )


class Browser:
    """Keeps cookies; knows one user."""

    def __init__(self, world: World, name: str = "") -> None:
        self.world, self.name, self.cookies = world, name, {}

    def ask(self, site: str, path: str, body: Any = None, method: str = "", **headers: str) -> tuple[int, str, str]:
        """Status, body and Location."""
        connection = Connection(site, self.world.port)
        try:
            given = {key.replace("_", "-"): value for key, value in headers.items()}
            given |= {
                "Cookie": "; ".join(f"{key}={value}" for key, value in self.cookies.items()),
                "Accept": "text/html",
            }
            text = None if body is None else json.dumps(body)
            given |= {"Content-Type": "application/json"} if text else {}
            connection.putrequest(method or ("POST" if text else "GET"), path, skip_host=True)
            connection.putheader("Host", site)
            for key, value in (given | ({"Content-Length": str(len(text))} if text else {})).items():
                connection.putheader(key, value)
            connection.endheaders(text.encode() if text else None)
            answer = connection.getresponse()
            for line in answer.msg.get_all("Set-Cookie") or ():
                for key, morsel in http.cookies.SimpleCookie(line).items():
                    self.cookies[key] = morsel.value
            return answer.status, answer.read().decode(errors="replace"), answer.getheader("Location") or ""
        finally:
            connection.close()

    def log_in(self, password: str = "") -> int:
        asked = {"username": self.name, "password": password or USERS[self.name]["password"], "keepMeLoggedIn": False}
        return self.ask(PORTAL, "/api/firstfactor", asked)[0]

    def register(self) -> TOTP:
        """A device for codes: proven by the code in the letter, as the portal does it."""
        status, said, _ = self.ask(PORTAL, "/api/user/session/elevation", method="POST")
        assert status == 200, said
        letter = (self.world.config / "notification.txt").read_text()
        code = re.search(r"^\s*([A-Z0-9]{8})\s*$", letter, re.MULTILINE)[1]
        assert self.ask(PORTAL, "/api/user/session/elevation", {"otc": code}, method="PUT")[0] == 200
        asked = {"algorithm": "SHA1", "length": 6, "period": 30}
        status, said, _ = self.ask(PORTAL, "/api/secondfactor/totp/register", asked, method="PUT")
        assert status == 200, said
        secret = json.loads(said)["data"]["base32_secret"]
        device = TOTP(b32decode(secret + "=" * (-len(secret) % 8)), 6, SHA1(), 30, enforce_key_length=False)
        now = device.generate(int(time.time()) - 30).decode()
        status, said, _ = self.ask(PORTAL, "/api/secondfactor/totp/register", {"token": now}, method="POST")
        assert status == 200, said
        return device

    def second(self, code: str) -> int:
        return self.ask(PORTAL, "/api/secondfactor/totp", {"token": code})[0]


@pytest.fixture(scope="module")
def anna(world: World) -> Browser:
    """Somebody who has passed both factors."""
    browser = Browser(world, "anna")
    assert browser.log_in() == 200
    assert browser.ask(SONARR, "/")[0] == 302, "one factor is not enough"
    device = browser.register()
    assert browser.second("000000") != 200
    assert browser.second(device.generate(int(time.time())).decode()) == 200
    return browser


def test_nobody_is_sent_to_the_portal(world: World) -> None:
    status, _, where = Browser(world).ask(SONARR, "/calendar?a=1")
    assert status == 302
    assert where.startswith(f"https://{PORTAL}/?rd=")
    assert urllib.parse.quote(f"https://{SONARR}/calendar?a=1", safe="") in where


def test_two_factors_reach_the_service(anna: Browser) -> None:
    assert anna.ask(SONARR, "/calendar?a=1")[:2] == (200, "application /calendar?a=1")


def test_who_has_no_right_is_refused(world: World) -> None:
    ben = Browser(world, "ben")
    assert ben.log_in() == 200
    assert ben.ask(SONARR, "/")[0] == 403
    assert ben.ask(QBITTORRENT, "/")[0] == 200


def test_a_wrong_password_and_a_disabled_user_are_refused(world: World) -> None:
    assert Browser(world, "ben").log_in("a guess") == 401
    assert Browser(world, "cora").log_in() == 401


def test_a_public_service_asks_for_nothing(world: World) -> None:
    assert Browser(world).ask(NZBGET, "/")[0] == 200


def test_a_bypass_path_leads_to_the_applications_own_guard(world: World) -> None:
    assert Browser(world).ask(SONARR, "/api/v3/series")[0] == 401
    assert Browser(world).ask(SONARR, "/api/v3/series", X_Api_Key="key")[:2] == (200, "application /api/v3/series")


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "//api",
        "//api/v3",
        "/./settings",
        "/api/../settings",
        "/api/..",
        "/api/./x",
        "/api//x",
        "/api/%2e%2e/settings",
        "/api/..%2fsettings",
        "/api%2f..%2fsettings",
        "/api/%2E%2E%2Fsettings",
        "/api/..;/settings",
        "/api/x;/../settings",
        "/API/v3",
        "/Api",
        "/apis",
        "/%61pi/../x",
        "/api/%252e%252e/settings",
        "/api/..\\settings",
        "/api/%5c..%5csettings",
        "/x/../api/../settings",
        "/settings?/api/",
        "/settings#/api/",
        "https://sonarr.example.org/api/../settings",
        "/api/%00/../settings",
        "/%2fapi/",
        "/x/%2e%2e/settings",
    ],
)
def test_no_spelling_of_a_path_gets_past_the_login(world: World, path: str) -> None:
    status, said, _ = Browser(world).ask(SONARR, path, X_Api_Key="key")
    assert status in (302, 400, 401, 403, 500)
    assert "application" not in said


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Original_URL": f"https://{NZBGET}/"},
        {"X_Original_URL": f"https://{SONARR}/api/v3"},
        {"X_Original_URI": "/api/v3", "X_Original_Method": "OPTIONS"},
        {"X_Forwarded_Host": NZBGET, "X_Forwarded_URI": "/api/v3"},
        {"X_Forwarded_For": "127.0.0.1", "X_Forwarded_Proto": "https", "X_Real_IP": "127.0.0.1"},
        {"X_Forwarded_Method": "OPTIONS", "X_HTTP_Method_Override": "OPTIONS"},
        {"X_Rewrite_URL": "/api/v3"},
        {"Remote_User": "anna", "Remote_Groups": "family"},
        {"Authorization": "Basic YW5uYTpjb3JyZWN0IGhvcnNlIGJhdHRlcnk="},
        {"Authorization": "Bearer authelia_at_x"},
    ],
)
def test_no_header_gets_past_the_login(world: World, headers: dict[str, str]) -> None:
    status, said, _ = Browser(world).ask(SONARR, "/settings", **headers)
    assert status == 302
    assert "application" not in said


def test_the_question_to_the_login_cannot_be_asked_from_outside(world: World) -> None:
    assert Browser(world).ask(SONARR, "/monsterr-login")[0] == 404


def test_a_password_of_ones_own_stays_until_it_is_reset(world: World) -> None:
    path = world.config / "users_database.yml"
    before = path.read_text()
    line = re.search(r"ben:.*?password: (\S+)", before, re.DOTALL)[1]
    path.write_text(before.replace(line, "$argon2id$v=19$m=65536,t=3,p=4$b3du$b3du"))
    again = world.users()
    assert not again["changed"]
    assert "ben's own password" in again["findings"][0]["summary"]
    users = [user | ({"reset": 1} if user["name"] == "ben" else {}) for user in world.host["login"]["users"]]
    assert world.users(users=users)["changes"] == ["ben changed: password"]
    assert world.users()["changed"]
    assert path.read_text() == before


def test_logged_out_is_out(world: World, anna: Browser) -> None:
    assert anna.ask(SONARR, "/")[0] == 200
    assert anna.ask(PORTAL, "/api/logout", {})[0] == 200
    assert anna.ask(SONARR, "/")[0] == 302


def test_guessing_is_stopped(world: World) -> None:
    """Regulation: after five wrong passwords even the right one is refused."""
    for _ in range(5):
        assert Browser(world, "anna").log_in("a guess") == 401
    assert Browser(world, "anna").log_in() == 401
