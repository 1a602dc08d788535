# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes of paths, as steps of a transaction.

Before a path is changed, what is there gets a second name beside it. To undo is to rename that back, which needs no
space: so it works as well on a disk that is full.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .._core.files import remove, sync_folder, write_atomically
from .model import ABSENT, DIRECTORY, LINK, Change, Seen


class Put:
    """Write, replace or remove a file or link."""

    def __init__(self, path: Path, existed: bool, after: Seen | None = None) -> None:
        self.path, self.existed, self.after = path, existed, after
        self.aside = aside(path)

    @property
    def record(self) -> dict[str, Any]:
        """What `undo` needs."""
        return {"step": "put", "path": str(self.path), "existed": self.existed}

    def apply(self) -> None:
        """Keep what is there aside, then put the new one in its place."""
        if self.after is None:
            raise AssertionError("only a planned step is applied")
        with _naming(self.path):
            if self.after.kind == ABSENT:
                os.rename(self.path, self.aside)
                sync_folder(self.path.parent)
                return
            if self.existed:
                os.link(self.path, self.aside, follow_symlinks=False)
                sync_folder(self.path.parent)
            if self.after.kind == LINK:
                new = self.path.with_name(f".{self.path.name}.new_link")
                new.unlink(missing_ok=True)
                os.symlink(self.after.target, new)
                os.replace(new, self.path)
                sync_folder(self.path.parent)
            else:
                write_atomically(self.path, self.after.content, self.after.mode, self.after.owner, self.after.group)

    def undo(self) -> None:
        """Put the old one back, and clear away what a killed `apply` had half-written."""
        with _naming(self.path):
            if not self.path.parent.is_dir():
                return
            self.sweep()
            if not self.existed:
                remove(self.path)
            elif os.path.lexists(self.aside):
                if os.path.lexists(self.path) and os.path.samestat(os.lstat(self.aside), os.lstat(self.path)):
                    self.aside.unlink()  # to rename one name of a file to another of it does nothing
                else:
                    os.replace(self.aside, self.path)
                sync_folder(self.path.parent)

    def sweep(self) -> None:
        """Remove files that a killed write left."""
        half = re.compile(rf"\.{re.escape(self.path.name)}\.[a-z0-9_]{{8}}")
        for path in self.path.parent.iterdir():
            if half.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def keep(self, revisions: Path) -> None:
        """Save the old file as the previous revision."""
        if self.existed and not self.aside.is_symlink():
            where = revisions / self.path.relative_to("/")
            with _naming(where):
                where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_atomically(where, self.aside.read_bytes(), mode=0o600)

    def forget(self) -> None:
        """Remove what was kept aside."""
        remove(self.aside)


class Folder:
    """Make a folder, or change its mode and owner, or remove it: that at the end, as old files are aside in it."""

    def __init__(self, path: Path, before: Seen, after: Seen | None = None) -> None:
        self.path, self.before, self.after = path, before, after

    @property
    def record(self) -> dict[str, Any]:
        """What `undo` needs."""
        before = [self.before.kind, self.before.mode, self.before.owner, self.before.group]
        return {"step": "folder", "path": str(self.path), "before": before}

    def apply(self) -> None:
        """Make it as wanted."""
        if self.after is None:
            raise AssertionError("only a planned step is applied")
        self._become(self.after)

    def undo(self) -> None:
        """Make it as it was; one that has got other contents meanwhile stays."""
        self._become(self.before)

    def _become(self, wanted: Seen) -> None:
        with _naming(self.path):
            if wanted.kind == ABSENT:
                if self.before.kind == ABSENT:
                    self._remove()
                return
            if not self.path.is_dir():
                self.path.mkdir(mode=0o700)
                sync_folder(self.path.parent)
            os.chown(self.path, wanted.owner, wanted.group)
            os.chmod(self.path, wanted.mode)

    def keep(self, revisions: Path) -> None:
        """There is nothing to save."""

    def forget(self) -> None:
        """Remove the folder, if that is what was wanted."""
        if self.after and self.after.kind == ABSENT:
            self._remove()

    def _remove(self) -> None:
        with suppress(OSError):  # not there, or no longer empty
            self.path.rmdir()
            sync_folder(self.path.parent)


class Check:
    """Run a command that judges what was applied. There is nothing to undo."""

    def __init__(self, check: Callable[[], object]) -> None:
        self.apply = check

    record: dict[str, Any] = {"step": "check"}  # noqa: RUF012 - never written to

    def undo(self) -> None:
        """Do nothing."""


def aside(path: Path) -> Path:
    """Where the old `path` is kept while a transaction runs: a name that programs pass over."""
    return path.with_name(f".{path.name}.monsterr-old")


def step(change: Change) -> Put | Folder:
    """The step that makes `change`."""
    if DIRECTORY in (change.before.kind, change.after.kind):
        return Folder(change.path, change.before, change.after)
    return Put(change.path, change.before.kind != ABSENT, change.after)


def restore(record: dict[str, Any]) -> Put | Folder | Check:
    """A step made again from its record, fit to be undone."""
    if record["step"] == "put":
        return Put(Path(record["path"]), record["existed"])
    if record["step"] == "folder":
        kind, mode, owner, group = record["before"]
        return Folder(Path(record["path"]), Seen(kind, mode, owner, group))
    return Check(lambda: None)


def strays(paths: Sequence[Path]) -> list[Path]:
    """What an earlier run, killed right at its end, kept aside for nothing. Only while there is no journal."""
    return [old for old in map(aside, paths) if os.path.lexists(old)]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors of the file system name `path`, also where the system itself does not."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise
