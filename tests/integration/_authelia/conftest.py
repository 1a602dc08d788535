# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real Authelia and the real nginx, configured by the plan, on loopback."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.monsterr.media.plugins.module_utils._core.secret import resolve
from ansible_collections.monsterr.media.plugins.module_utils._lab.image import built
from ansible_collections.monsterr.media.plugins.module_utils._plan import secrets
from ansible_collections.monsterr.media.plugins.modules import login_users

from ...conftest import REPOSITORY
from ...unit._plan.samples import MASTER, definitions, one_host, plan_of
from .._apps.conftest import free_port
from ..ansible_module import call

RECIPE = REPOSITORY / "roles/lab/files/images/authelia/build.py"
PROXY = REPOSITORY / "roles/proxy"
FACTS = {"proxy_ipv6": False, "proxy_http3": False, "proxy_modern": False, "proxy_trusted": []}
USERS = {
    "anna": {"email": "anna@example.org", "password": "correct horse battery", "groups": ["family"]},
    "ben": {"email": "ben@example.org", "password": "staple of a battery"},
    "cora": {"email": "cora@example.org", "password": "gone for a while", "disabled": True},
}


class Application(http.server.BaseHTTPRequestHandler):
    """Stands for Sonarr: says what it was asked, and guards its API with a key."""

    def do_GET(self) -> None:
        refused = self.path.startswith("/api") and self.headers.get("X-Api-Key") != "key"
        body = f"application {self.path}".encode()
        self.send_response(401 if refused else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def plan(**more: Any) -> dict[str, Any]:
    """A plan with a service for the family with two factors, one with one, one that is public."""
    raw = definitions()
    raw["qbittorrent"]["web"] = {"access": "one_factor"}
    raw["nzbget"]["web"] = {"access": "public"}
    raw["authelia"] = yaml.safe_load((REPOSITORY / "roles/authelia/meta/service.yml").read_text())
    wanted = {
        "monsterr_services": ["sonarr", "qbittorrent", "nzbget"],
        "monsterr_users": USERS,
        "monsterr_login_rules": [{"service": "sonarr", "groups": ["family"]}],
    }
    made, problems = plan_of(one_host(**(wanted | more)), raw)
    assert made, problems
    return made


class World:
    """Authelia and nginx, as the plan has them, moved to free ports and a folder."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder, self.program = folder, program
        self.port, self.portal, self.application = free_port(), free_port(), free_port()
        self.config = folder / "authelia"
        self.plan = plan()
        self.host = self.plan["hosts"]["box"]
        self.running: list[subprocess.Popen[bytes]] = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.application), Application)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def secrets(self) -> dict[str, str]:
        return secrets.values(MASTER, self.host["secrets"], {}, USERS)

    def users(self, **more: Any) -> dict[str, Any]:
        ids = {"owner": os.getuid(), "group": os.getgid()}
        asked = {"users": self.host["login"]["users"], "secrets": self.secrets()} | more
        return call(login_users, path=str(self.config / "users_database.yml"), **ids, **asked)

    def environment(self) -> dict[str, str]:
        service = next(each for each in self.host["services"] if each["name"] == "authelia")
        wanted = resolve(service["environment"], self.secrets())
        text = (
            wanted["MONSTERR_CONFIGURATION"]
            .replace("/config/", f"{self.config}/")
            .replace(":9091/", f"127.0.0.1:{self.portal}/")
        )
        return {
            **os.environ,
            **wanted,
            "MONSTERR_CONFIGURATION": text,
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
        }

    def start(self) -> None:
        assert self.users()["changed"]
        service = next(each for each in self.host["services"] if each["name"] == "authelia")
        script = service["command"][0].replace("/config/", f"{self.config}/")
        with (self.folder / "authelia.log").open("wb") as log:
            words = [*service["entrypoint"], script]
            self.running.append(subprocess.Popen(words, env=self.environment(), stdout=log, stderr=log))
        self.await_answer(f"http://127.0.0.1:{self.portal}/api/health")
        self.proxy()

    def await_answer(self, url: str) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and self.running[-1].poll() is None:
            try:
                urllib.request.urlopen(url, timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((self.folder / "authelia.log").read_text()[-3000:])

    def proxy(self) -> None:
        for name in ("monsterr/sites", "monsterr/headers", "conf.d", "modules-enabled", "log"):
            (self.folder / name).mkdir(parents=True)
        shutil.copy("/etc/nginx/mime.types", self.folder)
        for record in self.host["files"]:
            if record["role"] == "proxy":
                target = self.folder / Path(record["path"]).relative_to("/etc/nginx")
                target.write_text(self.rendered(record))
        for site in self.host["sites"]:
            pair = self.folder / "certificates" / site["certificate"] / "live"
            pair.mkdir(parents=True)
            words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            words += ["-keyout", str(pair / "privkey.pem"), "-out", str(pair / "fullchain.pem"), "-subj", "/CN=x"]
            subprocess.run(words, check=True, capture_output=True)
        words = ["nginx", "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder), "-g", "daemon off;"]
        with (self.folder / "stderr").open("wb") as log:
            self.running.append(subprocess.Popen(words, stderr=log))
        time.sleep(1)
        assert self.running[-1].poll() is None, (self.folder / "stderr").read_text()

    def rendered(self, record: dict[str, Any]) -> str:
        engine = jinja2.Environment(
            loader=jinja2.FileSystemLoader(PROXY / "templates"), trim_blocks=True, undefined=jinja2.StrictUndefined
        )
        variables = yaml.safe_load((PROXY / "defaults/main.yml").read_text()) | FACTS | record["vars"]
        text = engine.get_template(record["template"]).render(variables)
        text = re.sub(r"proxy_pass http://127.0.0.1:9091", f"proxy_pass http://127.0.0.1:{self.portal}", text)
        text = re.sub(
            r"proxy_pass http://127.0.0.1:(8989|8080|6789);", f"proxy_pass http://127.0.0.1:{self.application};", text
        )
        moved = {
            "/etc/nginx/modules-enabled": "/etc/nginx/modules-enabled" if os.geteuid() == 0 else "/nowhere",
            "/etc/nginx": str(self.folder),
            "/etc/monsterr/certificates": f"{self.folder}/certificates",
            "/var/log/nginx": f"{self.folder}/log",
            "/run/nginx.pid": f"{self.folder}/nginx.pid",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "listen 80": f"listen 127.0.0.1:{self.plain}",
        }
        return functools.reduce(lambda done, pair: done.replace(*pair), moved.items(), text)

    @functools.cached_property
    def plain(self) -> int:
        return free_port()

    def stop(self) -> None:
        self.server.shutdown()
        for process in reversed(self.running):
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real Authelia, built once."""
    cache = Path(os.environ.get("MONSTERR_CACHE") or Path.home() / ".cache/monsterr")
    folder = tmp_path_factory.mktemp("bin")
    (folder / "authelia").symlink_to(built("authelia", RECIPE, cache))
    return folder / "authelia"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, program: Path) -> Iterator[World]:
    here = World(tmp_path_factory.mktemp("world"), program)
    try:
        here.start()
        yield here
    finally:
        here.stop()
