# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the stand-in tries the connection to each kind of peer: what it complains of (property, text, value), or None."""

from __future__ import annotations

import base64
import http.client
import json
import re
import urllib.parse
import urllib.request

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DOWN = (OSError, ValueError, http.client.HTTPException)


def ask(host, port, method, path, body=None, headers=None):
    """Status, body and headers of a peer's answer."""
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def at(url, method, path, body=None, headers=None):
    """The same, of a peer that is given as a URL."""
    parts = urllib.parse.urlsplit(url)
    return ask(parts.hostname, parts.port or 80, method, parts.path.rstrip("/") + path, body, headers)


def qbittorrent_login(value):
    """The headers that let one in; None if the login is refused."""
    login = urllib.parse.urlencode({"username": value.get("username"), "password": value.get("password")})
    status, text, headers = ask(value["host"], value["port"], "POST", "/api/v2/auth/login", login, FORM)
    if status != 204 and (status, text.decode().strip()) != (200, "Ok."):
        return None
    return {"Cookie": (headers.get("Set-Cookie") or "").split(";")[0]}


def try_qbittorrent(value):
    try:
        cookie = qbittorrent_login(value)
        if cookie is None:
            return "Username", "Authentication failure", value.get("username")
        known = json.loads(ask(value["host"], value["port"], "GET", "/api/v2/torrents/categories", None, cookie)[1])
        if value["category"] and value["category"] not in known:
            body = urllib.parse.urlencode({"category": value["category"]})
            ask(value["host"], value["port"], "POST", "/api/v2/torrents/createCategory", body, {**FORM, **cookie})
    except DOWN:
        return "Host", "Unable to connect to qBittorrent", value.get("host")
    return None


def nzbget_call(value, method, *parameters):
    """Status and result of one call."""
    token = base64.b64encode(f"{value.get('username')}:{value.get('password')}".encode()).decode()
    call = json.dumps({"method": method, "params": parameters})
    status, text, _unused = ask(
        value["host"], value["port"], "POST", "/jsonrpc", call, {"Authorization": f"Basic {token}"}
    )
    return status, json.loads(text)["result"] if status == 200 else None


def try_nzbget(value):
    try:
        status, result = nzbget_call(value, "config")
        if status in (401, 403):
            return "Username", "Authentication failed", value.get("username")
        options = {item["Name"]: item["Value"] for item in result}
    except (*DOWN, KeyError, TypeError):
        return "Host", "Unable to connect to NZBGet", value.get("host")
    names = [name for key, name in options.items() if re.fullmatch(r"Category\d+\.Name", key)]
    if value["category"] and value["category"] not in names:
        return "Category", "Category does not exist", value["category"]
    return None


def try_plex(value):
    try:
        headers = {"X-Plex-Token": value.get("authToken") or "", "Accept": "application/json"}
        status, _text, _unused = ask(value["host"], value["port"], "GET", "/library/sections", None, headers)
    except DOWN:
        return "Host", "Unable to connect to Plex Server", value.get("host")
    return ("AuthToken", "Invalid authentication token") if status in (401, 403) else None


def try_webhook(value):
    try:
        parts = urllib.parse.urlsplit(value.get("url") or "")
        ask(parts.hostname, parts.port or 80, "POST", parts.path or "/", b"{}", {"Content-Type": "application/json"})
    except (*DOWN, TypeError):
        return "Url", "Unable to send test message", value.get("url")
    return None


def try_indexer(value):
    query = urllib.parse.urlencode({"t": "caps", "apikey": value.get("apiKey") or ""})
    try:
        status, text, _unused = at(value.get("baseUrl") or "", "GET", f"{value.get('apiPath') or ''}?{query}")
    except (*DOWN, TypeError):
        return "BaseUrl", "Unable to connect to indexer", value.get("baseUrl")
    if status in (401, 403) or b"<error" in text:
        return "ApiKey", "Invalid API Key", None
    return None if status == 200 else ("BaseUrl", f"Indexer answers {status}", value.get("baseUrl"))


def try_application(version):
    """The application is asked with its key, and whether it could ask us."""

    def trial(value):
        if not urllib.parse.urlsplit(value.get("prowlarrUrl") or "").hostname:
            return "ProwlarrUrl", "Prowlarr URL is invalid", value.get("prowlarrUrl")
        try:
            headers = {"X-Api-Key": value.get("apiKey") or ""}
            status, _text, _unused = at(value["baseUrl"], "GET", f"/api/{version}/system/status", None, headers)
        except (*DOWN, TypeError):
            return "BaseUrl", "Unable to complete application test, cannot connect to it", value.get("baseUrl")
        if status == 401:
            return "ApiKey", "API Key is invalid", None
        try:
            at(value["prowlarrUrl"], "GET", "/ping")
        except DOWN:
            return "ProwlarrUrl", "Prowlarr URL is invalid, the application cannot connect to it", value["prowlarrUrl"]
        return None

    return trial


def try_calibre(value):
    token = base64.b64encode(f"{value.get('username')}:{value.get('password')}".encode()).decode()
    try:
        headers = {"Authorization": f"Basic {token}"}
        status, _text, _unused = ask(value["host"], value["port"], "GET", "/ajax/library-info", None, headers)
    except (*DOWN, TypeError):
        return "Host", "Unable to connect to Calibre", value.get("host")
    return ("Username", "Calibre refuses the login", value.get("username")) if status in (400, 401, 403) else None


TRIALS = {
    "QBittorrent": try_qbittorrent,
    "Nzbget": try_nzbget,
    "PlexServer": try_plex,
    "Webhook": try_webhook,
    "Newznab": try_indexer,
    "Torznab": try_indexer,
    "SonarrApp": try_application("v3"),
    "RadarrApp": try_application("v3"),
    "LidarrApp": try_application("v1"),
    "ReadarrApp": try_application("v1"),
}
