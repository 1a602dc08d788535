# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check mode on a host that cannot read certificates yet: what can be said without `cryptography`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .._core.finding import Finding, warn
from . import report
from .model import Wanted
from .plan import ISSUE, NONE, PLACEHOLDER, Decision


def answer(wanted: Sequence[Wanted], root: str, placeholder: bool) -> dict[str, Any]:
    """The module's result in check mode: each certificate that is not there would be made."""
    outcomes = []
    unread: list[Finding] = []
    for one in wanted:
        path = os.path.join(root, one.name, "live")
        if os.path.lexists(path):
            decision = Decision(NONE, "there is one, which cannot be read without the Python library cryptography")
            hint = "Install python3-cryptography on the host."
            unread.append(warn(report.CHECK, one.name, "Whether it is still good cannot be told.", hint))
        else:
            decision = Decision(PLACEHOLDER if placeholder else ISSUE, "there is no certificate yet")
        outcomes.append(report.Outcome(one, decision, path, None))
    return report.answer(outcomes, unread, check_mode=True, tidied=False)
