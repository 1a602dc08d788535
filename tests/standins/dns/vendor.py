# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every stand-in of a DNS provider has: a server, a log of what it was asked, and busy hours."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse

TOKEN = "token-of-a-test-0123456789"


class Refused(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status, body, headers=None):
        self.status, self.body, self.headers = status, body, headers or {}
        super().__init__(status)


class Request:
    """One request: method, path (as it came), query (name to value), headers, body (bytes)."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _mark, self.raw_query = target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(self.raw_query, keep_blank_values=True))
        self.parts = [urllib.parse.unquote(part) for part in self.path.strip("/").split("/")]

    def json(self):
        return json.loads(self.body)


class Vendor:
    """A provider. busy: answers (status, body, headers) to give first, for the next requests that change something."""

    prefix = ""

    def __init__(self):
        self.asked = []
        self.busy = []
        self.lock = threading.Lock()
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, self.headers, body)
                with vendor.lock:
                    status, content, headers = vendor.serve(request)
                if not isinstance(content, (bytes, type(None))):
                    content = json.dumps(content).encode()
                    headers = {"Content-Type": "application/json", **headers}
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if status != 204:
                    self.wfile.write(content or b"")

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return self.origin + self.prefix

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def writes(self):
        """The requests that change something, as method and path below the prefix."""
        return [line for line in self.asked if not line.startswith("GET")]

    def serve(self, request):
        self.asked.append(f"{request.method} {request.path.removeprefix(self.prefix)}")
        try:
            self.authorise(request)
            if self.busy and request.method != "GET":
                return self.busy.pop(0)
            found = self.route(request)
            return found if isinstance(found, tuple) else (200, found, {})
        except Refused as refused:
            return refused.status, refused.body, refused.headers

    def authorise(self, request):
        raise NotImplementedError

    def route(self, request):
        """The body, or status, body and headers."""
        raise NotImplementedError

    def dump(self):
        """What is there: (name, type) to (sorted values in presentation form, TTL)."""
        raise NotImplementedError
