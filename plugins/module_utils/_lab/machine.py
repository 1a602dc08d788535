# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers that boot like hosts: start them, find them, end them. What runs is read from /proc, never from a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from .._core.clock import Deadline
from .._core.errors import CommandError, DeadlineError
from .command import PATH, run
from .model import Lab, Machine

PROC = Path("/proc")
_SYSTEMD = Path("/run/systemd/system")
_PAUSE = 0.05
_CAPABILITIES = "CAP_NET_ADMIN,CAP_SYS_ADMIN,CAP_SYS_PTRACE,CAP_MKNOD,CAP_NET_RAW"
_SYSTEM_CALLS = "@keyring bpf add_key keyctl"


def command(lab: Lab, machine: Machine, images: Path | None) -> list[str]:
    """The command line that boots `machine`; `images` is a folder that it may read."""
    words = [
        "systemd-nspawn", "--quiet", "--boot", f"--directory={machine.root}", f"--machine={machine.name}",
        f"--hostname={machine.hostname}", "--register=no", "--console=pipe",
        "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--settings=no",
        f"--capability={_CAPABILITIES}", f"--system-call-filter={_SYSTEM_CALLS}", f"--network-bridge={lab.bridge}",
    ]  # fmt: skip
    if not _SYSTEMD.exists():
        words.append("--keep-unit")
    if images:
        words.append(f"--bind-ro={images}:/lab/images")
    return words + [f"--tmpfs={path}:mode=0755,size={size}" for path, size in machine.limits.items()]


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write `files` (path -> content) below `root`; keys and folders of keys are for their owner only."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if path.parent.name == ".ssh" else 0o755)
        private = path.name.endswith(("_key", "key", "key.pem", "authorized_keys"))
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600 if private else 0o644), "w") as handle:
            handle.write(content)


def start(lab: Lab, machine: Machine, images: Path | None = None) -> None:
    """Boot `machine` in the background. It outlives the process that started it."""
    groups = [] if _SYSTEMD.exists() else _groups(machine)

    def own_group() -> None:  # in the child: each machine's processes in a control group of their own
        for group in groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    with (machine.folder / "console.log").open("ab") as log:
        subprocess.Popen(
            command(lab, machine, images),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=own_group,
            env={**os.environ, "PATH": PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )


def wait(machine: Machine, port: int, deadline: Deadline) -> None:
    """Wait until `machine` listens on TCP `port`."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection((machine.address, port), timeout=1):
            return
        if machine.host not in running([machine]):
            raise CommandError("boot the machine", machine.name, f"it ended at once: {_said(machine)}")
        if not deadline.pause(_PAUSE):
            why = f"nothing listens on {machine.address} port {port}: {_said(machine)}"
            raise DeadlineError("boot the machine", machine.name, why)


def running(machines: list[Machine]) -> dict[str, int]:
    """Host -> process id of the container's supervisor, for those of `machines` that run."""
    wanted = {f"--directory={machine.root}".encode(): machine.host for machine in machines}
    found = {}
    for path in PROC.glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            for word in path.read_bytes().split(b"\0")[:8]:
                if word in wanted:
                    found[wanted[word]] = int(path.parent.name)
    return found


def stop(machine: Machine, deadline: Deadline) -> bool:
    """End `machine` at once, as a power cut does; whether it ran."""
    patience = Deadline(deadline.remaining() / 3, deadline.clock)
    ran = False
    while pid := running([machine]).get(machine.host):
        ran = True
        # Its first process takes all others with it, and then the supervisor cleans up.
        for victim in [pid] if patience.expired() else _children(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        _reap(pid)
        if not deadline.pause(_PAUSE):
            raise DeadlineError("end the machine", machine.name, f"process {pid} does not end")
    _end(_groups(machine))
    return ran


def leftovers(folder: Path) -> list[Path]:
    """Roots below `folder` that a container runs from, whoever started it."""
    roots = []
    start = f"--directory={folder}/".encode()
    for path in PROC.glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")[:8]
            roots += [Path(os.fsdecode(word.partition(b"=")[2])) for word in words if word.startswith(start)]
    return roots


def unmount(folder: Path) -> None:
    """Unmount whatever is mounted below `folder`."""
    mounts = [line.split()[4] for line in (PROC / "self/mountinfo").read_text().splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(f"{folder}/")), reverse=True):
        run("unmount what the lab mounted", "umount", "--lazy", mount)


def remove(folder: Path) -> None:
    """Remove `folder` with all that is in it; nothing may be mounted there."""
    unmount(folder)
    if folder.exists():
        shutil.rmtree(folder)


def _said(machine: Machine) -> str:
    log = machine.folder / "console.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    return " / ".join(text.strip().splitlines()[-5:]) or "it said nothing"


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in (PROC / str(pid) / "task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return found


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _groups(machine: Machine) -> list[Path]:
    """The control groups of `machine`: systemd makes one; where there is none, we do, as systemd-nspawn expects it.

    In version 2, and in systemd's own hierarchy of version 1.
    """
    escaped = machine.name.replace("-", "\\x2d")
    below = f"machine.slice/machine-{escaped}.scope" if _SYSTEMD.exists() else f"monsterr-lab/{machine.name}"
    groups = []
    for line in (PROC / "mounts").read_text().splitlines():
        _unused, where, kind, options, *_unused = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            groups.append(Path(where) / below)
    return groups


def _end(groups: list[Path]) -> None:
    """End what a killed supervisor left running, and remove the groups."""
    for group in groups:
        with contextlib.suppress(OSError):
            (group / "cgroup.kill").write_text("1")
    for _try in range(100):
        for group in groups:
            for folder in sorted(group.glob("**/"), key=lambda path: len(path.parts), reverse=True):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        if not any(group.exists() for group in groups):
            break
        time.sleep(_PAUSE)
    for group in groups:
        with contextlib.suppress(OSError):
            group.parent.rmdir()
