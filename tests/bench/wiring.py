# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wiring with nothing to do: one module call beside one `uri` task for each setting that it looks at.

The applications are those of the integration tests: the real qBittorrent, NZBGet and Calibre, stand-ins for eight
others, on this computer. The tasks ask for the very pages that the module reads, with the same logins, and do not even
compare.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._apps import engine
from ansible_collections.monsterr.media.plugins.module_utils._core.http import Client

from ..conftest import REPOSITORY as ROOT
from ..integration._apps.test_family import Family, problems

ROUNDS = 3
PLAY = {
    "hosts": "localhost",
    "connection": "local",
    "gather_facts": False,
    "vars": {"ansible_python_interpreter": sys.executable},
}


def asked(family: Family) -> list[tuple[dict[str, Any], int]]:
    """For each part of each application: the request that it begins with, and how many settings it looks at."""
    found: list[tuple[dict[str, Any], int]] = []
    requests: list[dict[str, Any]] = []
    exchange, settle = Client._exchange, engine._settle

    def listen(self: Client, method: str, path: str, body: bytes | None, headers: Any, deadline: Any) -> Any:
        requests.append({"url": f"{self.base}{path}", "method": method, "headers": dict(headers), "body": body})
        return exchange(self, method, path, body, headers, deadline)

    def count(outcome: Any, part: Any, check_mode: bool) -> Any:
        before = len(requests)
        result = settle(outcome, part, check_mode)
        settings = len(part.differ(None))
        if len(requests) > before and settings:
            found.append((requests[before], settings))
        return result

    Client._exchange, engine._settle = listen, count
    one_by_one, engine.AT_ONCE = engine.AT_ONCE, 1
    try:
        family.run()
    finally:
        Client._exchange, engine._settle, engine.AT_ONCE = exchange, settle, one_by_one
    return found


def tasks(found: list[tuple[dict[str, Any], int]]) -> list[dict[str, Any]]:
    """One task a setting."""
    made = []
    for request, settings in found:
        headers = {key: value for key, value in request["headers"].items() if key.lower() != "content-length"}
        call = {"url": request["url"], "method": request["method"], "headers": headers, "return_content": True}
        if request["body"]:
            call |= {"body": request["body"].decode(), "body_format": "raw"}
        made += [{"ansible.builtin.uri": call}] * settings
    return made


def run(folder: Path, name: str, work: list[dict[str, Any]]) -> float:
    """Seconds that a playbook of these tasks takes."""
    playbook = folder / f"{name}.yml"
    playbook.write_text(json.dumps([{**PLAY, "tasks": work}]), encoding="utf-8")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", str(playbook)]
    began = time.monotonic()
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode or "changed=1" in done.stdout:
        raise SystemExit(f"{name} is not a run with nothing to do:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return seconds


def main() -> None:
    """Measure both by turns, and print the ratio."""
    subprocess.run([str(ROOT / "tests/debian-packages"), "calibre"], check=True)
    with tempfile.TemporaryDirectory(prefix="monsterr-bench-") as folder:
        place = Path(folder, "collections/ansible_collections/monsterr")
        place.mkdir(parents=True)
        (place / "media").symlink_to(ROOT)
        family = Family(Path(folder), "Calibre")
        family.start()
        try:
            assert not problems(family.run())
            found = asked(family)
            state = f"{folder}/state"
            call = {"wiring": family.records(), "secrets": family.secrets, "state_dir": state}
            work = {"one module call": [{"monsterr.media.wiring": call}], "one task a setting": tasks(found)}
            times: dict[str, list[float]] = {name: [] for name in work}
            for _round in range(ROUNDS):
                for number, (name, steps) in enumerate(work.items()):
                    times[name].append(run(Path(folder), f"run{number}", steps))
        finally:
            family.stop()
    print(f"\nWiring with nothing to do, {len(family.apps)} applications, {ROUNDS} times by turns:")
    for name, seconds in times.items():
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"  {name:20}{f'{low:.1f} / {middle:.1f} / {high:.1f} s':>24}{len(work[name]):>8} module executions")
    ours, theirs = (statistics.median(seconds) for seconds in times.values())
    print(f"  {'ratio':20}{f'{theirs / ours:.1f}':>22}")


if __name__ == "__main__":
    main()
