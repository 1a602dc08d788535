# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host is like: read from /proc, /etc and a few programs, in one go."""

from __future__ import annotations

import ipaddress
import json
import os
import platform
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

LAB_MARK = Path("/etc/monsterr-lab")
_LISTEN = "0A"  # the state of a listening TCP socket in /proc/net/tcp
_UNCONNECTED = "07"  # that of a UDP socket which waits for anyone


def gather(paths: Sequence[str]) -> dict[str, Any]:
    """Everything. paths: where free space matters; for one that is not there yet, its nearest parent is asked."""
    return {
        "os": _os(),
        "arch": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "uid": os.geteuid(),
        "apt": _has_apt(),
        "cpus": os.cpu_count() or 1,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "disk": {path: _disk(path) for path in paths},
        "addresses": _addresses(),
        "ipv6": _has_ipv6(),
        "listening": listening(),
        "docker_version": _version(["docker", "--version"]),
        "nginx_version": _version(["nginx", "-v"]),
        "lab": _lab(),
    }


def _os() -> dict[str, str]:
    found = platform.freedesktop_os_release()
    return {
        "id": found.get("ID", ""),
        "version": found.get("VERSION_ID", ""),
        "codename": found.get("VERSION_CODENAME", ""),
        "name": found.get("PRETTY_NAME", "an unknown system"),
    }


def _disk(path: str) -> dict[str, int]:
    there = Path(path)
    while not there.exists():
        there = there.parent
    usage = shutil.disk_usage(there)
    return {"total_mb": usage.total // 2**20, "free_mb": usage.free // 2**20}


def _addresses() -> list[str]:
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        done = subprocess.run(["ip", "-json", "address"], capture_output=True, text=True, timeout=10, check=True)
        entries = [entry["local"] for link in json.loads(done.stdout) for entry in link["addr_info"]]
        return sorted(entry for entry in entries if not ipaddress.ip_address(entry).is_loopback)
    return []


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def listening() -> list[dict[str, Any]]:
    """Every listening socket with the program that holds it, as far as we may see that."""
    rows = []
    for name in ("tcp", "tcp6", "udp", "udp6"):
        protocol, wanted = name[:3], _LISTEN if name.startswith("tcp") else _UNCONNECTED
        with suppress(OSError):
            for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                parts = line.split()
                if parts[3] == wanted:
                    address, port = parts[1].split(":")
                    rows.append((_address(address), int(port, 16), protocol, parts[9]))
    holders = _holders() if rows else {}
    return [
        {"address": address, "port": port, "protocol": protocol, "process": holders.get(inode, "")}
        for address, port, protocol, inode in rows
    ]


def _address(text: str) -> str:
    """An address as the kernel prints it: 32-bit words in the machine's own order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def _holders() -> dict[str, str]:
    """Inode of a socket: the name of a process that has it open."""
    holders: dict[str, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            for handle in (process / "fd").iterdir():
                with suppress(OSError):
                    match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(handle))
                    if match:
                        holders.setdefault(match.group(1), name)
    return holders


def _has_apt() -> bool:
    """Whether the system's Python has them: Ansible's apt modules go there, whichever Python runs us."""
    with suppress(OSError, subprocess.SubprocessError):
        words = ["/usr/bin/python3", "-c", "import apt"]
        return subprocess.run(words, capture_output=True, timeout=10, check=False).returncode == 0
    return False


def _version(words: list[str]) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
        match = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
        return match.group(0) if match else ""
    return ""


def _lab() -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(LAB_MARK.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}
