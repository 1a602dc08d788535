# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths as they are and as they are wanted, the difference, and how it is shown without a secret."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.secret import MASK, mask

FILE = "file"
DIRECTORY = "directory"
LINK = "link"
ABSENT = "absent"
OTHER = "something else"


@dataclass(frozen=True)
class Seen:
    """What is, or is wanted, at a path.

    kind     ``file``, ``directory``, ``link``, ``absent``, or ``something else`` (a socket, a device)
    mode     permission bits of a file or directory
    owner    numeric user of a file or directory; -1: wanted is a user whom this host does not have yet
    group    likewise
    content  of a file
    target   of a link
    """

    kind: str = ABSENT
    mode: int = 0
    owner: int = 0
    group: int = 0
    content: bytes = b""
    target: str = ""

    def attributes(self) -> str:
        """All but the content, a line for each, as a diff shows it."""
        lines = [f"state: {self.kind}"]
        if self.kind in (FILE, DIRECTORY):
            lines += [f"mode: {self.mode:04o}", f"owner: {_user(self.owner)}", f"group: {_group(self.group)}"]
        if self.kind == LINK:
            lines.append(f"target: {self.target}")
        return "\n".join(lines) + "\n"


def look(path: Path, follow: bool = False) -> Seen:
    """What is at `path`. follow: a link to a directory counts as that directory."""
    try:
        found = os.lstat(path)
        if follow and stat.S_ISLNK(found.st_mode) and path.is_dir():
            found = os.stat(path)
    except FileNotFoundError:
        return Seen()
    mode, owner, group = stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid
    if stat.S_ISREG(found.st_mode):
        return Seen(FILE, mode, owner, group, path.read_bytes())
    if stat.S_ISDIR(found.st_mode):
        return Seen(DIRECTORY, mode, owner, group)
    if stat.S_ISLNK(found.st_mode):
        return Seen(LINK, target=os.readlink(path))
    return Seen(OTHER)


@dataclass(frozen=True)
class Change:
    """What is at a path, and what is wanted there.

    hidden     nothing of the content may be shown, only that it differs
    guarded    the content holds secrets: of the old one, whose secrets may be others, only lines that stay are shown
    validate   command to run on the new file before it is put in place; ``%s`` in a word is the file
    """

    path: Path
    before: Seen
    after: Seen
    hidden: bool = False
    guarded: bool = False
    validate: str = ""

    @property
    def action(self) -> str:
        """``none``, ``create``, ``change`` or ``remove``."""
        if self.before == self.after:
            return "none"
        if self.before.kind == ABSENT:
            return "create"
        return "remove" if self.after.kind == ABSENT else "change"

    def diff(self, secrets: Mapping[str, str]) -> list[dict[str, Any]]:
        """What changes, for Ansible to show: attributes and content each as one item."""
        items = []
        if self.before.attributes() != self.after.attributes():
            items.append(self._item(" (attributes)", self.before.attributes(), self.after.attributes()))
        if self.before.content != self.after.content:
            items.append(self._item("", *self._contents(secrets)))
        return items

    def _item(self, what: str, before: str, after: str) -> dict[str, str]:
        header = f"{self.path}{what}"
        return {"before": before, "after": after, "before_header": header, "after_header": header}

    def _contents(self, secrets: Mapping[str, str]) -> tuple[str, str]:
        if self.hidden:
            return "(not shown: sensitive)\n", "(not shown: sensitive, and different)\n"
        after = mask(_text(self.after.content), secrets)
        before = mask(_text(self.before.content), secrets)
        if self.guarded or (self.before.kind == FILE and not self.before.mode & stat.S_IROTH):
            stays = set(after.splitlines())
            before = "".join(
                line if line.strip() == "" or line.rstrip("\r\n") in stays else f"{MASK}\n"
                for line in before.splitlines(keepends=True)
            )
        return before, after


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name if number >= 0 else "(does not exist yet)"
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name if number >= 0 else "(does not exist yet)"
    except KeyError:
        return str(number)
