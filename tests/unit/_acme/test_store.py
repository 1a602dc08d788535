# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The store, with the keys and certificates of `pem`."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._acme import files, pem
from ansible_collections.monsterr.media.plugins.module_utils._acme.model import KEY_TYPES
from ansible_collections.monsterr.media.plugins.module_utils._acme.store import Store
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import DeadlineError, RefusedError
from cryptography import x509

from ..clock import FakeClock

NAMES = ("*.example.org", "192.0.2.1", "example.org")


def _pair(names: tuple[str, ...] = NAMES, key_type: str = "ec-256") -> tuple[str, str]:
    key = pem.new_key(key_type)
    return pem.key_pem(key), pem.self_signed(key, names, time.time(), 86400)


@pytest.mark.parametrize("key_type", ["ec-256", "ec-384", "rsa-2048"])
def test_what_is_put_in_is_what_is_held(tmp_path: Path, key_type: str) -> None:
    store = Store(str(tmp_path / "certificates"))
    store.use("tv", store.add("tv", *_pair(key_type=key_type), "https://ca.test/dir"))

    held, problem = store.live("tv")

    assert problem == ""
    assert held is not None
    assert (held.generation, held.identifiers, held.key_type) == (1, tuple(sorted(NAMES)), key_type)
    assert held.directory == "https://ca.test/dir"
    assert 0.9 < (held.not_after - time.time()) / 86400 < 1.1
    assert key_type in KEY_TYPES


def test_the_key_is_for_root_alone_and_the_rest_can_be_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        store = Store(str(tmp_path / "certificates"))
        store.use("tv", store.add("tv", *_pair(), ""))
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in store.path("tv").iterdir()}

    assert modes.pop("privkey.pem") == 0o600
    assert set(modes.values()) == {0o644}
    assert (tmp_path / "certificates" / "tv" / "generations" / "1").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "certificates").stat().st_mode & 0o777 == 0o755


def test_the_generation_before_is_kept_and_older_ones_are_not(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for _turn in range(4):
        store.use("tv", store.add("tv", *_pair(), ""))
        store.prune("tv")

    assert sorted(os.listdir(tmp_path / "tv" / "generations")) == ["3", "4"]
    assert os.readlink(tmp_path / "tv" / "live") == "generations/4"


def test_a_generation_that_is_not_in_use_is_staged_until_it_is(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.use("tv", store.add("tv", *_pair(), ""))
    new = store.add("tv", *_pair(), "")

    staged = store.staged("tv")
    assert staged is not None
    assert staged.generation == new
    assert store.generation("tv") == 1
    store.use("tv", new)
    assert store.staged("tv") is None


def test_a_generation_that_was_half_written_is_never_seen(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (tmp_path / "tv" / "generations" / ".new").mkdir(parents=True)
    (tmp_path / "tv" / "generations" / ".new" / "privkey.pem").write_text("half")

    assert store.staged("tv") is None
    assert store.add("tv", *_pair(), "") == 1


@pytest.mark.parametrize("damage", ["no key", "other key", "empty", "nothing"])
def test_what_cannot_be_used_says_why(tmp_path: Path, damage: str) -> None:
    store = Store(str(tmp_path))
    store.use("tv", store.add("tv", *_pair(), ""))
    live = store.path("tv")
    if damage == "no key":
        (live / "privkey.pem").unlink()
    elif damage == "other key":
        (live / "privkey.pem").write_text(_pair()[0])
    elif damage == "empty":
        (live / "fullchain.pem").write_text("")
    else:
        files.link(live, "generations/9")

    held, problem = store.live("tv")

    assert held is None
    assert problem.startswith("what is there cannot be used: ")
    assert store.live("none") == (None, "")


def test_a_pair_is_verified_before_it_is_used() -> None:
    key = pem.new_key("ec-256")
    good = pem.self_signed(key, NAMES, time.time(), 86400)
    other = pem.self_signed(pem.new_key("ec-256"), NAMES, time.time(), 86400)

    pem.verify(key, good, NAMES, "tv")
    for chain, names, words in [
        (other, NAMES, "another key"),
        (good, ("more.example.org", *NAMES), "lacks more.example.org"),
        (good + other, NAMES, "out of order"),
        ("", NAMES, "no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NAMES, "cannot be read"),
    ]:
        with pytest.raises(RefusedError, match=words):
            pem.verify(key, chain, names, "tv")


def test_the_id_for_renewal_information_is_the_one_of_the_rfc() -> None:
    # RFC 9773 section 4.1 and appendix A: this very authority key identifier and serial number.
    certificate = _with(bytes.fromhex("69885b6b87464041e1b37b847bd0ae2cde01c8d4"), 0x87654321)

    assert pem.cert_id(certificate) == "aYhba4dGQEHhs3uEe9CuLN4ByNQ.AIdlQyE"


def _with(identifier: bytes, serial: int) -> x509.Certificate:
    import datetime

    from cryptography.hazmat.primitives import hashes

    key, now = pem.new_key("ec-256"), datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier(identifier, None, None), critical=False)
        .sign(key, hashes.SHA256())
    )


def test_two_runs_do_not_work_at_the_same_time(tmp_path: Path) -> None:
    clock = FakeClock()

    def lock() -> AbstractContextManager[None]:
        return files.locked(tmp_path / "lock", Deadline(5, clock), "begin")

    with lock(), pytest.raises(DeadlineError, match="has been at it"), lock():
        pass
    with lock():
        assert sum(clock.slept) == pytest.approx(5)
