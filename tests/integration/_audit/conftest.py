# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The proxy of the proxy's own tests."""

from __future__ import annotations

from .._proxy.conftest import application, proxy

__all__ = ["application", "proxy"]
