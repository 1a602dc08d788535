# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files, folders and links that a crash cannot leave half-made. Standard library only."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._core.files import locked, remove, sync_folder, write_atomically

__all__ = ["folder", "link", "locked", "read_json", "remove", "sync_folder", "write"]


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Put `text` in the place of `path` at once, and on the disk before this returns."""
    write_atomically(path, text.encode(), mode)


def folder(path: Path, mode: int = 0o755) -> None:
    """Have the folder `path`; it and those above that are missing get exactly `mode`, whatever the umask."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        with suppress(FileExistsError):  # made by another thread since we looked
            one.mkdir()
            one.chmod(mode)


def link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target`, in one step if there was one before."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    os.replace(new, path)
    sync_folder(path.parent)


def read_json(path: Path) -> Any:
    """The content of `path`; None if it is missing or no JSON."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
