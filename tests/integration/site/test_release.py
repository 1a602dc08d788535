# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release on its whole way through the twins, where `site.yml` alone has told the applications of each other.

Real: qBittorrent in its container, a second one beside the twins as its peer, the torrent, the hard link. Stand-ins:
the indexer, Prowlarr, Sonarr, Plex; `standins/arr/chain.py` says what they decide.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from .._apps.test_chain import SECONDS, SERIES, Client, Indexer, share, standin, started
from .conftest import Rehearsal

pytestmark = pytest.mark.lab


def api(rehearsal: Rehearsal, service: str, path: str, body: Any = None) -> Any:
    """Ask an *arr on its own host, with its key."""
    url = next(item["url"] for item in rehearsal.plan["hosts"]["media"]["wiring"] if item["service"] == service)
    words = ["-H", f"X-Api-Key: {rehearsal.secret(f'{service}.api_key')}", "-H", "Accept: application/json"]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    line = shlex.join(["curl", "-fsS", *words, url + path])
    return json.loads(rehearsal.ssh("media", line))


def qbittorrent(rehearsal: Rehearsal, path: str, *form: str) -> str:
    """Ask qBittorrent as its administrator."""
    base, jar = "http://127.0.0.1:8080/api/v2", "/run/qbittorrent-cookie"
    password = rehearsal.secret("qbittorrent.password")
    login = ["curl", "-fsS", "-c", jar, "-d", "username=admin", "--data-urlencode", f"password={password}"]
    words = ["curl", "-fsS", "-b", jar, *(word for item in form for word in ("-d", item)), base + path]
    rehearsal.ssh("media", shlex.join([*login, f"{base}/auth/login"]))
    return rehearsal.ssh("media", shlex.join(words))


@pytest.fixture
def outside(rehearsal: Rehearsal, tmp_path: Path):
    """The indexer, and a peer that has the file, beside the twins."""
    if not shutil.which(Client.program):
        pytest.skip("qbittorrent-nox is not installed: apt-get install $(cat tests/requirements-debian.txt)")
    apps = {"indexer": Indexer(tmp_path, os.urandom(300_000)), "peer": Client(tmp_path)}
    with started(apps):
        content, number = standin("indexer").torrent(apps["indexer"].file)
        share(apps["peer"], apps["indexer"].file, content)
        yield apps, number


def test_a_release_comes_into_the_library_of_the_twins(rehearsal: Rehearsal, outside) -> None:
    apps, number = outside
    gateway = rehearsal.ssh("media", "ip -4 route show default").split()[2]
    fields = {"baseUrl": f"http://{gateway}:{apps['indexer'].port}", "apiKey": "<secret:prowlarr.lab>"}
    indexer = {"implementation": "Torznab", "fields": fields, "enable": True}
    secrets = {"plex.account_token": "lab-account-token", "prowlarr.lab": "lab-indexer-key"}
    prowlarr = {"secrets": {"lab": "given"}, "settings": {"indexers": {"Lab": indexer}}}
    extra = {"prowlarr": prowlarr, "monsterr_secrets": secrets}
    ran = rehearsal.play("site.yml", **extra)
    assert ran.returncode == 0, ran.stdout[-6000:]

    (release,) = api(rehearsal, "sonarr", "/api/v3/release?seriesId=1")
    assert (release["title"], release["indexer"]) == (SERIES, "Lab (Prowlarr)")
    api(rehearsal, "sonarr", "/api/v3/release", release)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        peers = f"peers={gateway}:{apps['peer'].listen}"
        qbittorrent(rehearsal, "/torrents/addPeers", f"hashes={number}", peers)
        (item,) = json.loads(qbittorrent(rehearsal, f"/torrents/info?hashes={number}"))
        if item["progress"] == 1:
            break
        time.sleep(1)
    assert (item["progress"], item["category"]) == (1, "sonarr"), item

    library = f"find {rehearsal.plan['hosts']['media']['media']['path']} -name '{SERIES}.mkv' -printf '%i %p\\n'"
    while len(found := rehearsal.ssh("media", library).splitlines()) < 2 and time.monotonic() < until:
        api(rehearsal, "sonarr", "/api/v3/command", {"name": "RefreshMonitoredDownloads"})
        time.sleep(1)
    assert len({line.split()[0] for line in found}) == 1, found
    assert any("/media/tv/" in line for line in found) and any("/torrents/sonarr/" in line for line in found), found
    log = "cat /opt/monsterr/services/plex/config/requests.log"
    assert [
        line for line in rehearsal.ssh("media", log).splitlines() if "/library/sections/" in line and "refresh" in line
    ]

    # As it was: the indexer goes with the inventory that does not have it any more.
    qbittorrent(rehearsal, "/torrents/delete", f"hashes={number}", "deleteFiles=true")
    assert rehearsal.play("site.yml").returncode == 0
    assert api(rehearsal, "prowlarr", "/api/v1/indexer") == []
