# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.monsterr.media.plugins.module_utils._apps.ledger import Ledger


def test_it_remembers_what_was_given_without_keeping_it(tmp_path):
    path = tmp_path / "state" / "wiring.json"
    first = Ledger(path)
    assert first.knows("sonarr.password", "hidden") is None
    first.gave("sonarr.password", "hidden")
    again = Ledger(path)
    assert again.knows("sonarr.password", "hidden") is True
    assert again.knows("sonarr.password", "another") is False
    assert "hidden" not in path.read_text()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_two_hosts_have_different_digests_of_the_same_secret(tmp_path):
    for name in "ab":
        Ledger(tmp_path / name).gave("x", "hidden")
    assert (tmp_path / "a").read_text() != (tmp_path / "b").read_text()


def test_a_broken_file_means_that_nothing_is_known(tmp_path):
    path = tmp_path / "wiring.json"
    path.write_text('{"key": "half of i')
    ledger = Ledger(path)
    assert ledger.knows("x", "hidden") is None
    ledger.gave("x", "hidden")
    assert Ledger(path).knows("x", "hidden") is True


def test_check_mode_writes_nothing(tmp_path):
    Ledger(tmp_path / "wiring.json", frozen=True).gave("x", "hidden")
    assert list(tmp_path.iterdir()) == []


def test_giving_the_same_again_writes_nothing(tmp_path):
    path = tmp_path / "wiring.json"
    ledger = Ledger(path)
    ledger.gave("x", "hidden")
    before = path.stat().st_mtime_ns, path.stat().st_ino
    ledger.gave("x", "hidden")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
