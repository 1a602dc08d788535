# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates on disk: a folder for each generation, and one link that says which is in use.

``<root>/<name>/generations/<n>/{privkey,cert,chain,fullchain}.pem, about.json`` and ``<root>/<name>/live``. A
generation is complete and verified before the link leads to it, and the link changes by one rename: a reader never sees
half a pair.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from . import files, pem
from .model import Held


class Store:
    """All certificates below `root`."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def path(self, name: str) -> Path:
        """Where the certificate in use is."""
        return self._root / name / "live"

    def live(self, name: str) -> tuple[Held | None, str]:
        """The certificate in use, or none; and why what is there cannot be used."""
        link = self.path(name)
        if not os.path.lexists(link):
            return None, ""
        try:
            return self._held(name, int(Path(os.readlink(link)).name)), ""
        except (OSError, ValueError) as error:
            return None, f"what is there cannot be used: {error}"

    def staged(self, name: str) -> Held | None:
        """The newest generation, if it is newer than the one in use, and good."""
        newest = max(self._generations(name), default=0)
        if newest <= self.generation(name):
            return None
        try:
            return self._held(name, newest)
        except (OSError, ValueError):
            return None

    def generation(self, name: str) -> int:
        """The number of the generation in use; 0 if none is."""
        try:
            return int(Path(os.readlink(self.path(name))).name)
        except (OSError, ValueError):
            return 0

    def add(self, name: str, key: str, chain: str, directory: str, placeholder: bool = False) -> int:
        """Write a new generation, complete and on the disk, but not in use yet; its number.

        key, chain  in PEM, the chain with the leaf first
        directory   address of the CA's directory
        """
        home = self._root / name / "generations"
        files.folder(home)
        number = max([*self._generations(name), 0]) + 1
        new = home / ".new"
        shutil.rmtree(new, ignore_errors=True)
        files.folder(new)
        leaf, *above = pem.split(chain)
        about = {"directory": directory, "placeholder": placeholder}
        files.write(new / "privkey.pem", key, 0o600)
        files.write(new / "cert.pem", leaf, 0o644)
        files.write(new / "chain.pem", "".join(above) or leaf, 0o644)
        files.write(new / "fullchain.pem", "".join([leaf, *above]), 0o644)
        files.write(new / "about.json", json.dumps(about), 0o644)
        os.replace(new, home / str(number))
        files.sync_folder(home)
        return number

    def use(self, name: str, generation: int) -> None:
        """Put `generation` in use."""
        files.link(self.path(name), f"generations/{generation}")

    def unuse(self, name: str) -> None:
        """Have none in use: there was none before."""
        files.remove(self.path(name))

    def prune(self, name: str) -> None:
        """Remove what is older than the generation before the one in use."""
        live = self.generation(name)
        older = sorted(number for number in self._generations(name) if number < live)
        for number in older[:-1]:
            shutil.rmtree(self._root / name / "generations" / str(number), ignore_errors=True)

    def _generations(self, name: str) -> list[int]:
        try:
            return [int(entry) for entry in os.listdir(self._root / name / "generations") if entry.isdigit()]
        except FileNotFoundError:
            return []

    def _held(self, name: str, generation: int) -> Held:
        folder = self._root / name / "generations" / str(generation)
        about = files.read_json(folder / "about.json") or {}
        key, chain = (folder / "privkey.pem").read_text(), (folder / "fullchain.pem").read_text()
        return pem.inspect(key, chain, generation, about.get("directory", ""), bool(about.get("placeholder")))
