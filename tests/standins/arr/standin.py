# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for Sonarr, Radarr, Lidarr, Readarr or Prowlarr: the part of the API that the wiring uses.

And the behaviour that bites. It masks secrets (Readarr does not), refuses a name that is taken, tests a peer before it
saves, resets what a whole-object PUT leaves out, answers 201 and 202 where the API document says 200, refuses a quality
profile without every custom format. What each application has is in ``facts.json``. Environment, besides that of
`common`: STANDIN_APP, <APP>__AUTH__APIKEY (none: every call is refused), <APP>__AUTH__METHOD, <APP>__AUTH__REQUIRED.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import urllib.parse
from email.parser import BytesParser
from pathlib import Path

import chain
import peers
from common import Handler, Refused, Store, drops, serve

MASK = "********"
SECRET = ("password", "apiKey")
FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())
KINDS = {"downloadclient": "Client", "notification": "", "indexer": "", "applications": ""}
PROTOCOLS = {"QBittorrent": "torrent", "Torznab": "torrent", "Nzbget": "usenet", "Newznab": "usenet"}
RICH = ("lidarr", "readarr")
# As the application orders them, worst first; a name with a list is a group.
QUALITIES = {
    "lidarr": ["Unknown", ["Low Quality Lossy", ["MP3-128", "MP3-160"]], ["High Quality Lossy", ["MP3-256", "MP3-320"]],
               ["Lossless", ["FLAC", "ALAC"]]],
    "readarr": ["Unknown Text", "PDF", "MOBI", "EPUB", "AZW3"],
    "": ["Unknown", "SDTV", "DVD", ["WEB 480p", ["WEBDL-480p", "WEBRip-480p"]], "HDTV-720p",
         ["WEB 720p", ["WEBDL-720p", "WEBRip-720p"]], "Bluray-720p", "HDTV-1080p",
         ["WEB 1080p", ["WEBDL-1080p", "WEBRip-1080p"]], "Bluray-1080p", "Bluray-1080p Remux", "HDTV-2160p",
         ["WEB 2160p", ["WEBDL-2160p", "WEBRip-2160p"]], "Bluray-2160p", "Bluray-2160p Remux"],
}  # fmt: skip


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


def hashed(password, salt):
    return base64.b64encode(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 10_000, 32)).decode()


def qualities(name):
    """The items of a quality profile that allows all, as the application begins one."""
    items = []
    for number, entry in enumerate(QUALITIES.get(name, QUALITIES[""])):
        title, inner = (entry, []) if isinstance(entry, str) else entry
        if inner:
            parts = [
                {"quality": {"id": 100 * number + place, "name": part}, "items": [], "allowed": True}
                for place, part in enumerate(inner, 1)
            ]
            items.append({"id": 1000 + number, "name": title, "items": parts, "allowed": True})
        else:
            items.append({"quality": {"id": 100 * number, "name": title}, "items": [], "allowed": True})
    return items


class Arr:
    """The application itself."""

    def __init__(self, name, folder, environment):
        self.name, self.facts, self.title = name, FACTS[name], f"{name.title()} (stand-in)"
        first = {
            "configs": {group: {"id": 1, **values} for group, values in self.facts["configs"].items()},
            "user": None,
            "rootfolder": [],
            "tag": [],
            "customformat": [],
            "remotepathmapping": [],
            "qualityprofile": [{**self.new_profile([]), "id": 1, "name": "Any"}],
            "metadataprofile": [{"id": 1, "name": "Standard"}, {"id": 2, "name": "None"}],
            "appprofile": [{"id": 1, "name": "Standard", "enableRss": True, "enableAutomaticSearch": True,
                            "enableInteractiveSearch": True, "minimumSeeders": 1}],
            **{kind: [] for kind in KINDS},
            "next": 3,
        }  # fmt: skip
        self.store = Store(folder, first)
        prefix = f"{name.upper()}__AUTH__"
        self.key = environment.get(f"{prefix}APIKEY", "")
        self.forced = {
            key: environment[prefix + word][:1].lower() + environment[prefix + word][1:]
            for key, word in (("authenticationMethod", "METHOD"), ("authenticationRequired", "REQUIRED"))
            if environment.get(prefix + word) and key in self.facts["configs"]["host"]
        }
        self.drops, self.sessions = drops(), set()

    # -- settings that exist once

    def config(self, group):
        config = dict(self.store.data["configs"][group])
        if group == "host":
            user = self.store.data["user"] or {"username": "", "hash": ""}
            config.update(self.forced, apiKey=self.key, username=user["username"], password=user["hash"])
        return config

    def put_config(self, group, body):
        old, facts = self.config(group), self.facts["configs"][group]
        # What is not sent is not there: the whole object is what counts.
        new = {key: body.get(key, {bool: False, int: 0}.get(type(value))) for key, value in facts.items()}
        problems = []
        if group == "host":
            problems = self.host_problems(old, new)
        if problems:
            raise Refused(400, problems)
        if group == "host":
            self.set_user(old, new)
        for dropped in self.drops:
            where, _unused, key = dropped.partition(".")
            if where == group and key in new:
                new[key] = old[key]
        self.store.data["configs"][group] = {"id": 1, **new}
        return self.config(group)

    @staticmethod
    def host_problems(old, new):
        problems = []
        if not 1 <= (new["port"] or 0) <= 65535:
            problems.append(invalid("Port", "Port must be between 1 and 65535", new["port"]))
        if not 1 <= (new["backupInterval"] or 0) <= 7:
            problems.append(invalid("BackupInterval", "'Backup Interval' must be between 1 and 7"))
        if new["authenticationMethod"] in ("forms", "basic") and not (new["username"] and new["password"]):
            problems.append(invalid("Username", "'Username' must not be empty."))
        elif new["password"] != old["password"] and new["password"] != new.get("passwordConfirmation", new["password"]):
            problems.append(invalid("PasswordConfirmation", "Must match Password"))
        return problems

    def set_user(self, old, new):
        new["authenticationMethod"] = new["authenticationMethod"] or "none"
        if new["password"] and (new["password"], new["username"]) != (old["password"], old["username"]):
            salt, kept = secrets.token_bytes(16), self.store.data["user"]
            same = kept and new["password"] == kept["hash"]
            self.store.data["user"] = {
                "username": new["username"].lower(),
                "salt": kept["salt"] if same else salt.hex(),
                "hash": kept["hash"] if same else hashed(new["password"], salt),
            }
        new.update({key: "" for key in ("password", "passwordConfirmation", "username", "apiKey") if key in new})

    def knows(self, username, password):
        user = self.store.data["user"]
        if not user or username.lower() != user["username"]:
            return False
        return hmac.compare_digest(user["hash"], hashed(password, bytes.fromhex(user["salt"])))

    # -- objects without fields

    def new_profile(self, formats):
        items = [{**item, "allowed": False} for item in qualities(self.name)]
        listed = [{"format": item["id"], "name": item["name"], "score": 0} for item in formats]
        profile = {"name": "", "upgradeAllowed": False, "cutoff": 0, "items": items, "formatItems": listed}
        return {**profile, "minFormatScore": 0, "cutoffFormatScore": 0}

    def check_qualityprofile(self, body, _old):
        formats = {item["id"] for item in self.store.data["customformat"]}
        numbers = {(item.get("quality") or item)["id"] for item in body.get("items", []) if item.get("allowed")}
        if {item["format"] for item in body.get("formatItems", [])} != formats:
            raise Refused(400, [invalid("FormatItems", "All Custom Formats and no extra ones need to be present")])
        if not numbers:
            raise Refused(400, [invalid("Items", "Must contain at least one allowed quality")])
        if body.get("cutoff") not in numbers:
            raise Refused(400, [invalid("Cutoff", "Cutoff must be an allowed quality or group", body.get("cutoff"))])
        return body

    def check_customformat(self, body, _old):
        if not body.get("specifications"):
            raise Refused(400, [invalid("Specifications", "Must contain at least one Condition")])
        for item in body["specifications"]:
            fields = {field["name"]: field.get("value") for field in item.get("fields") or []}
            if item["implementation"] == "ReleaseTitleSpecification":
                try:
                    re.compile(fields.get("value") or "")
                except re.error:
                    raise Refused(400, [invalid("Value", "Invalid regex")]) from None
            item.setdefault("implementationName", item["implementation"])
        return body

    def check_remotepathmapping(self, body, _old):
        if not os.path.isdir(body.get("localPath") or ""):
            raise Refused(400, [invalid("LocalPath", f"Path '{body.get('localPath')}' does not exist")])
        return {**body, **{key: body[key].rstrip("/") + "/" for key in ("localPath", "remotePath")}}

    def check_rootfolder(self, body, old):
        path = (body.get("path") or "").rstrip("/") or "/"
        if not path.startswith("/"):
            raise Refused(400, [invalid("Path", "Invalid Path", path)])
        if any(item["path"] == path and item is not old for item in self.store.data["rootfolder"]):
            raise Refused(400, [invalid("Path", f"Root folder '{path}' already exists", path)])
        if not os.path.isdir(path):
            raise Refused(400, [invalid("Path", f"Path '{path}' does not exist", path)])
        if not os.access(path, os.W_OK):
            raise Refused(400, [invalid("Path", f"Folder '{path}' is not writable by user 'abc'", path)])
        if self.name not in RICH:
            return {"path": path}
        for key, kind in (
            ("defaultQualityProfileId", "qualityprofile"),
            ("defaultMetadataProfileId", "metadataprofile"),
        ):
            if body.get(key) not in [item["id"] for item in self.store.data[kind]]:
                raise Refused(400, [invalid(key[:1].upper() + key[1:], "Profile does not exist", body.get(key))])
        if not body.get("name"):
            raise Refused(400, [invalid("Name", "'Name' must not be empty.")])
        if body.get("isCalibreLibrary"):
            problem = peers.try_calibre(body)
            if problem:
                raise Refused(400, [invalid(*problem)])
        return {**body, "path": path}

    def shown_rootfolder(self, item):
        more = {"totalSpace": 10**12} if self.name in RICH else {"unmappedFolders": []}
        return {**item, "accessible": os.path.isdir(item["path"]), "freeSpace": 10**12, **more}

    def plain(self, kind, method, number, body):
        """Lists of objects without fields: read, add, write, remove."""
        items = self.store.data[kind]
        old = next((item for item in items if item["id"] == number), None)
        shown = getattr(self, f"shown_{kind}", dict)
        if number and not old:
            raise Refused(404, {"message": "NotFound"})
        if method == "GET":
            return 200, shown(old) if number else [shown(item) for item in items]
        if method == "DELETE":
            if kind == "qualityprofile" and len(items) == 1:
                raise Refused(500, {"message": f"QualityProfile [{old['name']}] is in use."})
            items.remove(old)
            return 200, {}
        if method == "PUT" and kind == "rootfolder" and self.name not in RICH:
            raise Refused(405, None)
        name = body.get("name")
        if name and any(item.get("name", "").lower() == name.lower() and item is not old for item in items):
            raise Refused(400, [invalid("Name", "Must be unique", name)])
        new = getattr(self, f"check_{kind}", lambda body, _old: body)(body, old)
        new = {**new, "id": number or self.store.number()}
        if old:
            items[items.index(old)] = new
        else:
            items.append(new)
            if kind == "customformat":
                for profile in self.store.data["qualityprofile"]:
                    profile["formatItems"].append({"format": new["id"], "name": new["name"], "score": 0})
        return (202 if old else 201), shown(new)

    def tag(self, method, body):
        tags = self.store.data["tag"]
        if method == "GET":
            return 200, tags
        label = body["label"].lower()
        if not any(item["label"] == label for item in tags):
            tags.append({"id": self.store.number(), "label": label})
        return 201, next(item for item in tags if item["label"] == label)

    # -- objects with fields, which connect to a peer

    def template(self, kind, implementation):
        fields = []
        for order, (name, form, privacy, value) in enumerate(self.facts["providers"][kind][implementation]):
            field = {"order": order, "name": name, "label": name, "type": form, "advanced": False, "privacy": privacy}
            if self.name == "readarr":
                del field["privacy"]  # it does not know of it, and shows every secret
            if value is not None:
                field["value"] = value
            fields.append(field if self.name == "readarr" else {**field, "isFloat": False})
        whole = {
            **self.facts["tops"][kind],
            "name": "",
            "fields": fields,
            "implementationName": implementation,
            "implementation": implementation,
            "configContract": f"{implementation}Settings",
            "infoLink": f"https://wiki.servarr.com/{self.name}/supported#{implementation.lower()}",
            "tags": [],
            "presets": [],
        }
        if implementation in PROTOCOLS:
            whole["protocol"] = PROTOCOLS[implementation]
        if kind == "downloadclient":
            whole["enable"] = True
        return whole

    def shown(self, item):
        if self.name == "readarr":
            return item
        fields = [
            {**field, "value": MASK} if field.get("privacy") in SECRET and field.get("value") else field
            for field in item["fields"]
        ]
        return {**item, "fields": fields}

    def built(self, kind, body, old=None):
        """The object that `body` describes, its masks replaced by what is stored."""
        implementation = body.get("implementation")
        known = self.facts["providers"][kind]
        if implementation not in known or body.get("configContract") != f"{implementation}Settings":
            raise Refused(400, [invalid("Implementation", "Unknown implementation", implementation)])
        item = self.template(kind, implementation)
        stored = {field["name"]: field.get("value") for field in (old or {}).get("fields", [])}
        sent = {field.get("name"): field.get("value") for field in body.get("fields") or []}
        for field in item["fields"]:
            number = isinstance(field.get("value"), int) and not isinstance(field.get("value"), bool)
            value = sent.get(field["name"])
            if field.get("privacy") in SECRET and value == MASK and self.name != "readarr":
                value = stored.get(field["name"])
            if number and value is not None:
                value = int(value)
            field.pop("value", None)
            if value is not None:
                field["value"] = value
        for key, value in self.facts["tops"][kind].items():
            item[key] = body.get(key, {bool: False, int: 0}.get(type(value)))
        item["name"], item["tags"] = body.get("name", ""), body.get("tags") or []
        if not item["name"]:
            raise Refused(400, [invalid("Name", "'Name' must not be empty.")])
        if not set(item["tags"]) <= {tag["id"] for tag in self.store.data["tag"]}:
            raise Refused(400, [invalid("Tags", "Tag does not exist", item["tags"])])
        taken = (other for other in self.store.data[kind] if other["id"] != (old or {}).get("id"))
        if any(other["name"].lower() == item["name"].lower() for other in taken):
            raise Refused(400, [invalid("Name", "Should be unique", item["name"])])
        if self.name == "prowlarr" and kind == "indexer":
            self.check_indexer(item)
        return item

    def check_indexer(self, item):
        if item["appProfileId"] not in [profile["id"] for profile in self.store.data["appprofile"]]:
            raise Refused(400, [invalid("AppProfileId", "Profile does not exist", item["appProfileId"])])
        if not 1 <= item["priority"] <= 50:
            raise Refused(400, [invalid("Priority", "'Priority' must be between 1 and 50", item["priority"])])
        if item["protocol"] == "usenet" and not item["redirect"]:
            raise Refused(400, [invalid("Redirect", "Redirect must be enabled for usenet indexers", False)])

    def provider(self, kind, method, number, query, body):
        items = self.store.data[kind]
        old = next((item for item in items if item["id"] == number), None)
        if number and not old:
            raise Refused(404, {"message": "NotFound"})
        if method == "GET":
            return 200, self.shown(old) if number else [self.shown(item) for item in items]
        if method == "DELETE":
            items.remove(old)
            return 200, {}
        item = {**self.built(kind, body, old), "id": number or self.store.number()}
        if item.get("enable", True) and query.get("forceSave", ["false"])[0].lower() != "true":
            self.tested(kind, item)
        if old:
            items[items.index(old)] = item
        else:
            items.append(item)
        return (202 if old else 201), self.shown(item)

    def test(self, kind, body):
        items = self.store.data[kind]
        self.tested(kind, self.built(kind, body, next((item for item in items if item["id"] == body.get("id")), None)))
        return 200, {}

    def tested(self, kind, item):
        """Try the connection, as the application does before it saves."""
        value = {field["name"]: field.get("value") for field in item["fields"]}
        value["category"] = next(
            (value[key] for key in value if key.endswith(("vCategory", "eCategory", "cCategory"))), ""
        )
        problem = peers.TRIALS[item["implementation"] + ("App" if kind == "applications" else "")](value)
        if problem:
            raise Refused(400, [invalid(*problem)])

    # -- the rest

    def status(self):
        return {
            "appName": self.name.title(),
            "instanceName": self.title,
            "version": "4.0.0.0",
            "isDocker": True,
            "isLinux": True,
            "branch": "stand-in",
            "authentication": self.config("host")["authenticationMethod"],
            "urlBase": "",
        }

    def command(self, body):
        name = body.get("name")
        if name == "ApplicationIndexerSync" and self.name == "prowlarr":
            chain.sync(self)
        elif name == "RefreshMonitoredDownloads":
            chain.import_finished(self)
        return 201, {"id": self.store.number(), "name": name, "commandName": name, "status": "completed"}

    def api(self, method, path, query, body):
        """The answer of the API to one call: status and body."""
        facts = self.facts
        if (method, path) == ("GET", "/system/status"):
            return 200, self.status()
        if (method, path) == ("GET", "/health"):
            return 200, []
        if (method, path) == ("POST", "/command"):
            return self.command(body)
        if path == "/release" and self.name == "sonarr":
            return (200, chain.search(self, query)) if method == "GET" else (200, chain.grab(self, body))
        if path == "/tag":
            return self.tag(method, body)
        match = re.fullmatch(r"/config/([a-z]+)(?:/(\d+))?", path)
        if match and match[1] in facts["configs"]:
            if method == "GET":
                return 200, self.config(match[1])
            if method == "PUT" and match[2]:
                return 202, self.put_config(match[1], body)
        match = re.fullmatch(r"/([a-z]+)(?:/(\d+|schema|test))?", path)
        kind, number = (match[1], match[2] or "0") if match else ("", "0")
        if kind in facts["providers"]:
            if number == "schema":
                return 200, [self.template(kind, name) for name in facts["providers"][kind]]
            if number == "test":
                return self.test(kind, body)
            return self.provider(kind, method, int(number), query, body)
        if (kind, number) == ("qualityprofile", "schema"):
            return 200, self.new_profile(self.store.data["customformat"])
        if kind in self.lists() and number.isdigit():
            return self.plain(kind, method, int(number), body)
        raise Refused(404, {"message": "NotFound"})

    def lists(self):
        if self.name == "prowlarr":
            return ("appprofile",)
        common = ("rootfolder", "customformat", "qualityprofile", "remotepathmapping")
        return (*common, "metadataprofile") if self.name in RICH else common


class ArrHandler(Handler):
    """Who may ask what."""

    def route(self, path, query):
        app, base = self.app, self.app.facts["api"]
        if path == "/ping":
            return self.reply(200, {"status": "OK"})
        if path == "/login" and self.command == "POST":
            return self.login(query)
        given = self.headers.get("X-Api-Key") or query.get("apikey", [""])[0]
        allowed = app.key and hmac.compare_digest(given.encode(), app.key.encode())
        indexer = re.fullmatch(r"/(\d+)/(api|download)", path) if app.name == "prowlarr" else None
        if path.startswith(f"{base}/") or indexer:
            if not allowed:
                raise Refused(401, {"error": "Unauthorized"})
            if path == f"{base}/rootfolder" and "application/json" not in self.headers.get("Accept", ""):
                raise Refused(500, {"message": "No output formatter was found"})
            if indexer:
                return self.reply(*chain.pass_on(app, int(indexer[1]), indexer[2], query, self.headers["Host"]))
            body = self.json()
            with app.store.lock:
                status, result = app.api(self.command, path[len(base) :], query, body)
                if self.command in ("POST", "PUT", "DELETE") and not path.endswith("/test"):
                    app.store.save()
            return self.reply(status, result)
        if path == "/login":
            form = "<form method=post><input name=username><input name=password type=password><button>"
            return self.page(form, app.title)
        cookie = re.search(r"ArrAuth=(\w+)", self.headers.get("Cookie", ""))
        if app.config("host")["authenticationMethod"] == "forms" and not (cookie and cookie[1] in app.sessions):
            return self.reply(302, None, {"Location": f"/login?returnUrl={urllib.parse.quote(path)}"})
        return self.page(
            "<p>This stands in for the application in the lab, and does nothing but speak its API.", app.title
        )

    def login(self, query):
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.content)
            form = {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
                for part in message.get_payload()
            }
        else:
            form = dict(urllib.parse.parse_qsl(self.content.decode()))
        if not self.app.knows(form.get("username", ""), form.get("password", "")):
            return self.reply(302, None, {"Location": "/login?returnUrl=/&loginFailed=true"})
        session = secrets.token_hex(16)
        self.app.sessions.add(session)
        goal = query.get("returnUrl", ["/"])[0]
        goal = goal if re.match(r"/(?!/)", goal) else "/"
        return self.reply(302, None, {"Location": goal, "Set-Cookie": f"ArrAuth={session}; path=/; httponly"})


def main():
    name = os.environ.get("STANDIN_APP", "sonarr")
    port = FACTS[name]["port"]
    serve(ArrHandler, f"{name} (stand-in)", port, lambda folder: Arr(name, folder, os.environ))


if __name__ == "__main__":
    sys.exit(main())
