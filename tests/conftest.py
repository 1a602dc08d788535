# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make this checkout importable as `ansible_collections.monsterr.media`, whatever the folder it was cloned into."""

from __future__ import annotations

import sys
import types
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def _package(name: str, path: list[str]) -> None:
    module = sys.modules.setdefault(name, types.ModuleType(name))
    module.__path__ = path


_package("ansible_collections", [])
_package("ansible_collections.monsterr", [])
_package("ansible_collections.monsterr.media", [str(REPOSITORY)])
