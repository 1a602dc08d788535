# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ours costs beside the usual way, in one run, as ratios: ``make bench``.

Two twins, one each. Both are brought up first; then both playbooks run by turns with nothing left to do.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ..conftest import REPOSITORY as ROOT  # which makes the collection importable
from . import plan_speed, wiring

CACHE = Path(os.environ.get("MONSTERR_CACHE", "~/.cache/monsterr")).expanduser()
ENVIRONMENT = CACHE / "venv-bench"
PACKAGES = ["ansible==12.3.0", "cryptography==50.0.2", "dnspython==2.9.2"]
LAB = {
    "name": "bench",
    "network": "10.213.93.0/24",
    "hosts": ["ours", "theirs"],
    "edge": ["ours", "theirs"],
    "domains": ["monsterr.test", "theirs.test"],
    "roles": str(ROOT / "roles"),
    "stand_ins": str(ROOT / "tests/standins"),
    "cache_dir": str(CACHE),
}
ROUNDS = 3
BUDGET = 20  # remote module executions on a host


class Bench:
    """A lab, and the two playbooks that run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }
        place = folder / "collections/ansible_collections/monsterr"
        place.mkdir(parents=True)
        (place / "media").symlink_to(ROOT)
        self.inventory = ""

    def lab(self, state: str) -> dict[str, Any]:
        """Bring the twins up, or take them away."""
        arguments = json.dumps({**LAB, "state": state})
        command = [ENVIRONMENT / "bin/ansible", "localhost", "-m", "monsterr.media.lab", "-a", arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"The lab cannot be made {state}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
        answer: dict[str, Any] = json.loads(done.stdout.partition("=>")[2])
        return answer

    def prepare(self) -> None:
        """Write the inventories of both."""
        self.inventory = self.lab("present")["inventory"]
        services = ["sonarr", "qbittorrent", "nzbget"]
        ours = {"monsterr_domain": "monsterr.test", "monsterr_services": services}
        password = secrets.token_hex(12)
        theirs = {
            "bench_password": password,
            "bench_password_hash": plan_speed.qbittorrent_hash(password, secrets.token_bytes(16)),
            "bench_api_key": secrets.token_hex(16),
            "bench_seeds": {
                "qbittorrent": "/opt/bench/qbittorrent/config/qBittorrent/qBittorrent.conf",
                "nzbget": "/opt/bench/nzbget/config/nzbget.conf",
            },
        }
        for name, content in (
            ("ours", {"monsterr": {"hosts": {"ours": ours}}}),
            ("theirs", {"usual": {"hosts": {"theirs": theirs}}}),
        ):
            file = self.folder / f"{name}.yml"
            file.write_text(json.dumps(content), encoding="utf-8")
            file.chmod(0o600)

    def play(self, who: str) -> dict[str, Any]:
        """Run a playbook; what it did, and how long it took in all."""
        playbook = "playbooks/site.yml" if who == "ours" else "tests/bench/conventional.yml"
        log = self.folder / f"{who}.log.json"
        command = [ENVIRONMENT / "bin/ansible-playbook", playbook, "-i", self.folder / f"{who}.yml"]
        command += ["-i", self.inventory, "--limit", who]
        began = time.monotonic()
        environment = {**self.environment, "MONSTERR_RUN_LOG": str(log)}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode:
            raise SystemExit(f"{playbook} failed:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
        host = json.loads(log.read_text(encoding="utf-8"))["hosts"][who]
        return {"seconds": seconds, "executions": host["executions"], "changed": [x["task"] for x in host["changed"]]}


def main() -> None:
    """Measure everything and print it."""
    plan_speed.main()
    wiring.main()
    environment()
    with tempfile.TemporaryDirectory(prefix="monsterr-bench-") as folder:
        bench = Bench(Path(folder))
        try:
            bench.prepare()
            for who in ("ours", "theirs"):
                first = bench.play(who)
                print(
                    f"{who}: brought up in {first['seconds']:.1f} s, {first['executions']} remote executions",
                    flush=True,
                )
            runs: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
            for _round in range(ROUNDS):
                for who, results in runs.items():
                    results.append(bench.play(who))
            report(runs)
        finally:
            bench.lab("absent")


def report(runs: dict[str, list[dict[str, Any]]]) -> None:
    """Both side by side, and the ratio."""
    names = {"ours": "site.yml", "theirs": "conventional.yml"}
    middle = {}
    print(f"\nA run with nothing to do, one host, three services, {ROUNDS} times by turns:")
    print(f"  {'':18}{'seconds: min / median / max':>30}{'remote executions':>20}{'changed':>10}")
    for who, results in runs.items():
        times = sorted(result["seconds"] for result in results)
        middle[who] = statistics.median(times), results[-1]["executions"]
        shown = f"{times[0]:.1f} / {middle[who][0]:.1f} / {times[-1]:.1f}"
        changed = max(len(result["changed"]) for result in results)
        print(f"  {names[who]:18}{shown:>30}{middle[who][1]:>20}{changed:>10}")
    seconds, executions = (theirs / ours for ours, theirs in zip(*middle.values(), strict=True))
    print(f"  {'ratio':18}{f'{seconds:.1f}':>30}{f'{executions:.1f}':>20}")
    print(f"Budget: {middle['ours'][1]} of {BUDGET} remote executions.")
    for who, results in runs.items():
        if results[-1]["changed"]:
            print(f"{names[who]} still changes: {', '.join(results[-1]['changed'])}", file=sys.stderr)


def environment() -> None:
    """Ansible with the community's collections, in an environment of its own."""
    ready = ENVIRONMENT / "ready"
    if ready.is_file() and ready.read_text(encoding="utf-8") == " ".join(PACKAGES):
        return
    print(f"Installing the community collections into {ENVIRONMENT}", flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    subprocess.run([ENVIRONMENT / "bin/pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
    ready.write_text(" ".join(PACKAGES), encoding="utf-8")


if __name__ == "__main__":
    main()
