# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that a crash cannot leave half-written. Standard library only."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .._core.clock import Deadline


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Put `text` in the place of `path` at once, and on the disk before this returns."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    os.replace(new, path)
    sync(path.parent)


def folder(path: Path, mode: int = 0o755) -> None:
    """Have the folder `path`; it and those above that are missing get exactly `mode`, whatever the umask."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        with suppress(FileExistsError):  # made by another thread since we looked
            one.mkdir()
            one.chmod(mode)


def remove(path: Path) -> None:
    """Remove `path` if it is there, on the disk before this returns."""
    if path.exists():
        path.unlink()
        sync(path.parent)


def sync(folder: Path) -> None:
    """Have the entries of `folder` on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target`, in one step if there was one before."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    os.replace(new, path)
    sync(path.parent)


def read_json(path: Path) -> Any:
    """The content of `path`; None if it is missing or no JSON."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def locked(path: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the lock `path`, so that two runs do not do the same; `DeadlineError` if another one keeps it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                deadline.pause(0.25)
                deadline.check("begin", str(path), "another run is at work on the same certificates")
        yield
    finally:
        os.close(descriptor)
