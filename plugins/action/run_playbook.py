# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A playbook inside a playbook, in a process of its own. The module of the same name documents it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display

GRACE = 3  # seconds an interrupted inner run has to end by itself
COLLECTION = Path(__file__).resolve().parents[2]
SPEC = {
    "playbook": {"type": "str", "required": True},
    "check": {"type": "bool"},
    "diff": {"type": "bool"},
    "inventory": {"type": "list", "elements": "path", "default": []},
    "extra_vars": {"type": "dict", "default": {}},
    "limit": {"type": "str"},
    "deadline": {"type": "int", "default": 3600},
    "ignore_failure": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Runs ansible-playbook with what this run was given."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The end of that run: exit code, seconds, and its log."""
        super().run(tmp, task_vars)
        _spec, arguments = self.validate_argument_spec(SPEC)
        path = Path(arguments["playbook"])
        if path.suffix not in (".yml", ".yaml"):
            path = COLLECTION / "playbooks" / f"{path}.yml"
        if not path.exists():
            raise AnsibleActionFail(f"There is no playbook {path}.")
        with _interrupts(), tempfile.TemporaryDirectory(prefix="monsterr-") as private:
            began = time.monotonic()
            code = self._stream(self._words(path, arguments, Path(private)), Path(private), arguments["deadline"])
            log_file = Path(private, "log.json")
            log = json.loads(log_file.read_text(encoding="utf-8")) if log_file.exists() else {"hosts": {}}
        result = {
            "changed": False,
            "failed": False,
            "exit_code": code,
            "seconds": round(time.monotonic() - began, 1),
            "log": log,
        }
        if code and not arguments["ignore_failure"]:
            return {**result, "failed": True, "msg": f"{path.name} ended with {code}. What failed is shown above."}
        return result

    def _words(self, path: Path, arguments: dict[str, Any], private: Path) -> list[str]:
        """The command. Nothing secret is in it: that goes into files which only we can read."""
        given = context.CLIARGS
        words = [sys.executable, "-m", "ansible", "playbook", str(path)]
        for source in [*(given.get("inventory") or ()), *arguments["inventory"]]:
            words += ["--inventory", str(source)]
        limit = arguments["limit"] or given.get("subset")
        if limit:
            words += ["--limit", limit]
        for name in ("check", "diff"):
            if arguments[name] if arguments[name] is not None else given.get(name):
                words.append(f"--{name}")
        words += ["--forks", str(given.get("forks") or 5)]
        for option, name in (("--user", "remote_user"), ("--private-key", "private_key_file")):
            if given.get(name):
                words += [option, str(given[name])]
        if given.get("become"):
            words.append("--become")
        for number, (name, secret) in enumerate(self._loader._vault.secrets or ()):
            place = self._private(private / f"vault{number}", secret.bytes)
            words += ["--vault-id", f"{name or 'default'}@{place}"]
        for option, name in (("--become-password-file", "become_pass"), ("--connection-password-file", "remote_pass")):
            password = self._password(name)
            if password:
                words += [option, self._private(private / name, password.encode())]
        for number, source in enumerate(given.get("extra_vars") or ()):
            words += ["--extra-vars", self._extra(str(source), private / f"given{number}")]
        if arguments["extra_vars"]:
            extra = json.dumps(arguments["extra_vars"], default=str).encode()
            words += ["--extra-vars", f"@{self._private(private / 'extra.json', extra)}"]
        return words

    def _extra(self, source: str, place: Path) -> str:
        """One -e of this run: a file by its name, anything else through a file."""
        if source.startswith("@"):
            return source
        if source.lstrip().startswith(("{", "[")):
            return f"@{self._private(place, source.encode())}"
        from ansible.parsing.splitter import parse_kv

        return f"@{self._private(place, json.dumps(parse_kv(source)).encode())}"

    def _password(self, name: str) -> str:
        value = getattr(self._play_context, {"remote_pass": "password"}.get(name, name), None)
        return str(value) if value else ""

    @staticmethod
    def _private(path: Path, content: bytes) -> str:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return str(path)

    @staticmethod
    def _stream(words: list[str], private: Path, deadline: int) -> int:
        """Run, with every line shown as it comes; the exit code, or 124 when the time is over."""
        display = Display()
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "ANSIBLE_CALLBACKS_ENABLED": "monsterr.media.run_log",
            "MONSTERR_RUN_LOG": str(private / "log.json"),
            "ANSIBLE_COLLECTIONS_PATH": _collections_path(),
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
        }
        if display.verbosity:
            words = [*words, "-" + "v" * display.verbosity]
        if ANSIBLE_COLOR:
            environment["ANSIBLE_FORCE_COLOR"] = "true"
        with subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        ) as process:
            timer = _Timer(deadline, lambda: os.killpg(process.pid, signal.SIGKILL))
            try:
                for line in process.stdout or ():
                    display.display("  | " + line.rstrip("\n"))
                code = process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
            finally:
                timer.cancel()
        if timer.rang:
            display.error(f"It was ended: it took longer than {deadline} s.")
            return 124
        return code


class _Interrupted(BaseException):
    """The number of the signal that ends this run."""


@contextmanager
def _interrupts() -> Iterator[None]:
    """Let SIGINT and SIGTERM unwind what runs inside, then do what they did before.

    Ansible's worker answers them by dying at once: no `finally` would run, so that the inner run would go on and
    its files with secrets would stay.
    """

    def interrupt(number: int, _frame: Any) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise _Interrupted(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ended_by = None
    try:
        for number in before:
            signal.signal(number, interrupt)
        yield
    except _Interrupted as error:
        ended_by = error.args[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if ended_by is not None:
        signal.raise_signal(ended_by)


class _Timer:
    def __init__(self, seconds: float, ring: Any) -> None:
        import threading

        self.rang = False

        def go() -> None:
            self.rang = True
            ring()

        self._timer = threading.Timer(seconds, go)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()


def _collections_path() -> str:
    """Where this collection is found, before whatever else is set."""
    import ansible_collections.monsterr.media as collection

    places = [str(Path(place).parents[2]) for place in collection.__path__]
    return ":".join([*places, *filter(None, [os.environ.get("ANSIBLE_COLLECTIONS_PATH")])])
