# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every molecule scenario there is a folder for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import REPOSITORY, need_lab

pytestmark = pytest.mark.lab
SCENARIOS = sorted(path.parent.name for path in REPOSITORY.glob("molecule/*/molecule.yml"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, tmp_path: Path) -> None:
    need_lab()
    link = tmp_path / "ansible_collections/monsterr/media"
    link.parent.mkdir(parents=True)
    link.symlink_to(REPOSITORY)
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "NO_COLOR": "1",
        # Molecule installs the collection into its home: of this checkout, and not what another run left there.
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    words = ["molecule", "test", "--scenario-name", scenario]
    ran = subprocess.run(
        words,
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-8000:]
