# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Docker Engine: its SDK reads, Compose's command line changes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.errors import CommandError, DeadlineError, UnreachableError

_READ_TIMEOUT = 30  # seconds for one answer of the engine


@dataclass(frozen=True)
class Container:
    """What runs, or ran, under a name."""

    id: str
    image_id: str
    image: str
    status: str  # created, running, restarting, exited, paused, dead
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    started_at: str
    exit_code: int
    oom_killed: bool
    restarts: int
    health: str = ""  # of its own HEALTHCHECK: starting, healthy, unhealthy; '' when it has none

    @property
    def running(self) -> bool:
        """Whether it is up, and not between two tries to start."""
        return self.status == "running"


class Engine:
    """The engine of this host. Reading needs the SDK and a daemon; without either, `available` says so.

    timeout  seconds for one answer
    """

    def __init__(self, timeout: float = _READ_TIMEOUT) -> None:
        self.unavailable = ""
        try:
            import docker
            from docker import errors
        except ImportError:
            self.unavailable = "the Docker SDK for Python (python3-docker) is not installed"
            return
        self._errors = errors
        try:
            self._api = docker.APIClient(timeout=timeout, version="auto")
        except errors.DockerException as error:
            self.unavailable = f"Docker Engine does not answer: {error}"

    @property
    def available(self) -> bool:
        """Whether the engine can be asked."""
        return not self.unavailable

    def require(self) -> None:
        """Raise `UnreachableError` when the engine cannot be asked."""
        if self.unavailable:
            raise UnreachableError(
                "ask Docker Engine",
                "this host",
                self.unavailable,
                "Run the role host first, or see: systemctl status docker",
            )

    def container(self, name: str) -> Container | None:
        """The container of that name, or None."""
        if not self.available:
            return None
        try:
            seen = self._api.inspect_container(name)
        except self._errors.NotFound:
            return None
        state, config = seen["State"], seen["Config"]
        return Container(
            id=seen["Id"],
            image_id=seen["Image"],
            image=config["Image"],
            status=state["Status"],
            labels=config.get("Labels") or {},
            environment=dict(pair.partition("=")[::2] for pair in config.get("Env") or ()),
            started_at=state["StartedAt"],
            exit_code=state["ExitCode"],
            oom_killed=state.get("OOMKilled", False),
            restarts=seen.get("RestartCount", 0),
            health=((state.get("Health") or {}).get("Status") or "").replace("none", ""),
        )

    def image_id(self, image: str) -> str:
        """The id of an image that is on this host; '' when it is not."""
        if not self.available:
            return ""
        try:
            return self._api.inspect_image(image)["Id"]
        except self._errors.NotFound:
            return ""

    def has_network(self, name: str) -> bool:
        """Whether a network of that name is there."""
        return self.available and any(found["Name"] == name for found in self._api.networks(names=[name]))

    def create_network(self, name: str) -> None:
        """Create a bridge network, on which containers find each other by name."""
        self._api.create_network(name, driver="bridge", check_duplicate=True)

    def logs(self, name: str, lines: int = 20) -> str:
        """The last lines that a container wrote; '' when there is none."""
        try:
            return self._api.logs(name, tail=lines).decode("utf-8", "replace").strip()
        except self._errors.APIError:
            return ""

    def stop(self, name: str, seconds: int) -> None:
        """Stop a container; one that is not there is fine."""
        self._quietly(lambda: self._api.stop(name, timeout=seconds))

    def remove(self, name: str) -> None:
        """Stop and remove a container; one that is not there is fine."""
        self._quietly(lambda: self._api.remove_container(name, force=True))

    def pull(self, image: str, seconds: float) -> None:
        """Fetch an image from its registry."""
        _command(["docker", "pull", "--quiet", image], "fetch the image", image, seconds)

    def up(self, folder: Path, seconds: float) -> None:
        """Make a project's container what its compose file says."""
        _command(
            ["docker", "compose", "--progress", "quiet", "up", "--detach", "--remove-orphans", "--pull", "never"],
            "start the container",
            folder.name,
            seconds,
            folder,
        )

    def _quietly(self, call: Any) -> None:
        try:
            call()
        except self._errors.NotFound:
            pass
        except self._errors.APIError as error:
            raise CommandError("stop the container", "Docker Engine", str(error.explanation or error)) from error


def _command(words: Sequence[str], attempted: str, target: str, seconds: float, folder: Path | None = None) -> None:
    try:
        done = subprocess.run(
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise DeadlineError(
            attempted, target, f"not done after {seconds:g} s", f"Try it by hand: {' '.join(words)}"
        ) from None
    except FileNotFoundError:
        raise CommandError(attempted, target, f"{words[0]} is not installed", "Run the role host first.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-600:] or f"it ended with {done.returncode} and said nothing"
        raise CommandError(attempted, target, said, f"Try it by hand: {' '.join(words)}")
