# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a host matters for its safety, read in one go. Nothing is judged here; see `rules`."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._core.clock import Deadline
from .._preflight.facts import listening

_PROGRAM = 30.0  # seconds that one program may take
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}


def gather(secret_paths: Sequence[str], own_paths: Sequence[str], lynis: bool, deadline: Deadline) -> dict[str, Any]:
    """Everything that `rules.judge` wants. What cannot be read is None: then there is nothing to say of it.

    secret_paths  glob patterns of files that nobody but their owner shall read
    own_paths     folders in which nobody but root and the services shall write
    """
    return {
        "listening": listening(),
        "containers": containers(deadline),
        "ssh": ssh(deadline),
        "secrets": [seen for pattern in secret_paths for seen in _files(pattern)],
        "writable": [path for folder in own_paths for path in _writable(Path(folder), deadline)],
        "accounts": accounts(),
        "updates": updates(deadline),
        "reboot": Path("/run/reboot-required").exists(),
        "lynis": lynis_report(deadline) if lynis else None,
    }


def containers(deadline: Deadline) -> list[dict[str, Any]] | None:
    """Each container with what it may do; None where there is no engine to ask."""
    try:
        import docker
    except ImportError:
        return None
    try:
        api = docker.APIClient(timeout=min(10, max(1, deadline.remaining())), version="auto")
        return [_container(api.inspect_container(item["Id"])) for item in api.containers(all=True)]
    except (docker.errors.DockerException, OSError):
        return None


def _container(seen: dict[str, Any]) -> dict[str, Any]:
    host, config = seen["HostConfig"], seen["Config"]
    bindings = (seen.get("NetworkSettings") or {}).get("Ports") or {}
    published = [
        {"address": item["HostIp"] or "0.0.0.0", "port": int(item["HostPort"]), "protocol": target.partition("/")[2]}
        for target, items in bindings.items()
        for item in items or ()
    ]
    return {
        "name": seen["Name"].lstrip("/"),
        "image": config["Image"],
        "ours": bool((config.get("Labels") or {}).get("media.monsterr.revision")),
        "privileged": bool(host.get("Privileged")),
        "capabilities": sorted(host.get("CapAdd") or ()),
        "namespaces": sorted(
            word for word in ("NetworkMode", "PidMode", "IpcMode", "UTSMode") if host.get(word) == "host"
        ),
        "options": sorted(host.get("SecurityOpt") or ()),
        "mounts": sorted(item["Source"] for item in seen.get("Mounts") or () if item.get("Type") == "bind"),
        "published": published,
    }


def ssh(deadline: Deadline) -> dict[str, str] | None:
    """The settings that sshd goes by, for a login as root from elsewhere; None without an sshd."""
    if not shutil.which("sshd", path=_ENVIRONMENT["PATH"]):
        return None
    said = _run(["sshd", "-T", "-C", "user=root,host=elsewhere,addr=203.0.113.1"], deadline)
    return dict(line.split(" ", 1) for line in said.splitlines() if " " in line) if said else None


def accounts() -> list[dict[str, Any]] | None:
    """Each account that could log in: its number, and whether it has a password, or none at all."""
    try:
        shadow = dict(line.split(":")[:2] for line in Path("/etc/shadow").read_text(encoding="utf-8").splitlines())
        rows = [line.split(":") for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return None
    return [
        {
            "name": row[0],
            "uid": int(row[2]),
            "empty": shadow.get(row[0]) == "",
            "shell": row[6] if len(row) > 6 else "",
        }
        for row in rows
        if len(row) > 2
    ]


def updates(deadline: Deadline) -> list[str] | None:
    """The packages that an update for security is waiting for, by what apt last fetched; None without apt."""
    said = _run(["apt-get", "--simulate", "--quiet", "-o", "Debug::NoLocking=true", "upgrade"], deadline)
    if said is None:
        return None
    return sorted(re.findall(r"^Inst (\S+) .*\([^)]*[Ss]ecurity", said, re.MULTILINE))


def lynis_report(deadline: Deadline) -> dict[str, Any] | None:
    """What Lynis says of the host: `{index, warnings, suggestions}`; None where it is not installed or not done."""
    if not shutil.which("lynis", path=_ENVIRONMENT["PATH"]):
        return None
    with tempfile.TemporaryDirectory(prefix="monsterr-lynis-") as folder:
        report = Path(folder, "report.dat")
        words = ["lynis", "audit", "system", "--quick", "--quiet", "--no-colors", "--report-file", str(report)]
        _run([*words, "--logfile", str(Path(folder, "log"))], deadline, seconds=deadline.remaining())
        return read_lynis(report.read_text(encoding="utf-8", errors="replace")) if report.exists() else None


def read_lynis(text: str) -> dict[str, Any] | None:
    """A report of Lynis: ``key=value`` lines, of which ``warning[]`` and ``suggestion[]`` are ``ID|text|...``."""
    pairs = [line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#")]
    index = next((value for key, value in pairs if key == "hardening_index"), "")
    if not index.isdigit():
        return None

    def listed(name: str) -> list[str]:
        return [": ".join(value.split("|")[:2]) for key, value in pairs if key == name]

    return {"index": int(index), "warnings": listed("warning[]"), "suggestions": listed("suggestion[]")}


def _files(pattern: str) -> list[dict[str, Any]]:
    """What is at each path that matches, and whether others get to it through all its folders."""
    found = []
    for path in sorted(Path("/").glob(pattern.lstrip("/"))):
        with suppress(OSError):
            seen = path.stat()
            if stat.S_ISREG(seen.st_mode):
                reach = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
                found.append({"path": str(path), "mode": stat.S_IMODE(seen.st_mode), "reachable": reach})
    return found


def _writable(folder: Path, deadline: Deadline) -> list[str]:
    """Files and folders below `folder` that anybody may write to, without those behind another file system."""
    found: list[str] = []
    if not folder.is_dir():
        return found
    device = folder.stat().st_dev
    for root, folders, files in os.walk(folder):
        if deadline.expired():
            break
        with suppress(OSError):
            if os.lstat(root).st_dev != device:
                folders.clear()
                continue
        for name in [*folders, *files]:
            path = os.path.join(root, name)
            with suppress(OSError):
                mode = os.lstat(path).st_mode
                if mode & stat.S_IWOTH and not stat.S_ISLNK(mode) and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
                    found.append(path)
    return sorted(found)


def _run(words: list[str], deadline: Deadline, seconds: float = _PROGRAM) -> str | None:
    """What a program prints; None if it is not there, takes too long or fails."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=max(1.0, min(seconds, deadline.remaining())),
            env={**os.environ, **_ENVIRONMENT},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
