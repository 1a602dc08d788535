# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wanted files against those of the host: reads, never writes."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core.errors import InputError
from .._core.finding import Finding, fail, warn
from .._core.secret import references, resolve
from .model import ABSENT, DIRECTORY, FILE, LINK, Change, Seen, look
from .steps import aside

ROOT = Seen(DIRECTORY, 0o755, 0, 0)
_MODE = re.compile(r"[0-7]{3,4}")


@dataclass
class Staged:
    """What there is to do.

    listed    one change for each entry, in the order of the entries; also those that change nothing
    parents   folders that are missing above them, outermost first
    purged    what is not listed in a folder that is kept clean
    missing   users and groups that this host does not have, as findings; only check mode goes on with any
    """

    listed: list[Change] = field(default_factory=list)
    parents: list[Change] = field(default_factory=list)
    purged: list[Change] = field(default_factory=list)
    missing: list[Finding] = field(default_factory=list)

    @property
    def changes(self) -> list[Change]:
        """All that differs, in the order in which it can be applied: folders, what is in them, removals."""
        different = [change for change in (*self.listed, *self.purged) if change.action != "none"]
        folders = [change for change in different if change.after.kind == DIRECTORY]
        gone = [change for change in different if change.after.kind == ABSENT]
        rest = [change for change in different if change.after.kind in (FILE, LINK)]
        return [
            *sorted([*self.parents, *folders], key=lambda change: len(change.path.parts)),
            *rest,
            *sorted(gone, key=lambda change: -len(change.path.parts)),
        ]

    def diff(self, secrets: Mapping[str, str]) -> list[dict[str, Any]]:
        """The difference of every change, for Ansible to show."""
        return [item for change in self.changes for item in change.diff(secrets)]


def stage(
    entries: Sequence[Mapping[str, Any]],
    purge: Sequence[str],
    secrets: Mapping[str, str],
) -> Staged:
    """Compare `entries` with the host.

    entries  as the module `config_tree` documents them
    purge    folders in which no other files may be
    secrets  values by ``service.name``

    Raises `InputError` with a finding for each entry that cannot be.
    """
    staged = Staged()
    problems: list[Finding] = []
    seen: set[Path] = set()
    for entry in entries:
        path = Path(os.path.normpath(entry["path"]))
        problem = _unfit(entry, path, seen)
        seen.add(path)
        if problem:
            problems.append(problem)
            continue
        staged.listed.append(_change(entry, path, secrets, staged.missing))
    listed = {change.path for change in staged.listed}
    for folder in map(Path, purge):
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if path not in listed and (path.is_file() or path.is_symlink()):
                    staged.purged.append(Change(path, look(path), Seen()))
    staged.parents = _parents(staged.listed, problems)
    gone = {change.path for change in (*staged.listed, *staged.purged) if change.after.kind == ABSENT}
    for change in staged.listed:
        problems += _impossible(change, gone)
    if problems:
        raise InputError(
            "use the files wanted",
            problems[0].target,
            problems[0].summary if len(problems) == 1 else f"{len(problems)} of them cannot be: see the findings",
            problems[0].hint if len(problems) == 1 else "",
            problems,
        )
    return staged


def _unfit(entry: Mapping[str, Any], path: Path, seen: set[Path]) -> Finding | None:
    """Why `entry` cannot be used, whatever the host."""
    check, target, state = "config_tree.entry", str(path), entry["state"]
    if not path.is_absolute() or path == Path("/"):
        return fail(check, target, "Its path is not that of a file on the host.", "Write it in full, from / on.")
    if path in seen:
        return fail(check, target, "It is listed twice.", "Remove one of the two entries.")
    if entry["mode"] is not None and not (isinstance(entry["mode"], str) and _MODE.fullmatch(entry["mode"])):
        return fail(check, target, f"Its mode {entry['mode']!r} is not one.", 'Write it in quotes, as in "0644".')
    if state == FILE and entry["content"] is None:
        return fail(check, target, "It is a file without content.", "Give it content, or a template.")
    if state == LINK and not entry["target"]:
        return fail(check, target, "It is a link without a target.", "Give it a target.")
    if entry["validate"] and "%s" not in entry["validate"]:
        return fail(check, target, "Its validate command has no %s.", "Put %s where the file's path belongs.")
    return None


def _change(entry: Mapping[str, Any], path: Path, secrets: Mapping[str, str], missing: list[Finding]) -> Change:
    state = entry["state"]
    before = look_at(path, follow=state == DIRECTORY)
    if state == ABSENT:
        return Change(path, before, Seen(), hidden=entry["sensitive"])
    if state == LINK:
        return Change(path, before, Seen(LINK, target=entry["target"]))
    owner = _number(entry["owner"], path, "user", lambda name: pwd.getpwnam(name).pw_uid, missing)
    group = _number(entry["group"], path, "group", lambda name: grp.getgrnam(name).gr_gid, missing)
    if state == DIRECTORY:
        return Change(path, before, Seen(DIRECTORY, int(entry["mode"] or "0755", 8), owner, group))
    guarded = bool(references(entry["content"]))
    mode = entry["mode"] or ("0600" if guarded or entry["sensitive"] else "0644")
    content = resolve(entry["content"], secrets)
    if entry["sensitive"]:
        content = resolve(content, secrets)  # the action plugin hands it over as a secret, itself with references
    after = Seen(FILE, int(mode, 8), owner, group, content.encode("utf-8", "surrogateescape"))
    return Change(path, before, after, entry["sensitive"], guarded, entry["validate"] or "")


def look_at(path: Path, follow: bool = False) -> Seen:
    """What is at `path`; absent as well if what should be a folder above it is a file (see `_parents`)."""
    try:
        return look(path, follow)
    except NotADirectoryError:
        return Seen()


def _number(name: str, path: Path, what: str, find: Callable[[str], int], missing: list[Finding]) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return find(name)
    except KeyError:
        missing.append(
            warn("config_tree.owner", str(path), f"There is no {what} {name} on this host yet.", f"Create the {what}.")
        )
        return -1


def _parents(listed: Sequence[Change], problems: list[Finding]) -> list[Change]:
    """The folders above what is wanted that are missing and not wanted themselves, outermost first."""
    known = {change.path for change in listed if change.after.kind == DIRECTORY}
    found: dict[Path, Change] = {}
    for change in listed:
        if change.after.kind == ABSENT:
            continue
        for folder in reversed(change.path.parents):
            if folder in known or folder in found or folder.is_dir():
                continue
            if look_at(folder).kind != ABSENT:
                why = f"{folder} is in the way: it is not a folder."
                problems.append(fail("config_tree.entry", str(change.path), why, f"Move {folder} away."))
                break
            found[folder] = Change(folder, Seen(), ROOT)
    return sorted(found.values(), key=lambda change: len(change.path.parts))


def _impossible(change: Change, gone: set[Path]) -> list[Finding]:
    """Why `change` cannot be made on this host."""
    before, after = change.before.kind, change.after.kind
    if before in (after, ABSENT) or (before in (FILE, LINK) and after != DIRECTORY):
        return []
    if before == DIRECTORY and after == ABSENT:
        aside_too = gone | set(map(aside, gone))
        left = sorted(str(path) for path in change.path.iterdir() if path not in aside_too)
        if not left:
            return []
        why = f"The folder is to be removed, but is not empty: {', '.join(left[:3])}{'...' if len(left) > 3 else ''}."
        return [fail("config_tree.entry", str(change.path), why, "List what is in it as absent, or remove it by hand.")]
    why = f"A {after} is wanted where there is a {before}."
    return [fail("config_tree.entry", str(change.path), why.replace("a something", "something"), "Move it away first.")]
