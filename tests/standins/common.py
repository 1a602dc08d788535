# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every stand-in has: its state in one JSON file, a log of what it was asked, and ways to misbehave.

A stand-in is for the lab and the tests, where the program itself cannot be had, and no part of an installation.
Environment: STANDIN_CONFIG (folder of its state, /config), STANDIN_PORT, STANDIN_SLOW_START (seconds in which it does
not listen), STANDIN_HANG (beginning of a path that is never answered), STANDIN_DROPS (settings that it silently does
not keep, with commas between). What it was asked is in ``requests.log`` beside its state, by method, path and status.
"""

from __future__ import annotations

import http.server
import json
import os
import threading
import time
import urllib.parse
from pathlib import Path

LOG = threading.Lock()  # of its own: an application may be asked while it waits for a peer that asks back


class Refused(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status, body=None, headers=None):
        self.status, self.body, self.headers = status, body, headers
        super().__init__(status)


class Store:
    """Everything a stand-in remembers, in one JSON file. first: what it is at the very first start."""

    def __init__(self, folder, first):
        self.path = folder / "standin.json"
        self.lock = threading.RLock()
        self.data = json.loads(self.path.read_text()) if self.path.exists() else first

    def save(self):
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.data, indent=1))
        os.replace(draft, self.path)

    def number(self):
        self.data["next"] = self.data.get("next", 1) + 1
        return self.data["next"] - 1


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP around an application: a subclass says in `route` who may ask what."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    app = None
    folder = Path()
    hang = ""

    def answer(self):
        path, _unused, query = self.path.partition("?")
        if self.hang and path.startswith(self.hang):
            self.note(0)
            time.sleep(3600)
        self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.route(path.rstrip("/") or "/", urllib.parse.parse_qs(query, keep_blank_values=True))
        except Refused as refused:
            self.reply(refused.status, refused.body, refused.headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def route(self, path, query):
        raise NotImplementedError

    def json(self):
        """The body as JSON."""
        try:
            return json.loads(self.content) if self.content else {}
        except ValueError:
            raise Refused(400, {"message": "The JSON value could not be converted"}) from None

    def page(self, text, title):
        self.reply(200, f"<!doctype html><title>{title}</title><h1>{title}</h1>{text}", {"Content-Type": "text/html"})

    def reply(self, status, body=None, headers=None):
        content = b"" if body is None else body.encode() if isinstance(body, str) else body
        if not isinstance(content, bytes):
            content = json.dumps(body).encode()
        self.note(status)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def note(self, status):
        with LOG, (self.folder / "requests.log").open("a") as log:
            print(self.command, self.path.partition("?")[0], status, file=log)

    def log_message(self, *_):
        pass


def serve(handler, name, port, make):
    """Start an application. make: from the folder of its state, makes it."""
    time.sleep(float(os.environ.get("STANDIN_SLOW_START", "0")))
    handler.folder = Path(os.environ.get("STANDIN_CONFIG", "/config"))
    handler.hang = os.environ.get("STANDIN_HANG", "")
    handler.app = make(handler.folder)
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("STANDIN_PORT", port))), handler)
    server.daemon_threads = True
    print(f"{name} listens on port {server.server_port}", flush=True)
    server.serve_forever()


def drops():
    """The settings that are not to be kept."""
    return set(filter(None, os.environ.get("STANDIN_DROPS", "").split(",")))
