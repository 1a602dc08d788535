# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is written for Compose says what was asked, and holds no secret."""

from __future__ import annotations

import yaml
from ansible_collections.monsterr.media.plugins.module_utils._compose import render
from hypothesis import given
from hypothesis import strategies as st

from .samples import SECRETS, service


def parsed(item):
    return yaml.safe_load(render.compose(item, "monsterr"))["services"][item["name"]]


def test_it_says_what_was_asked():
    shown = parsed(service())
    assert shown["image"] == "registry.example/app:1"
    assert shown["ports"] == ["127.0.0.1:8989:8989/tcp"]
    assert shown["environment"] == {"TZ": "Etc/UTC"}
    assert shown["env_file"] == ["secret.env"]
    assert shown["security_opt"] == ["no-new-privileges:true"]
    assert [volume["target"] for volume in shown["volumes"]] == ["/config", "/data"]


def test_an_entrypoint_and_a_user_in_place_of_the_images():
    shown = parsed(service(entrypoint=["serve", "$HOME"], user="13000:13000"))
    assert (shown["entrypoint"], shown["user"]) == (["serve", "$$HOME"], "13000:13000")
    assert not {"entrypoint", "user"} & parsed(service()).keys()


def test_a_digest_pins_the_image():
    assert parsed(service(digest="sha256:" + "a" * 64))["image"] == "registry.example/app:1@sha256:" + "a" * 64


def test_secrets_stand_in_the_private_file_only():
    text = render.compose(service(), "monsterr")
    assert SECRETS["app.key"] not in text and "<secret" not in text
    assert render.secret_env(service(), SECRETS) == f"KEY='{SECRETS['app.key']}'\n"


def test_a_container_is_renewed_when_its_project_differs_and_only_then():
    def revision(item):
        return parsed(item)["labels"][render.REVISION]

    assert revision(service()) == revision(service())
    assert revision(service()) != revision(service(image="registry.example/app:2"))


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_any_value_comes_through_as_it_is(value):
    shown = parsed(service(environment={"VALUE": value}))
    assert shown["environment"]["VALUE"].replace("$$", "$") == value
