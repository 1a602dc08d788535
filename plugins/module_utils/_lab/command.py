# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of this computer: run them, and install those that are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

from .._core.errors import CommandError, InputError

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
}
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TAIL = 1500  # characters of what a program said that go into an error


def run(
    attempted: str,
    *command: str,
    content: str | None = None,
    seconds: float = 60,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What `command` prints; `CommandError` when it fails or takes longer than `seconds`."""
    try:
        done = subprocess.run(
            command,
            input=content,
            stdin=subprocess.DEVNULL if content is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env={**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8", **(environment or {})},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(attempted, command[0], f"it did not end within {seconds:g} s") from None
    except OSError as error:
        raise CommandError(attempted, command[0], error.strerror or str(error)) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_TAIL:]
        raise CommandError(attempted, command[0], f"it exited with {done.returncode}: {said}", rc=done.returncode)
    return done.stdout


def missing() -> list[str]:
    """Debian packages that a lab needs and this computer has not."""
    packages = [package for program, package in PACKAGES.items() if not shutil.which(program, path=PATH)]
    return packages if os.path.exists(_KEYRING) else [*packages, "debian-archive-keyring"]


def obstacles() -> list[str]:
    """Why this computer can host no lab, all reasons at once; nothing if it can."""
    found = []
    if os.geteuid():
        found.append("only root may make containers and a network")
    packages = missing()
    if packages and not shutil.which("apt-get", path=PATH):
        found.append(f"it lacks {', '.join(packages)}, and has no apt-get to install them with")
    if not found:
        try:
            run("make a container", "unshare", "--mount", "--net", "--pid", "--fork", "true", seconds=10)
        except CommandError as error:
            found.append(f"it lets no container be made: {error.why}")
    return found


def require() -> list[str]:
    """Make sure that this computer can host a lab, and return the packages that were installed for it.

    `InputError`, with everything there is to say, where it cannot.
    """
    check()
    packages = missing()
    if packages:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        lock = ("-o", "DPkg::Lock::Timeout=300", "-qq")
        run("read the package lists", "apt-get", *lock, "update", seconds=300, environment=quiet)
        command = ("apt-get", *lock, "install", "--no-install-recommends", "-y", *packages)
        run("install the lab's packages", *command, seconds=600, environment=quiet)
    return packages


def check() -> None:
    """`InputError` where this computer can host no lab."""
    found = obstacles()
    if found:
        hint = "Run it as root on a Debian or Ubuntu computer that is no restricted container itself."
        raise InputError("host a lab", "this computer", "; ".join(found), hint)
