# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release on its whole way, through applications that nothing but our wiring has told of each other.

Real: qBittorrent, twice (one downloads, the other is its peer), the torrent; NZBGet; the hard links. Stand-ins: the
indexer, the news server, Prowlarr, Sonarr, Plex; `standins/arr/chain.py` says what they decide.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import sys
import threading
import time
from urllib.parse import urlencode

import pytest
from ansible_collections.monsterr.media.plugins.modules import wiring

from ..ansible_module import call
from . import conftest as programs
from .test_wiring import FORM, ask

pytestmark = pytest.mark.integration

SERIES = "Some.Series.S01E01.1080p.WEB"
SECONDS = 60  # for the download of a small file on this very computer


class Indexer(programs.StandIn):
    """What offers the release."""

    def __init__(self, folder, content, name=f"{SERIES}.mkv"):
        self.name, self.port, self.config = "indexer", programs.free_port(), folder / "indexer"
        (self.config / "release").mkdir(parents=True)
        self.file = self.config / "release" / name
        self.file.write_bytes(content)
        self.secrets, self.process, self.program = {}, None, sys.executable
        self.seed()


class Client(programs.QBittorrent):
    """A real qBittorrent that others find, over TCP: the tests' usual one keeps to itself."""

    def __init__(self, folder):
        super().__init__("qbittorrent", folder)
        self.listen = programs.free_port()
        self.seed()
        path = self.config / "qBittorrent" / "config" / "qBittorrent.conf"
        text = path.read_text().replace("Session\\Interface=lo\nSession\\InterfaceName=lo\n", "")
        own = f"[BitTorrent]\nSession\\Port={self.listen}\nSession\\BTProtocol=TCP"
        path.write_text(text.replace("[BitTorrent]", own))

    def start(self, wait=True):
        super().start(wait)
        until = time.monotonic() + programs.START
        while time.monotonic() < until:
            # A peer that does not answer is not tried again for a minute.
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", self.listen), 1).close()
            time.sleep(0.1)


def api(app, method, path, form=None):
    """Ask a qBittorrent as its administrator."""
    login = urlencode({"username": "admin", "password": app.secrets["qbittorrent.password"]})
    _status, text, cookie = ask(app.port, "POST", "/api/v2/auth/login", login, FORM, cookie=True)
    assert text == "Ok."
    status, text = ask(app.port, method, f"/api/v2{path}", form and urlencode(form), {**FORM, "Cookie": cookie})
    assert status == 200, text
    return json.loads(text) if text.startswith(("{", "[")) else text


@contextlib.contextmanager
def started(apps):
    """Applications that run for a while."""
    try:
        for app in apps.values():
            app.start()
        yield apps
    finally:
        for app in apps.values():
            app.stop()


def managers(folder):
    """Those that both ways have in common."""
    return {name.lower(): programs.made(getattr(programs, name), folder) for name in ("Sonarr", "Prowlarr", "Plex")}


@pytest.fixture
def chain(tmp_path):
    apps = managers(tmp_path)
    apps["indexer"] = Indexer(tmp_path, os.urandom(300_000))
    if not shutil.which(Client.program):
        pytest.skip("qbittorrent-nox is not installed: apt-get install $(cat tests/requirements-debian.txt)")
    apps["qbittorrent"] = Client(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    apps["peer"] = Client(tmp_path / "elsewhere")
    with started(apps):
        yield apps


@pytest.fixture
def usenet(tmp_path):
    news = standin("news")
    content = os.urandom(300_000)
    articles = news.News(f"{SERIES}.mkv", content)
    server = news.listen(articles, ("127.0.0.1", 0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    apps = managers(tmp_path)
    apps["indexer"] = Indexer(tmp_path, articles.nzb.encode(), f"{SERIES}.nzb")
    apps["nzbget"] = client = programs.made(programs.NZBGet, tmp_path)
    options = {
        "Server1.Active": True, "Server1.Name": "Lab", "Server1.Level": 0, "Server1.Host": "127.0.0.1",
        "Server1.Port": server.server_address[1], "Server1.Username": news.LOGIN[0],
        "Server1.Password": "<secret:nzbget.news>", "Server1.Encryption": False, "Server1.Connections": 2,
    }  # fmt: skip
    client.definition["settings"]["options"] |= options
    client.secrets["nzbget.news"] = news.LOGIN[1]
    with started(apps):
        yield apps, content
    server.shutdown()


def records(apps, client, implementation):
    """What the wiring is told, with the indexer of one kind."""
    sonarr, prowlarr, plex = (apps[name] for name in ("sonarr", "prowlarr", "plex"))
    found = [
        sonarr.record(client.connection("download_client", sonarr), plex.connection("media_server", sonarr)),
        prowlarr.record(sonarr.connection("application", prowlarr)),
        plex.record(),
        client.record({"kind": "category", "service": "sonarr", "category": "sonarr"}),
    ]
    indexer = {"baseUrl": f"http://127.0.0.1:{apps['indexer'].port}", "apiKey": "<secret:prowlarr.lab>"}
    found[1]["settings"]["indexers"] = {"Lab": {"implementation": implementation, "fields": indexer, "enable": True}}
    return found


def wired(apps, client, implementation, folder):
    """Tell them of each other, and nothing else."""
    secrets = {"prowlarr.lab": "lab-indexer-key"}
    for app in (apps["sonarr"], apps["prowlarr"], apps["plex"], client):
        secrets |= app.secrets
    told = records(apps, client, implementation)
    result = call(wiring, wiring=told, secrets=secrets, state_dir=str(folder / "state"), deadline=30)
    bad = [finding for finding in result["findings"] if finding["status"] != "ok"]
    assert not bad, bad


def grabbed(apps):
    """Have Sonarr look for the series and take what is offered."""
    (release,) = sonarr_api(apps["sonarr"], "GET", "/release?seriesId=1")
    assert (release["title"], release["indexer"]) == (SERIES, "Lab (Prowlarr)")
    assert f":{apps['prowlarr'].port}/" in release["downloadUrl"]
    sonarr_api(apps["sonarr"], "POST", "/release", release)


def in_the_library(apps, saved):
    """Have Sonarr look at its downloads; the file in the library is `saved` itself, and Plex has been told."""
    until, library = time.monotonic() + SECONDS, apps["sonarr"].data / "media" / "tv"
    while not (found := list(library.rglob("*.mkv"))) and time.monotonic() < until:
        sonarr_api(apps["sonarr"], "POST", "/command", {"name": "RefreshMonitoredDownloads"})
        time.sleep(0.2)
    (kept,) = found
    assert os.stat(kept).st_ino == os.stat(saved).st_ino
    shows = next(item["key"] for item in plex_sections(apps["plex"]) if item["title"] == "TV Shows")
    assert f"GET /library/sections/{shows}/refresh" in apps["plex"].asked()


def sonarr_api(app, method, path, body=None):
    headers = {"X-Api-Key": app.secrets["sonarr.api_key"], "Accept": "application/json"}
    status, text = ask(app.port, method, f"/api/v3{path}", json.dumps(body) if body else None, headers)
    assert status < 300, text
    return json.loads(text)


def test_a_torrent_comes_into_the_library_as_a_hard_link_and_plex_is_told(chain, tmp_path):
    indexer, client, peer = standin("indexer"), chain["qbittorrent"], chain["peer"]
    wired(chain, client, "Torznab", tmp_path)
    grabbed(chain)
    content, number = indexer.torrent(chain["indexer"].file)
    share(peer, chain["indexer"].file, content)

    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        api(client, "POST", "/torrents/addPeers", {"hashes": number, "peers": f"127.0.0.1:{peer.listen}"})
        (item,) = api(client, "GET", f"/torrents/info?hashes={number}")
        if item["progress"] == 1:
            break
        time.sleep(0.5)

    assert (item["progress"], item["category"]) == (1, "sonarr"), item
    saved = client.data / "torrents" / "sonarr" / chain["indexer"].file.name
    assert saved.read_bytes() == chain["indexer"].file.read_bytes()

    in_the_library(chain, saved)


def test_a_file_of_a_news_server_comes_into_the_library_as_a_hard_link_and_plex_is_told(usenet, tmp_path):
    apps, content = usenet
    client = apps["nzbget"]
    wired(apps, client, "Newznab", tmp_path)
    grabbed(apps)

    until = time.monotonic() + SECONDS
    while not (finished := list((client.data / "usenet" / "complete" / "sonarr").rglob("*.mkv"))):
        assert time.monotonic() < until, (client.config / "nzbget.log").read_text()[-3000:]
        time.sleep(0.2)
    (saved,) = finished
    assert saved.read_bytes() == content
    in_the_library(apps, saved)


def standin(name):
    """A stand-in's own code."""
    sys.path.insert(0, str(programs.STANDINS))
    spec = importlib.util.spec_from_file_location(f"standin_{name}", programs.STANDINS / name / "standin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module


def plex_sections(app):
    return json.loads((app.config / "standin.json").read_text())["sections"]


def share(peer, file, content):
    """Have the peer seed the file."""
    place = peer.data / "torrents"
    place.mkdir(parents=True, exist_ok=True)
    (place / file.name).write_bytes(file.read_bytes())
    boundary = "between"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="savepath"\r\n\r\n{place}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="torrents"; filename="a.torrent"\r\n'
        "Content-Type: application/x-bittorrent\r\n\r\n"
    ).encode() + content + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
    login = urlencode({"username": "admin", "password": peer.secrets["qbittorrent.password"]})
    _status, _text, cookie = ask(peer.port, "POST", "/api/v2/auth/login", login, FORM, cookie=True)
    headers = {"Cookie": cookie, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    assert ask(peer.port, "POST", "/api/v2/torrents/add", body, headers)[0] == 200
    until = time.monotonic() + SECONDS
    # One that is asked before it has looked at its file sends us away, and is not tried again for a minute.
    while [item["progress"] for item in api(peer, "GET", "/torrents/info")] != [1] and time.monotonic() < until:
        time.sleep(0.2)
