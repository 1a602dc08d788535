# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The real nginx with the role's own templates, before an application that answers as it is told."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.monsterr.media.plugins.module_utils._plan import web

from ...conftest import REPOSITORY
from .._apps.conftest import free_port

ROLE = REPOSITORY / "roles/proxy"
FACTS = {"proxy_ipv6": False, "proxy_http3": False, "proxy_modern": False, "proxy_trusted": []}


class Application(http.server.BaseHTTPRequestHandler):
    """Answers anything with what it was asked; a path with a number in it, with so many bytes."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        size = self.path.rpartition("/")[2]
        body = b"x" * int(size) if size.isdigit() else self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Frame-Options", "ALLOWALL")
        self.send_header("Content-Security-Policy", "default-src 'self'")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_: Any) -> None:
        pass


class Proxy:
    """nginx in a folder, with one site, `app.example.org`."""

    def __init__(self, folder: Path, definition: dict[str, Any], upstream: int, **variables: Any) -> None:
        self.folder, self.port, self.plain = folder, free_port(), free_port()
        self.variables = yaml.safe_load((ROLE / "defaults/main.yml").read_text()) | FACTS | variables
        self.site = {
            "service": "app",
            "name": "app.example.org",
            "upstream": f"http://127.0.0.1:{upstream}",
            "access": "public",
            "login": "",
            "certificate": "app",
            "buffering": False,
            "max_body": "0",
            "headers": web.headers(definition.get("headers", {})),
            "locations": web.locations(definition.get("login", [])),
        }
        for name in ("monsterr/sites", "monsterr/headers", "conf.d", "modules-enabled", "certificates/app/live", "log"):
            (folder / name).mkdir(parents=True)
        shutil.copy("/etc/nginx/mime.types", folder)
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        pair = folder / "certificates/app/live"
        words += ["-keyout", str(pair / "privkey.pem"), "-out", str(pair / "fullchain.pem"), "-subj", "/CN=app"]
        words += ["-addext", "subjectAltName=DNS:app.example.org"]
        subprocess.run(words, check=True, capture_output=True)
        files = {
            "nginx.conf": "nginx.conf",
            "monsterr/proxy.conf": "proxy.conf",
            "monsterr/headers/app.conf": "headers.conf",
            "monsterr/sites/app.conf": "site.conf",
        }
        for path, template in files.items():
            (folder / path).write_text(self.rendered(f"{template}.j2"))
        self.process: subprocess.Popen[bytes] | None = None

    def rendered(self, name: str) -> str:
        """A template of the role, with the host's places and ports moved into the test's."""
        engine = jinja2.Environment(
            loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, undefined=jinja2.StrictUndefined
        )
        text = engine.get_template(name).render(self.variables | {"site": self.site})
        moved = {
            "/etc/nginx/modules-enabled": "/etc/nginx/modules-enabled" if os.geteuid() == 0 else "/nowhere",
            "/etc/nginx": str(self.folder),
            "/etc/monsterr/certificates": f"{self.folder}/certificates",
            "/var/log/nginx": f"{self.folder}/log",
            "/run/nginx.pid": f"{self.folder}/nginx.pid",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "listen 80": f"listen 127.0.0.1:{self.plain}",
        }
        for before, after in moved.items():
            text = text.replace(before, after)
        return text

    def start(self) -> None:
        words = ["nginx", "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder), "-g", "daemon off;"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=(self.folder / "stderr").open("wb"))
        until = time.monotonic() + 10
        while time.monotonic() < until and self.process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
        raise RuntimeError((self.folder / "stderr").read_text())

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = Connection("127.0.0.1", self.port, context=context, timeout=20)
        return connection

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by name in small letters, and body of one answer."""
        connection = self.connect()
        try:
            connection.request(method, path, headers={"Host": self.site["name"], **headers})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


class Connection(http.client.HTTPSConnection):
    """HTTPS to an address, with the name of the site in its TLS greeting."""

    def connect(self) -> None:
        self.sock = self._context.wrap_socket(
            socket.create_connection((self.host, self.port), self.timeout), server_hostname="app.example.org"
        )


@pytest.fixture(scope="session")
def application() -> Iterator[int]:
    """The port of the application."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture
def proxy(tmp_path: Path, application: int) -> Iterator[Any]:
    """Makes and starts a proxy for a definition's `web`, with some of the role's variables changed."""
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed: apt-get install $(cat tests/requirements-debian.txt)")
    made: list[Proxy] = []

    def make(definition: dict[str, Any], **variables: Any) -> Proxy:
        tmp_path.chmod(0o755)
        one = Proxy(tmp_path / f"nginx{len(made)}", definition, application, **variables)
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        one.stop()
