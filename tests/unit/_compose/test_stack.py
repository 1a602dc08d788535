# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services are brought up, left alone, or undone; whatever happens in between."""

from __future__ import annotations

import os
import pickle

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._compose import stack
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import fail, ok

from ..clock import FakeClock
from .samples import SECRETS, FakeEngine, World, service


class Host:
    """A host with services, and the stack module's work on it."""

    def __init__(self, path, monkeypatch):
        self.root, self.state, self.world = path / "services", path / "state", World()
        self.path = path
        monkeypatch.setattr(stack, "probe", self.probe)

    def probe(self, record, deadline, ca_bundle=""):
        self.world.act(f"probe {record['name']}")
        here = self.world.containers.get(record["name"])
        well = here and here.running and not here.image.endswith("bad")
        return ok("t", record["name"], "it answers") if well else fail("t", record["name"], "it does not answer", "")

    def apply(self, *services, check=False, prune=False, purge=()):
        return stack.apply(
            services or [self.service()],
            SECRETS,
            root=self.root,
            state=self.state,
            network="monsterr",
            concurrency=2,
            prune=prune,
            purge=purge,
            lock_timeout=1,
            check_mode=check,
            clock=FakeClock(),
            engine=lambda: FakeEngine(self.world),
        )

    def service(self, **more):
        return service(self.root, **more)

    def files(self):
        return {
            str(path.relative_to(self.path)): (path.read_text(), path.stat().st_mtime_ns)
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


def action(result, number=0):
    return result["services"][number]["action"]


def test_a_service_is_installed_with_its_seed_and_its_secret(host):
    result = host.apply()
    assert (result["changed"], result["failed"], action(result)) == (True, False, "create")
    assert (host.root / "app/config/seed.conf").read_text() == f"key={SECRETS['app.key']}\n"
    assert (host.root / "app/secret.env").stat().st_mode & 0o777 == 0o600
    assert SECRETS["app.key"] not in str(result)


def test_a_second_run_writes_nothing_and_touches_no_container(host):
    host.apply()
    before, acts = host.files(), len(host.world.acts)
    result = host.apply()
    assert (result["changed"], action(result)) == (False, "none")
    assert host.files() == before
    assert len(host.world.acts) == acts


def test_check_mode_says_what_would_be_done_and_does_nothing(host):
    result = host.apply(check=True)
    assert (result["changed"], action(result)) == (True, "create")
    assert host.files() == {}
    assert SECRETS["app.key"] not in str(result)


def test_a_seed_is_not_put_over_what_the_application_has_written(host):
    host.apply()
    (host.root / "app/config/seed.conf").write_text("its own")
    host.apply(host.service(image="registry.example/app:2"))
    assert (host.root / "app/config/seed.conf").read_text() == "its own"


@pytest.mark.parametrize(
    ("by_hand", "reason"),
    [
        (lambda host: FakeEngine(host.world)._state("app", "exited"), "container stopped"),
        (lambda host: host.world.containers.clear(), "container missing"),
        (lambda host: (host.root / "app/compose.yaml").write_text("mine"), "its compose files differ from the plan"),
        (
            lambda host: host.world.containers["app"].environment.update(KEY="x"),
            "the container has other values of KEY",
        ),
        (lambda host: host.world.containers["app"].labels.clear(), "the container is of another revision"),
    ],
)
def test_what_was_done_by_hand_is_named_and_put_right(host, by_hand, reason):
    host.apply()
    by_hand(host)
    assert reason in host.apply(check=True)["services"][0]["reasons"]
    host.apply()
    assert not host.apply(check=True)["changed"]


def test_an_update_that_never_answers_goes_back_image_and_data(host):
    host.apply()
    (host.root / "app/config/data").write_text("mine")
    result = host.apply(host.service(image="registry.example/app:bad"))
    [finding] = result["findings"]
    assert result["failed"] and not result["changed"]
    assert finding.evidence["rolled_back"] and "is healthy again" in finding.summary
    assert SECRETS["app.key"] not in str(result)
    assert (host.root / "app/config/data").read_text() == "mine"
    assert not (host.root / "app/config/written-by-bad").exists()
    assert host.world.containers["app"].image == "registry.example/app:1"
    assert not host.apply(check=True)["changed"]


def test_an_update_that_answers_is_kept_and_leaves_no_copy_of_the_data(host):
    host.apply()
    assert action(host.apply(host.service(image="registry.example/app:2"))) == "upgrade"
    assert host.world.containers["app"].image == "registry.example/app:2"
    assert not list((host.state / "snapshots").rglob("*.conf"))


def test_a_first_install_that_fails_leaves_nothing(host):
    result = host.apply(host.service(image="registry.example/app:bad"))
    assert result["failed"]
    assert host.world.containers == {}
    assert not (host.root / "app").exists()


def test_one_that_is_undone_leaves_the_folder_that_is_everybodys(host):
    assert host.apply(host.service(image="registry.example/app:bad"))["failed"]
    assert host.root.is_dir()


def test_one_that_fails_does_not_stop_the_others(host):
    result = host.apply(host.service(image="registry.example/app:bad"), host.service(name="other"))
    assert result["failed"] and result["changed"]
    assert list(host.world.containers) == ["other"]
    assert [item["changed"] for item in result["services"]] == [False, True]


def test_a_service_comes_up_after_those_it_waits_for(host):
    host.apply(host.service(name="app", after=["base"]), host.service(name="base"))
    ups = [act for act in host.world.acts if act.startswith("up")]
    assert ups == ["up base", "up app"]


def test_a_service_that_left_the_plan_is_removed_and_its_data_stays(host):
    host.apply(host.service(), host.service(name="old"))
    (host.root / "old/config/data").write_text("mine")
    result = host.apply(prune=True)
    assert action(result, 1) == "remove"
    assert list(host.world.containers) == ["app"]
    assert (host.root / "old/config/data").read_text() == "mine"
    assert not host.apply(prune=True)["changed"]


def test_data_goes_only_when_asked_for_and_never_that_of_a_service_in_the_plan(host):
    host.apply(host.service(), host.service(name="old"))
    look = host.apply(check=True, prune=True, purge=["old", "app"])
    assert (action(look, 1), (host.root / "old/config").exists()) == ("remove", True)
    host.apply(prune=True, purge=["old", "app"])
    assert not (host.root / "old").exists()
    assert (host.root / "app/config").exists()
    assert not host.apply(prune=True, purge=["old", "app"])["changed"]


def test_what_is_left_of_a_service_that_went_before_can_go_later(host):
    host.apply(host.service(), host.service(name="old"))
    host.apply(prune=True)
    assert host.apply(prune=True, purge=["old"])["changed"]
    assert not (host.root / "old").exists()


def test_only_names_are_purged(host):
    host.apply()
    with pytest.raises(InputError):
        host.apply(purge=["../state"])


KILLS = ["stop app", "up app", "probe app"]


@pytest.mark.parametrize("image", ["registry.example/app:2", "registry.example/app:bad"])
@pytest.mark.parametrize("kill", KILLS)
def test_a_run_killed_in_the_middle_is_undone_and_made_good_by_the_next(host, kill, image):
    host.apply()
    (host.root / "app/config/data").write_text("mine")
    pipe = host.path / "world"
    if os.fork() == 0:

        def die(act):
            if act == kill:
                # What the container engine knows outlives the killed run.
                world = vars(host.world) | {"at": None}
                pipe.write_bytes(pickle.dumps(world))
                os._exit(9)

        host.world.at = die
        host.apply(host.service(image=image))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 9
    host.world.__dict__.update(pickle.loads(pipe.read_bytes()) | {"at": lambda act: None})
    result = host.apply()
    assert not result["failed"], result["findings"]
    assert result["findings"][0].check == "stack.recovered"
    assert (host.root / "app/config/data").read_text() == "mine"
    assert not (host.root / "app/config/written-by-bad").exists()
    assert host.world.containers["app"].image == "registry.example/app:1"
    assert not host.apply(check=True)["changed"]
