# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Any other provider, by a command of the user's: one JSON object in, one out, for each thing that is to be done.

=========  ============================================  ====================================================
`do`       more of the input                             output
=========  ============================================  ====================================================
zones                                                    {"zones": ["example.org"]}
read       zone                                          {"rrsets": [{"name", "type", "values", "ttl"}]}
apply      zone, changes: [{name, type, before, after}]  {}
dnssec     zone, enable                                  {"ds": ["12345 13 2 ABCD..."]}
=========  ============================================  ====================================================

`before` and `after` are {"values", "ttl"}, or null for none. The input has the option `token` too, so that no secret is
in the arguments or the environment. An exit status other than 0 means that it failed; standard error says why.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from ..._core.clock import Deadline
from ..._core.errors import CommandError, DeadlineError
from ..._core.secret import mask
from ..model import Key, RRset, plain_name
from ..options import PROVIDERS
from ..plan import Change
from .api import option
from .base import Listing, collected


def connect(options: Mapping[str, Any], deadline: Deadline) -> Command:
    """The command of O(command)."""
    return Command(list(options["command"]), option(options, "token"), deadline)


class Command(Listing):
    """One command."""

    traits = PROVIDERS["exec"]

    def __init__(self, command: list[str], token: str, deadline: Deadline) -> None:
        super().__init__()
        self._command, self._token, self._deadline = command, token, deadline

    def _zones(self) -> dict[str, str]:
        return {plain_name(zone): zone for zone in self._ask("list the zones", "zones", do="zones")}

    def _read(self, zone: str) -> dict[Key, RRset]:
        found = self._ask(f"read the zone {zone}", "rrsets", do="read", zone=zone)
        return collected((one["name"], one["type"], value, one["ttl"]) for one in found for value in one["values"])

    def apply(self, zone: str, changes: Sequence[Change]) -> None:
        """All changes in one call: whether all or none are made is up to the command."""
        self._unchanged(zone, changes)
        try:
            self._write(zone, changes)
        finally:
            self._known.pop(zone, None)

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        told = [
            {
                "name": change.key[0],
                "type": change.key[1],
                "before": _plain(change.before),
                "after": _plain(change.after),
            }
            for change in changes
        ]
        self._ask(f"change the zone {zone}", "", do="apply", zone=zone, changes=told)

    def dnssec(self, zone: str, enable: bool) -> list[str]:
        """What the command says."""
        return sorted(self._ask(f"sign the zone {zone}", "ds", do="dnssec", zone=zone, enable=enable))

    def _ask(self, attempted: str, field: str, **asked: Any) -> Any:
        target = self._command[0]
        self._deadline.check(attempted, target)
        try:
            done = subprocess.run(
                self._command,
                input=json.dumps({**asked, "token": self._token}),
                capture_output=True,
                text=True,
                check=False,
                timeout=self._deadline.remaining(),
            )
        except subprocess.TimeoutExpired:
            raise DeadlineError(attempted, target, "the command did not end in time") from None
        except OSError as error:
            raise CommandError(attempted, target, error.strerror or str(error), "Check the option command.") from None
        if done.returncode:
            lines = mask(done.stderr, {"token": self._token}).strip().splitlines() or ["it said nothing"]
            raise CommandError(attempted, target, f"it ended with {done.returncode}: {lines[-1][:300]}")
        try:
            answer = json.loads(done.stdout or "{}")
            return answer[field] if field else answer
        except (ValueError, LookupError, TypeError):
            why = f"its output is not a JSON object with {field}" if field else "its output is not JSON"
            raise CommandError(attempted, target, why, "See the table of the command's protocol.") from None


def _plain(item: RRset | None) -> dict[str, Any] | None:
    return {"values": list(item.values), "ttl": item.ttl} if item else None
