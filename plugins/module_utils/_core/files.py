# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are either old or new, never half-written; and a lock, so that two runs do not meet."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .clock import Deadline
from .errors import DeadlineError


def write_atomically(path: Path, data: bytes, mode: int = 0o644, owner: int = -1, group: int = -1) -> None:
    """Put `data` at `path` in one rename, synced to disk first.

    mode   permissions of the file; it never has others, not even for a moment
    owner  numeric user; -1 leaves that of this process, and likewise for `group`
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchown(file.fileno(), owner, group)
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file for good; one that is not there is fine."""
    with suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` last through a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, deadline: Deadline, attempted: str) -> Iterator[None]:
    """Hold the lock file `path`; wait until `deadline` for another run to finish, then say which process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(path, "a+", encoding="ascii") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not deadline.pause(0.2):
                    file.seek(0)
                    holder = file.read().strip() or "another process"
                    raise DeadlineError(
                        attempted,
                        str(path),
                        f"process {holder} has been at it for all of {deadline.seconds:g} s",
                        "Wait for that run to end, or end it, then run again.",
                    ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
