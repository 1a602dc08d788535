# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All applications of one host wired together: stand-ins, with the real qBittorrent and NZBGet among them.

What holds for each of them: nothing to do the second time, a hand's change put back, a peer that is gone taken out, a
wrong key told, one that is down or slow left alone, a rotated password.
"""

from __future__ import annotations

import http.client
import json
import threading
import time

import pytest
from ansible_collections.monsterr.media.plugins.modules import wiring

from ..ansible_module import call
from . import conftest as programs

pytestmark = pytest.mark.integration

ARRS = ("sonarr", "radarr", "lidarr", "readarr")
KINDS = ("Sonarr", "Radarr", "Lidarr", "Readarr", "Prowlarr", "Bazarr", "Plex", "Audiobookshelf")
REAL = ("QBittorrent", "NZBGet")
STAND_INS = tuple(kind.lower() for kind in KINDS)
INDEXER = {
    "implementation": "Newznab",
    "fields": {"baseUrl": "http://127.0.0.1:9", "apiKey": "<secret:prowlarr.mine>"},
    "tags": ["news"],
    "priority": 10,
    "enable": False,
}


class Family:
    """The applications, and runs of the module on them."""

    def __init__(self, folder, *more):
        self.folder = folder
        self.apps = {kind.lower(): programs.made(getattr(programs, kind), folder) for kind in (*KINDS, *REAL, *more)}
        self.apps["audiobookshelf"].environment["STANDIN_LOGINS"] = "1000"
        self.indexers = {"Mine": INDEXER}
        self.secrets = {"prowlarr.mine": "an indexer's key"}
        for app in self.apps.values():
            self.secrets |= app.secrets
            for name, value in app.secrets.items():
                self.secrets[f"{name}_previous"] = value
        self.gone = set()

    def start(self):
        for app in self.apps.values():
            app.start()

    def stop(self):
        for app in self.apps.values():
            app.stop()

    def records(self):
        apps = {name: app for name, app in self.apps.items() if name not in self.gone}
        peers = {name: [] for name in apps}
        for name in ARRS:
            for client in ("qbittorrent", "nzbget"):
                if name in apps and client in apps:
                    peers[name].append(apps[client].connection("download_client", apps[name]))
                    peers[client].append({"kind": "category", "service": name, "category": name})
            if name in apps and "plex" in apps and name != "readarr":
                peers[name].append(apps["plex"].connection("media_server", apps[name]))
            if name in apps and "prowlarr" in apps:
                peers["prowlarr"].append(apps[name].connection("application", apps["prowlarr"]))
            if name in apps and "bazarr" in apps and name in ("sonarr", "radarr"):
                peers["bazarr"].append(apps[name].connection("manager", apps["bazarr"]))
        found = []
        for name, app in apps.items():
            record = app.record(*peers[name])
            for word in ("password", "api_key"):
                if f"{name}.{word}" in app.secrets:
                    record["credentials"][f"{word}_previous"] = f"<secret:{name}.{word}_previous>"
            if name == "prowlarr":
                record["settings"]["indexers"] = self.indexers
            found.append(record)
        return found

    def run(self, check=False, deadline=30, **over):
        state = str(self.folder / "state")
        parameters = {
            "wiring": self.records(),
            "secrets": self.secrets,
            "state_dir": state,
            "deadline": deadline,
            **over,
        }
        result = call(wiring, check, **parameters)
        said = json.dumps({key: value for key, value in result.items() if key != "invocation"})
        assert not [name for name, value in self.secrets.items() if value in said]
        return result

    def state(self, name):
        """What a stand-in has stored."""
        return json.loads((self.apps[name].config / "standin.json").read_text())

    def edit(self, name, change):
        """Change a stand-in's state as a person would by its page: here, while it is stopped."""
        self.apps[name].stop()
        path = self.apps[name].config / "standin.json"
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))
        self.apps[name].start()


def changes(result, service=""):
    return {
        f"{item['service']}: {change['setting']}"
        for item in result["results"]
        for change in item["changes"]
        if service in ("", item["service"])
    }


def problems(result):
    return {item["target"]: item["summary"] for item in result["findings"] if item["status"] != "ok"}


def states(result):
    return {item["service"]: item["state"] for item in result["results"]}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The family after its first run, with what the run before it in check mode and the run itself said."""
    family = Family(tmp_path_factory.mktemp("family"))
    family.start()
    yield family, family.run(check=True), family.run()
    family.stop()


@pytest.fixture
def family(first):
    family, _preview, result = first
    assert not problems(result)
    return family


def test_the_first_run_does_what_check_mode_said_and_the_second_sends_no_write(first):
    family, preview, result = first
    assert not problems(result)
    assert set(states(result).values()) == {"wired"}
    # A server without a first user cannot be asked what it has: check mode says all of it.
    foretold = {name for name in changes(preview) if not name.startswith("audiobookshelf")}
    assert foretold - changes(result) == set()
    assert {"sonarr", "plex", "bazarr", "audiobookshelf", "prowlarr"} <= {
        name.split(":")[0] for name in changes(preview)
    }
    before = {name: len(family.apps[name].writes()) for name in STAND_INS}
    again = family.run()
    assert (again["writes"], again["changed"], problems(again)) == (0, False, {})
    after = {name: family.apps[name].writes()[before[name] :] for name in STAND_INS}
    assert {name: lines for name, lines in after.items() if lines} == {}


def test_all_know_each_other(family):
    for name in ARRS:
        clients = {item["name"] for item in family.state(name)["downloadclient"]}
        assert clients == {"qBittorrent", "NZBGet"}, name
    assert {item["name"] for item in family.state("prowlarr")["applications"]} == {
        "Sonarr", "Radarr", "Lidarr", "Readarr",
    }  # fmt: skip
    assert [item["name"] for item in family.state("sonarr")["notification"]] == ["Plex"]
    assert [item["name"] for item in family.state("sonarr")["indexer"]] == ["Mine (Prowlarr)"]
    bazarr = family.state("bazarr")["settings"]
    assert (bazarr["general"]["use_sonarr"], bazarr["sonarr"]["port"]) == (True, family.apps["sonarr"].port)
    assert bazarr["general"]["serie_default_profile"] == "1"
    plex = family.state("plex")
    assert plex["claimed"]
    assert {(item["title"], item["type"]) for item in plex["sections"]} == {
        ("Movies", "movie"), ("TV Shows", "show"), ("Music", "artist"),
    }  # fmt: skip
    assert {item["name"] for item in family.state("audiobookshelf")["libraries"]} == {"Audiobooks", "Podcasts"}


def test_quality_profiles_and_formats_are_as_the_definition_says(family):
    data = family.state("radarr")
    profile = next(item for item in data["qualityprofile"] if item["name"] == "HD")
    names = {(item.get("quality") or item)["id"]: (item.get("quality") or item)["name"] for item in profile["items"]}
    assert names[profile["cutoff"]] == "Bluray-1080p"
    allowed = [(item.get("quality") or item)["name"] for item in profile["items"] if item["allowed"]]
    assert "WEB 1080p" in allowed and "SDTV" not in allowed
    assert {item["name"]: item["score"] for item in profile["formatItems"]}["Filmed in a cinema"] == -10000


def named(items, name):
    return next(item for item in items if name in (item.get("name"), item.get("title")))


def set_in(*path, value):
    def change(data):
        place = data
        for key in path[:-1]:
            place = (
                next(item for item in place if item.get("name", item.get("title")) == key)
                if isinstance(place, list)
                else place[key]
            )
        place[path[-1]] = value

    return change


HANDS = {
    "sonarr": (set_in("configs", "naming", "renameEpisodes", value=False), "naming: renameEpisodes"),
    "radarr": (
        set_in("customformat", "Repack or Proper", "specifications", value=[]),
        "custom format Repack or Proper",
    ),
    "lidarr": (set_in("rootfolder", "Music", "name", value="Mine"), "root folder"),
    "readarr": (set_in("configs", "mediamanagement", "copyUsingHardlinks", value=False), "copyUsingHardlinks"),
    "prowlarr": (set_in("applications", "Sonarr", "syncLevel", value="disabled"), "application Sonarr: syncLevel"),
    "bazarr": (set_in("settings", "general", "auto_update", value=True), "general: auto_update"),
    "plex": (set_in("sections", "Movies", "language", value="de-DE"), "library Movies: language"),
    "audiobookshelf": (set_in("server", "backupsToKeep", value=9), "server: backupsToKeep"),
}


@pytest.mark.parametrize("name", HANDS)
def test_a_change_by_hand_is_found_in_check_mode_and_put_back(family, name):
    change, setting = HANDS[name]
    family.edit(name, change)
    looked = family.run(check=True)
    assert states(looked)[name] == "differs"
    assert any(setting in item for item in changes(looked, name)), changes(looked)
    assert changes(looked) == changes(looked, name)
    family.run()
    assert not family.run(check=True)["changed"]


@pytest.mark.parametrize("name", ["sonarr", "radarr", "lidarr", "prowlarr"])
def test_a_secret_changed_by_hand_is_found_and_put_back(family, name):
    kind = "applications" if name == "prowlarr" else "downloadclient"

    def spoil(data):
        fields = {field["name"]: field for field in data[kind][0]["fields"]}
        fields["apiKey" if name == "prowlarr" else "password"]["value"] = "spoilt"

    family.edit(name, spoil)
    looked = family.run(check=True)
    assert [item for item in changes(looked, name) if item.endswith(("password", "apiKey"))], looked["findings"]
    assert not problems(family.run())
    assert not family.run(check=True)["changed"]


@pytest.mark.parametrize("name", ["sonarr", "radarr", "bazarr", "audiobookshelf"])
def test_a_rotated_password_is_given(family, name):
    key = f"{name}.password"
    family.secrets[f"{key}_previous"], family.secrets[key] = family.secrets[key], f"another password for {name}"
    looked = family.run(check=True)
    assert [item for item in changes(looked, name) if "password" in item]
    assert not problems(family.run())
    again = family.run()
    assert (again["writes"], problems(again)) == (0, {})


def test_a_rotated_key_of_bazarr_is_given(family):
    key = "bazarr.api_key"
    family.secrets[f"{key}_previous"], family.secrets[key] = family.secrets[key], "another0123456789abcdef012345678"
    looked = family.run(check=True)
    assert [item for item in changes(looked, "bazarr") if "API key" in item]
    assert not problems(family.run())
    assert family.state("bazarr")["settings"]["auth"]["apikey"] == family.secrets[key]
    again = family.run()
    assert (again["writes"], problems(again)) == (0, {})


@pytest.mark.parametrize("name", ["sonarr", "bazarr", "plex"])
def test_a_wrong_key_is_told_and_the_others_go_on(family, name):
    key = "plex.account_token" if name == "plex" else f"{name}.api_key"
    right, family.secrets[key] = family.secrets[key], "wrong" * 6
    try:
        result = family.run(deadline=8)
        assert states(result)[name] == "failed"
        assert "does not take" in problems(result)[name]
        assert states(result)["audiobookshelf"] == "wired"
    finally:
        family.secrets[key] = right
        family.run()


@pytest.mark.parametrize("name", STAND_INS)
def test_one_that_is_down_is_told_and_the_others_go_on(family, name):
    family.apps[name].stop()
    try:
        looked = family.run(check=True)
        assert states(looked)[name] == "pending"
        assert changes(looked, name)
        result = family.run(deadline=4)
        assert states(result)[name] == "failed"
        assert states(result)["nzbget"] == "wired"
    finally:
        family.apps[name].start()
    assert not problems(family.run())


def test_one_that_starts_slowly_is_waited_for(family):
    app = family.apps["lidarr"]
    app.stop()
    app.environment["STANDIN_SLOW_START"] = "4"
    try:
        app.start(wait=False)
        began = time.monotonic()
        assert not problems(family.run())
        assert time.monotonic() - began > 2
    finally:
        del app.environment["STANDIN_SLOW_START"]


@pytest.mark.parametrize(
    ("name", "path"), [("plex", "/:/prefs"), ("bazarr", "/api/system/settings"), ("radarr", "/api/v3/customformat")]
)
def test_a_call_that_hangs_ends_with_the_deadline(family, name, path):
    app = family.apps[name]
    app.stop()
    app.environment["STANDIN_HANG"] = path
    try:
        app.start()
        began = time.monotonic()
        result = family.run(deadline=5)
        assert time.monotonic() - began < 25
        assert states(result)[name] == "failed"
    finally:
        app.stop()
        del app.environment["STANDIN_HANG"]
        app.start()
    assert not problems(family.run())


def test_a_setting_that_is_silently_dropped_is_told(family):
    app = family.apps["audiobookshelf"]
    app.stop()
    app.environment["STANDIN_DROPS"] = "server.backupsToKeep"
    app.definition["settings"]["server"]["backupsToKeep"] = 5
    try:
        app.start()
        assert "did not keep" in problems(family.run())["audiobookshelf"]
    finally:
        app.stop()
        del app.environment["STANDIN_DROPS"]
        app.definition["settings"]["server"]["backupsToKeep"] = 2
        app.start()
    assert not problems(family.run())


def test_one_that_left_the_inventory_is_taken_out_of_the_others_and_comes_back(family):
    family.gone = {"radarr", "plex", "nzbget"}
    family.secrets = {name: value for name, value in family.secrets.items() if name.split(".")[0] not in family.gone}
    family.secrets |= {f"{name}": value for app in family.gone for name, value in family.apps[app].secrets.items()}
    looked = family.run(check=True)
    assert {"sonarr: download client NZBGet", "sonarr: notification Plex", "prowlarr: application Radarr"} <= changes(
        looked
    )
    assert not problems(family.run())
    assert [item["name"] for item in family.state("sonarr")["downloadclient"]] == ["qBittorrent"]
    assert family.state("sonarr")["notification"] == []
    assert "Radarr" not in {item["name"] for item in family.state("prowlarr")["applications"]}
    assert family.state("bazarr")["settings"]["general"]["use_radarr"] is False
    assert not family.run()["writes"]
    family.gone = set()
    for app in family.apps.values():
        for name, value in app.secrets.items():
            family.secrets.setdefault(name, value)
            family.secrets.setdefault(f"{name}_previous", family.secrets[name])
    assert not problems(family.run())
    assert not family.run()["writes"]


def test_what_a_user_added_stays_unless_the_inventory_is_all_there_is(family):
    def add(data):
        data["downloadclient"].append({**data["downloadclient"][0], "id": 900, "name": "By hand"})
        data["customformat"].append({**data["customformat"][0], "id": 901, "name": "By hand"})
        for profile in data["qualityprofile"]:
            profile["formatItems"].append({"format": 901, "name": "By hand", "score": 0})

    family.edit("sonarr", add)
    assert not family.run()["changed"]
    family.apps["sonarr"].definition["settings"]["exclusive"] = True
    try:
        looked = family.run(check=True)
        assert {"sonarr: download client By hand", "sonarr: custom format By hand"} <= changes(looked)
        family.run()
        assert "By hand" not in {item["name"] for item in family.state("sonarr")["downloadclient"]}
        assert not family.run()["writes"]
    finally:
        del family.apps["sonarr"].definition["settings"]["exclusive"]


def test_an_indexer_that_left_the_inventory_goes_and_one_that_a_user_added_stays(family):
    family.edit("prowlarr", lambda data: data["indexer"].append({**data["indexer"][0], "id": 902, "name": "By hand"}))
    family.indexers = {}
    try:
        assert "prowlarr: indexer Mine" in changes(family.run(check=True))
        family.run()
        assert [item["name"] for item in family.state("prowlarr")["indexer"]] == ["By hand"]
        assert not family.run()["writes"]
    finally:
        family.indexers = {"Mine": INDEXER}
    family.run()
    assert {item["name"] for item in family.state("prowlarr")["indexer"]} == {"By hand", "Mine"}


def test_a_run_killed_at_any_write_is_finished_by_the_next(tmp_path):
    """Each application refuses its n-th write by going away: what the next run needs to finish."""
    family = Family(tmp_path)
    family.gone = {"qbittorrent", "nzbget", "lidarr", "readarr", "radarr"}
    for name, app in family.apps.items():
        if name not in family.gone:
            app.start(wait=False)
    try:
        for _turn in range(4):
            threading.Timer(
                0.15, lambda: [family.apps[name].stop() for name in ("sonarr", "prowlarr", "plex", "bazarr")]
            ).start()
            family.run(deadline=2)
            for name in ("sonarr", "prowlarr", "plex", "bazarr"):
                family.apps[name].start()
        assert not problems(family.run())
        assert not family.run()["writes"]
        assert len(family.state("plex")["sections"]) == 3
    finally:
        family.stop()


@pytest.mark.parametrize(
    ("kind", "place", "lines"),
    [
        (
            "QBittorrent",
            "qBittorrent/config/qBittorrent.conf",
            ("Connection\\UPnP", "WebUI\\UseUPnP", "Session\\Default"),
        ),
        ("NZBGet", "nzbget.conf", ("AppendCategoryDir", "UpdateCheck", "UMask", "InterDir")),
        ("Bazarr", "config/config.yaml", ("analytics:", "  enabled:", "  auto_update:")),
    ],
)
def test_what_an_older_seed_left_out_is_set(tmp_path, kind, place, lines):
    app = programs.made(getattr(programs, kind), tmp_path)
    seed = app.config / place
    kept = [line for line in seed.read_text().splitlines() if not line.startswith(lines)]
    assert len(kept) < len(seed.read_text().splitlines())
    seed.write_text("\n".join(kept) + "\n")
    app.start()
    try:
        known = {"secrets": app.secrets, "state_dir": str(tmp_path / "state"), "deadline": 20}
        first = call(wiring, wiring=[app.record()], **known)
        assert not problems(first)
        assert first["changed"]
        assert not call(wiring, wiring=[app.record()], **known)["writes"]
    finally:
        app.stop()


def test_plex_without_a_token_says_what_to_do_and_does_nothing(tmp_path):
    plex = programs.made(programs.Plex, tmp_path)
    plex.start()
    try:
        record = plex.record()
        secrets = {"plex.account_token": "", "plex.password": "a password"}
        result = call(wiring, wiring=[record], secrets=secrets, state_dir=str(tmp_path / "state"), deadline=10)
        assert (bool(result.get("failed")), result["writes"]) == (False, 0)
        (finding,) = result["findings"]
        assert finding["status"] == "warn" and "plex.account_token" in finding["hint"]
    finally:
        plex.stop()


def test_audiobookshelf_that_somebody_else_set_up_is_told(tmp_path):
    app = programs.made(programs.Audiobookshelf, tmp_path)
    app.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", app.port)
        body = json.dumps({"newRoot": {"username": "me", "password": "mine"}})
        connection.request("POST", "/init", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
        record = app.record()
        result = call(wiring, wiring=[record], secrets=app.secrets, state_dir=str(tmp_path / "state"), deadline=10)
        assert "does not take the password" in problems(result)["audiobookshelf"]
    finally:
        app.stop()
