# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs of the host, with a deadline and their own words when they fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence

from .._core.clock import Deadline
from .._core.errors import CommandError

PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_TAIL = 2000  # characters of what a program said that go into an error

Run = Callable[[str, Sequence[str]], str]


def runner(deadline: Deadline, mask: Callable[[str], str] = str) -> Run:
    """A function (attempted, command) that returns what the command prints, or raises `CommandError`.

    mask  takes secrets out of what a program said
    """

    def run(attempted: str, command: Sequence[str]) -> str:
        target = mask(" ".join(command))
        path = f"{os.environ.get('PATH', '')}:{PATH}"
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=max(1.0, deadline.remaining()),
                env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CommandError(attempted, target, f"it did not end within {deadline.seconds:g} s") from None
        except FileNotFoundError:
            hint = f"Install the program {command[0]}."
            raise CommandError(attempted, target, f"{command[0]} is not installed", hint) from None
        except OSError as error:
            raise CommandError(attempted, target, error.strerror or str(error)) from None
        if done.returncode:
            said = mask((done.stderr.strip() or done.stdout.strip())[-_TAIL:]) or "it said nothing"
            raise CommandError(attempted, target, f"it exited with {done.returncode}: {said}", rc=done.returncode)
        return done.stdout

    return run
