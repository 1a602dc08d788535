# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole task over real SSH, from another namespace: rules that hold, and rules that would cut the connection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from ...conftest import REPOSITORY
from .test_firewall import World, within

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0 or not SSHD, reason="needs root and sshd"),
]


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    for name in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (tmp_path / "sshd_config").write_text(
        f"Port 2222\nHostKey {tmp_path}/host_key\nAuthorizedKeysFile {tmp_path}/key.pub\nStrictModes no\nUsePAM no\n"
        f"PidFile none\n"
    )
    os.makedirs("/run/sshd", exist_ok=True)
    command = ["ip", "netns", "exec", found.host, SSHD, "-D", "-e", "-f", str(tmp_path / "sshd_config")]
    found.processes.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    assert within(10, lambda: found.reaches(2222))
    yield found
    found.end()


def play(world, rules):
    """Run the task from the stranger's namespace; what it returned."""
    task = {"rules": rules, "path": str(world.folder / "firewall.nft"), "state_dir": str(world.folder / "state")}
    (world.folder / "play.yml").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{"monsterr.media.firewall": task}]}])
    )
    options = "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    options += " -o ControlMaster=auto -o ControlPersist=60s"
    variables = {
        "ansible_host": "192.0.2.1",
        "ansible_port": 2222,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(world.folder / "key"),
        "ansible_ssh_args": options,
        "ansible_control_path": f"/run/{world.host}.%%C",  # a socket has a short name
        "ansible_python_interpreter": sys.executable,
        "ansible_ssh_timeout": 2,
    }
    (world.folder / "hosts.json").write_text(json.dumps({"all": {"hosts": {"box": variables}}}))
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_NOCOLOR": "1"}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections")}
    command = ["ansible-playbook", "-vv", "-i", str(world.folder / "hosts.json"), str(world.folder / "play.yml")]
    return world.inside(world.stranger, *command, check=False, env=environment)


def test_rules_are_confirmed_by_a_second_connection_and_the_next_run_has_nothing_to_do(world):
    first = play(world, {"openings": [{"port": 80}]})
    assert "changed=1" in first.stdout, first.stdout + first.stderr
    assert '"key_login": true' in first.stdout
    assert "dport 80 accept" in (world.folder / "firewall.nft").read_text()
    again = play(world, {"openings": [{"port": 80}]})
    assert "changed=0" in again.stdout and "failed=0" in again.stdout


def test_when_the_new_connection_does_not_come_through_the_host_goes_back(world):
    # What no look at the rules can foresee: something else, on the way, drops what is new once they are loaded.
    drop = "ct state new tcp dport 2222 drop"
    block = f"table inet other {{ chain c {{ type filter hook input priority 0; {drop}; }}; }}"
    rules = {"openings": [{"port": 9000}], "confirm_seconds": 4}
    cut = f"until nft list table inet monsterr; do sleep 0.02; done; exec nft '{block}'"
    command = ["ip", "netns", "exec", world.host, "sh", "-c", cut]
    world.processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    ran = play(world, rules)
    assert "failed=1" in ran.stdout and "could not be reached any more" in ran.stdout, ran.stdout + ran.stderr
    assert within(20, lambda: "inet monsterr" not in world.rules())
    assert not (world.folder / "firewall.nft").exists()
