# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at this very host: Docker Engine, containers, units, disks, memory, load, clock, files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._core.clock import Deadline
from .._core.errors import UnreachableError
from .._core.finding import Finding
from . import verdict

Record = Mapping[str, Any]
MEMORY = Path("/proc/meminfo")
ENGINE_PATIENCE = 4.0  # seconds: Docker Engine answers at once, or hangs
MAX_AGE = 26.0  # hours: a daily backup, and some patience


def docker(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """Ask Docker Engine for anything."""
    started = deadline.clock.monotonic()
    _engine(deadline).require()
    return verdict.docker(record["name"], deadline.clock.monotonic() - started)


def container(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """A container: its state, its restarts, and what its own HEALTHCHECK says."""
    engine = _engine(deadline)
    engine.require()
    seen = engine.container(record["container"])
    facts = seen and {
        "name": record["container"],
        "status": seen.status,
        "health": seen.health,
        "restarts": seen.restarts,
        "oom_killed": seen.oom_killed,
        "exit_code": seen.exit_code,
        "started_at": seen.started_at,
        "image": seen.image,
    }
    return verdict.container(record["name"], facts or None)


def _engine(deadline: Deadline) -> Any:
    from .._compose.engine import Engine

    return Engine(timeout=max(0.1, min(ENGINE_PATIENCE, deadline.remaining() / 2)))


def unit(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """A systemd unit."""
    words = ["systemctl", "show", "--property=LoadState,ActiveState,SubState", "--", record["unit"]]
    state = dict(line.partition("=")[::2] for line in _said(words, deadline).splitlines())
    return verdict.unit(record["name"], record["unit"], state)


def disk(record: Record, _deadline: Deadline, _ca_bundle: str) -> Finding:
    """Room on a file system."""
    path = record.get("path") or "/"
    seen = os.statvfs(path)
    used, free = (seen.f_blocks - seen.f_bfree) * seen.f_frsize, seen.f_bavail * seen.f_frsize
    return verdict.disk(record["name"], path, used, free, _limits(record, verdict.SPACE))


def inodes(record: Record, _deadline: Deadline, _ca_bundle: str) -> Finding:
    """Inodes on a file system."""
    path = record.get("path") or "/"
    seen = os.statvfs(path)
    return verdict.inodes(record["name"], path, seen.f_files, seen.f_ffree, _limits(record, verdict.SPACE))


def memory(record: Record, _deadline: Deadline, _ca_bundle: str) -> Finding:
    """Main memory."""
    lines = (line.split() for line in MEMORY.read_text(encoding="ascii").splitlines())
    sizes = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
    return verdict.memory(record["name"], sizes["MemTotal"], sizes["MemAvailable"], _limits(record, verdict.SPACE))


def load(record: Record, _deadline: Deadline, _ca_bundle: str) -> Finding:
    """Tasks that want a processor."""
    return verdict.load(record["name"], os.getloadavg()[2], os.cpu_count() or 1, _limits(record, verdict.LOAD))


def clock(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """Whether the clock is kept right."""
    if not shutil.which("timedatectl"):
        return verdict.clock(record["name"], False)
    said = _said(["timedatectl", "show", "--property=NTPSynchronized", "--value"], deadline)
    return verdict.clock(record["name"], said.strip() == "yes")


def smart(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """What the disks say of themselves, if smartctl is there to ask them."""
    if not shutil.which("smartctl"):
        return verdict.smart(record["name"], {})
    devices = record.get("devices") or [
        item["name"] for item in _json(["smartctl", "--json", "--scan"], deadline).get("devices", ())
    ]
    words = ["smartctl", "--json", "--health", "--nocheck=standby"]  # a disk that sleeps is left asleep
    return verdict.smart(record["name"], {device: _json([*words, device], deadline) for device in devices})


def certificate(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """A certificate file, leaf first."""
    try:
        from .._acme import pem
    except ImportError:
        hint = "Install python3-cryptography on the host."
        raise UnreachableError("read a certificate", record["path"], "cryptography is missing", hint) from None
    try:
        chain = pem.facts(Path(record["path"]).read_text(encoding="ascii", errors="replace"))
    except (ValueError, FileNotFoundError):
        chain = []
    return verdict.certificate(record["name"], record["path"], chain, deadline.clock.time(), record.get("min_days"))


def backup(record: Record, deadline: Deadline, _ca_bundle: str) -> Finding:
    """How old a file is, or the newest file of a folder."""
    path = Path(record["path"])
    files = [item for item in path.iterdir() if item.is_file()] if path.is_dir() else [path] if path.exists() else []
    newest = max((item.stat().st_mtime for item in files), default=None)
    return verdict.backup(record["name"], str(path), newest, deadline.clock.time(), record.get("max_age") or MAX_AGE)


def _limits(record: Record, usual: tuple[float, float]) -> tuple[float, float]:
    warn, fail = record.get("warn"), record.get("fail")
    return (usual[0] if warn is None else warn, usual[1] if fail is None else fail)


def _said(words: Sequence[str], deadline: Deadline) -> str:
    """What a program prints, whatever its exit code."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=max(0.1, deadline.remaining()),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout


def _json(words: Sequence[str], deadline: Deadline) -> dict[str, Any]:
    try:
        return json.loads(_said(words, deadline))
    except ValueError:
        return {}


KINDS = {
    "docker": docker,
    "container": container,
    "unit": unit,
    "disk": disk,
    "inodes": inodes,
    "memory": memory,
    "load": load,
    "clock": clock,
    "smart": smart,
    "certificate": certificate,
    "backup": backup,
}
