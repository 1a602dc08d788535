# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module `wiring` against the real qBittorrent and NZBGet, and a stand-in for Sonarr."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
import time
from urllib.parse import urlencode

import pytest
from ansible_collections.monsterr.media.plugins.modules import wiring

from ...conftest import REPOSITORY
from ..ansible_module import call

pytestmark = pytest.mark.integration

API_KEY = "sonarr.api_key"


class Stack:
    """The three applications of one host, and runs of the module on them."""

    def __init__(self, sonarr, qbittorrent, nzbget, folder):
        self.sonarr, self.qbittorrent, self.nzbget, self.folder = sonarr, qbittorrent, nzbget, folder
        self.secrets = {**sonarr.secrets, **qbittorrent.secrets, **nzbget.secrets}
        category = {"kind": "category", "service": "sonarr", "category": "sonarr"}
        self.records = [
            sonarr.record(qbittorrent.client("sonarr"), nzbget.client("sonarr")),
            qbittorrent.record(category),
            nzbget.record(category),
        ]
        for record in self.records:
            record["credentials"]["password_previous"] = f"<secret:{record['service']}.password_previous>"
            self.secrets[f"{record['service']}.password_previous"] = self.secrets[f"{record['service']}.password"]

    def parameters(self, **over):
        state = str(self.folder / "state")
        return {"wiring": self.records, "secrets": self.secrets, "state_dir": state, "deadline": 20, **over}

    def run(self, check=False, **over):
        result = call(wiring, check, **self.parameters(**over))
        said = json.dumps({key: value for key, value in result.items() if key != "invocation"})
        assert not [name for name, value in self.secrets.items() if value in said]
        return result

    def rotate(self, service, password):
        name = f"{service}.password"
        self.secrets[f"{name}_previous"], self.secrets[name] = self.secrets[name], password

    # What a person would do by hand, past us.

    def sonarr_api(self, method, path, body=None, key=None):
        headers = {"X-Api-Key": key or self.secrets[API_KEY], "Accept": "application/json"}
        status, text = ask(self.sonarr.port, method, f"/api/v3{path}", json.dumps(body) if body else None, headers)
        assert status < 300, text
        return json.loads(text)

    def sonarr_client(self, name):
        return next(item for item in self.sonarr_api("GET", "/downloadclient") if item["name"] == name)

    def change_client(self, name, **fields):
        client = self.sonarr_client(name)
        for field in client["fields"]:
            field["value"] = fields.get(field["name"], field.get("value"))
        self.sonarr_api("PUT", f"/downloadclient/{client['id']}?forceSave=true", client)

    def change_config(self, name, **values):
        self.sonarr_api("PUT", f"/config/{name}/1", {**self.sonarr_api("GET", f"/config/{name}"), **values})

    def sonarr_lets_in(self, password):
        form = urlencode({"username": "admin", "password": password})
        return b"loginFailed" not in ask(self.sonarr.port, "POST", "/login", form, FORM, location=True)

    def qbittorrent_session(self, password):
        form = urlencode({"username": "admin", "password": password})
        status, text, cookie = ask(self.qbittorrent.port, "POST", "/api/v2/auth/login", form, FORM, cookie=True)
        return {"Cookie": cookie} if (status, text) == (200, "Ok.") else None

    def qbittorrent_api(self, method, path, form=None):
        headers = {**FORM, **self.qbittorrent_session(self.secrets["qbittorrent.password"])}
        status, text = ask(self.qbittorrent.port, method, f"/api/v2{path}", form and urlencode(form), headers)
        assert status == 200, text
        return json.loads(text) if text else None

    def nzbget_call(self, method, *params, password=None):
        token = base64.b64encode(f"admin:{password or self.secrets['nzbget.password']}".encode()).decode()
        body = json.dumps({"method": method, "params": params})
        status, text = ask(self.nzbget.port, "POST", "/jsonrpc", body, {"Authorization": f"Basic {token}"})
        return json.loads(text)["result"] if status == 200 else None

    def nzbget_options(self, method="config"):
        return {item["Name"]: item["Value"] for item in self.nzbget_call(method)}


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(port, method, path, body=None, headers=None, location=False, cookie=False):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        if location:
            return (answer.headers["Location"] or "").encode()
        return (answer.status, text, (answer.headers["Set-Cookie"] or "").split(";")[0])[: 3 if cookie else 2]
    finally:
        connection.close()


def changes(result):
    return {
        f"{item['service']}: {change['setting']}": (change["before"], change["after"])
        for item in result["results"]
        for change in item["changes"]
    }


def problems(result):
    return {item["target"]: item["summary"] for item in result["findings"] if item["status"] != "ok"}


def states(result):
    return {item["service"]: item["state"] for item in result["results"]}


def is_quiet(result):
    return not result["changed"] and result["writes"] == 0 and not problems(result) and not result.get("failed")


@pytest.fixture
def stack(sonarr, qbittorrent, nzbget, tmp_path):
    return Stack(sonarr, qbittorrent, nzbget, tmp_path)


@pytest.fixture
def wired(stack):
    result = stack.run()
    assert not problems(result)
    return stack


def test_the_first_run_wires_and_the_second_sends_no_write(stack):
    preview = stack.run(check=True)
    assert states(preview) == {"sonarr": "differs", "qbittorrent": "differs", "nzbget": "differs"}
    assert stack.sonarr.writes() == []
    assert stack.sonarr_api("GET", "/rootfolder") == []

    first = stack.run()
    assert not problems(first)
    assert [item["service"] for item in first["results"]] == ["sonarr", "qbittorrent", "nzbget"]
    assert changes(first) == changes(preview)
    for title, app in (("qBittorrent", stack.qbittorrent), ("NZBGet", stack.nzbget)):
        client = stack.sonarr_client(title)
        fields = {field["name"]: field.get("value") for field in client["fields"]}
        assert client["enable"]
        assert (fields["host"], fields["port"], fields["tvCategory"]) == ("127.0.0.1", app.port, "sonarr")
    assert [item["path"] for item in stack.sonarr_api("GET", "/rootfolder")] == [f"{stack.folder}/data/media/tv"]
    assert stack.sonarr_api("GET", "/config/host")["analyticsEnabled"] is False
    assert stack.sonarr_lets_in(stack.secrets["sonarr.password"])
    categories = stack.qbittorrent_api("GET", "/torrents/categories")
    assert categories["sonarr"]["savePath"] == f"{stack.folder}/data/torrents/sonarr"
    options = stack.nzbget_options()
    assert (options["Category1.Name"], options["Category1.DestDir"]) == (
        "sonarr",
        f"{stack.folder}/data/usenet/complete/sonarr",
    )

    sent = stack.sonarr.writes()
    assert is_quiet(stack.run())
    assert is_quiet(stack.run(check=True))
    assert stack.sonarr.writes() == sent
    assert (stack.folder / "state" / "wiring.json").stat().st_mode & 0o777 == 0o600


def test_no_application_takes_a_default_login(wired):
    assert wired.qbittorrent_session("adminadmin") is None
    assert wired.nzbget_call("version", password="tegbzn6789") is None
    assert ask(wired.nzbget.port, "GET", "/jsonrpc/version")[0] == 401
    assert not wired.sonarr_lets_in("")


def test_settings_changed_by_hand_are_told_and_put_back(wired):
    wired.change_config("mediamanagement", copyUsingHardlinks=False, recycleBin="/kept")
    wired.change_client("qBittorrent", tvCategory="tv", recentTvPriority=1)
    wired.qbittorrent_api("POST", "/app/setPreferences", {"json": json.dumps({"upnp": True, "dht": False})})
    wired.qbittorrent_api("POST", "/torrents/editCategory", {"category": "sonarr", "savePath": "/elsewhere"})
    options = [
        {"Name": name, "Value": "no" if name == "AppendCategoryDir" else value}
        for name, value in wired.nzbget_options("loadconfig").items()
    ]
    wired.nzbget_call("saveconfig", options)

    expected = {
        "sonarr: mediamanagement: copyUsingHardlinks": (False, True),
        "sonarr: download client qBittorrent: tvCategory": ("tv", "sonarr"),
        "qbittorrent: preferences: upnp": (True, False),
        "qbittorrent: category sonarr: path": ("/elsewhere", f"{wired.folder}/data/torrents/sonarr"),
        "nzbget: options: AppendCategoryDir": ("no", "yes"),
    }
    preview = wired.run(check=True)
    assert changes(preview) == expected
    sonarr = next(part for part in preview["diff"] if part["before_header"] == "sonarr")
    assert "download client qBittorrent: tvCategory: tv\n" in sonarr["before"]
    assert "download client qBittorrent: tvCategory: sonarr\n" in sonarr["after"]

    assert changes(wired.run()) == expected
    assert is_quiet(wired.run())
    # What nobody mentioned stays as the user has it.
    assert wired.sonarr_api("GET", "/config/mediamanagement")["recycleBin"] == "/kept"
    assert wired.qbittorrent_api("GET", "/app/preferences")["dht"] is False
    fields = {item["name"]: item.get("value") for item in wired.sonarr_client("qBittorrent")["fields"]}
    assert fields["recentTvPriority"] == 1


def test_a_masked_secret_is_never_written_back(wired):
    wired.change_client("NZBGet", tvCategory="tv")
    wired.run()
    stored = json.loads((wired.sonarr.config / "standin.json").read_text())["downloadclient"]
    fields = {
        field["name"]: field.get("value") for item in stored for field in item["fields"] if item["name"] == "NZBGet"
    }
    assert fields["password"] == wired.secrets["nzbget.password"]


@pytest.mark.parametrize("remembered", [True, False])
def test_a_secret_changed_behind_our_back_is_found_and_put_back(wired, remembered):
    wired.change_client("qBittorrent", password="changed by hand")
    wired.change_client("NZBGet", password="changed by hand")
    if not remembered:
        (wired.folder / "state" / "wiring.json").unlink()
    expected = {
        "sonarr: download client qBittorrent: password": ("******** (not ours)", "********"),
        "sonarr: download client NZBGet: password": ("******** (not ours)", "********"),
    }
    assert changes(wired.run(check=True)) == expected
    assert changes(wired.run()) == expected
    assert is_quiet(wired.run())


def test_an_admin_password_changed_by_hand_is_found_and_put_back(wired):
    wired.change_config("host", password="changed by hand", passwordConfirmation="changed by hand")
    assert changes(wired.run(check=True)) == {"sonarr: host: password": ("******** (not ours)", "********")}
    assert not wired.sonarr_lets_in(wired.secrets["sonarr.password"])
    wired.run()
    assert wired.sonarr_lets_in(wired.secrets["sonarr.password"])
    logins = wired.sonarr.asked().count("POST /login")
    assert is_quiet(wired.run())
    assert wired.sonarr.asked().count("POST /login") == logins + 1


@pytest.mark.parametrize("remembered", [True, False])
def test_rotated_passwords_reach_everyone_in_one_run(wired, remembered):
    for service in ("sonarr", "qbittorrent", "nzbget"):
        wired.rotate(service, f"the next password of {service}")
    if not remembered:
        (wired.folder / "state" / "wiring.json").unlink()
    expected = {
        "sonarr: host: password",
        "sonarr: download client qBittorrent: password",
        "sonarr: download client NZBGet: password",
        "qbittorrent: password",
        "nzbget: options: ControlPassword",
    }
    assert set(changes(wired.run())) == expected
    assert wired.qbittorrent_session(wired.secrets["qbittorrent.password_previous"]) is None
    assert wired.qbittorrent_session(wired.secrets["qbittorrent.password"])
    assert wired.nzbget_call("version", password=wired.secrets["nzbget.password_previous"]) is None
    assert wired.sonarr_lets_in(wired.secrets["sonarr.password"])
    assert is_quiet(wired.run())


def test_a_wrong_api_key_is_said_and_stops_nobody_else(stack):
    stack.secrets[API_KEY] = "f" * 32
    result = stack.run()
    assert result["failed"]
    assert states(result) == {"sonarr": "failed", "qbittorrent": "wired", "nzbget": "wired"}
    (summary,) = problems(result).values()
    assert "it does not take our API key" in summary


def test_an_application_that_is_down_is_waited_for_and_told(stack):
    stack.sonarr.stop()
    preview = stack.run(check=True)
    assert states(preview)["sonarr"] == "pending"
    assert not preview.get("failed") and not problems(preview)
    assert "It would be wired once it does." in preview["findings"][0]["summary"]
    assert "sonarr: download client NZBGet: tvCategory" in changes(preview)

    result = stack.run(deadline=5)
    assert states(result) == {"sonarr": "failed", "qbittorrent": "wired", "nzbget": "wired"}
    assert "connection refused, after 5 s" in next(iter(problems(result).values()))
    stack.sonarr.start()
    assert not problems(stack.run())
    assert is_quiet(stack.run())


def test_an_application_that_starts_slowly_is_waited_for(stack):
    stack.sonarr.stop()
    stack.sonarr.environment["STANDIN_SLOW_START"] = "2"
    stack.sonarr.start(wait=False)
    assert not problems(stack.run())


def test_a_peer_that_is_down_is_told_and_the_rest_is_set(stack):
    stack.qbittorrent.stop()
    result = stack.run(deadline=5)
    assert states(result) == {"sonarr": "failed", "qbittorrent": "failed", "nzbget": "wired"}
    assert problems(result)["sonarr"] == "sonarr cannot use qBittorrent: Unable to connect to qBittorrent (Host)."
    assert stack.sonarr_client("qBittorrent")
    stack.qbittorrent.start()
    back = stack.run()
    assert not problems(back)
    assert {name.split(":")[0] for name in changes(back)} == {"qbittorrent"}
    assert is_quiet(stack.run())


def test_a_call_that_hangs_ends_with_the_deadline(stack):
    stack.sonarr.stop()
    stack.sonarr.environment["STANDIN_HANG"] = "/api/v3/config/naming"
    stack.sonarr.start()
    start = time.monotonic()
    result = stack.run(deadline=5)
    assert time.monotonic() - start < 12
    assert states(result) == {"sonarr": "failed", "qbittorrent": "wired", "nzbget": "wired"}
    (summary,) = problems(result).values()
    assert summary.startswith("Could not read the naming settings: no whole answer after ")


def test_a_setting_that_is_not_kept_is_told(stack):
    stack.sonarr.stop()
    stack.sonarr.environment["STANDIN_DROPS"] = "naming.renameEpisodes"
    stack.sonarr.start()
    assert problems(stack.run()) == {
        "sonarr": "sonarr did not keep a setting: naming: renameEpisodes is False, not True."
    }


def test_a_setting_that_does_not_exist_is_told_with_the_nearest_and_the_rest_is_set(stack):
    sonarr, qbittorrent, nzbget = (record["settings"] for record in stack.records)
    sonarr["config"]["mediamanagement"]["copyUsingHardlink"] = False
    qbittorrent["preferences"]["save_pth"] = "/x"
    nzbget["options"]["MainDirs"] = "/x"
    result = stack.run()
    hints = {item["summary"]: item["hint"] for item in result["findings"] if item["status"] == "fail"}
    assert hints == {
        "sonarr has no setting copyUsingHardlink (mediamanagement).": "Did you mean copyUsingHardlinks?",
        "qbittorrent has no setting save_pth (preferences).": "Did you mean save_path?",
        "nzbget has no setting MainDirs (options).": "Did you mean MainDir?",
    }
    assert changes(result)["sonarr: naming: renameEpisodes"] == (False, True)
    assert stack.run()["writes"] == 0


def test_a_root_folder_that_is_missing_is_told_with_the_reason(stack):
    stack.records[0]["settings"]["root_folders"] = [f"{stack.folder}/nowhere"]
    result = stack.run()
    assert "does not exist" in problems(result)[f"http://127.0.0.1:{stack.sonarr.port}/api/v3/rootfolder"]
    assert stack.sonarr_client("qBittorrent")


def test_a_password_that_is_not_ours_is_tried_twice_at_most(stack):
    stack.rotate("qbittorrent", "not what it has")
    stack.rotate("qbittorrent", "nor this")
    for _run in range(2):
        result = stack.run(wiring=stack.records[1:2])
        (summary,) = problems(result).values()
        assert summary == "Could not log in: it does not take the password that we set."
    # Four wrong ones so far: the fifth is the one that bans.
    stack.run(wiring=stack.records[1:2])
    result = stack.run(wiring=stack.records[1:2])
    assert "it has banned this host's address" in next(iter(problems(result).values()))


def test_a_run_killed_after_any_write_is_finished_by_the_next(stack):
    driver = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import tests.conftest
from pathlib import Path
from ansible_collections.monsterr.media.plugins.module_utils._apps import engine, ledger, registry, session
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Clock
asked = session.Session.ask
def write(self, *arguments, **options):
    asked(self, *arguments, **options)
    os._exit(9)
session.Session.write = write
given = json.load(sys.stdin)
book = ledger.Ledger(Path(given["state_dir"], "wiring.json"))
engine.wire_all(given["wiring"], given["secrets"], book, 20, False, Clock(), registry.APPLICATIONS)
"""
    given = json.dumps(stack.parameters()).encode()
    codes = []
    for _run in range(20):
        command = [sys.executable, "-c", driver, str(REPOSITORY)]
        codes.append(subprocess.run(command, input=given, check=False).returncode)
        if codes[-1] == 0:
            break
        time.sleep(0.2)
    assert codes[-1] == 0
    assert codes.count(9) >= 8
    assert is_quiet(stack.run())
    assert stack.nzbget_options()["Category1.Name"] == "sonarr"
