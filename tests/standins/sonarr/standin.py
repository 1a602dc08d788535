# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for Sonarr: the part of its API version 3 that the wiring uses, and the behaviour that bites.

It is for the lab and the tests, where Sonarr itself cannot be had, and no part of an installation. It keeps its state,
masks secrets, refuses a name that is taken, tests a peer before it saves, resets what a whole-object PUT leaves out,
answers 201 and 202 where the API document says 200, and starts slowly if it is told to. What it was asked is in
``requests.log`` beside its state, a line each: method, path, status.

Environment: SONARR__AUTH__APIKEY (none: every call is refused), SONARR__AUTH__METHOD, SONARR__AUTH__REQUIRED,
STANDIN_CONFIG (folder of its state, /config), STANDIN_PORT (8989), STANDIN_SLOW_START (seconds),
STANDIN_HANG (a path that is never answered), STANDIN_DROPS (settings it silently does not keep, as in
``naming.renameEpisodes``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import secrets
import sys
import threading
import time
import urllib.parse
from email.parser import BytesParser
from pathlib import Path

NAME = "Sonarr (stand-in)"
VERSION = "4.0.19.2979"
MASK = "********"
SECRET = ("password", "apiKey")
WRITES = {"POST": 201, "PUT": 202}

CONFIGS = {
    "host": {
        "bindAddress": "*",
        "port": 8989,
        "sslPort": 9898,
        "enableSsl": False,
        "launchBrowser": True,
        "authenticationMethod": "none",
        "authenticationRequired": "enabled",
        "analyticsEnabled": True,
        "username": "",
        "password": "",
        "passwordConfirmation": "",
        "logLevel": "debug",
        "logSizeLimit": 1,
        "consoleLogLevel": "",
        "branch": "main",
        "apiKey": "",
        "sslCertPath": "",
        "sslCertPassword": "",
        "urlBase": "",
        "instanceName": NAME,
        "applicationUrl": "",
        "updateAutomatically": False,
        "updateMechanism": "docker",
        "updateScriptPath": "",
        "proxyEnabled": False,
        "proxyType": "http",
        "proxyHostname": "",
        "proxyPort": 8080,
        "proxyUsername": "",
        "proxyPassword": "",
        "proxyBypassFilter": "",
        "proxyBypassLocalAddresses": True,
        "certificateValidation": "enabled",
        "backupFolder": "Backups",
        "backupInterval": 7,
        "backupRetention": 28,
        "trustCgnatIpAddresses": False,
    },
    "ui": {
        "firstDayOfWeek": 0,
        "calendarWeekColumnHeader": "ddd M/D",
        "shortDateFormat": "MMM D YYYY",
        "longDateFormat": "dddd, MMMM D YYYY",
        "timeFormat": "h(:mm)a",
        "showRelativeDates": True,
        "enableColorImpairedMode": False,
        "theme": "auto",
        "uiLanguage": 1,
    },
    "mediamanagement": {
        "autoUnmonitorPreviouslyDownloadedEpisodes": False,
        "recycleBin": "",
        "recycleBinCleanupDays": 7,
        "downloadPropersAndRepacks": "preferAndUpgrade",
        "createEmptySeriesFolders": False,
        "deleteEmptyFolders": False,
        "fileDate": "none",
        "rescanAfterRefresh": "always",
        "setPermissionsLinux": False,
        "chmodFolder": "755",
        "chownGroup": "",
        "episodeTitleRequired": "always",
        "skipFreeSpaceCheckWhenImporting": False,
        "minimumFreeSpaceWhenImporting": 100,
        "copyUsingHardlinks": True,
        "useScriptImport": False,
        "scriptImportPath": "",
        "importExtraFiles": False,
        "extraFileExtensions": "srt",
        "enableMediaInfo": True,
    },
    "naming": {
        "renameEpisodes": False,
        "replaceIllegalCharacters": True,
        "colonReplacementFormat": 4,
        "customColonReplacementFormat": "",
        "multiEpisodeStyle": 5,
        "standardEpisodeFormat": "{Series Title} - S{season:00}E{episode:00} - {Episode Title} {Quality Full}",
        "dailyEpisodeFormat": "{Series Title} - {Air-Date} - {Episode Title} {Quality Full}",
        "animeEpisodeFormat": "{Series Title} - S{season:00}E{episode:00} - {Episode Title} {Quality Full}",
        "seriesFolderFormat": "{Series Title}",
        "seasonFolderFormat": "Season {season}",
        "specialsFolderFormat": "Specials",
    },
    "downloadclient": {
        "downloadClientWorkingFolders": "_UNPACK_|_FAILED_",
        "enableCompletedDownloadHandling": True,
        "autoRedownloadFailed": True,
        "autoRedownloadFailedFromInteractiveSearch": True,
    },
    "indexer": {"minimumAge": 0, "retention": 0, "maximumSize": 0, "rssSyncInterval": 15},
    "importlist": {"listSyncLevel": "disabled", "listSyncTag": 0},
}

# Name, label, kind, value, privacy; a value of a list is a choice, its first entry the default.
CLIENTS = {
    ("QBittorrent", "QBittorrentSettings", "qBittorrent", "torrent"): [
        ("host", "Host", "textbox", "localhost", "normal"),
        ("port", "Port", "textbox", 8080, "normal"),
        ("useSsl", "Use SSL", "checkbox", False, "normal"),
        ("urlBase", "URL Base", "textbox", None, "normal"),
        ("apiKey", "API Key", "textbox", None, "apiKey"),
        ("username", "Username", "textbox", None, "userName"),
        ("password", "Password", "password", None, "password"),
        ("tvCategory", "Category", "textbox", "tv-sonarr", "normal"),
        ("tvImportedCategory", "Post-Import Category", "textbox", None, "normal"),
        ("recentTvPriority", "Recent Priority", "select", ["Last", "First"], "normal"),
        ("olderTvPriority", "Older Priority", "select", ["Last", "First"], "normal"),
        ("initialState", "Initial State", "select", ["Start", "Force Start", "Stop"], "normal"),
        ("sequentialOrder", "Sequential Order", "checkbox", False, "normal"),
        ("firstAndLast", "First and Last First", "checkbox", False, "normal"),
        ("contentLayout", "Content Layout", "select", ["Default", "Original", "Subfolder"], "normal"),
    ],
    ("Nzbget", "NzbgetSettings", "NZBGet", "usenet"): [
        ("host", "Host", "textbox", "localhost", "normal"),
        ("port", "Port", "textbox", 6789, "normal"),
        ("useSsl", "Use SSL", "checkbox", False, "normal"),
        ("urlBase", "URL Base", "textbox", None, "normal"),
        ("username", "Username", "textbox", "nzbget", "userName"),
        ("password", "Password", "password", "tegbzn6789", "password"),
        ("tvCategory", "Category", "textbox", "tv", "normal"),
        ("recentTvPriority", "Recent Priority", "select", ["Normal", "High", "Very High"], "normal"),
        ("olderTvPriority", "Older Priority", "select", ["Normal", "High", "Very High"], "normal"),
        ("addPaused", "Add Paused", "checkbox", False, "normal"),
    ],
}


def template(key):
    """A download client as the application begins one."""
    implementation, contract, label, protocol = key
    fields = []
    for order, (name, title, kind, value, privacy) in enumerate(CLIENTS[key]):
        field = {"order": order, "name": name, "label": title, "type": kind, "advanced": False, "privacy": privacy}
        if isinstance(value, list):
            options = [{"value": index, "name": option, "order": index} for index, option in enumerate(value)]
            field.update(value=0, selectOptions=options)
        elif value is not None:
            field["value"] = value
        fields.append({**field, "isFloat": False})
    return {
        "enable": True,
        "protocol": protocol,
        "priority": 1,
        "removeCompletedDownloads": True,
        "removeFailedDownloads": True,
        "name": "",
        "fields": fields,
        "implementationName": label,
        "implementation": implementation,
        "configContract": contract,
        "infoLink": f"https://wiki.servarr.com/sonarr/supported#{implementation.lower()}",
        "tags": [],
        "presets": [],
    }


class Refused(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status, body):
        self.status, self.body = status, body
        super().__init__(status)


def invalid(where, text, value=None, warning=False):
    """The complaint about one property, as the API words it."""
    return {
        "isWarning": warning,
        "propertyName": where,
        "errorMessage": text,
        "attemptedValue": value,
        "severity": "warning" if warning else "error",
        "formattedMessagePlaceholderValues": {},
    }


class Store:
    """Everything the stand-in remembers, in one JSON file."""

    def __init__(self, folder):
        self.path = folder / "standin.json"
        self.lock = threading.RLock()
        first = {
            "next": 1,
            "configs": {name: {"id": 1, **values} for name, values in CONFIGS.items()},
            "rootfolders": [],
            "downloadclients": [],
            "tags": [],
            "user": None,
        }
        self.data = json.loads(self.path.read_text()) if self.path.exists() else first

    def save(self):
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.data, indent=1))
        os.replace(draft, self.path)

    def number(self):
        self.data["next"] += 1
        return self.data["next"] - 1


def hashed(password, salt):
    return base64.b64encode(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 10_000, 32)).decode()


class Sonarr:
    """The application itself: one method for each thing it is asked."""

    def __init__(self, store, environment):
        self.store = store
        self.key = environment.get("SONARR__AUTH__APIKEY", "")
        self.forced = {
            name: environment[variable].lower()[:1] + environment[variable][1:]
            for name, variable in (
                ("authenticationMethod", "SONARR__AUTH__METHOD"),
                ("authenticationRequired", "SONARR__AUTH__REQUIRED"),
            )
            if environment.get(variable)
        }
        self.drops = set(filter(None, environment.get("STANDIN_DROPS", "").split(",")))
        self.sessions = set()

    # -- settings that exist once

    def config(self, name):
        config = dict(self.store.data["configs"][name])
        if name == "host":
            user = self.store.data["user"] or {"username": "", "hash": ""}
            config.update(
                self.forced,
                apiKey=self.key,
                username=user["username"],
                password=user["hash"],
                passwordConfirmation="",
            )
        return config

    def put_config(self, name, body):
        old = self.config(name)
        empty = {bool: False, int: 0, str: None}
        # What is not sent is not there: the whole object is what counts.
        new = {key: body.get(key, empty[type(value)]) for key, value in CONFIGS[name].items()}
        problems = []
        if name == "host":
            if not 1 <= (new["port"] or 0) <= 65535:
                problems.append(invalid("Port", "Port must be between 1 and 65535", new["port"]))
            if not 1 <= (new["backupInterval"] or 0) <= 7:
                problems.append(invalid("BackupInterval", "'Backup Interval' must be between 1 and 7"))
            if new["authenticationMethod"] in ("forms", "basic") and not (new["username"] and new["password"]):
                problems.append(invalid("Username", "'Username' must not be empty."))
            elif new["password"] != old["password"] and new["password"] != new["passwordConfirmation"]:
                problems.append(invalid("PasswordConfirmation", "Must match Password"))
            if new["authenticationMethod"] is None:
                new["authenticationMethod"] = "none"
        if problems:
            raise Refused(400, problems)
        if name == "host":
            if new["password"] and (new["password"], new["username"]) != (old["password"], old["username"]):
                salt = secrets.token_bytes(16)
                kept = self.store.data["user"]
                same = kept and new["password"] == kept["hash"]
                self.store.data["user"] = {
                    "username": new["username"].lower(),
                    "salt": kept["salt"] if same else salt.hex(),
                    "hash": kept["hash"] if same else hashed(new["password"], salt),
                }
            new.update(password="", passwordConfirmation="", username="", apiKey="")
        for dropped in self.drops:
            group, _unused, key = dropped.partition(".")
            if group == name and key in new:
                new[key] = old[key]
        self.store.data["configs"][name] = {"id": 1, **new}
        return self.config(name)

    def knows(self, username, password):
        user = self.store.data["user"]
        if not user or username.lower() != user["username"]:
            return False
        return hmac.compare_digest(user["hash"], hashed(password, bytes.fromhex(user["salt"])))

    # -- the library

    def rootfolders(self):
        return [
            {**item, "accessible": os.path.isdir(item["path"]), "freeSpace": 10**12, "unmappedFolders": []}
            for item in self.store.data["rootfolders"]
        ]

    def add_rootfolder(self, body):
        path = (body.get("path") or "").rstrip("/") or "/"
        if not path.startswith("/"):
            raise Refused(400, [invalid("Path", "Invalid Path", path)])
        if any(item["path"] == path for item in self.store.data["rootfolders"]):
            raise Refused(400, [invalid("Path", f"Root folder '{path}' already exists", path)])
        if not os.path.isdir(path):
            raise Refused(400, [invalid("Path", f"Path '{path}' does not exist", path)])
        if not os.access(path, os.W_OK):
            raise Refused(400, [invalid("Path", f"Folder '{path}' is not writable by user 'abc'", path)])
        self.store.data["rootfolders"].append({"id": self.store.number(), "path": path})
        return self.rootfolders()[-1]

    # -- download clients

    @staticmethod
    def shown(client):
        fields = [
            {**field, "value": MASK} if field["privacy"] in SECRET and field.get("value") else field
            for field in client["fields"]
        ]
        return {**client, "fields": fields}

    def built(self, body, old=None):
        """The object that `body` describes, its masks replaced by what is stored."""
        key = next(
            (key for key in CLIENTS if key[:2] == (body.get("implementation"), body.get("configContract"))), None
        )
        if key is None:
            raise Refused(400, [invalid("Implementation", "Unknown implementation", body.get("implementation"))])
        client = template(key)
        stored = {field["name"]: field.get("value") for field in (old or {}).get("fields", [])}
        sent = {field.get("name"): field.get("value") for field in body.get("fields") or []}
        for field in client["fields"]:
            number = isinstance(field.get("value"), int) and not isinstance(field.get("value"), bool)
            value = sent.get(field["name"])
            if field["privacy"] in SECRET and value == MASK:
                value = stored.get(field["name"])
            if number and value is not None:
                value = int(value)
            field.pop("value", None)
            if value is not None:
                field["value"] = value
        for name in ("enable", "priority", "removeCompletedDownloads", "removeFailedDownloads", "name", "tags"):
            client[name] = body.get(name, {"enable": False, "tags": [], "name": "", "priority": 0}.get(name, False))
        if not client["name"]:
            raise Refused(400, [invalid("Name", "'Name' must not be empty.")])
        taken = (item for item in self.store.data["downloadclients"] if item["id"] != (old or {}).get("id"))
        if any(item["name"].lower() == client["name"].lower() for item in taken):
            raise Refused(400, [invalid("Name", "Should be unique", client["name"])])
        return client

    def save_client(self, body, number, force):
        clients = self.store.data["downloadclients"]
        old = next((item for item in clients if item["id"] == number), None)
        if number and not old:
            raise Refused(404, {"message": f"Download client with ID {number} does not exist"})
        client = {**self.built(body, old), "id": number or self.store.number()}
        if client["enable"] and not force:
            self.tested(client)
        if old:
            clients[clients.index(old)] = client
        else:
            clients.append(client)
        return self.shown(client)

    def test_client(self, body):
        clients = self.store.data["downloadclients"]
        self.tested(self.built(body, next((item for item in clients if item["id"] == body.get("id")), None)))
        return {}

    def tested(self, client):
        """Try the connection, as the application does before it saves."""
        value = {field["name"]: field.get("value") for field in client["fields"]}
        problem = {"QBittorrent": self.try_qbittorrent, "Nzbget": self.try_nzbget}[client["implementation"]](value)
        if problem:
            raise Refused(400, [problem])

    @staticmethod
    def peer(value, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(value["host"], int(value["port"]), timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def try_qbittorrent(self, value):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        login = urllib.parse.urlencode({"username": value.get("username"), "password": value.get("password")})
        try:
            status, text, headers = self.peer(value, "POST", "/api/v2/auth/login", login, form)
            if status != 204 and (status, text.strip()) != (200, "Ok."):
                return invalid("Username", "Authentication failure", value.get("username"))
            cookie = {"Cookie": (headers.get("Set-Cookie") or "").split(";")[0]}
            category = value.get("tvCategory")
            if category and category not in json.loads(
                self.peer(value, "GET", "/api/v2/torrents/categories", None, cookie)[1]
            ):
                body = urllib.parse.urlencode({"category": category})
                self.peer(value, "POST", "/api/v2/torrents/createCategory", body, {**form, **cookie})
        except (OSError, ValueError, http.client.HTTPException):
            return invalid("Host", "Unable to connect to qBittorrent", value.get("host"))
        return None

    def try_nzbget(self, value):
        token = base64.b64encode(f"{value.get('username')}:{value.get('password')}".encode()).decode()
        call = json.dumps({"method": "config", "params": []})
        try:
            status, text, _unused = self.peer(value, "POST", "/jsonrpc", call, {"Authorization": f"Basic {token}"})
            if status in (401, 403):
                return invalid("Username", "Authentication failed", value.get("username"))
            options = {item["Name"]: item["Value"] for item in json.loads(text)["result"]}
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return invalid("Host", "Unable to connect to NZBGet", value.get("host"))
        names = [name for key, name in options.items() if re.fullmatch(r"Category\d+\.Name", key)]
        if value.get("tvCategory") and value["tvCategory"] not in names:
            return invalid("TvCategory", "Category does not exist", value["tvCategory"])
        return None

    def status(self):
        return {
            "appName": NAME,
            "instanceName": NAME,
            "version": VERSION,
            "buildTime": "2026-01-01T00:00:00Z",
            "isDebug": False,
            "isProduction": False,
            "isAdmin": False,
            "isUserInteractive": False,
            "startupPath": "/app",
            "appData": str(self.store.path.parent),
            "osName": "debian",
            "osVersion": "13",
            "isNetCore": True,
            "isLinux": True,
            "isOsx": False,
            "isWindows": False,
            "isDocker": True,
            "mode": "console",
            "branch": "stand-in",
            "authentication": self.config("host")["authenticationMethod"],
            "databaseType": "sqLite",
            "urlBase": "",
            "startTime": "2026-01-01T00:00:00Z",
            "packageAuthor": "Monsterr contributors",
            "packageUpdateMechanism": "docker",
        }

    def api(self, method, path, query, body):
        """The answer of the API to one call: status and body."""
        data = self.store.data
        if (method, path) == ("GET", "/system/status"):
            return 200, self.status()
        if (method, path) == ("GET", "/health"):
            return 200, []
        match = re.fullmatch(r"/config/([a-z]+)(?:/(\d+))?", path)
        if match and match[1] in CONFIGS:
            if method == "GET":
                return 200, self.config(match[1])
            if method == "PUT" and match[2]:
                return 202, self.put_config(match[1], body)
        if path == "/rootfolder":
            return (200, self.rootfolders()) if method == "GET" else (201, self.add_rootfolder(body))
        if path == "/tag":
            if method == "POST":
                label = body["label"].lower()
                if not any(item["label"] == label for item in data["tags"]):
                    data["tags"].append({"id": self.store.number(), "label": label})
                return 201, next(item for item in data["tags"] if item["label"] == label)
            return 200, data["tags"]
        if path == "/downloadclient/schema":
            return 200, [template(key) for key in CLIENTS]
        if (method, path) == ("POST", "/downloadclient/test"):
            return 200, self.test_client(body)
        match = re.fullmatch(r"/(downloadclient|rootfolder)(?:/(\d+))?", path)
        if match:
            return self.objects(method, match[1], int(match[2] or 0), query, body)
        raise Refused(404, {"message": "NotFound"})

    def objects(self, method, kind, number, query, body):
        items = self.store.data[f"{kind}s"]
        found = next((item for item in items if item["id"] == number), None)
        if method in WRITES and kind == "downloadclient":
            force = query.get("forceSave", ["false"])[0].lower() == "true"
            return WRITES[method], self.save_client(body, number, force)
        if not number and method == "GET":
            return 200, [self.shown(item) for item in items]
        if not found:
            raise Refused(404, {"message": "NotFound"})
        if method == "DELETE":
            items.remove(found)
            return 200, {}
        return 200, self.shown(found) if kind == "downloadclient" else found


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP around it: who may ask what, and the log of what was asked."""

    protocol_version = "HTTP/1.1"
    server_version = "sonarr-stand-in"
    disable_nagle_algorithm = True
    app: Sonarr
    hang = ""

    def answer(self):
        path, _unused, query = self.path.partition("?")
        if self.hang and path.startswith(self.hang):
            self.note(0)
            time.sleep(3600)
        try:
            self.route(path.rstrip("/") or "/", urllib.parse.parse_qs(query))
        except Refused as refused:
            self.reply(refused.status, refused.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def route(self, path, query):
        app = self.app
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/ping":
            return self.reply(200, {"status": "OK"})
        if path == "/login" and self.command == "POST":
            return self.login(content, query)
        if path.startswith("/api/v3/"):
            given = self.headers.get("X-Api-Key") or query.get("apikey", [""])[0]
            if not app.key or not hmac.compare_digest(given.encode(), app.key.encode()):
                raise Refused(401, {"error": "Unauthorized"})
            if path == "/api/v3/rootfolder" and "application/json" not in self.headers.get("Accept", ""):
                raise Refused(500, {"message": "No output formatter was found"})
            try:
                body = json.loads(content) if content else {}
            except ValueError:
                raise Refused(400, {"message": "The JSON value could not be converted"}) from None
            with app.store.lock:
                status, result = app.api(self.command, path[len("/api/v3") :], query, body)
                if self.command in ("POST", "PUT", "DELETE") and not path.endswith("/test"):
                    app.store.save()
            return self.reply(status, result)
        if path == "/login":
            return self.page("<form method=post><input name=username><input name=password type=password><button>")
        cookie = re.search(r"SonarrAuth=(\w+)", self.headers.get("Cookie", ""))
        if app.config("host")["authenticationMethod"] == "forms" and not (cookie and cookie[1] in app.sessions):
            return self.reply(302, None, {"Location": f"/login?returnUrl={urllib.parse.quote(path)}"})
        return self.page("<p>This stands in for Sonarr in the lab. It speaks its API and does nothing else.")

    def login(self, content, query):
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
            form = {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
                for part in message.get_payload()
            }
        else:
            form = dict(urllib.parse.parse_qsl(content.decode()))
        if not self.app.knows(form.get("username", ""), form.get("password", "")):
            return self.reply(302, None, {"Location": "/login?returnUrl=/&loginFailed=true"})
        session = secrets.token_hex(16)
        self.app.sessions.add(session)
        goal = query.get("returnUrl", ["/"])[0]
        goal = goal if re.match(r"/(?!/)", goal) else "/"
        return self.reply(302, None, {"Location": goal, "Set-Cookie": f"SonarrAuth={session}; path=/; httponly"})

    def page(self, text):
        html = f"<!doctype html><title>{NAME}</title><h1>{NAME}</h1>{text}"
        self.reply(200, html, {"Content-Type": "text/html"})

    def reply(self, status, body, headers=None):
        content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.note(status)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def note(self, status):
        with self.app.store.lock, (self.app.store.path.parent / "requests.log").open("a") as log:
            print(self.command, self.path.partition("?")[0], status, file=log)

    def log_message(self, *_):
        pass


def main():
    environment = os.environ
    folder = Path(environment.get("STANDIN_CONFIG", "/config"))
    time.sleep(float(environment.get("STANDIN_SLOW_START", "0")))
    Handler.app = Sonarr(Store(folder), environment)
    Handler.hang = environment.get("STANDIN_HANG", "")
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(environment.get("STANDIN_PORT", "8989"))), Handler)
    server.daemon_threads = True
    print(f"{NAME} listens on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
