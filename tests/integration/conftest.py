# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab for all tests that need hosts: brought up once, taken down at the end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
# One lab for each process that runs tests at the same time.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
NAME = f"test{WORKER}"
NETWORK = f"10.213.{78 + int(WORKER.removeprefix('gw') or 0)}.0/24"
HOSTS = ["edge", "media"]


@dataclass
class RunningLab:
    """The lab that is up.

    result     what the module `lab` returns: twins, infra, dns, acme, inventory, images
    parameters what it was called with
    """

    result: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def dns(self) -> dict[str, Any]:
        """The name server: address, port, key_name, key_algorithm, key_file."""
        return self.result["dns"]

    @property
    def acme(self) -> dict[str, Any]:
        """The CA: directory, ca_file, root_file."""
        return self.result["acme"]

    @property
    def inventory(self) -> str:
        """The inventory that goes on top of another."""
        return self.result["inventory"]

    def address(self, host: str) -> str:
        """The address of a twin, or of ``infra``."""
        return (self.result["infra"] if host == "infra" else self.result["twins"][host])["address"]

    def root(self, host: str) -> Path:
        """The file system of a twin, as this computer sees it."""
        return Path(self.result["twins"][host]["root"])

    def run(self, host: str, command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell command on a twin, as root; it may fail."""
        ssh = self.result["ssh"]
        options = {
            "UserKnownHostsFile": ssh["known_hosts"],
            "IdentityAgent": "none",
            "LogLevel": "ERROR",
            "ConnectTimeout": "10",
        }
        words = ["ssh", "-F", "none", "-i", ssh["key"], *(f"-o{name}={value}" for name, value in options.items())]
        return subprocess.run(
            [*words, f"root@{self.address(host)}", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def ssh(self, host: str, command: str, seconds: float = 120) -> str:
        """What a shell command prints on a twin, run as root; the test fails if the command does."""
        done = self.run(host, command, seconds)
        assert done.returncode == 0, f"{host}: {command}: {done.returncode}: {done.stderr or done.stdout}"
        return done.stdout

    def change(self, state: str, *hosts: str) -> dict[str, Any]:
        """Cut the power of some machines (``stopped``) or boot them again (``started``)."""
        return call_lab(state=state, hosts=list(hosts), name=self.parameters["name"])


def call_lab(check_mode: bool = False, **parameters: Any) -> dict[str, Any]:
    """The result of the module `lab`."""
    from ansible_collections.monsterr.media.plugins.modules import lab as module

    from .ansible_module import call

    return call(module, check_mode, **parameters)


def need_lab() -> None:
    """Skip the test where there can be no lab, and say why."""
    from ansible_collections.monsterr.media.plugins.module_utils._lab import command

    found = command.obstacles()
    if found:
        pytest.skip(f"no lab on this computer: {'; '.join(found)}")


@pytest.fixture(scope="session")
def lab() -> Iterator[RunningLab]:
    """Two bare twins, `edge` and `media`, with DNS and a CA. What one test does to them, the next one sees."""
    need_lab()
    parameters = {
        "name": NAME,
        "network": NETWORK,
        "hosts": HOSTS,
        "roles": str(REPOSITORY / "roles"),
        "stand_ins": str(REPOSITORY / "tests/standins"),
        "cache_dir": os.environ.get("MONSTERR_CACHE", "~/.cache/monsterr"),
    }
    result = call_lab(**parameters)
    try:
        assert "twins" in result, result.get("msg")
        yield RunningLab(result, parameters)
    finally:
        call_lab(state="absent", name=NAME, network=NETWORK)
