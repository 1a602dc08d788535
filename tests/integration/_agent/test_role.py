# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role `agent`: what it would put on a host, by ansible-playbook."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._agent import config

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others"),
]
REPOSITORY = Path(__file__).resolve().parents[3]
SECRET = "token-hunter2"
INVENTORY = {
    "monsterr": {
        "hosts": {"box": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}},
        "vars": {
            "monsterr_domain": "example.org",
            "monsterr_secret": "x" * 40,
            "monsterr_services": ["sonarr", "qbittorrent"],
            "monsterr_public_addresses": ["192.0.2.10"],
            "monsterr_notify": {"ntfy": {"url": "https://ntfy.example/topic", "token": SECRET}},
        },
    }
}


def play(tmp_path: Path, *tasks: dict, **variables: object) -> subprocess.CompletedProcess[str]:
    """Plan, then run `tasks` with the role's variables, on this computer."""
    collections = tmp_path / "collections/ansible_collections/monsterr"
    collections.mkdir(parents=True, exist_ok=True)
    if not (collections / "media").exists():
        (collections / "media").symlink_to(REPOSITORY)
    inventory = json.loads(json.dumps(INVENTORY))
    inventory["monsterr"]["vars"] |= variables
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    plan = {"import_role": {"name": "monsterr.media.plan"}}
    files = [str(REPOSITORY / "roles/agent" / name / "main.yml") for name in ("defaults", "vars")]
    book = [{"hosts": "monsterr", "gather_facts": False, "vars_files": files, "tasks": [plan, *tasks]}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    (tmp_path / "ansible.cfg").touch()
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.yml", "-vvv", "--diff", "play.yml"]
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)


def put(root: Path) -> dict:
    """The role's task, with every path below `root`, and no units."""
    below = "{%- set found = [] -%}{%- for file in agent_files -%}"
    below += "{%- set _ = found.append(file | combine({'path': root ~ file.path})) -%}{%- endfor -%}{{ found }}"
    task = {
        "files": below,
        "validate": [[f"{root}/usr/lib/monsterr/agent.py", "check", "--config", f"{root}/etc/monsterr/agent.json"]],
    }
    return {
        "monsterr.media.config_tree": {**task, "state_dir": f"{root}/state"},
        "register": "agent_result",
        "vars": {"root": str(root)},
    }


def test_what_it_puts_in_place_is_whole_and_private_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "host"
    root.mkdir()
    first = play(tmp_path, put(root))
    assert first.returncode == 0, first.stdout[-3000:]
    assert SECRET not in first.stdout + first.stderr
    written = root / "etc/monsterr/agent.json"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    found = config.load(written)
    assert found.notify.ntfy and found.notify.ntfy.token == SECRET
    assert {"sonarr", "docker engine", "memory", "certificate sonarr.example.org"} <= {
        item["name"] for item in found.probes
    }
    assert found.renew and [item["name"] for item in found.renew.certificates][:1] == ["sonarr.example.org"]
    for unit in ("monsterr-health.service", "monsterr-renew.service"):
        text = (root / "etc/systemd/system" / unit).read_text()
        assert SECRET not in text
        assert {"NoNewPrivileges=true", "ProtectSystem=strict"} <= set(text.splitlines())
    again = play(tmp_path, put(root))
    assert re.search(r"changed=0\b.*failed=0", again.stdout), again.stdout[-3000:]


def test_dns_01_brings_the_key_along(tmp_path: Path) -> None:
    root = tmp_path / "host"
    root.mkdir()
    keys = {
        "monsterr_dns_server": "192.0.2.53",
        "monsterr_dns_key_name": "k",
        "monsterr_dns_key_secret": "c2VjcmV0LWh1bnRlcg==",
    }
    ran = play(tmp_path, put(root), monsterr_dns_provider="rfc2136", monsterr_acme_challenge="dns-01", **keys)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert keys["monsterr_dns_key_secret"] not in ran.stdout
    found = config.load(root / "etc/monsterr/agent.json").renew
    assert found and found.dns["key_secret"] == keys["monsterr_dns_key_secret"]
    assert found.certificates[0]["identifiers"] == ["example.org", "*.example.org"]


def test_a_misspelt_key_is_refused_with_the_plan(tmp_path: Path) -> None:
    ran = play(tmp_path, monsterr_notify={"webhok": {"url": "https://x.example/"}})
    assert ran.returncode != 0
    assert "monsterr_notify.webhok" in ran.stdout
    assert "Did you mean webhook?" in ran.stdout


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    root = tmp_path / "host"
    root.mkdir()
    assert play(tmp_path, put(root)).returncode == 0
    units = sorted(str(path) for path in (root / "etc/systemd/system").iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    said = [
        line for line in done.stderr.splitlines() if "monsterr-" in line and "agent.py is not executable" not in line
    ]
    assert said == []
