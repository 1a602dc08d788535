# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What users write, by the playbook `plan`: services of their own as files, and secrets of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ...conftest import REPOSITORY

pytestmark = pytest.mark.integration

JELLYSEERR = """
title: Jellyseerr
image: docker.io/fallenbagel/jellyseerr:2.7.3
port: 5055
environment: {TZ: "{{ timezone }}"}
volumes: {config: /app/config}
web: {subdomain: requests, access: public}
health: {path: /api/v1/status}
backup: {paths: [settings.json], sqlite: [db/db.sqlite3]}
"""


def plan(
    folder: Path, services: list[str], files: dict[str, str], **more: Any
) -> tuple[subprocess.CompletedProcess[str], dict]:
    """What `plan` says of one host with these services, and the plan it wrote."""
    home = folder / "collections/ansible_collections/monsterr"
    home.mkdir(parents=True)
    (home / "media").symlink_to(REPOSITORY)
    inventory = folder / "inventory"
    (inventory / "services").mkdir(parents=True)
    for name, text in files.items():
        (inventory / "services" / name).write_text(text)
    host = {"ansible_host": "192.0.2.10", "monsterr_services": services}
    variables = {
        "monsterr_domain": "example.org",
        "monsterr_public_addresses": ["192.0.2.10"],
        "monsterr_acme_email": "me@example.org",
        "monsterr_secret": "a secret that is only for this test, and long",
        **more,
    }
    hosts = {"monsterr": {"hosts": {"box": host}, "vars": variables}}
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    words = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(REPOSITORY / "playbooks/plan.yml")]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    wanted = ["-e", json.dumps({"monsterr_plan_json": str(folder / "plan.json")})]
    ran = subprocess.run(words + wanted, env=environment, capture_output=True, text=True, timeout=120, check=False)
    path = folder / "plan.json"
    return ran, json.loads(path.read_text()) if path.exists() else {}


def test_a_file_of_fifteen_lines_is_deployed_proxied_probed_and_backed_up(tmp_path: Path) -> None:
    ran, planned = plan(tmp_path, ["jellyseerr"], {"jellyseerr.yml": JELLYSEERR})
    assert (ran.returncode, ran.stderr.strip()) == (0, ""), ran.stdout
    host = planned["hosts"]["box"]
    assert [service["image"] for service in host["services"]] == ["docker.io/fallenbagel/jellyseerr:2.7.3"]
    assert [site["name"] for site in host["sites"]] == ["requests.example.org"]
    assert "jellyseerr" in json.dumps(host["probes"])
    assert "db/db.sqlite3" in json.dumps(host["backups"])


def test_a_name_that_is_ours_is_refused_with_the_files_name(tmp_path: Path) -> None:
    ran, planned = plan(tmp_path, ["sonarr"], {"sonarr.yml": JELLYSEERR})
    assert ran.returncode != 0
    assert not planned
    assert "services/sonarr.yml" in ran.stdout and "There already is a service sonarr." in ran.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [("title: [", "It cannot be read"), (JELLYSEERR.replace("port:", "prot:"), "Did you mean port?")],
    ids=["no YAML", "a misspelt key"],
)
def test_a_file_that_is_wrong_is_named_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    ran, _planned = plan(tmp_path, ["requests"], {"requests.yml": text})
    assert ran.returncode != 0
    assert "services/requests.yml" in ran.stdout and said in ran.stdout


def test_an_indexer_with_a_key_of_ones_own_is_planned_as_the_docs_show(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/applications.md").read_text().partition("**Indexers**")[2]
    example = yaml.safe_load(page.partition("```yaml")[2].partition("```")[0].replace("!vault ...", "its-key"))
    ran, planned = plan(tmp_path, ["prowlarr"], {}, **example)
    assert ran.returncode == 0, ran.stdout
    (prowlarr,) = planned["hosts"]["box"]["wiring"]
    assert prowlarr["settings"]["indexers"]["Mine"]["fields"]["apiKey"] == "<secret:prowlarr.mine>"
    assert "prowlarr.mine" in planned["hosts"]["box"]["secrets"]
    assert "its-key" not in ran.stdout + json.dumps(planned)
