# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What real sshd makes of the file: passwords end only where a key has been seen to work."""

from __future__ import annotations

import os
import shutil
import subprocess

import jinja2
import pytest

from ...conftest import REPOSITORY

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0 or not SSHD, reason="needs root and sshd"),
]


@pytest.mark.parametrize(
    "by_key, passwords, root", [(True, "no", ("without-password", "prohibit-password")), (False, "yes", ("yes",))]
)
def test_passwords_end_only_where_a_key_works(tmp_path, by_key, passwords, root):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    template = (REPOSITORY / "roles/firewall/templates/sshd.conf.j2").read_text()
    ours = jinja2.Template(template, trim_blocks=True).render(firewall_only_keys=by_key)
    # What is said first holds: ours is included at the top of Debian's file.
    config = tmp_path / "sshd_config"
    config.write_text(f"{ours}PasswordAuthentication yes\nPermitRootLogin yes\nHostKey {key}\n")
    os.makedirs("/run/sshd", exist_ok=True)
    said = subprocess.run([SSHD, "-T", "-f", config], check=True, capture_output=True, text=True).stdout
    settings = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    assert settings["passwordauthentication"] == passwords
    assert settings["permitrootlogin"] in root
    assert (settings["permitemptypasswords"], settings["x11forwarding"]) == ("no", "no")
