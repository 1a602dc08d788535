# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What secrets we gave to which application: their keyed digests, never themselves.

Most applications take a secret and never show it again. With the digest of what we gave last, a rotated secret is
known to differ without a question to the application. The file is root's alone; its key stays in it, on this host.
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
        except (OSError, ValueError, KeyError, TypeError):
            # Absent or unreadable: then nothing is known, and applications are asked instead.
            self._key, self._given = secrets.token_bytes(32), {}

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
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = json.dumps({"key": self._key.hex(), "given": self._given}, indent=1, sort_keys=True)
            write_atomically(self.path, content.encode(), mode=0o600)

    def _digest(self, value: str) -> str:
        return hmac.new(self._key, value.encode(), "sha256").hexdigest()
