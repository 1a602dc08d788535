# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real qBittorrent and NZBGet, and the stand-ins, each as a child process with a folder of its own.

They start from the seeds and settings of our own definitions, with /config and /data moved into the test's folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.monsterr.media.plugins.module_utils._plan.secrets import qbittorrent_hash

from ...conftest import REPOSITORY

STANDINS = REPOSITORY / "tests" / "standins"
START = 20  # seconds an application may take to listen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class App:
    """An application as a child process: the definition it is from, its record for the wiring, its folder."""

    program = ""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.port = name, free_port()
        self.definition = yaml.safe_load((REPOSITORY / "roles" / name / "meta" / "service.yml").read_text())
        self.config, self.data = folder / name, folder / "data"
        library = [self.data / "media" / name for name in ("audiobooks", "books", "movies", "music", "podcasts", "tv")]
        for path in (self.config, *library):
            path.mkdir(parents=True, exist_ok=True)
        self.secrets = {f"{name}.password": f"a password for {name}"}
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}

    def moved(self, value: Any) -> Any:
        """`value` with the container's paths replaced by those of the test."""
        if isinstance(value, str):
            value = value.replace("{{ site }}", f"{self.name}.example.org")
            return value.replace("/data", str(self.data)).replace("/config", str(self.config))
        if isinstance(value, dict):
            return {key: self.moved(item) for key, item in value.items()}
        return [self.moved(item) for item in value] if isinstance(value, list) else value

    def record(self, *connections: dict[str, Any]) -> dict[str, Any]:
        return {
            "service": self.name,
            "app": self.definition["app"],
            "url": f"http://127.0.0.1:{self.port}",
            "settings": self.moved(self.definition["settings"]),
            "credentials": {
                "username": "admin",
                **{name.split(".")[1]: f"<secret:{name}>" for name in self.secrets},
            },
            "connections": list(connections),
            "media_path": str(self.data),
            "config_path": str(self.config),
        }

    def client(self, category: str) -> dict[str, Any]:
        """The connection of an application that downloads with this one."""
        return self.connection("download_client", category=category)

    def connection(self, kind: str, user: App | None = None, category: str = "") -> dict[str, Any]:
        """The connection of another application, `user`, to this one."""
        words = {"password": "password", "api_key": "api_key", "token": "account_token"}
        known = {f"{self.name}.{word}" for word in words.values()} & self.secrets.keys()
        return {
            "kind": kind,
            "service": self.name,
            "app": self.definition["app"],
            "title": self.definition["title"],
            "host": "127.0.0.1",
            "port": self.port,
            "back_host": "127.0.0.1",
            "back_port": user.port if user else 0,
            "username": "admin",
            **{
                key: f"<secret:{self.name}.{word}>" if f"{self.name}.{word}" in known else ""
                for key, word in words.items()
            },
            "category": category or (user.name if user else ""),
            "media_path": str(self.data),
        }

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self, wait: bool = True) -> None:
        with (self.config / "output.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "HOME": str(self.config), **self.environment},
            )
        end = time.monotonic() + START
        while wait:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.config / "output.log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(10)
            self.process = None


class QBittorrent(App):
    program = "qbittorrent-nox"

    def seed(self) -> None:
        text = self.definition["seeds"]["config/qBittorrent/qBittorrent.conf"].replace("{{ username }}", "admin")
        hashed = qbittorrent_hash(self.secrets["qbittorrent.password"], b"sixteen bytes..!")
        text = text.replace("{{ secret('password_hash') }}", hashed).replace("{{ port }}", str(self.port))
        path = self.config / "qBittorrent" / "config" / "qBittorrent.conf"
        path.parent.mkdir(parents=True)
        # Only loopback, and no talk with the world.
        text = self.moved(text).replace("WebUI\\Address=*", "WebUI\\Address=127.0.0.1")
        quiet = "Session\\Interface=lo\nSession\\InterfaceName=lo\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false"
        path.write_text(text.replace("[BitTorrent]", f"[BitTorrent]\n{quiet}"))

    def command(self) -> list[str]:
        return [self.program, f"--profile={self.config}", f"--webui-port={self.port}"]


class NZBGet(App):
    program = "nzbget"

    def seed(self) -> None:
        text = self.definition["seeds"]["config/nzbget.conf"].replace("{{ username }}", "admin")
        text = text.replace("{{ secret('password') }}", self.secrets["nzbget.password"])
        text = text.replace("{{ port }}", str(self.port)).replace("ControlIP=0.0.0.0", "ControlIP=127.0.0.1")
        (self.config / "nzbget.conf").write_text(self.moved(text))

    def command(self) -> list[str]:
        return [self.program, "-s", "-c", str(self.config / "nzbget.conf"), "-o", "OutputMode=log"]


class Calibre(App):
    """The library of books, started by its definition's own command. Big: for the bench, and the lab has it anyway."""

    program = "calibre-server"

    def seed(self) -> None:
        self.environment = {
            "CALIBRE_CONFIG_DIRECTORY": str(self.config / "calibre"),
            "QT_QPA_PLATFORM": "offscreen",
            "ADMIN": "admin",
            "ADMIN_PASSWORD": self.secrets["calibre.password"],
        }

    def command(self) -> list[str]:
        words = [*self.definition["entrypoint"], *self.definition["command"]]
        return [self.moved(word.replace("{{ port }}", str(self.port))) for word in words]


class StandIn(App):
    """A stand-in: what it was asked is in its log."""

    program = sys.executable
    folder = ""

    def seed(self) -> None:
        self.environment = {
            "PYTHONPATH": str(STANDINS),
            "STANDIN_CONFIG": str(self.config),
            "STANDIN_PORT": str(self.port),
        }

    def command(self) -> list[str]:
        return [self.program, str(STANDINS / (self.folder or self.name) / "standin.py")]

    def asked(self) -> list[str]:
        """Method and path of each request so far."""
        log = self.config / "requests.log"
        return [" ".join(line.split()[:2]) for line in log.read_text().splitlines()] if log.exists() else []

    def writes(self) -> list[str]:
        """The requests among those that write something."""
        harmless = ("/login", "/test")
        return [line for line in self.asked() if not line.startswith(("GET", "HEAD")) and not line.endswith(harmless)]


class Arr(StandIn):
    """One of the *arrs."""

    folder = "arr"

    def seed(self) -> None:
        super().seed()
        self.secrets[f"{self.name}.api_key"] = f"{self.name}0123456789abcdef0123456789"[:32]
        prefix = f"{self.name.upper()}__AUTH__"
        self.environment |= {
            "STANDIN_APP": self.name,
            f"{prefix}APIKEY": self.secrets[f"{self.name}.api_key"],
            f"{prefix}METHOD": "Forms",
            f"{prefix}REQUIRED": "Enabled",
        }


class Sonarr(Arr):
    """Series."""


class Radarr(Arr):
    """Films."""


class Lidarr(Arr):
    """Music."""


class Readarr(Arr):
    """Books."""


class Prowlarr(Arr):
    """Indexers."""


class Plex(StandIn):
    """The media server, and plex.tv."""

    def seed(self) -> None:
        super().seed()
        self.secrets["plex.account_token"] = "lab-account-token"
        self.definition["settings"]["account_url"] = f"http://127.0.0.1:{self.port}"


class Bazarr(StandIn):
    """Subtitles."""

    def seed(self) -> None:
        super().seed()
        self.secrets["bazarr.api_key"] = "bazarr0123456789abcdef0123456789"
        text = self.definition["seeds"]["config/config/config.yaml"]
        password = hashlib.md5(self.secrets["bazarr.password"].encode()).hexdigest()
        for word, value in (
            ("port", str(self.port)),
            ("username", "admin"),
            ("secret('api_key')", self.secrets["bazarr.api_key"]),
            ("secret('password_md5')", password),
        ):
            text = text.replace("{{ " + word + " }}", value)
        (self.config / "config").mkdir()
        (self.config / "config" / "config.yaml").write_text(text)


class Audiobookshelf(StandIn):
    """Audiobooks and podcasts."""


def made(kind: type[App], folder: Path) -> App:
    if not shutil.which(kind.program):
        pytest.skip(f"{kind.program} is not installed: apt-get install $(cat tests/requirements-debian.txt)")
    app = kind(kind.__name__.lower(), folder)
    app.seed()
    return app


def running(kind: type[App], folder: Path) -> Iterator[App]:
    app = made(kind, folder)
    app.start()
    yield app
    app.stop()


@pytest.fixture
def qbittorrent(tmp_path):
    yield from running(QBittorrent, tmp_path)


@pytest.fixture
def nzbget(tmp_path):
    yield from running(NZBGet, tmp_path)


@pytest.fixture
def sonarr(tmp_path):
    yield from running(Sonarr, tmp_path)


@pytest.fixture
def radarr(tmp_path):
    yield from running(Radarr, tmp_path)


@pytest.fixture
def lidarr(tmp_path):
    yield from running(Lidarr, tmp_path)


@pytest.fixture
def readarr(tmp_path):
    yield from running(Readarr, tmp_path)


@pytest.fixture
def prowlarr(tmp_path):
    yield from running(Prowlarr, tmp_path)


@pytest.fixture
def plex(tmp_path):
    yield from running(Plex, tmp_path)


@pytest.fixture
def bazarr(tmp_path):
    yield from running(Bazarr, tmp_path)


@pytest.fixture
def audiobookshelf(tmp_path):
    yield from running(Audiobookshelf, tmp_path)
