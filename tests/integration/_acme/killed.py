# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run `acme_certificate` and end it by SIGKILL after a given number of its steps.

A step is one change of a file, link or record, or one request to the CA that changes something there.
Arguments: the number, and the module's parameters as JSON. Prints each step as it is done.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._acme import files
from ansible_collections.monsterr.media.plugins.module_utils._acme.client import Acme
from ansible_collections.monsterr.media.plugins.module_utils._dns.providers.rfc2136 import Rfc2136
from ansible_collections.monsterr.media.plugins.modules import acme_certificate

from ..ansible_module import call


class Killer:
    """Counts steps; ends this process right after the last one allowed."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._lock = threading.Lock()

    def step(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, counted."""

        def counted(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            with self._lock:
                self._left -= 1
                print(name, arguments[0] if name.startswith("file") else "", file=sys.stderr, flush=True)
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return counted


def main() -> None:
    """Patch, and run."""
    killer = Killer(int(sys.argv[1]))
    for name in ("write", "link", "remove"):
        setattr(files, name, killer.step(f"file.{name}", getattr(files, name)))
    for name in ("new_order", "respond", "finalize"):
        setattr(Acme, name, killer.step(f"ca.{name}", getattr(Acme, name)))
    Rfc2136.apply = killer.step("dns.apply", Rfc2136.apply)  # type: ignore[method-assign]
    print(json.dumps(call(acme_certificate, **json.loads(sys.argv[2]))))
