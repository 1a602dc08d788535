# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a diff shows of files, and in which order changes come: without a host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._config.model import ABSENT, DIRECTORY, FILE, Change, Seen
from ansible_collections.monsterr.media.plugins.module_utils._config.stage import Staged
from ansible_collections.monsterr.media.plugins.module_utils._config.units import Unit, decide

PATH = Path("/etc/x/app.conf")
SECRETS = {"app.key": "new-hunter2"}


def file(content, mode=0o644):
    return Seen(FILE, mode, 0, 0, content.encode())


def shown(change):
    return repr(change.diff(SECRETS))


def test_a_change_of_mode_is_shown_by_itself():
    items = Change(PATH, file("same\n", 0o600), file("same\n")).diff({})
    assert [(item["before"], item["after"]) for item in items] == [
        (
            "state: file\nmode: 0600\nowner: root\ngroup: root\n",
            "state: file\nmode: 0644\nowner: root\ngroup: root\n",
        )
    ]


def test_neither_the_new_nor_a_rotated_secret_is_shown():
    before, after = file("a = 1\nkey = old-hunter1\n", 0o600), file("a = 1\nkey = new-hunter2\n", 0o600)
    said = shown(Change(PATH, before, after, guarded=True))
    assert "hunter" not in said
    assert "a = 1" in said


def test_the_secret_of_a_private_file_that_goes_away_is_not_shown():
    assert "hunter" not in shown(Change(PATH, file("key = old-hunter1\n", 0o640), Seen()))


def test_a_sensitive_file_shows_only_that_it_differs():
    said = shown(Change(PATH, file("old words\n"), file("other words\n"), hidden=True))
    assert "words" not in said
    assert "different" in said


def test_folders_come_first_and_removals_last_innermost_first():
    folder = Seen(DIRECTORY, 0o755)
    staged = Staged(
        listed=[
            Change(Path("/o"), folder, Seen()),
            Change(Path("/o/old"), file("x"), Seen()),
            Change(Path("/n/new"), Seen(), file("x")),
            Change(Path("/n"), Seen(), folder),
            Change(Path("/same"), file("x"), file("x")),
        ]
    )
    assert [str(change.path) for change in staged.changes] == ["/n", "/n/new", "/o/old", "/o"]
    assert [change.action for change in staged.listed] == ["remove", "remove", "create", "create", "none"]


UP = Unit(True, True, active="active", sub="running")
DOWN = Unit(True, False)


@pytest.mark.parametrize(
    ("unit", "before", "changed", "verbs"),
    [
        ({"enabled": True, "state": "started"}, UP, [], ()),
        ({"enabled": True, "state": "started"}, DOWN, [], ("enable", "start")),
        ({"enabled": True, "state": "started"}, Unit(), [PATH], ("enable", "start")),
        ({"enabled": False, "state": "stopped"}, UP, [PATH], ("disable", "stop")),
        ({"state": "started", "on_change": "reload"}, UP, [PATH], ("reload-or-restart",)),
        ({"on_change": "restart"}, UP, [PATH], ("restart",)),
        ({"on_change": "restart"}, DOWN, [PATH], ()),
        ({"on_change": "restart", "watch": ["/etc/x"]}, UP, [PATH], ("restart",)),
        ({"on_change": "restart", "watch": ["/etc/xy"]}, UP, [PATH], ()),
        ({"state": "started"}, Unit(True, True, active="activating", sub="auto-restart"), [], ("start",)),
        ({"enabled": True}, Unit(True, fixed=True), [], ()),
    ],
)
def test_a_unit_gets_only_what_it_lacks(unit, before, changed, verbs):
    wanted = {"name": "x.service", "enabled": None, "state": None, "on_change": "none", "watch": [], **unit}
    assert decide(wanted, before, changed).verbs == verbs


def test_an_absent_path_that_stays_absent_is_no_change():
    assert Change(PATH, Seen(ABSENT), Seen()).action == "none"
