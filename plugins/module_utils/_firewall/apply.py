# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apply rules so that they undo themselves, unless a fresh connection confirms them.

The file of confirmed rules is what the host loads when it starts, and what everything that goes wrong comes back to:
a connection that is cut, a module that is killed, a power cut. It changes only when new rules are confirmed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._config.command import runner
from .._core.clock import Clock, Deadline
from .._core.errors import CommandError, InputError, MonsterrError
from .._core.files import locked, remove, write_atomically
from .._core.finding import Finding, ok
from . import rules as table

# It takes the new rules away first: who finds them there, once this is stopped, knows that they are still loaded.
_GUARD = 'sleep "$1"; rm -f "$3"; if [ -e "$2" ]; then nft -f "$2"; else nft "$4"; fi'


class Host:
    """The firewall of this host.

    confirmed  the file of confirmed rules
    state      folder for rules that are not confirmed yet
    """

    def __init__(self, confirmed: Path, state: Path, clock: Clock) -> None:
        self.confirmed, self.state = confirmed, state
        self.pending, self.guard = state / "pending.nft", state / "guard"
        self.deadline = Deadline(30, clock)
        self.run = runner(self.deadline, str)

    def apply(self, rules: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        """Load `rules`, armed to be undone; or say that there is nothing to do."""
        client, port = connection(os.getpid())
        if rules["enabled"] and client and not table.lets_ssh_in(rules, client):
            raise InputError(
                "apply the firewall",
                f"SSH from {client}",
                "the new rules would shut out the very connection that brings them; nothing was changed",
                "Add the address, or its network, to monsterr_firewall.ssh_sources.",
            )
        wanted = table.render(rules, port) if rules["enabled"] else ""
        before = self.confirmed.read_text(encoding="utf-8") if self.confirmed.exists() else ""
        changed = wanted != before or (bool(wanted) != self._loaded(check_mode)) or self.pending.exists()
        result = {"changed": changed, "armed": False, "diff": _diff(self.confirmed, before, wanted), "findings": []}
        if check_mode or not changed:
            return result
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.state / "lock", self.deadline, "change the firewall"):
            self._disarm()
            write_atomically(self.pending, (wanted or table.REMOVE).encode(), mode=0o600)
            try:
                self.run("check the new rules", ["nft", "-c", "-f", str(self.pending)])
            except MonsterrError:
                remove(self.pending)
                raise
            self._arm(rules["confirm_seconds"])
            try:
                self.run("load the new rules", ["nft", "-f", str(self.pending)])
            except MonsterrError:
                self._restore()
                self._disarm()
                remove(self.pending)
                raise
        return {**result, "armed": True}

    def confirm(self) -> dict[str, Any]:
        """Keep the rules that are loaded: whoever asks came in through them."""
        with locked(self.state / "lock", self.deadline, "confirm the firewall"):
            self._disarm()
            if not self.pending.exists():
                self._restore()
                raise CommandError(
                    "confirm the new firewall rules",
                    str(self.pending),
                    "nobody came back in time, so the former rules are in place again",
                    "Raise monsterr_firewall.confirm_seconds if the host is slow.",
                )
            text = self.pending.read_bytes()
            if text == table.REMOVE.encode():
                remove(self.confirmed)
            else:
                self.confirmed.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self.confirmed, text, mode=0o644)
            remove(self.pending)
        return {"changed": True, "armed": False, "findings": [_kept()], "diff": []}

    def _loaded(self, check_mode: bool) -> bool:
        try:
            return "policy drop" in self.run("read the rules", ["nft", "list", "chain", *table.TABLE.split(), "input"])
        except CommandError as error:
            if "not installed" in error.why and not check_mode:
                raise
            return False

    def _restore(self) -> None:
        back = ["-f", str(self.confirmed)] if self.confirmed.exists() else [table.REMOVE]
        self.run("put the former rules back", ["nft", *back])

    def _arm(self, seconds: int) -> None:
        """Start what undoes the rules. It outlives this process, its session and its connection."""
        words = [_GUARD, "monsterr-firewall", str(seconds), str(self.confirmed), str(self.pending), table.REMOVE]
        if Path("/run/systemd/system").is_dir():
            # A unit of its own: systemd ends what a session leaves behind, if it is told to.
            unit = "monsterr-firewall-undo.service"
            options = ["--quiet", "--collect", f"--unit={unit}"]
            self.run("arm the way back", ["systemd-run", *options, "/bin/sh", "-c", *words])
            self.guard.write_text(unit)
            return
        process = subprocess.Popen(
            ["/bin/sh", "-c", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.guard.write_text(str(process.pid))

    def _disarm(self) -> None:
        guard = self.guard.read_text() if self.guard.exists() else ""
        if guard.endswith(".service"):
            subprocess.run(["systemctl", "stop", guard], check=False, capture_output=True, timeout=20)
        elif guard and b"monsterr-firewall" in _command(guard):
            os.killpg(int(guard), signal.SIGKILL)
            for _try in range(50):
                if b"monsterr-firewall" not in _command(guard):
                    break
                time.sleep(0.02)
        remove(self.guard)


def connection(process: int) -> tuple[str, int]:
    """The client's address and our port of the SSH connection that `process` works for; ('', 0) for none.

    Programs that change the user take the variable away, so the parents are asked as well.
    """
    while process > 1:
        try:
            environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
            parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            break
        for entry in environment:
            name, _equals, value = entry.partition(b"=")
            if name == b"SSH_CONNECTION" and len(words := value.decode("ascii", "replace").split()) == 4:
                return words[0], int(words[3])
        process = int(parent)
    return "", 0


def _command(process: str) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _diff(path: Path, before: str, after: str) -> list[dict[str, str]]:
    if before == after:
        return []
    return [{"before": before, "after": after, "before_header": str(path), "after_header": str(path)}]


def _kept() -> Finding:
    return ok("firewall", "firewall", "The new rules let a fresh connection in, and are kept.")
