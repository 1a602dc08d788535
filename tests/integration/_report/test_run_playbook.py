# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A playbook inside a playbook, for real, on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration


def _play(tasks: list[dict[str, Any]]) -> str:
    return json.dumps([{"name": "Test", "hosts": "all", "gather_facts": False, "tasks": tasks}])


def _begin(folder: Path, inner: list[dict[str, Any]], **options: Any) -> subprocess.Popen[str]:
    """Start a playbook that runs another."""
    (folder / "inner.yml").write_text(_play(inner))
    call = {"playbook": str(folder / "inner.yml"), **options}
    save = {"content": "{{ ran | to_json }}", "dest": str(folder / "ran.json")}
    tasks = [
        {"name": "Outer", "monsterr.media.run_playbook": call, "register": "ran"},
        {"name": "Save", "ansible.builtin.copy": save},
    ]
    (folder / "outer.yml").write_text(_play(tasks))
    (folder / "vault").write_text("VAULTWORD")
    home = folder / "collections/ansible_collections/monsterr"
    home.mkdir(parents=True)
    (home / "media").symlink_to(Path(__file__).resolve().parents[3])
    python = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"here": python}}}))
    words = [sys.executable, "-m", "ansible", "playbook", "-i", str(folder / "hosts.yml"), str(folder / "outer.yml")]
    words += ["--vault-password-file", str(folder / "vault")]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "TMPDIR": str(folder),
        "ANSIBLE_NOCOLOR": "1",
    }
    pipe = subprocess.PIPE
    return subprocess.Popen(words, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def _outer(folder: Path, inner: list[dict[str, Any]], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a playbook that runs another, to its end."""
    with _begin(folder, inner, **options) as process:
        output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def _mentions(text: str) -> list[str]:
    """The processes that have `text` in their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if text.encode() in place.read_bytes():
                found.append(place.parent.name)
    return found


def test_it_hides_secrets_from_the_process_list_and_leaves_none_behind(tmp_path: Path) -> None:
    copy = {
        "content": "{{ lookup('pipe', \"cat /proc/[0-9]*/cmdline | tr '\\\\0' ' '\") }}",
        "dest": f"{tmp_path}/seen",
    }
    inner = [
        {"ansible.builtin.copy": copy},
        {"ansible.builtin.copy": {"content": "{{ word }}", "dest": f"{tmp_path}/w"}},
    ]
    done = _outer(tmp_path, inner, extra_vars={"word": "EXTRAWORD"})
    assert done.returncode == 0, done.stdout + done.stderr
    seen = (tmp_path / "seen").read_text()
    assert (tmp_path / "w").read_text() == "EXTRAWORD"
    assert "inner.yml" in seen and "--vault-id" in seen
    assert "EXTRAWORD" not in seen and "VAULTWORD" not in seen
    assert not list(tmp_path.glob("monsterr-*"))
    ran = json.loads((tmp_path / "ran.json").read_text())
    assert ran["exit_code"] == 0 and len(ran["log"]["hosts"]["here"]["changed"]) == 2


@pytest.mark.parametrize("ignore", [True, False])
def test_a_playbook_that_fails_fails_the_task_unless_told_not_to(tmp_path: Path, ignore: bool) -> None:
    inner = [{"name": "First", "ansible.builtin.debug": {"msg": "one"}}, {"ansible.builtin.fail": {"msg": "no luck"}}]
    done = _outer(tmp_path, inner, ignore_failure=ignore)
    assert (done.returncode == 0) is ignore, done.stdout
    assert done.stdout.index("  | TASK [First]") < done.stdout.index("no luck") < done.stdout.index("PLAY RECAP")
    if ignore:
        ran = json.loads((tmp_path / "ran.json").read_text())
        assert ran["exit_code"] == 2 and ran["log"]["hosts"]["here"]["failed"][0]["msg"] == "no luck"


def test_a_playbook_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    done = _outer(tmp_path, [{"ansible.builtin.pause": {"seconds": 60}}], deadline=2, ignore_failure=True)
    assert json.loads((tmp_path / "ran.json").read_text())["exit_code"] == 124, done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_ends_the_inner_one_and_leaves_no_secret(tmp_path: Path, number: int) -> None:
    script = f"touch {tmp_path}/began && sleep 6 && touch {tmp_path}/went-on"
    with _begin(tmp_path, [{"ansible.builtin.shell": script}], extra_vars={"word": "EXTRAWORD"}) as process:
        until = time.monotonic() + 30
        while not (tmp_path / "began").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert list(tmp_path.glob("monsterr-*"))
        os.kill(process.pid, number)
        process.communicate(timeout=20)
    until = time.monotonic() + 5
    while (_mentions(str(tmp_path)) or list(tmp_path.glob("monsterr-*"))) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _mentions(str(tmp_path))
    assert not list(tmp_path.glob("monsterr-*"))
    assert not (tmp_path / "went-on").exists()
