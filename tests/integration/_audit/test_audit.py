# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audit on this computer, of the real nginx, and of applications whose doors are open or shut."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.monsterr.media.plugins.modules import audit_info, audit_sites_info

from .._apps import conftest as programs
from .._apps.test_family import Family, problems
from ..ansible_module import call

pytestmark = pytest.mark.integration


def told(result, status):
    return {(item["check"], item["target"]): item["summary"] for item in result["findings"] if item["status"] == status}


def test_a_program_that_listens_to_all_is_found_by_name():
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        port = listener.getsockname()[1]
        found = told(call(audit_info, ports=[]), "fail")
        assert "which the plan does not have" in found["audit.port", f"{port}/tcp"]
        assert ("audit.port", f"{port}/tcp") not in told(call(audit_info, ports=[], allowed_ports=[port]), "fail")


def test_files_that_others_can_read_or_write_are_found(tmp_path):
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and path != path.parent:
            path.chmod(path.stat().st_mode | 0o005)
    secret, writable = tmp_path / "secret.env", tmp_path / "page"
    secret.touch(0o644)
    writable.touch()
    writable.chmod(0o666)
    asked = {"secret_paths": [f"{tmp_path}/*.env"], "own_paths": [str(tmp_path)]}
    found = told(call(audit_info, **asked), "fail")
    assert {("audit.secret", str(secret)), ("audit.writable", str(writable))} <= set(found)
    secret.chmod(0o600)
    writable.chmod(0o644)
    found = told(call(audit_info, **asked), "fail")
    assert not {("audit.secret", str(secret)), ("audit.writable", str(writable))} & set(found)


def test_our_own_proxy_is_as_careful_as_it_can_be(proxy):
    found = proxy({"headers": {"X-Frame-Options": "DENY"}})
    asked = {"address": "127.0.0.1", "port": found.port, "plain_port": found.plain}
    # Nobody trusts its certificate, which is told before all else.
    assert ("audit.tls", "app.example.org") in told(call(audit_sites_info, sites=["app.example.org"], **asked), "fail")
    roots = (found.folder / "certificates/app/live/fullchain.pem").read_text()
    result = call(audit_sites_info, sites=["app.example.org"], ca_bundle=roots, **asked)
    assert told(result, "ok") == {
        ("audit.site", "app.example.org"): "app.example.org is as careful as it can be.",
        ("audit.tls", "127.0.0.1"): "A name that is not ours gets no answer.",
    }, result["findings"]


def test_a_proxy_that_speaks_old_tls_and_says_nothing_is_told(proxy, tmp_path):
    found = proxy({})
    (found.folder / "monsterr/headers/app.conf").write_text("")
    config = found.folder / "nginx.conf"
    text = config.read_text().replace("TLSv1.2 TLSv1.3", "TLSv1 TLSv1.1 TLSv1.2").replace("server_tokens off", "")
    config.write_text(text.replace("ssl_ciphers ECDHE", "ssl_ciphers ALL:@SECLEVEL=0:ECDHE").replace("    ;\n", ""))
    found.stop()
    found.start()
    roots = (found.folder / "certificates/app/live/fullchain.pem").read_text()
    asked = {"address": "127.0.0.1", "port": found.port, "plain_port": found.plain, "ca_bundle": roots}
    result = call(audit_sites_info, sites=["app.example.org"], **asked)
    assert "TLS 1.0, TLS 1.1" in told(result, "fail")["audit.tls", "app.example.org"]
    assert ("audit.headers", "app.example.org") in told(result, "warn")


def test_a_wired_family_has_its_doors_shut(tmp_path):
    family = Family(tmp_path)
    family.start()
    try:
        services = [
            {"service": name, "app": name, "url": f"http://127.0.0.1:{app.port}"} for name, app in family.apps.items()
        ]
        before = told(call(audit_info, services=services), "fail")
        assert "makes the first who comes" in before["audit.login", "audiobookshelf"]
        assert "belongs to nobody" in before["audit.login", "plex"]
        assert not problems(family.run())
        after = call(audit_info, services=services)
        assert not [key for key in told(after, "fail") if key[0] == "audit.login"]
        assert len([key for key in told(after, "ok") if key[0] == "audit.login"]) == len(services)
    finally:
        family.stop()


def test_a_vendors_password_and_an_open_door_are_told(tmp_path):
    arr = programs.made(programs.Sonarr, tmp_path)
    arr.environment |= {"SONARR__AUTH__METHOD": "None", "SONARR__AUTH__APIKEY": ""}
    nzbget = programs.made(programs.NZBGet, tmp_path)
    path = nzbget.config / "nzbget.conf"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("Control")]
    lines += [
        f"ControlPort={nzbget.port}",
        "ControlIP=127.0.0.1",
        "ControlUsername=nzbget",
        "ControlPassword=tegbzn6789",
    ]
    path.write_text("\n".join(lines) + "\n")
    nzbget.start()
    try:
        services = [{"service": "nzbget", "app": "nzbget", "url": f"http://127.0.0.1:{nzbget.port}"}]
        services.append({"service": "gone", "app": "sonarr", "url": f"http://127.0.0.1:{arr.port}"})
        result = call(audit_info, services=services)
        assert told(result, "fail")["audit.login", "nzbget"].endswith("the password that its vendor gives to all.")
        assert ("audit.login", "gone") in told(result, "warn")
    finally:
        nzbget.stop()
