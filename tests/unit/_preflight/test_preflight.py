# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a host fit? And what is this one like?"""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._preflight import facts, rules

GOOD: dict[str, Any] = {
    "os": {"id": "debian", "version": "13", "codename": "trixie", "name": "Debian 13"},
    "arch": "x86_64",
    "uid": 0,
    "apt": True,
    "memory_mb": 4096,
    "disk": {"/var/lib": {"free_mb": 9000, "total_mb": 9999}},
    "addresses": ["10.0.0.5"],
    "listening": [],
    "lab": {},
}
WANTED: dict[str, Any] = {
    "host": "media",
    "ports": [{"service": "sonarr", "address": "127.0.0.1", "port": 8989, "protocol": "tcp"}],
    "address": "10.0.0.5",
    "rehearsal": "",
    "memory_mb": 1024,
    "disk_mb": 2048,
}


def test_a_good_host_is_one_ok() -> None:
    assert [item.status for item in rules.check(GOOD, WANTED)] == ["ok"]


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"os": {"id": "debian", "version": "12", "name": "Debian 12"}}, "warn", "Debian 12"),
        ({"os": {"id": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04"}}, "warn", "Ubuntu"),
        ({"os": {"id": "fedora", "version": "42", "name": "Fedora 42"}}, "fail", "Fedora 42"),
        ({"arch": "armv7l"}, "fail", "armv7l"),
        ({"uid": 1000}, "fail", "root"),
        ({"apt": False}, "fail", "apt"),
        ({"memory_mb": 512}, "warn", "512"),
        ({"disk": {"/var/lib": {"free_mb": 16, "total_mb": 16}}}, "fail", "16 MB"),
        ({"addresses": ["10.0.0.9"]}, "fail", "10.0.0.5"),
    ],
)
def test_each_fault_is_found_and_named(change: dict[str, Any], status: str, says: str) -> None:
    (found,) = rules.check({**GOOD, **change}, WANTED)
    assert (found.status, says in found.summary) == (status, True), found


@pytest.mark.parametrize(
    ("process", "address", "protocol", "found"),
    [
        ("apache2", "0.0.0.0", "tcp", True),
        ("apache2", "127.0.0.1", "tcp", True),
        ("apache2", "10.0.0.5", "tcp", False),
        ("apache2", "0.0.0.0", "udp", False),
        ("nginx", "0.0.0.0", "tcp", False),
        ("docker-proxy", "127.0.0.1", "tcp", False),
    ],
)
def test_a_port_that_another_program_holds(process: str, address: str, protocol: str, found: bool) -> None:
    held = {"address": address, "port": 8989, "protocol": protocol, "process": process}
    assert (process in rules.check({**GOOD, "listening": [held]}, WANTED)[0].summary) is found


def test_only_a_twin_of_the_rehearsal_passes() -> None:
    def look(lab: dict[str, str]) -> str:
        return rules.check({**GOOD, "lab": lab}, {**WANTED, "rehearsal": "rehearse"})[0].status

    assert [look({"lab": "rehearse"}), look({"lab": "other"}), look({})] == ["ok", "fail", "fail"]


def test_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = facts.gather(["/nowhere/yet"])
        port = server.getsockname()[1]
    with open("/proc/self/comm", encoding="utf-8") as file:
        me = file.read().strip()
    assert {"address": "127.0.0.1", "port": port, "protocol": "tcp", "process": me} in found["listening"]
    assert found["disk"]["/nowhere/yet"]["total_mb"] > 0
    assert found["uid"] == os.geteuid() and found["memory_mb"] > 0 and found["os"]["id"]


def test_the_bindings_to_apt_are_those_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def answer(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(words)
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(facts.subprocess, "run", answer)
    assert facts.gather([])["apt"] is True
    assert ["/usr/bin/python3", "-c", "import apt"] in asked
