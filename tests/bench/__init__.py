# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ratios, measured in one run. Importing `tests.conftest` makes the collection importable."""

from __future__ import annotations

from .. import conftest

__all__ = ["conftest"]
