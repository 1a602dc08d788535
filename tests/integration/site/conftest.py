# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rehearsal, run once as `make rehearse` does, and the twins that it leaves for the tests to look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.monsterr.media.plugins.module_utils._plan.secrets import values

from ..conftest import REPOSITORY, RunningLab, call_lab, need_lab

STATE = Path("/var/lib/monsterr-lab/rehearse")
NETWORK = "10.213.77.0/24"


@dataclass
class Rehearsal(RunningLab):
    """The lab that the rehearsal left, with the run itself.

    reports  where its reports are
    ran      its exit code and what it printed
    """

    reports: Path = Path()
    ran: subprocess.CompletedProcess[str] | None = None

    @property
    def plan(self) -> dict[str, Any]:
        """The plan for the twins."""
        return json.loads((STATE / "plan.json").read_text())

    def secret(self, name: str) -> str:
        """A derived secret's value."""
        variables = yaml.safe_load(next((STATE / "inventory/host_vars").glob("media*")).read_text())
        specs = {key: how for host in self.plan["hosts"].values() for key, how in host["secrets"].items()}
        return values(variables["monsterr_secret"], specs, {})[name]

    inventory: Path = REPOSITORY / "inventories/lab"

    def play(self, playbook: str, *words: str, **extra: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook on the twins."""
        more = ["-e", json.dumps(extra)] if extra else []
        sources = ["-i", str(self.inventory), "-i", str(STATE / "inventory")]
        return ansible_playbook(playbook, *sources, *words, *more, "-e", f"monsterr_report_dir={self.reports}")

    def curl(self, url: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Ask a site at the edge, with the CA's root as all there is to trust."""
        host = url.split("/")[2]
        where = ["--resolve", f"{host}:443:{self.address('edge')}", "--cacert", self.acme["root_file"]]
        return subprocess.run(
            ["curl", "-sS", "--max-time", "20", *where, *words, url], capture_output=True, text=True, check=False
        )


def ansible_playbook(playbook: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook of this checkout, as the Makefile does."""
    collections = REPOSITORY / "build/collections"
    link = collections / "ansible_collections/monsterr/media"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(REPOSITORY)
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        ["ansible-playbook", str(REPOSITORY / "playbooks" / playbook), *words],
        capture_output=True,
        text=True,
        timeout=900,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """The twins after a rehearsal of the sample inventory."""
    need_lab()
    reports = tmp_path_factory.mktemp("reports")
    ran = ansible_playbook(
        "rehearse.yml", "-i", str(REPOSITORY / "inventories/lab"), "-e", f"monsterr_report_dir={reports}"
    )
    try:
        assert (STATE / "plan.json").exists(), ran.stdout[-4000:]
        found = call_lab(name="rehearse", network=NETWORK, fresh=False, **_same())
        assert not found["changed"], "this is not the rehearsal's lab"
        yield Rehearsal(found, {"name": "rehearse"}, reports, ran)
    finally:
        call_lab(state="absent", name="rehearse", network=NETWORK)


def _same() -> dict[str, Any]:
    """What the rehearsal called the lab with."""
    inventory = yaml.safe_load((REPOSITORY / "inventories/lab/hosts.yml").read_text())
    return {
        "hosts": ["edge", "media"],
        "edge": ["edge"],
        "domains": ["monsterr.test"],
        "services": inventory["monsterr"]["hosts"]["media"]["monsterr_services"],
        "roles": str(REPOSITORY / "build/collections/ansible_collections/monsterr/media/roles"),
        "stand_ins": str(REPOSITORY / "build/collections/ansible_collections/monsterr/media/tests/standins"),
        "cache_dir": os.environ.get("MONSTERR_CACHE", "~/.cache/monsterr"),
    }
