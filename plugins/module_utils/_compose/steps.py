# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of changing one service. Undone in reverse: container away, files back, data back, old container up."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._core.errors import CommandError
from .._core.files import remove, sync_folder, write_atomically
from .engine import Engine

Record = dict[str, Any]


class Resume:
    """Does nothing, and so is first: undoing it is last, when all that the old container needs is back."""

    def __init__(self, engine: Engine, record: Record) -> None:
        self.engine, self.record = engine, record

    @classmethod
    def plan(cls, engine: Engine, folder: Path, ran: bool, seconds: float) -> Resume:
        return cls(engine, {"step": "resume", "folder": str(folder), "ran": ran, "seconds": seconds})

    def apply(self) -> None:
        """Nothing."""

    def undo(self) -> None:
        if self.record["ran"]:
            self.engine.up(Path(self.record["folder"]), self.record["seconds"])


class Folders:
    """The project's folder, and the private volumes with the seeds that are not there yet."""

    def __init__(self, engine: Engine, record: Record, seeds: dict[str, bytes] | None = None) -> None:
        self.record, self.seeds = record, seeds or {}

    @classmethod
    def plan(
        cls,
        engine: Engine,
        wanted: list[tuple[Path, int, int, int]],
        seeds: list[tuple[Path, bytes, int]],
        ids: tuple[int, int],
    ) -> Folders:
        """wanted: (folder, mode, uid, gid), parents first. seeds: (file, content, mode)."""
        folders = [(str(path), mode, uid, gid) for path, mode, uid, gid in wanted if not path.exists()]
        missing = {path: (content, mode) for path, content, mode in seeds if not path.exists()}
        above = {parent for path in missing for parent in path.parents if not parent.exists()}
        known = {path for path, *_rest in folders}
        folders += [(str(path), 0o750, *ids) for path in sorted(above) if str(path) not in known]
        files = [(str(path), mode, *ids) for path, (_content, mode) in missing.items()]
        contents = {str(path): content for path, (content, _mode) in missing.items()}
        return cls(engine, {"step": "folders", "folders": folders, "files": files}, contents)

    def apply(self) -> None:
        for path, mode, uid, gid in self.record["folders"]:
            Path(path).mkdir(parents=True, exist_ok=True)
            os.chmod(path, mode)
            os.chown(path, uid, gid)
        for path, mode, uid, gid in self.record["files"]:
            write_atomically(Path(path), self.seeds[path], mode, uid, gid)

    def undo(self) -> None:
        for path, *_rest in self.record["files"]:
            remove(Path(path))
        # What was not there before this change holds nothing but what this change's container wrote.
        for path, *_rest in reversed(self.record["folders"]):
            shutil.rmtree(path, ignore_errors=True)


class Snapshot:
    """Stop the old container and copy its private volumes, so that data can go back with the image."""

    def __init__(self, engine: Engine, record: Record) -> None:
        self.engine, self.record = engine, record

    @classmethod
    def plan(cls, engine: Engine, name: str, stop_timeout: int, volumes: list[Path], place: Path) -> Snapshot:
        pairs = [(str(volume), str(place / volume.name)) for volume in volumes if volume.exists()]
        return cls(engine, {"step": "snapshot", "name": name, "stop_timeout": stop_timeout, "volumes": pairs})

    def apply(self) -> None:
        self.engine.stop(self.record["name"], self.record["stop_timeout"])
        for volume, copy in self.record["volumes"]:
            half = Path(f"{copy}.half")
            half.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.rmtree(half, ignore_errors=True)
            done = subprocess.run(
                ["cp", "--archive", "--reflink=auto", "--", volume, str(half)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise CommandError("copy the data before the update", volume, done.stderr.strip()[-300:])
            os.rename(half, copy)
            sync_folder(half.parent)

    def undo(self) -> None:
        for volume, copy in self.record["volumes"]:
            shutil.rmtree(f"{copy}.half", ignore_errors=True)
            if not Path(copy).exists():
                continue  # not copied yet, so nothing has touched the volume; or already back
            away = Path(f"{volume}.rolled-back")
            shutil.rmtree(away, ignore_errors=True)
            if Path(volume).exists():
                os.rename(volume, away)
            _move(copy, volume)
            shutil.rmtree(away, ignore_errors=True)


class Files:
    """The project's own files; what they were is kept as their previous revision."""

    def __init__(self, engine: Engine, record: Record, contents: dict[str, bytes | None] | None = None) -> None:
        self.record, self.contents = record, contents or {}

    @classmethod
    def plan(cls, engine: Engine, contents: dict[Path, tuple[bytes | None, int]], kept: Path) -> Files:
        """contents: file to (content, or None to remove it; mode). kept: an empty place for what they were."""
        files = [
            (str(path), str(kept / path.name) if path.exists() else "", mode)
            for path, (_content, mode) in contents.items()
        ]
        return cls(
            engine, {"step": "files", "files": files}, {str(path): text for path, (text, _m) in contents.items()}
        )

    def apply(self) -> None:
        for path, kept, mode in self.record["files"]:
            if kept:
                Path(kept).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_atomically(Path(kept), Path(path).read_bytes(), mode)
            content = self.contents[path]
            if content is None:
                remove(Path(path))
            else:
                write_atomically(Path(path), content, mode)

    def undo(self) -> None:
        for path, kept, mode in self.record["files"]:
            if not kept:
                remove(Path(path))
            elif Path(kept).exists():
                write_atomically(Path(path), Path(kept).read_bytes(), mode)


class Up:
    """The container, as the project's files say."""

    def __init__(self, engine: Engine, record: Record) -> None:
        self.engine, self.record = engine, record

    @classmethod
    def plan(cls, engine: Engine, name: str, folder: Path, seconds: float) -> Up:
        return cls(engine, {"step": "up", "name": name, "folder": str(folder), "seconds": seconds})

    def apply(self) -> None:
        self.engine.up(Path(self.record["folder"]), self.record["seconds"])

    def undo(self) -> None:
        self.engine.remove(self.record["name"])


class Away:
    """A service that is no longer in the plan: its container goes, its data stays."""

    def __init__(self, engine: Engine, record: Record) -> None:
        self.engine, self.record = engine, record

    @classmethod
    def plan(cls, engine: Engine, name: str) -> Away:
        return cls(engine, {"step": "away", "name": name})

    def apply(self) -> None:
        self.engine.remove(self.record["name"])

    def undo(self) -> None:
        """Nothing: the first step brings the container back."""


STEPS = {"resume": Resume, "folders": Folders, "snapshot": Snapshot, "files": Files, "up": Up, "away": Away}


def restore(engine: Engine, record: Record) -> Any:
    """The step of which `record` is the journal's memory."""
    return STEPS[record["step"]](engine, record)


def _move(source: str, target: str) -> None:
    """Rename, or copy where the state and the services lie on different file systems."""
    with suppress(OSError):
        os.rename(source, target)
        return
    half = f"{target}.half"
    shutil.rmtree(half, ignore_errors=True)
    subprocess.run(["cp", "--archive", "--", source, half], check=True, capture_output=True)
    os.rename(half, target)
    shutil.rmtree(source)
