# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service, and an engine in memory that starts it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.monsterr.media.plugins.module_utils._compose.engine import Container

SECRETS = {"app.key": "the-key-that-nobody-sees"}


def service(root: Path = Path("/opt/monsterr/services"), **more: Any) -> dict[str, Any]:
    """One service as the plan has it."""
    name = more.get("name", "app")
    return {
        "name": name,
        "title": "App",
        "image": "registry.example/app:1",
        "digest": "",
        "environment": {"TZ": "Etc/UTC", "KEY": "<secret:app.key>"},
        "command": [],
        "ports": [{"address": "127.0.0.1", "published": 8989, "target": 8989, "protocol": "tcp"}],
        "volumes": [
            {"source": str(root / name / "config"), "target": "/config", "kind": "private", "read_only": False},
            {"source": "/srv/media", "target": "/data", "kind": "media", "read_only": False},
        ],
        "seeds": [{"path": str(root / name / "config/seed.conf"), "content": "key=<secret:app.key>\n", "mode": "0600"}],
        "uid": 0,
        "gid": 0,
        "stop_timeout": 1,
        "deadline": 5,
        "after": [],
        "probe": {"name": name, "kind": "tcp", "host": "127.0.0.1", "port": 8989},
        **more,
    }


class World:
    """Containers that live in memory. `at` is called with each act before it is done: there a test may kill.

    A container of an image that ends with ``bad`` writes into its volume, and never answers.
    """

    def __init__(self) -> None:
        self.containers: dict[str, Container] = {}
        self.networks = {"monsterr"}
        self.acts: list[str] = []
        self.at = lambda act: None
        self.starts = 0

    def act(self, name: str) -> None:
        """Note that something is done."""
        self.acts.append(name)
        self.at(name)


class FakeEngine:
    """The engine's interface, on a `World`."""

    unavailable = ""
    available = True

    def __init__(self, world: World) -> None:
        self.world = world

    def require(self) -> None:
        """It is always there."""

    def container(self, name: str) -> Container | None:
        return self.world.containers.get(name)

    def image_id(self, image: str) -> str:
        return hashlib.sha256(image.encode()).hexdigest()

    def has_network(self, name: str) -> bool:
        return name in self.world.networks

    def create_network(self, name: str) -> None:
        self.world.networks.add(name)

    def logs(self, name: str, lines: int = 20) -> str:
        return f"starting with {SECRETS['app.key']}\nno"

    def stop(self, name: str, seconds: int) -> None:
        self.world.act(f"stop {name}")
        self._state(name, "exited")

    def remove(self, name: str) -> None:
        self.world.act(f"remove {name}")
        self.world.containers.pop(name, None)

    def pull(self, image: str, seconds: float) -> None:
        self.world.act(f"pull {image}")

    def up(self, folder: Path, seconds: float) -> None:
        self.world.act(f"up {folder.name}")
        [(name, shown)] = yaml.safe_load((folder / "compose.yaml").read_text())["services"].items()
        environment = dict(shown.get("environment", {}))
        if (folder / "secret.env").exists():
            lines = (folder / "secret.env").read_text().splitlines()
            environment |= {line.partition("=")[0]: line.partition("=")[2].strip("'") for line in lines}
        if shown["image"].endswith("bad"):
            (folder / "config/written-by-bad").write_text("x")
        self.world.starts += 1
        self.world.containers[name] = Container(
            id=f"id{self.world.starts}",
            image_id=self.image_id(shown["image"]),
            image=shown["image"],
            status="running",
            labels=shown["labels"],
            environment=environment,
            started_at=str(self.world.starts),
            exit_code=0,
            oom_killed=False,
            restarts=0,
        )

    def _state(self, name: str, status: str) -> None:
        here = self.world.containers.get(name)
        if here:
            self.world.containers[name] = Container(**{**vars(here), "status": status})
