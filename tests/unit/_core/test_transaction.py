# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change is made and kept, or it never was: also when it fails, and when it is killed at any point."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import CommandError, TransactionError
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import fail, ok
from ansible_collections.monsterr.media.plugins.module_utils._core.transaction import Transaction


class Write:
    """A step that writes a file, and can be told to fail or die halfway."""

    def __init__(self, path: Path, text: str, before: str | None = None, trouble=None):
        self.path, self.text, self.trouble = path, text, trouble
        self.before = before if before is not None else (path.read_text() if path.exists() else "")

    @property
    def record(self):
        return {"path": str(self.path), "before": self.before}

    def apply(self):
        self.path.write_text(self.text[: len(self.text) // 2])
        if self.trouble:
            self.trouble()
        self.path.write_text(self.text)

    def undo(self):
        if self.before:
            self.path.write_text(self.before)
        else:
            self.path.unlink(missing_ok=True)


def restore(record):
    return Write(Path(record["path"]), "", record["before"])


def refuse():
    raise CommandError("write", "b", "it was refused")


@pytest.fixture
def world(tmp_path):
    (tmp_path / "a").write_text("old a")
    return tmp_path, Transaction(tmp_path / "journal", restore)


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_change_that_verifies_is_kept(world):
    folder, transaction = world
    seen = []
    steps = [Write(folder / "a", "new a"), Write(folder / "b", "new b")]
    findings = transaction.run(steps, lambda: [ok("t", "t", "fine")], lambda: seen.append("committed"))
    assert [item.summary for item in findings] == ["fine"]
    assert contents(folder) == {"a": "new a", "b": "new b"}
    assert seen == ["committed"]


@pytest.mark.parametrize("trouble", [refuse, lambda: os.stat("/nowhere/at/all")])
def test_a_step_that_fails_is_undone_with_those_before_it(world, trouble):
    folder, transaction = world
    steps = [Write(folder / "a", "new a"), Write(folder / "b", "new b", trouble=trouble)]
    with pytest.raises(TransactionError) as caught:
        transaction.run(steps, lambda: [])
    assert contents(folder) == {"a": "old a"}
    assert caught.value.details["undone"]


def test_a_change_that_does_not_verify_is_undone_and_the_reason_told(world):
    folder, transaction = world
    with pytest.raises(TransactionError, match="the new one is ill"):
        transaction.run([Write(folder / "a", "new a")], lambda: [fail("t", "t", "the new one is ill", "")])
    assert contents(folder) == {"a": "old a"}


def test_what_cannot_be_undone_now_is_undone_by_the_next_run(world):
    folder, transaction = world
    step = Write(folder / "a", "new a")
    step.undo = refuse
    with pytest.raises(TransactionError, match="undo a change that failed") as caught:
        transaction.run([step], lambda: [fail("t", "t", "ill", "")])
    assert not caught.value.details["undone"]
    assert transaction.recover() == [{"path": str(folder / "a"), "before": "old a"}]
    assert contents(folder) == {"a": "old a"}


@pytest.mark.parametrize("point", ["first step", "second step", "verify"])
def test_after_a_kill_the_next_run_finds_the_host_as_it_was(world, point):
    folder, transaction = world

    def die():
        os._exit(9)

    if os.fork() == 0:
        steps = [
            Write(folder / "a", "new a", trouble=die if point == "first step" else None),
            Write(folder / "b", "new b", trouble=die if point == "second step" else None),
        ]
        transaction.run(steps, die)
    os.wait()
    assert (folder / "journal").exists()
    transaction.recover()
    assert contents(folder) == {"a": "old a"}
    assert transaction.recover() == []
