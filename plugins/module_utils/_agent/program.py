# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent as one file of text: all of our code that it needs, and a few lines that let Python import from it.

One file is put in place by one rename, so that a timer never meets half of an old and half of a new agent; and text, so
that a diff shows what changes and anyone can read what runs on their host.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PACKAGE = "monsterr_agent"
FOLDERS = ("_acme", "_agent", "_compose", "_core", "_dns", "_health")
FILES = ("__init__.py", "_plan/__init__.py", "_plan/notify.py", "_plan/schema.py")
LEFT_OUT = ("_agent/program.py", "_core/run.py")

_HEAD = '''#!/usr/bin/python3 -I
# The agent of monsterr.media, in one file. Written by the role agent: changes made here are lost.
"""Looks at this host, keeps its certificates, and tells when something changes. Usage: --help"""

import importlib.abc
import importlib.util
import sys

SOURCES = {
'''
_TAIL = '''}


class _Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports from SOURCES: a package is what has others below it."""

    def find_spec(self, name, path=None, target=None):
        if name not in SOURCES:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=self.is_package(name))

    def is_package(self, name):
        return any(other.startswith(name + ".") for other in SOURCES)

    def get_source(self, name):
        return SOURCES[name]

    def get_code(self, name):
        return compile(SOURCES[name], f"<{name}>", "exec", dont_inherit=True)


if __name__ == "__main__":
    sys.meta_path.insert(0, _Sources())
    from monsterr_agent._agent.main import main

    sys.exit(main())
'''


def build(utils: Path) -> str:
    """The program, from the folder `module_utils` of the collection."""
    paths = {path for folder in FOLDERS for path in (utils / folder).rglob("*.py")} | {utils / name for name in FILES}
    kept = sorted(path for path in paths if str(path.relative_to(utils)) not in LEFT_OUT)
    return render({module(path.relative_to(utils)): path.read_text(encoding="utf-8") for path in kept})


def module(path: Path) -> str:
    """The name under which the file at `path` is imported."""
    parts = path.with_suffix("").parts
    return ".".join((PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def render(sources: Mapping[str, str]) -> str:
    """The program, from source text by the name of its module. The same text for the same sources."""
    entries = []
    for name, text in sorted(sources.items()):
        lines = "".join(f"        {_literal(line)}\n" for line in text.splitlines(keepends=True))
        entries.append(f"    {name!r}: (\n{lines or '        ' + repr('') + chr(10)}    ),\n")
    return _HEAD + "".join(entries) + _TAIL


def _literal(line: str) -> str:
    """`line` as Python writes it, with nothing that `config_tree` would take for a reference to a secret."""
    return repr(line).replace("<secret:", "\\x3csecret:")
