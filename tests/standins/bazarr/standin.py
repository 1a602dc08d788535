# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for Bazarr: its settings, languages and profiles, with its traps.

A write that touches Sonarr or Radarr while that one cannot be reached is stored and never answered. A bad score is
refused with 406, a bad page size is answered with 204 and not stored. A password is hashed (MD5, unsalted) before it is
stored. All language profiles are replaced by those that are sent. It starts from config/config.yaml, of which it reads
the few lines that our seed has.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import sys
import time
import urllib.parse

from common import Handler, Refused, Store, drops, serve

NAME = "Bazarr (stand-in)"
LANGUAGES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch"}
MANAGER = {"ip": "127.0.0.1", "port": 8989, "base_url": "/", "ssl": False, "apikey": "", "http_timeout": 60}
SETTINGS = {
    "general": {
        "ip": "*", "port": 6767, "base_url": "", "auto_update": True, "use_sonarr": False, "use_radarr": False,
        "page_size": 25, "minimum_score": 90, "minimum_score_movie": 70, "enabled_providers": [],
        "single_language": False, "serie_default_enabled": False, "serie_default_profile": "",
        "movie_default_enabled": False, "movie_default_profile": "", "path_mappings": [], "path_mappings_movie": [],
        "branch": "master",
        "theme": "auto",
    },
    "auth": {"apikey": "", "type": None, "username": "", "password": ""},
    "analytics": {"enabled": True},
    "backup": {"folder": "/config/backup", "retention": 31, "frequency": "Weekly"},
    "log": {"include_filter": "", "exclude_filter": ""},
    "sonarr": dict(MANAGER),
    "radarr": {**MANAGER, "port": 7878},
}  # fmt: skip


def typed(text, like):
    """A word of a form or of the seed as the setting has it."""
    if isinstance(like, bool):
        return str(text).lower() == "true"
    if isinstance(like, int):
        return int(text)
    return text


def seeded(folder):
    """The settings of a first start: those of the seed, and its own for all others."""
    settings = json.loads(json.dumps(SETTINGS))
    path, section = folder / "config" / "config.yaml", ""
    for line in path.read_text().splitlines() if path.exists() else ():
        if match := re.fullmatch(r"(\w+):\s*", line):
            section = match[1]
        elif match := re.fullmatch(r"  (\w+):\s*(.*?)\s*", line):
            text = match[2].strip("'\"")
            settings[section][match[1]] = typed(text, settings[section].get(match[1], ""))
    return settings


class Bazarr:
    """The application."""

    def __init__(self, folder):
        self.store = Store(folder, {"settings": seeded(folder), "languages": [], "profiles": []})
        self.drops = drops()

    def reach(self, manager):
        """The version of a manager; '' when it cannot be reached or refuses the key."""
        value = self.store.data["settings"][manager]
        connection = http.client.HTTPConnection(value["ip"], int(value["port"]), timeout=5)
        try:
            connection.request("GET", "/api/v3/system/status", headers={"X-Api-Key": value["apikey"]})
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body)["version"] if answer.status == 200 else ""
        except (OSError, ValueError, http.client.HTTPException):
            return ""
        finally:
            connection.close()

    def status(self):
        general = self.store.data["settings"]["general"]
        versions = {
            f"{name}_version": self.reach(name) if general[f"use_{name}"] else "" for name in ("sonarr", "radarr")
        }
        return {"bazarr_version": "1.5.6", "python_version": "3.12", "operating_system": "Linux", **versions}

    def save(self, form):
        """Keep what a form says. True: a manager was touched that has to be reached before there is an answer."""
        settings, touched = self.store.data["settings"], set()
        for name, values in form.items():
            if name == "languages-enabled":
                self.store.data["languages"] = sorted(values)
            elif name == "languages-profiles":
                self.store.data["profiles"] = json.loads(values[0])
            elif match := re.fullmatch(r"settings-([a-z]+)-(\w+)", name):
                section, key = match.groups()
                if key not in settings.get(section, {}):
                    continue  # as it does with what it does not know
                self.keep(section, key, values)
                if section in ("sonarr", "radarr"):
                    touched.add(section)
                if key.startswith("use_"):
                    touched.add(key[4:])
        return [name for name in touched if settings["general"].get(f"use_{name}")]

    def keep(self, section, key, values):
        settings = self.store.data["settings"]
        like = SETTINGS[section][key]
        value = list(values) if isinstance(like, list) else typed(values[0], like)
        if key.startswith("minimum_score") and not 0 <= value <= 100:
            raise Refused(406, f"{section}.{key} must be between 0 and 100")
        if key == "page_size" and value not in (25, 50, 100, 250, 500, 1000):
            return  # silently, as the real one
        if (section, key) == ("auth", "password") and value != settings["auth"]["password"]:
            value = hashlib.md5(value.encode()).hexdigest()
        if f"{section}.{key}" not in self.drops:
            settings[section][key] = value


class BazarrHandler(Handler):
    """Who may ask what."""

    def route(self, path, query):
        app, data = self.app, self.app.store.data
        if path == "/api/system/ping":
            return self.reply(200, {"status": "OK"})
        if not path.startswith("/api/"):
            return self.page("<p>This stands in for Bazarr in the lab. It speaks its API only.", NAME)
        key = data["settings"]["auth"]["apikey"]
        if not key or (self.headers.get("X-API-KEY") or query.get("apikey", [""])[0]) != key:
            raise Refused(401, "")
        asked = f"{self.command} {path}"
        if asked == "GET /api/system/settings":
            return self.reply(200, data["settings"])
        if asked == "POST /api/system/settings":
            form = urllib.parse.parse_qs(self.content.decode(), keep_blank_values=True)
            with app.store.lock:
                touched = app.save(form)
                app.store.save()
            while any(not app.reach(name) for name in touched):
                time.sleep(1)
            return self.reply(204)
        if asked == "GET /api/system/status":
            return self.reply(200, {"data": app.status()})
        if asked == "GET /api/system/health":
            return self.reply(200, {"data": []})
        if asked == "GET /api/system/languages":
            listed = [
                {"name": name, "code2": code, "code3": f"{code}x", "enabled": code in data["languages"]}
                for code, name in LANGUAGES.items()
            ]
            return self.reply(200, listed)
        if asked == "GET /api/system/languages/profiles":
            return self.reply(200, data["profiles"])
        raise Refused(404, "")


if __name__ == "__main__":
    sys.exit(serve(BazarrHandler, NAME, 6767, Bazarr))
