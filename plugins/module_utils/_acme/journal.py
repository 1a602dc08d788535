# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run has begun and not finished, on the disk before it matters: so that a killed run loses nothing.

``account-*.json`` the account's key; ``order-*.json`` an order at the CA with the key that it is for, before it is
finalized; ``challenges.json`` every record and file shown to the CA, before it is; ``flips.json`` what was in use
before a new generation went live and the web server took it up; ``ari.json`` the CA's advice on renewal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import files
from .model import Wanted


@dataclass(frozen=True)
class Order:
    """An order at the CA. `url` is its address, `key` the private key in PEM that its certificate is for."""

    directory: str
    identifiers: tuple[str, ...]
    key_type: str
    url: str
    key: str

    def fits(self, wanted: Wanted, directory: str) -> bool:
        """Whether its certificate will be the one wanted."""
        return (self.directory, self.identifiers, self.key_type) == (directory, wanted.identifiers, wanted.key_type)


@dataclass(frozen=True)
class Shown:
    """Something shown to the CA. `zone` is empty for a file, whose path is `name`."""

    name: str
    value: str
    zone: str = ""


class Journal:
    """The journal in `folder`, which only root can read. Nothing is created before the first write."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def prepare(self) -> None:
        """Have the folder."""
        files.folder(self.folder.parent)
        files.folder(self.folder, 0o700)

    def sweep(self) -> None:
        """Remove what a run that was killed in the middle of a write has left."""
        for stray in self.folder.glob(".*"):
            stray.unlink(missing_ok=True)

    def account(self, directory: str) -> dict[str, str]:
        """The account at `directory`: ``key`` in PEM, ``email``; empty if there is none."""
        return files.read_json(self._account(directory)) or {}

    def save_account(self, directory: str, key: str, email: str) -> None:
        """Keep the account at `directory`."""
        self._save(self._account(directory), {"directory": directory, "email": email, "key": key})

    def order(self, name: str) -> Order | None:
        """The order that was begun for the certificate `name`."""
        data = files.read_json(self._order(name))
        try:
            return Order(**{**data, "identifiers": tuple(data["identifiers"])}) if data else None
        except (TypeError, KeyError):
            return None

    def save_order(self, name: str, order: Order) -> None:
        """Keep an order."""
        self._save(self._order(name), asdict(order))

    def drop_order(self, name: str) -> None:
        """The order is done, or worth nothing."""
        files.remove(self._order(name))

    def shown(self) -> list[Shown]:
        """Everything that is shown to the CA, or may be."""
        return [Shown(**item) for item in files.read_json(self.folder / "challenges.json") or []]

    def save_shown(self, shown: Iterable[Shown]) -> None:
        """Keep what is shown; nothing: there is no such file."""
        self._keep("challenges.json", [asdict(item) for item in shown])

    def flips(self) -> dict[str, int]:
        """For each certificate that went live and was not taken up yet, the generation before; 0: none."""
        return files.read_json(self.folder / "flips.json") or {}

    def save_flips(self, flips: Mapping[str, int]) -> None:
        """Keep what was in use before."""
        self._keep("flips.json", dict(flips))

    def advice(self) -> dict[str, Any]:
        """The CA's advice by certificate id, as `advice.Advice` keeps it."""
        return files.read_json(self.folder / "ari.json") or {}

    def save_advice(self, advice: Mapping[str, Any]) -> None:
        """Keep the CA's advice."""
        self._keep("ari.json", dict(advice))

    def _keep(self, name: str, data: Any) -> None:
        if data:
            self._save(self.folder / name, data)
        else:
            files.remove(self.folder / name)

    def _save(self, path: Path, data: Any) -> None:
        self.prepare()
        files.write(path, json.dumps(data))

    def _account(self, directory: str) -> Path:
        return self.folder / f"account-{hashlib.sha256(directory.encode()).hexdigest()[:16]}.json"

    def _order(self, name: str) -> Path:
        return self.folder / f"order-{name}.json"
