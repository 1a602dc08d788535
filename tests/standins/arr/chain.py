# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way of a release through the stand-ins: indexer, Prowlarr, Sonarr, download client, library, Plex.

What is real in it: the requests to qBittorrent and NZBGet, their downloads, the hard links. What a stand-in decides:
that every release is good, that it is worth taking from the first client of its protocol, and under which name it is
kept in the library.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import urllib.parse
import xml.etree.ElementTree
from pathlib import Path

import peers

VERSIONS = {"Sonarr": "v3", "Radarr": "v3", "Lidarr": "v1", "Readarr": "v1"}


def fields(item):
    """The fields of an object as a mapping."""
    return {field["name"]: field.get("value") for field in item["fields"]}


def sync(prowlarr):
    """Give each indexer to each application, as Prowlarr does."""
    data = prowlarr.store.data
    for application in data["applications"]:
        if application["syncLevel"] == "disabled":
            continue
        value = fields(application)
        base, headers = f"/api/{VERSIONS[application['implementation']]}/indexer", {"X-Api-Key": value["apiKey"]}
        headers |= {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            there = json.loads(peers.at(value["baseUrl"], "GET", base, None, headers)[1])
            templates = json.loads(peers.at(value["baseUrl"], "GET", f"{base}/schema", None, headers)[1])
            for indexer in data["indexer"]:
                name = f"{indexer['name']} (Prowlarr)"
                old = next((item for item in there if item["name"] == name), None)
                template = next(item for item in templates if item["implementation"] == indexer["implementation"])
                wish = {
                    "baseUrl": f"{value['prowlarrUrl']}/{indexer['id']}/",
                    "apiPath": "/api",
                    "apiKey": prowlarr.key,
                }
                body = {**(old or template), "name": name, "enableRss": indexer["enable"]}
                body["fields"] = [
                    {**field, "value": wish.get(field["name"], field.get("value"))} for field in body["fields"]
                ]
                method, path = ("PUT", f"{base}/{old['id']}") if old else ("POST", base)
                peers.at(value["baseUrl"], method, f"{path}?forceSave=true", json.dumps(body), headers)
        except peers.DOWN:
            continue  # it is tried again at the next sync


def pass_on(prowlarr, number, what, query, host):
    """What an application asks of one indexer: the feed, with its links leading through us, or a file."""
    indexer = next((item for item in prowlarr.store.data["indexer"] if item["id"] == number), None)
    if indexer is None:
        return 404, {"message": "NotFound"}
    value = fields(indexer)
    if what == "download":
        link = base64.urlsafe_b64decode(query["link"][0]).decode()
        status, content, _unused = peers.at(link.partition("?")[0], "GET", f"?{link.partition('?')[2]}")
        return status, content
    words = {key: values[0] for key, values in query.items()} | {"apikey": value.get("apiKey") or ""}
    status, content, _unused = peers.at(
        value["baseUrl"], "GET", f"{value.get('apiPath') or '/api'}?{urllib.parse.urlencode(words)}"
    )
    tree = xml.etree.ElementTree.fromstring(content)
    for item in tree.iter("item"):
        enclosure = item.find("enclosure")
        link = base64.urlsafe_b64encode(enclosure.get("url").encode()).decode()
        enclosure.set("url", f"http://{host}/{number}/download?apikey={prowlarr.key}&link={link}")
    return status, xml.etree.ElementTree.tostring(tree), {"Content-Type": "application/rss+xml"}


def search(sonarr, _query):
    """What the indexers offer."""
    found = []
    for indexer in sonarr.store.data["indexer"]:
        value = fields(indexer)
        words = urllib.parse.urlencode({"t": "tvsearch", "apikey": value.get("apiKey") or ""})
        try:
            _status, content, _unused = peers.at(value["baseUrl"], "GET", f"{value.get('apiPath') or ''}?{words}")
        except peers.DOWN:
            continue
        for item in xml.etree.ElementTree.fromstring(content).iter("item"):
            enclosure = item.find("enclosure")
            found.append(
                {
                    "guid": item.findtext("guid"),
                    "title": item.findtext("title"),
                    "size": int(enclosure.get("length")),
                    "indexerId": indexer["id"],
                    "indexer": indexer["name"],
                    "downloadUrl": enclosure.get("url"),
                    "protocol": indexer["protocol"],
                    "approved": True,
                    "rejected": False,
                }
            )
    sonarr.releases = found
    return found


def grab(sonarr, body):
    """Send a release to the first download client that speaks its protocol."""
    release = next(item for item in sonarr.releases if item["guid"] == body["guid"])
    url, _unused, words = release["downloadUrl"].partition("?")
    _status, content, _unused = peers.at(url, "GET", f"?{words}")
    client = next(item for item in sonarr.store.data["downloadclient"] if item["protocol"] == release["protocol"])
    value = fields(client)
    if client["implementation"] == "QBittorrent":
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="category"\r\n\r\n'.encode(),
            f"{value['tvCategory']}\r\n".encode(),
            f'--{boundary}\r\nContent-Disposition: form-data; name="torrents"; filename="release.torrent"\r\n'
            "Content-Type: application/x-bittorrent\r\n\r\n".encode(),
            content,
            f"\r\n--{boundary}--\r\n".encode(),
        ]
        headers = {**peers.qbittorrent_login(value), "Content-Type": f"multipart/form-data; boundary={boundary}"}
        peers.ask(value["host"], value["port"], "POST", "/api/v2/torrents/add", b"".join(parts), headers)
    else:
        name, text = f"{release['title']}.nzb", base64.b64encode(content).decode()
        peers.nzbget_call(value, "append", name, text, value["tvCategory"], 0, False, False, "", 0, "SCORE", [])
    return release


def import_finished(sonarr):
    """Hard-link what the clients have finished into the library, and tell Plex."""
    done = sonarr.store.data.setdefault("imported", [])
    for client in sonarr.store.data["downloadclient"]:
        for name, path in finished(client):
            place = local(sonarr, fields(client)["host"], path)
            if name in done or not place.exists():
                continue
            goal = Path(sonarr.store.data["rootfolder"][0]["path"]) / Path(name).stem
            goal.mkdir(parents=True, exist_ok=True)
            for file in [place] if place.is_file() else [item for item in place.rglob("*") if item.is_file()]:
                try:
                    os.link(file, goal / file.name)
                except OSError:
                    shutil.copy2(file, goal / file.name)  # another file system
            done.append(name)
            tell(sonarr)


def finished(client):
    """Name and path of each finished download of ours."""
    value = fields(client)
    if client["implementation"] == "QBittorrent":
        words = urllib.parse.urlencode({"category": value["tvCategory"], "filter": "completed"})
        cookie = peers.qbittorrent_login(value)
        text = peers.ask(value["host"], value["port"], "GET", f"/api/v2/torrents/info?{words}", None, cookie)[1]
        return [(item["name"], item["content_path"]) for item in json.loads(text)]
    _status, listed = peers.nzbget_call(value, "history", False)
    return [
        (item["NZBName"], item["DestDir"])
        for item in listed or ()
        if item["Category"] == value["tvCategory"] and item["Status"].startswith("SUCCESS")
    ]


def local(sonarr, host, path):
    """A client's path as we see it."""
    for item in sonarr.store.data["remotepathmapping"]:
        if item["host"] == host and path.startswith(item["remotePath"]):
            return Path(item["localPath"]) / path[len(item["remotePath"]) :]
    return Path(path)


def tell(sonarr):
    """Have each Plex server look at its library of series again."""
    for item in sonarr.store.data["notification"]:
        if item["implementation"] != "PlexServer" or not item.get("onDownload"):
            continue
        value = fields(item)
        headers = {"X-Plex-Token": value.get("authToken") or "", "Accept": "application/json"}
        listed = json.loads(peers.ask(value["host"], value["port"], "GET", "/library/sections", None, headers)[1])
        for section in listed["MediaContainer"].get("Directory", ()):
            if section["type"] == "show":
                place = f"/library/sections/{section['key']}/refresh"
                peers.ask(value["host"], value["port"], "GET", place, None, headers)
