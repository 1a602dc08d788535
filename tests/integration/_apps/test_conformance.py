# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every request of our clients, and every answer of the stand-ins, against the vendors' own documents.

What the documents leave out is named here, and nothing else is let through: Bazarr hides its settings, Plex's document
is unofficial and has neither the claim nor the path by which Plex's own page adds a library, and that of Audiobookshelf
has its libraries only (the routes of its source have the rest).
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
import yaml
from ansible_collections.monsterr.media.plugins.module_utils._core.http import Client

from .document import ABSENT, SPECS, Document
from .test_family import ARRS, Family, problems, set_in

pytestmark = pytest.mark.integration

if not SPECS.exists():
    pytest.skip(ABSENT, allow_module_level=True)

DOCUMENTS = {
    "sonarr": "sonarr-v3",
    "radarr": "radarr-v3",
    "lidarr": "lidarr-v1",
    "readarr": "readarr-v1",
    "prowlarr": "prowlarr-v1",
}
TYPES = {"int": int, "bool": bool, "string": str}
NESTED = ("baseSettings.queryLimit", "baseSettings.grabLimit", "baseSettings.limitsUnit")
# Answered by every *arr, and in no document.
PLAIN = {"GET /ping"}
PLEX_EXTRA = {"POST /myplex/claim", "GET /api/claim/token.json", "POST /library/sections", "GET /library/sections"}


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory):
    """All that our clients send, by application: first wiring, no change, hands, rotation, a peer gone, exclusive."""
    family = Family(tmp_path_factory.mktemp("family"))
    names = {app.port: name for name, app in family.apps.items()}
    seen = {name: [] for name in family.apps}
    real = Client._exchange

    def exchange(self, method, path, body, headers, deadline):
        answer, content = real(self, method, path, body, headers, deadline)
        told = (method, path, headers.get("Content-Type", ""), body, answer.status, content)
        seen[names[self.port]].append(told)
        return answer, content

    Client._exchange = exchange
    family.start()
    try:
        assert not problems(family.run())
        for name in ("sonarr", "radarr", "bazarr", "audiobookshelf", "lidarr", "readarr", "prowlarr"):
            key = f"{name}.password"
            family.secrets[f"{key}_previous"], family.secrets[key] = family.secrets[key], f"another one for {name}"
        family.edit("lidarr", set_in("rootfolder", "Music", "name", value="Mine"))
        family.edit("plex", set_in("sections", "Movies", "language", value="de-DE"))
        family.edit("plex", set_in("prefs", "sendCrashReports", value=True))
        family.edit("radarr", set_in("qualityprofile", "HD", "upgradeAllowed", value=False))
        family.edit("audiobookshelf", set_in("libraries", "Podcasts", "icon", value="mine"))
        for name in (*ARRS, "prowlarr"):
            settings = family.apps[name].definition["settings"]
            settings["tags"] = ["one"]
            settings.setdefault("download_client", {"enable": True})["priority"] = 2
        assert not problems(family.run())
        for app in family.apps.values():
            app.definition["settings"]["exclusive"] = True
        family.gone = {"nzbget"}
        assert not problems(family.run())
        assert not family.run()["writes"]
        yield seen
    finally:
        Client._exchange = real
        family.stop()


def plain(method, path):
    return f"{method} {urlsplit(path).path}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_request_is_in_the_document(exchanges, name):
    document = Document(SPECS / f"{DOCUMENTS[name]}.openapi.json")
    assert len(exchanges[name]) > 20
    assert not [
        (method, path, problem)
        for method, path, content_type, body, _status, _content in exchanges[name]
        if plain(method, path) not in PLAIN
        for problem in document.request(method, path, content_type, body)
    ]


def test_a_request_that_is_not_in_the_document_would_be_seen():
    document = Document(SPECS / "sonarr-v3.openapi.json")
    json_type = "application/json"
    assert document.request("POST", "/api/v3/rootfolder", json_type, b'{"path": "/tv"}') == []
    assert document.request("POST", "/api/v3/rootfolders", json_type, b"{}")
    assert document.request("PATCH", "/api/v3/rootfolder", json_type, b"{}")
    assert document.request("POST", "/api/v3/rootfolder", json_type, b'{"folder": "/tv"}')
    assert document.request("POST", "/api/v3/rootfolder", json_type, b'{"path": 1}')
    assert document.request("POST", "/api/v3/downloadclient?force=true", json_type, b"{}")
    assert document.request("PUT", "/api/v3/config/host/1", json_type, b'{"authenticationMethod": "Forms"}')


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_good_answer_of_the_stand_in_is_in_the_document(exchanges, name):
    document = Document(SPECS / f"{DOCUMENTS[name]}.openapi.json")
    assert not [
        (method, path, problem)
        for method, path, _type, _body, status, content in exchanges[name]
        if status < 300 and content.startswith((b"{", b"[")) and plain(method, path) not in PLAIN
        for problem in document.answer(method, urlsplit(path).path, json.loads(content))
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_fields_of_providers_are_the_vendors(exchanges, name):
    classes = json.loads((SPECS / "arr-provider-settings-fields.json").read_text())[name]["classes"]
    known = {contract: kind[contract] for kind in classes.values() for contract in kind}
    looked = 0
    for method, path, _type, body, status, _content in exchanges[name]:
        if status >= 300 or not body or not body.startswith(b"{"):
            continue
        item = json.loads(body)
        contract = item.get("configContract")
        if not contract:
            continue
        fields = {field["name"]: field for field in known[contract]["fields"]}
        if contract == "NewznabSettings":
            fields |= {
                name: {} for name in ("baseSettings.queryLimit", "baseSettings.grabLimit", "baseSettings.limitsUnit")
            }
        for field in item["fields"]:
            looked += 1
            assert field["name"] in fields, (method, path, field["name"])
            vendor = fields[field["name"]]
            value, kind = field.get("value"), TYPES.get(vendor.get("cs_type"))
            assert value is None or kind is None or isinstance(value, kind), (contract, field["name"], value)
            if name != "readarr":  # its document does not have it yet
                assert field["privacy"] == vendor.get("privacy", "normal"), (contract, field["name"])
    assert looked > 10


def test_what_is_asked_of_plex_is_in_the_document_or_named(exchanges):
    document = yaml.safe_load((SPECS / "plex-api-spec.yaml").read_text())
    known = {
        f"{method.upper()} {re.sub(r'{[^}]*}', 'N', path)}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    asked = {re.sub(r"/\d+", "/N", plain(method, path)) for method, path, *_unused in exchanges["plex"]}
    assert asked <= known | PLEX_EXTRA, asked - known - PLEX_EXTRA
    assert {"PUT /:/prefs", "PUT /library/sections/N", "POST /myplex/claim"} <= asked


def test_what_is_asked_of_audiobookshelf_is_among_its_routes(exchanges):
    lines = (SPECS / "audiobookshelf-2.36.0-routes.txt").read_text().splitlines()
    known = {
        " ".join(re.sub(r":\w+", "N", line).split()[:2])
        for line in lines
        if re.match(r"(GET|POST|PATCH|DELETE) ", line)
    }
    asked = {
        re.sub(r"(/libraries)/\w+", r"\1/N", plain(method, path))
        for method, path, *_unused in exchanges["audiobookshelf"]
    }
    assert asked <= known, asked - known
    document = Document(SPECS / "audiobookshelf.openapi.json")
    checked = [
        (method, path, problem)
        for method, path, content_type, body, _status, _content in exchanges["audiobookshelf"]
        if urlsplit(path).path.startswith("/api/libraries") and body
        for problem in document.request(method, path, content_type, body)
    ]
    assert not checked


def test_what_is_asked_of_bazarr_is_in_the_document_or_its_hidden_settings(exchanges):
    document = json.loads((SPECS / "bazarr.swagger.json").read_text())
    known = {f"{method.upper()} /api{path}" for path, operations in document["paths"].items() for method in operations}
    hidden = {"GET /api/system/settings", "POST /api/system/settings"}
    asked = {plain(method, path) for method, path, *_unused in exchanges["bazarr"]}
    assert asked <= known | hidden, asked - known
    sample = json.loads((SPECS / "bazarr-1.5.2-settings.sample.json").read_text())
    for _method, path, _type, body, _status, _content in exchanges["bazarr"]:
        if urlsplit(path).path == "/api/system/settings" and body:
            for name in re.findall(r"settings-([a-z]+)-(\w+)=", body.decode()):
                assert name[1] in sample[name[0]], name
