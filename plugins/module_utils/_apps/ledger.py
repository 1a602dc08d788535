# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What secrets we gave to which application: their keyed digests, never themselves.

Most applications take a secret and never show it again. With the digest of what we gave last, a rotated secret is
known to differ without a question to the application. The file is root's alone; its key stays in it, on this host.

It also remembers what we made in an application, by name, so that it can go when the plan has it no more.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from pathlib import Path
from typing import Any

from .._core.files import write_atomically


class Ledger:
    """The digests of one host. Safe to share between threads.

    path     the file; its folder is made when first needed
    frozen   check mode: nothing is written
    """

    def __init__(self, path: Path, frozen: bool = False) -> None:
        self.path, self.frozen = path, frozen
        self._lock = threading.Lock()
        try:
            content: dict[str, Any] = json.loads(path.read_text())
            self._key, self._given = bytes.fromhex(content["key"]), dict(content["given"])
            self._made = {key: list(titles) for key, titles in content.get("made", {}).items()}
        except (OSError, ValueError, KeyError, TypeError):
            # Absent or unreadable: then nothing is known, and applications are asked instead.
            self._key, self._given, self._made = secrets.token_bytes(32), {}, {}

    def knows(self, name: str, value: str) -> bool | None:
        """Whether `value` is what was last given under `name`; None when that is not known."""
        known = self._given.get(name)
        return None if known is None else hmac.compare_digest(known, self._digest(value))

    def gave(self, name: str, value: str) -> None:
        """Remember that the application has `value` now."""
        with self._lock:
            digest = self._digest(value)
            if self.frozen or self._given.get(name) == digest:
                return
            self._given[name] = digest
            self._write()

    def made(self, service: str, kind: str) -> list[str]:
        """The titles of the objects of one kind that we made in a service."""
        return list(self._made.get(f"{service} {kind}", ()))

    def make(self, service: str, kind: str, title: str) -> None:
        """Remember that we make an object."""
        self._change(service, kind, [*self.made(service, kind), title])

    def forget(self, service: str, kind: str, title: str) -> None:
        """Remember that an object of ours is gone."""
        self._change(service, kind, [known for known in self.made(service, kind) if known.lower() != title.lower()])

    def _change(self, service: str, kind: str, titles: list[str]) -> None:
        with self._lock:
            key, titles = f"{service} {kind}", sorted(set(titles))
            if not self.frozen and self._made.get(key, []) != titles:
                self._made[key] = titles
                self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {"key": self._key.hex(), "given": self._given, "made": self._made}
        write_atomically(self.path, json.dumps(content, indent=1, sort_keys=True).encode(), mode=0o600)

    def _digest(self, value: str) -> str:
        return hmac.new(self._key, value.encode(), "sha256").hexdigest()
