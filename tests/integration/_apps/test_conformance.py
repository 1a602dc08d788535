# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every request our client sends to Sonarr, and every answer of the stand-in, against the vendor's own API document."""

from __future__ import annotations

import http.server
import json
import re
import threading
from urllib.parse import urlsplit

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.http import Client
from ansible_collections.monsterr.media.plugins.modules import wiring

from ..ansible_module import call
from .document import ABSENT, SPECS, Document

pytestmark = pytest.mark.integration

DOCUMENT = SPECS / "sonarr-v3.openapi.json"
FIELDS = SPECS / "arr-provider-settings-fields.json"
TYPES = {"int": int, "bool": bool, "string": (str, type(None))}

if not DOCUMENT.exists():
    pytest.skip(ABSENT, allow_module_level=True)


class Peer(http.server.BaseHTTPRequestHandler):
    """Says what the stand-in wants to hear from a qBittorrent and an NZBGet."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        options = {"result": [{"Name": "Category1.Name", "Value": "sonarr"}]}
        body = b"Ok." if "login" in self.path else json.dumps(options).encode()
        self.answer(body)

    def do_GET(self):
        self.answer(b'{"sonarr": {}}')

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def peer():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def exchanges(monkeypatch):
    """Every request that any client sends from now on, and its answer."""
    seen = []
    real = Client._exchange

    def exchange(self, method, path, body, headers, deadline):
        answer, content = real(self, method, path, body, headers, deadline)
        seen.append((method, path, headers.get("Content-Type", ""), body, answer.status, content))
        return answer, content

    monkeypatch.setattr(Client, "_exchange", exchange)
    return seen


@pytest.fixture
def everything(sonarr, peer, tmp_path, exchanges):
    """All that our client can send: first wiring, no change, settings and secrets put back, a rotation."""
    clients = [
        {**client, "kind": "download_client", "host": "127.0.0.1", "port": peer, "username": "admin"}
        for client in (
            {"service": "qbittorrent", "app": "qbittorrent", "title": "qBittorrent"},
            {"service": "nzbget", "app": "nzbget", "title": "NZBGet"},
        )
    ]
    for client in clients:
        client.update(category="sonarr", password=f"<secret:{client['service']}.password>")
    secrets = {**sonarr.secrets, "qbittorrent.password": "one", "nzbget.password": "two"}
    record = sonarr.record(*clients)

    def run():
        state = str(tmp_path / "state")
        result = call(wiring, wiring=[record], secrets=secrets, state_dir=state, deadline=20)
        assert not result.get("failed"), result["findings"]
        return result

    assert run()["writes"]
    assert not run()["writes"]
    record["settings"]["config"]["ui"] = {"theme": "dark", "enableColorImpairedMode": True}
    record["settings"]["config"]["indexer"] = {"minimumAge": 5}
    record["settings"]["config"]["importlist"] = {"listSyncTag": 0}
    record["settings"]["download_client"]["removeFailedDownloads"] = False
    secrets.update({"sonarr.password": "another", "nzbget.password": "a third"})
    assert len(run()["results"][0]["changes"]) == 7
    return exchanges


def test_every_request_is_in_the_vendors_document(everything):
    document = Document(DOCUMENT)
    sent = {f"{method} {re.sub(r'[0-9]+', 'N', urlsplit(path).path)}" for method, path, *_unused in everything}
    assert {"PUT /api/vN/downloadclient/N", "POST /api/vN/downloadclient/test", "POST /login"} <= sent
    assert not [
        (method, path, problem)
        for method, path, content_type, body, _status, _content in everything
        for problem in document.request(method, path, content_type, body)
    ]


def test_a_request_that_is_not_in_the_document_would_be_seen():
    document = Document(DOCUMENT)
    json_type = "application/json"
    assert document.request("POST", "/api/v3/rootfolder", json_type, b'{"path": "/tv"}') == []
    assert document.request("POST", "/api/v3/rootfolders", json_type, b"{}")
    assert document.request("PATCH", "/api/v3/rootfolder", json_type, b"{}")
    assert document.request("POST", "/api/v3/rootfolder", json_type, b'{"folder": "/tv"}')
    assert document.request("POST", "/api/v3/rootfolder", json_type, b'{"path": 1}')
    assert document.request("POST", "/api/v3/downloadclient?force=true", json_type, b"{}")
    assert document.request("PUT", "/api/v3/config/host/1", json_type, b'{"authenticationMethod": "Forms"}')


def test_every_answer_of_the_standin_is_in_the_vendors_document(everything):
    document = Document(DOCUMENT)
    good = [
        (method, urlsplit(path).path, json.loads(content))
        for method, path, _type, _body, status, content in everything
        if status < 300 and content.startswith((b"{", b"["))
    ]
    assert len(good) > 30
    assert not [
        (method, path, problem) for method, path, body in good for problem in document.answer(method, path, body)
    ]


def test_fields_of_download_clients_are_the_vendors(everything):
    classes = json.loads(FIELDS.read_text())["sonarr"]["classes"]["downloadclient"]
    looked = 0
    for method, path, _type, body, _status, content in everything:
        if not urlsplit(path).path.startswith("/api/v3/downloadclient"):
            continue
        sent = [json.loads(body)] if body else []
        got = json.loads(content)
        for client in sent + (got if isinstance(got, list) else []):
            known = {field["name"]: field for field in classes[client["configContract"]]["fields"]}
            assert {field["name"] for field in client["fields"]} == set(known), (method, path)
            for field in client["fields"]:
                looked += 1
                vendor = known[field["name"]]
                assert (field["privacy"], field["type"]) == (vendor["privacy"], vendor["type"])
                value = field.get("value")
                assert value is None or isinstance(value, TYPES[vendor["cs_type"]]), (path, field["name"], value)
    assert looked > 100
