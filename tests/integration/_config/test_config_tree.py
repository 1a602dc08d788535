# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree on a real file system: killed, out of space, refused, and run twice."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._config import steps, tree, units
from ansible_collections.monsterr.media.plugins.modules import config_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..ansible_module import call

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others"),
]


class Host:
    """A folder that stands for the host."""

    def __init__(self, root: Path) -> None:
        self.root = root / "host"
        self.root.mkdir()
        self.state = root / "state"

    def path(self, name: str) -> str:
        return str(self.root / name)

    def file(self, name: str, content: str, **more):
        return {"path": self.path(name), "content": content, **more}

    def run(self, files=(), check_mode=False, **more):
        arguments = {"files": list(files), "state_dir": str(self.state), "deadline": 5, **more}
        return call(config_tree, check_mode, **arguments)

    def seen(self):
        """Every path, with all that can be seen of it."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            kind = os.lstat(path)
            what = os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else None
            found[str(path.relative_to(self.root))] = (stat.S_IMODE(kind.st_mode), kind.st_uid, kind.st_gid, what)
        return found

    def prints(self):
        """What would tell that a path was touched."""
        paths = [self.root, *self.root.rglob("*")]
        return {path: (os.lstat(path).st_ino, os.lstat(path).st_mtime_ns, os.lstat(path).st_ctime_ns) for path in paths}


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def change(host):
    """A host with files, and entries that change, create, link, chmod and remove."""
    for name, text in {"a": "old a\n", "sites/gone": "old gone\n", "mode": "same\n", "away/x": "old x\n"}.items():
        (host.root / name).parent.mkdir(exist_ok=True)
        (host.root / name).write_text(text)
    (host.root / "link").symlink_to("a")
    entries = [
        host.file("a", "new a\n"),
        host.file("deep/er/b", "new b\n", mode="0640", group="1234"),
        host.file("mode", "same\n", mode="0600"),
        host.file("sites/kept", "new kept\n"),
        {"path": host.path("link"), "state": "link", "target": "mode"},
        {"path": host.path("folder"), "state": "directory", "mode": "2775", "owner": "1234"},
        {"path": host.path("away"), "state": "absent"},
        {"path": host.path("away/x"), "state": "absent"},
    ]
    return {"files": entries, "purge": [host.path("sites")]}


def test_all_is_put_in_place_and_a_second_run_touches_nothing(host):
    wanted = change(host)
    first = host.run(**wanted)
    assert first["changed"], first
    actions = ["change", "create", "change", "create", "change", "create", "remove", "remove"]
    assert [item["action"] for item in first["files"]] == actions
    assert [item["path"] for item in first["purged"]] == [host.path("sites/gone")]
    assert host.seen() == {
        "a": (0o644, 0, 0, "new a\n"),
        "deep": (0o755, 0, 0, None),
        "deep/er": (0o755, 0, 0, None),
        "deep/er/b": (0o640, 0, 1234, "new b\n"),
        "folder": (0o2775, 1234, 0, None),
        "link": (0o777, 0, 0, "mode"),
        "mode": (0o600, 0, 0, "same\n"),
        "sites": (0o755, 0, 0, None),
        "sites/kept": (0o644, 0, 0, "new kept\n"),
    }
    assert (host.state / "revisions/files" / host.path("a")[1:]).read_text() == "old a\n"
    before = host.prints()
    host_state = sorted((path, path.stat().st_mtime_ns) for path in host.state.rglob("*"))
    second = host.run(**wanted)
    assert not second["changed"]
    assert second["diff"] == []
    assert host.prints() == before
    assert sorted((path, path.stat().st_mtime_ns) for path in host.state.rglob("*")) == host_state


def test_a_run_with_nothing_to_do_writes_nothing_at_all(host):
    (host.root / "a").write_text("a\n")
    assert not host.run([host.file("a", "a\n")])["changed"]
    assert not host.state.exists()


def test_check_mode_says_the_same_and_changes_nothing(host):
    wanted = change(host)
    before = host.prints()
    told = host.run(check_mode=True, **wanted)
    assert host.prints() == before
    assert not host.state.exists()
    done = host.run(**wanted)
    assert (told["files"], told["diff"], told["purged"]) == (done["files"], done["diff"], done["purged"])


def test_check_mode_on_a_bare_host(host):
    entries = [host.file("a", "x", owner="nobody-of-that-name")]
    unit = [{"name": "not-there-yet.service", "enabled": True, "state": "started"}]
    result = host.run(entries, True, units=unit, validate=[["no-such-program"]])
    assert not result.get("failed"), result
    assert result["units"] == [{"name": "not-there-yet.service", "actions": ["enable", "start"], "changed": True}]
    assert "nobody-of-that-name" in result["findings"][0]["summary"]


def test_an_owner_who_does_not_exist_fails_before_anything_is_changed(host):
    result = host.run([host.file("a", "x"), host.file("b", "x", owner="nobody-of-that-name")])
    assert result["failed"]
    assert "nobody-of-that-name" in result["msg"]
    assert host.seen() == {}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"mode": 420}, "quotes"),
        ({"content": None}, "content"),
        ({"path": "relative"}, "in full"),
        ({"path": "/etc"}, "A file is wanted where there is a directory"),
        ({"path": "/etc/passwd/x"}, "in the way"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_changed(host, entry, words):
    result = host.run([host.file("other", "x"), {**host.file("a", "x"), **entry}])
    assert result["failed"]
    assert words in result["msg"]
    assert host.seen() == {}


def test_a_folder_that_is_not_empty_is_not_removed(host):
    (host.root / "d").mkdir()
    (host.root / "d/theirs").write_text("x")
    result = host.run([{"path": host.path("d"), "state": "absent"}])
    assert result["failed"]
    assert "theirs" in result["msg"]


def test_a_program_that_refuses_the_new_files_undoes_all(host):
    wanted = change(host)
    before = host.seen()
    command = ["sh", "-c", f"cat {host.path('a')} >&2; echo 'line 7 is wrong' >&2; exit 3"]
    result = host.run(**wanted, validate=[command])
    assert result["failed"]
    assert "line 7 is wrong" in result["msg"]
    assert "new a" in result["msg"], "it has to see the new files"
    assert host.seen() == before
    assert [item["changed"] for item in result["files"]] == [False] * 8
    assert not list(host.state.glob("journal/*"))


def test_a_program_that_is_not_there_undoes_all(host):
    result = host.run([host.file("a", "x")], validate=[["no-such-program"]])
    assert result["failed"]
    assert "no-such-program is not installed" in result["msg"]
    assert host.seen() == {}


def test_a_file_that_its_own_command_refuses_is_never_put_in_place(host):
    result = host.run([host.file("a", "bad\n", validate="grep -q good %s"), host.file("b", "x")])
    assert result["failed"]
    assert host.seen() == {}
    assert not (host.state / "staged").exists()
    assert host.run([host.file("a", "good\n", validate="grep -q good %s")])["changed"]


def test_no_secret_is_in_a_result_and_the_file_is_private(host):
    (host.root / "a").write_text("key=hunter-old\n")
    secrets = {"app.key": "hunter-new", "config_tree.1": "hunter-whole <secret:app.key>"}
    entries = [host.file("a", "key=<secret:app.key>\n"), host.file("b", "<secret:config_tree.1>", sensitive=True)]
    refused = host.run(entries, secrets=secrets, validate=[["sh", "-c", f"cat {host.path('a')}; false"]])
    assert refused["failed"]
    assert "hunter" not in repr(refused)
    done = host.run(entries, secrets=secrets)
    assert "hunter" not in repr(done)
    assert host.seen()["a"] == (0o600, 0, 0, "key=hunter-new\n")
    assert host.seen()["b"] == (0o600, 0, 0, "hunter-whole hunter-new")
    rotated = host.run([host.file("a", "key=<secret:app.key>\n")], secrets={"app.key": "other"})
    assert "hunter" not in repr(rotated)


def kill_at(moment: int, work) -> bool:
    """Run `work` in a child that dies before its `moment`th call of any hook; whether it died."""
    child = os.fork()
    if not child:
        left = [moment]

        def deadly(function):
            def counted(*arguments, **options):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)

            return counted

        for name in ("replace", "fsync", "rename", "link", "chmod", "fchmod", "unlink", "mkdir", "rmdir", "symlink"):
            setattr(os, name, deadly(getattr(os, name)))
        for owner, name in ((steps.Put, "apply"), (steps.Folder, "apply"), (steps.Put, "keep"), (steps.Put, "forget")):
            setattr(owner, name, deadly(getattr(owner, name)))
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_killed_at_any_moment_every_file_is_old_or_new_and_the_next_run_finishes(tmp_path):
    moment, died = 0, True
    while died:
        moment += 1
        folder = tmp_path / str(moment)
        folder.mkdir()
        host = Host(folder)
        wanted = change(host)
        died = kill_at(moment, lambda host=host, wanted=wanted: host.run(**wanted))
        texts = {name: what[3] for name, what in host.seen().items() if not name.rpartition("/")[2].startswith(".")}
        assert texts["a"] in ("old a\n", "new a\n"), moment
        assert texts["mode"] == "same\n", moment
        assert texts.get("deep/er/b") in (None, "new b\n"), moment
        assert texts.get("sites/gone") in (None, "old gone\n"), moment
        assert texts["link"] in ("a", "mode"), moment
        again = host.run(**wanted)
        assert not again.get("failed"), (moment, again)
        seen = host.seen()
        assert list(seen) == ["a", "deep", "deep/er", "deep/er/b", "folder", "link", "mode", "sites", "sites/kept"], (
            moment
        )
        assert seen["a"][3] == "new a\n"
        assert not list(host.state.glob("journal/*.json")), moment
        assert not host.run(**wanted)["changed"], moment
    assert moment > 60


def test_killed_while_undoing_the_run_after_that_finishes(tmp_path):
    for moment in range(20, 75, 3):
        folder = tmp_path / str(moment)
        folder.mkdir()
        host = Host(folder)
        wanted = change(host)
        kill_at(moment, lambda host=host, wanted=wanted: host.run(**wanted))
        kill_at(moment // 8, lambda host=host, wanted=wanted: host.run(**wanted))
        assert not host.run(**wanted).get("failed"), moment
        assert host.seen()["a"][3] == "new a\n"
        assert not host.run(**wanted)["changed"], moment


@pytest.fixture
def small(tmp_path):
    """A file system of 64 KiB."""
    place = tmp_path / "host"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], check=False)
    if made.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_the_old_content(small, tmp_path):
    (small / "a").write_text("a" * 20000)
    entries = [
        {"path": str(small / "a"), "content": "b" * 30000},
        {"path": str(small / "c"), "content": "c" * 30000},
    ]
    result = call(config_tree, files=entries, state_dir=str(tmp_path / "state"))
    assert result["failed"]
    assert "No space left on device" in result["msg"]
    assert any(item["target"] == str(small / "c") for item in result["findings"])
    assert {path.name: path.read_text() for path in small.iterdir()} == {"a": "a" * 20000}


def test_a_full_disk_under_the_journal_changes_nothing(small, tmp_path):
    target = tmp_path / "a"
    target.write_text("old")
    (small / "filler").write_bytes(b"x" * 57344)
    subprocess.run(["sh", "-c", f"cat /dev/zero > {small}/rest"], check=False, stderr=subprocess.DEVNULL)
    result = call(config_tree, files=[{"path": str(target), "content": "new"}], state_dir=str(small))
    assert result["failed"]
    assert "No space left" in result["msg"]
    assert target.read_text() == "old"


NAMES = st.sampled_from(["a", "b", "d/a", "d/e/b", "f"])
ENTRY = st.fixed_dictionaries(
    {"path": NAMES, "state": st.sampled_from(["file", "link", "directory", "absent"])},
    optional={"mode": st.sampled_from(["0600", "0644", "0755", "2775"]), "owner": st.sampled_from(["root", "77"])},
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(ENTRY, max_size=5, unique_by=lambda entry: entry["path"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
)
def test_what_was_applied_differs_no_more(tmp_path_factory, wanted, text):
    host = Host(tmp_path_factory.mktemp("host"))
    entries = [
        {**entry, "path": host.path(entry["path"]), "content": text, "target": text.replace("/", "")[:50] or "x"}
        for entry in wanted
    ]
    first = host.run(entries)
    if not first.get("failed"):
        assert host.run(entries, check_mode=True)["diff"] == []


def test_another_run_is_named_by_its_process(host):
    host.state.mkdir()
    code = (
        "import fcntl, os, sys, time; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX);"
        "f.write(str(os.getpid())); f.flush(); print('held', flush=True); time.sleep(60)"
    )
    words = ["python3", "-c", code, str(host.state / "config_tree.lock")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        try:
            result = host.run([host.file("a", "x")], deadline=0.3)
        finally:
            other.kill()
    assert result["failed"]
    assert str(other.pid) in result["msg"]
    assert host.seen() == {}


SYSTEMCTL = """#!/bin/sh
# A systemd of one folder: NAME.on is enabled, NAME.up is active; a unit whose `bad` file is there fails to start.
cd {world}
echo "$*" >> log
verb=$1; shift
while [ "${{1#-}}" != "$1" ]; do shift; done
case $verb in
  show) for u; do
    echo "Id=$u"; echo "LoadState=loaded"
    a=inactive; [ -e $u.failed ] && a=failed; [ -e $u.up ] && a=active; echo "ActiveState=$a"
    echo "SubState=x"; [ -e $u.on ] && echo UnitFileState=enabled || echo UnitFileState=disabled
    echo "NRestarts=0"; echo "MainPID=1"; echo
  done ;;
  enable) touch $1.on ;;
  disable) rm -f $1.on ;;
  stop) rm -f $1.up ;;
  start|restart|reload-or-restart)
    rm -f $1.failed; cat {config} > $1.loaded 2>/dev/null
    if grep -q bad {config}; then rm -f $1.up; touch $1.failed; else touch $1.up; fi ;;
esac
exit 0
"""


@pytest.fixture
def world(host, tmp_path, monkeypatch):
    folder = tmp_path / "world"
    folder.mkdir()
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL.format(world=folder, config=host.path("conf")))
    program.chmod(0o755)
    (host.root / "conf").write_text("old\n")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(units, "_SETTLE", 0.01)
    return folder


def said(world):
    return [line for line in (world / "log").read_text().splitlines() if not line.startswith("show")]


UNIT = {"name": "app.service", "enabled": True, "state": "started", "on_change": "reload"}


def test_a_unit_is_enabled_and_started_and_then_left_alone(host, world):
    result = host.run([host.file("conf", "new\n")], units=[UNIT])
    assert result["units"] == [{"name": "app.service", "actions": ["enable", "start"], "changed": True}]
    assert [item["summary"] for item in result["findings"]] == ["app.service is active."]
    (world / "log").unlink()
    assert not host.run([host.file("conf", "new\n")], units=[UNIT])["changed"]
    assert len((world / "log").read_text().splitlines()) == 1


def test_a_unit_that_was_stopped_by_hand_is_drift(host, world):
    entries = [host.file("conf", "old\n")]
    host.run(entries, units=[UNIT])
    (world / "app.service.up").unlink()
    assert host.run(entries, True, units=[UNIT])["changed"]
    assert not (world / "app.service.up").exists()
    assert host.run(entries, units=[UNIT])["changed"]
    assert (world / "app.service.up").exists()


def test_a_unit_that_does_not_bear_the_new_files_gets_the_old_ones_back(host, world):
    host.run([host.file("conf", "good\n")], units=[UNIT])
    result = host.run([host.file("conf", "bad\n")], units=[UNIT])
    assert result["failed"]
    assert "app.service does not run" in result["msg"]
    assert host.seen()["conf"][3] == "good\n"
    assert (world / "app.service.up").exists()
    assert (world / "app.service.loaded").read_text() == "good\n"


def test_a_unit_that_never_started_is_off_again_afterwards(host, world):
    result = host.run([host.file("conf", "bad\n")], units=[UNIT])
    assert result["failed"]
    assert host.seen()["conf"][3] == "old\n"
    assert not (world / "app.service.on").exists()
    assert not (world / "app.service.up").exists()


def test_files_that_are_refused_never_reach_the_unit(host, world):
    host.run([host.file("conf", "good\n")], units=[UNIT])
    (world / "log").unlink()
    assert host.run([host.file("conf", "bad\n")], units=[UNIT], validate=[["false"]])["failed"]
    assert said(world) == []


def test_a_new_unit_file_is_read_before_its_unit_is_started(host, world, monkeypatch):
    monkeypatch.setattr(units, "FOLDERS", (host.root / "system",))
    host.run([host.file("system/app.service", "[Service]\n")], units=[UNIT])
    assert said(world) == ["daemon-reload", "enable -- app.service", "start -- app.service"]


def test_a_run_killed_after_its_reload_brings_the_unit_back_to_the_old_files(host, world):
    host.run([host.file("conf", "good\n")], units=[UNIT])

    def die_verifying():
        tree.units.verify = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        host.run([host.file("conf", "other\n")], units=[UNIT])

    child = os.fork()
    if not child:
        die_verifying()
        os._exit(0)
    os.waitpid(child, 0)
    assert (world / "app.service.loaded").read_text() == "other\n"
    result = host.run([host.file("conf", "good\n")], units=[UNIT])
    assert host.seen()["conf"][3] == "good\n"
    assert (world / "app.service.loaded").read_text() == "good\n"
    assert result["changed"]
    assert result["findings"][0]["check"] == "config_tree.recovered"


def test_killed_when_all_is_in_place_the_next_run_leaves_nothing_aside(tmp_path):
    moment, died = 0, True
    while died:
        moment += 1
        folder = tmp_path / str(moment)
        folder.mkdir()
        host = Host(folder)
        (host.root / "a").write_text("old\n")
        entries = [host.file("a", "new\n")]
        died = kill_at(moment, lambda host=host, entries=entries: host.run(entries))
        host.run(entries)
        assert {name: what[3] for name, what in host.seen().items()} == {"a": "new\n"}, moment
        assert not list(host.state.glob("journal/*.json")), moment
