# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One service on one host: what is there, what differs, and the transaction that makes it right."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core.clock import Clock, Deadline
from .._core.errors import InputError, MonsterrError, TransactionError
from .._core.finding import FAIL, Finding, fail, ok, warn, worst
from .._core.secret import MASK, mask, references, resolve
from .._core.transaction import Transaction
from . import render, steps
from .engine import Container, Engine

CHECK = "stack.service"
MARK = "Written by Monsterr"
Probe = Callable[[Mapping[str, Any], Deadline], Finding]
_PULL_SECONDS = 1800
_POLL_SECONDS = 0.5


@dataclass
class Result:
    """What happened to one service, and how it is now."""

    name: str
    action: str = "none"  # none, create, recreate, upgrade, start, remove
    changed: bool = False
    reasons: list[str] = field(default_factory=list)
    image: str = ""
    container_id: str = ""
    started_at: str = ""
    findings: list[Finding] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether what was asked for was not reached."""
        return worst(self.findings) == FAIL

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the diff is the module's own."""
        return {
            **{key: value for key, value in vars(self).items() if key != "diff"},
            "findings": [item.as_dict() for item in self.findings],
        }


@dataclass(frozen=True)
class Place:
    """Where services live on this host."""

    root: Path
    state: Path
    network: str

    def folder(self, name: str) -> Path:
        """The project's folder."""
        return self.root / name

    def journal(self, name: str) -> Path:
        """The journal of a change that is under way."""
        return self.state / "journal" / f"{name}.json"


class ServiceChange:
    """Looks at one service, and changes it."""

    def __init__(
        self,
        service: Mapping[str, Any],
        secrets: Mapping[str, str],
        place: Place,
        engine: Engine,
        probe: Probe,
        clock: Clock,
    ) -> None:
        self.service, self.secrets, self.place, self.engine = service, secrets, place, engine
        self.probe, self.clock = probe, clock
        self.name = service["name"]
        self.folder = place.folder(self.name)
        self.wanted = {
            self.folder / render.COMPOSE: (render.compose(service, place.network).encode(), 0o644),
            self.folder / render.SECRETS: (render.secret_env(service, secrets).encode() or None, 0o600),
        }

    def look(self) -> Result:
        """What would be done, and why. Changes nothing, and needs no engine."""
        result = Result(self.name, image=render.image(self.service))
        here = self.engine.container(self.name)
        for path, (content, _mode) in self.wanted.items():
            before = path.read_bytes() if path.exists() else None
            if before != content:
                result.diff.append(self._difference(path, before, content))
        result.reasons = self._reasons(here, bool(result.diff))
        if result.reasons:
            result.changed = True
            result.action = self._action(here)
        if result.reasons and not result.diff:
            before = here.status if here else "no container"
            result.diff.append(
                {
                    "before_header": f"service {self.name}",
                    "after_header": f"service {self.name}",
                    "before": f"{before}: {', '.join(result.reasons)}\n",
                    "after": "running as planned\n",
                }
            )
        self._remember(result, here)
        return result

    def change(self, result: Result) -> None:
        """Do what `look` said, verified or undone; the findings tell how it went."""
        try:
            self._prepare_image()
            result.findings += self._transact(result)
        except TransactionError as error:
            result.findings += self._rolled_back(error, result)
            result.changed = False
        except MonsterrError as error:
            told = error.finding()
            result.findings.append(fail(CHECK, self.name, self._masked(told.summary), told.hint))
            result.changed = False
        except OSError as error:
            summary = f"{self.service['title']} was not changed: {error.strerror} ({error.filename or self.folder})."
            result.findings.append(
                fail(CHECK, self.name, summary, "Free some space, or mend the disk, then run again.")
            )
            result.changed = False
        self._remember(result, self.engine.container(self.name))

    def recover(self) -> list[Finding]:
        """Undo what a killed run left."""
        transaction = self._transaction()
        if not transaction.journal.exists():
            return []
        undone = transaction.recover()
        summary = (
            f"A run was ended in the middle of changing {self.name}; that change was undone ({len(undone)} steps)."
        )
        return [warn("stack.recovered", self.name, summary, "Nothing to do: this run makes the change anew.")]

    def _reasons(self, here: Container | None, files_differ: bool) -> list[str]:
        reasons = []
        if files_differ:
            new = not (self.folder / render.COMPOSE).exists()
            reasons.append("not installed yet" if new else "its compose files differ from the plan")
        missing = [path for path, *_rest in self._folders() if not path.exists()]
        if missing and not files_differ:
            reasons.append(f"{missing[0]} is missing")
        if not self.engine.available:
            if not reasons:
                reasons.append(self.engine.unavailable)
            return reasons
        if here is None:
            return [*reasons, "container missing"] if not files_differ else reasons
        if not here.running:
            reasons.append(f"container {'stopped' if here.status == 'exited' else here.status}")
        text = self.wanted[self.folder / render.COMPOSE][0].decode()
        if here.labels.get(render.REVISION) not in text.split('"'):
            reasons.append("the container is of another revision")
        wanted = render.environment(self.service, self.secrets)
        differing = sorted(key for key, value in wanted.items() if here.environment.get(key) != value)
        if differing:
            reasons.append(f"the container has other values of {', '.join(differing)}")
        image_id = self.engine.image_id(render.image(self.service))
        if image_id and image_id != here.image_id:
            reasons.append(f"the container runs another image than {self.service['image']}")
        return reasons

    def _action(self, here: Container | None) -> str:
        if here is None:
            return "create"
        if self.engine.image_id(render.image(self.service)) != here.image_id:
            return "upgrade"
        return "start" if not self._files_differ() and not here.running else "recreate"

    def _files_differ(self) -> bool:
        return any(
            (path.read_bytes() if path.exists() else None) != content for path, (content, _m) in self.wanted.items()
        )

    def _folders(self) -> list[tuple[Path, int, int, int]]:
        ids = (self.service["uid"], self.service["gid"])
        private = [Path(volume["source"]) for volume in self.service["volumes"] if volume["kind"] == "private"]
        return [(self.place.root, 0o755, 0, 0), (self.folder, 0o755, 0, 0), *((path, 0o750, *ids) for path in private)]

    def _prepare_image(self) -> None:
        """The new image is here before the old container stops."""
        image = render.image(self.service)
        if not self.engine.image_id(image):
            self.engine.pull(image, _PULL_SECONDS)

    def _transact(self, result: Result) -> list[Finding]:
        here = self.engine.container(self.name)
        service = self.service
        private = [path for path, *_rest in self._folders()[2:]]
        snapshots = self.place.state / "snapshots" / self.name
        kept = self.place.state / "revisions" / self.name / uuid.uuid4().hex
        seeds = [
            (Path(seed["path"]), resolve(seed["content"], self.secrets).encode(), int(seed["mode"], 8))
            for seed in service["seeds"]
        ]
        seconds = service["stop_timeout"] + 60
        plan: list[Any] = [
            steps.Resume.plan(self.engine, self.folder, bool(here and here.running), seconds),
            steps.Folders.plan(self.engine, self._folders(), seeds, (service["uid"], service["gid"])),
        ]
        if here and result.action == "upgrade":
            shutil.rmtree(snapshots, ignore_errors=True)
            plan.append(steps.Snapshot.plan(self.engine, self.name, service["stop_timeout"], private, snapshots))
        plan.append(steps.Files.plan(self.engine, self.wanted, kept))
        plan.append(steps.Up.plan(self.engine, self.name, self.folder, seconds))
        self.place.journal(self.name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)

        def commit() -> None:
            shutil.rmtree(snapshots, ignore_errors=True)
            for other in kept.parent.glob("*") if kept.exists() else ():
                if other != kept:
                    shutil.rmtree(other, ignore_errors=True)

        try:
            return self._transaction().run(plan, self._verify, commit)
        except TransactionError as error:
            if error.details.get("undone"):
                shutil.rmtree(kept, ignore_errors=True)
            raise

    def _transaction(self) -> Transaction:
        return Transaction(self.place.journal(self.name), lambda record: steps.restore(self.engine, record))

    def _verify(self) -> list[Finding]:
        """Wait until the container is up and answers, or has shown that it will not."""
        deadline = Deadline(self.service["deadline"], self.clock)
        while True:
            here = self.engine.container(self.name)
            if here is None or here.status in ("exited", "dead") or here.restarts >= 2:
                how = f"ended with {here.exit_code}" if here else "is gone"
                how += ", out of memory" if here and here.oom_killed else ""
                return [self._ill(f"Its container {how}.")]
            said = self.probe(self.service["probe"], Deadline(min(10, max(1, deadline.remaining())), self.clock))
            if said.status != FAIL and here.running:
                return [
                    ok(CHECK, self.name, f"{self.service['title']} runs and answers.", image=render.image(self.service))
                ]
            if not deadline.pause(_POLL_SECONDS):
                return [self._ill(f"It was not healthy within {deadline.seconds:g} s: {said.summary}")]

    def _ill(self, summary: str) -> Finding:
        lines = self._masked(self.engine.logs(self.name)).splitlines()
        hint = "The last lines it wrote: " + " | ".join(lines[-5:]) if lines else "It wrote nothing."
        return fail(CHECK, self.name, summary, hint, image=render.image(self.service), log=lines)

    def _rolled_back(self, error: TransactionError, result: Result) -> list[Finding]:
        """The story of a change that was undone, and whether what was before is well again."""
        cause = next((item for item in error.findings if item.status == FAIL), error.finding())
        undone = error.details.get("undone")
        before = self.engine.container(self.name)
        if not undone:
            return [fail(CHECK, self.name, self._masked(error.message), error.hint, **cause.evidence)]
        if before is None:
            end = "Nothing of it was left behind."
        else:
            deadline = Deadline(self.service["deadline"], self.clock)
            while (said := self.probe(self.service["probe"], deadline)).status == FAIL and deadline.pause(
                _POLL_SECONDS
            ):
                pass
            well = "is healthy again" if said.status != FAIL else f"is not healthy either: {said.summary}"
            end = f"What ran before ({before.image}) was put back, with its data, and {well}."
        what = {"create": "install", "upgrade": "update"}.get(result.action, "change")
        summary = f"The {what} of {self.service['title']} to {self.service['image']} was undone: {cause.summary} {end}"
        return [
            fail(CHECK, self.name, self._masked(summary), self._masked(cause.hint), rolled_back=True, **cause.evidence)
        ]

    def _remember(self, result: Result, here: Container | None) -> None:
        if here:
            result.container_id, result.started_at = here.id, here.started_at

    def _difference(self, path: Path, before: bytes | None, after: bytes | None) -> dict[str, str]:
        hidden = path.name == render.SECRETS
        return {
            "before_header": str(path),
            "after_header": str(path),
            "before": self._shown(before, hidden, "old"),
            "after": self._shown(after, hidden, "new"),
        }

    def _shown(self, content: bytes | None, hidden: bool, which: str) -> str:
        """A file's text for a diff: of a file of secrets its names only, and that a value is the old or the new one."""
        text = (content or b"").decode("utf-8", "replace")
        if not hidden:
            return self._masked(text)
        return "".join(f"{line.partition('=')[0]}={MASK} ({which})\n" for line in text.splitlines())

    def _masked(self, text: str) -> str:
        used = references([self.service["environment"], self.service["seeds"]])
        return mask(text, {name: value for name, value in self.secrets.items() if name in used or len(value) >= 8})


class Removal:
    """Takes away a service that is no longer in the plan. Its data stays, unless it is to be purged."""

    def __init__(self, name: str, place: Place, engine: Engine, purge: bool = False) -> None:
        if Path(name).name != name:
            raise InputError("remove it", name, "this is not the name of a service")
        self.name, self.place, self.engine, self.purge = name, place, engine, purge

    def look(self) -> Result:
        """What would be done."""
        path = self.place.folder(self.name) / render.COMPOSE
        before = path.read_text() if path.exists() else ""
        gone = {"before_header": str(path), "after_header": str(path), "before": before, "after": ""}
        reasons = ["not in the plan any more"] * bool(before) + ["its data is to be purged"] * self.purge
        return Result(self.name, "remove", True, reasons, diff=[gone] * bool(before))

    def change(self, result: Result) -> None:
        """Do it."""
        if (self.place.folder(self.name) / render.COMPOSE).exists():
            self._stop(result)
        if self.purge and not result.failed:
            self._purge(result)

    def _purge(self, result: Result) -> None:
        """Delete what the service left. Killed in between, the next run goes on: the folder goes last."""
        folder = self.place.folder(self.name)
        try:
            for kept in ("snapshots", "revisions"):
                shutil.rmtree(self.place.state / kept / self.name, ignore_errors=True)
            shutil.rmtree(folder)
            result.findings = [ok(CHECK, self.name, f"{self.name} was removed, and its data in {folder} with it.")]
        except OSError as error:
            result.findings.append(fail(CHECK, self.name, str(error), "Mend the cause, then run again."))

    def _stop(self, result: Result) -> None:
        folder = self.place.folder(self.name)
        here = self.engine.container(self.name)
        kept = self.place.state / "revisions" / self.name / uuid.uuid4().hex
        contents = {
            folder / name: (None, 0o600) for name in (render.COMPOSE, render.SECRETS) if (folder / name).exists()
        }
        plan = [
            steps.Resume.plan(self.engine, folder, bool(here and here.running), 90),
            steps.Files.plan(self.engine, contents, kept),
            steps.Away.plan(self.engine, self.name),
        ]
        self.place.journal(self.name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        transaction = Transaction(self.place.journal(self.name), lambda record: steps.restore(self.engine, record))
        try:
            transaction.recover()
            transaction.run(plan, lambda: [])
            summary = f"{self.name} was stopped and removed; its data is still in {folder}."
            result.findings.append(ok(CHECK, self.name, summary))
        except (MonsterrError, OSError) as error:
            result.changed = False
            result.findings.append(fail(CHECK, self.name, str(error), "Mend the cause, then run again."))


def installed(place: Place) -> list[str]:
    """The services that have a project of ours on this host."""
    return sorted(
        path.parent.name
        for path in place.root.glob(f"*/{render.COMPOSE}")
        if MARK in path.read_text(encoding="utf-8", errors="replace")[:200]
    )
