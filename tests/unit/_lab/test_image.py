# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images without an engine: what is in the archive is what an engine needs to load them."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError
from ansible_collections.monsterr.media.plugins.module_utils._lab import definitions, image

REPOSITORY = Path(__file__).resolve().parents[3]
SONARR = "lscr.io/linuxserver/sonarr:4.0.16"


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes"
    for service, recipe in {
        "sonarr": {"command": ["python3", "/app/standin.py"], "stand_in": "sonarr"},
        "nzbget": {"packages": ["nzbget"], "command": ["nzbget"], "files": {"prepare": "/lab/prepare"}},
    }.items():
        (folder / service).mkdir(parents=True)
        (folder / service / "image.json").write_text(json.dumps(recipe))
    (folder / "nzbget/prepare").write_text("#!/bin/sh\n")
    (tmp_path / "standins/sonarr").mkdir(parents=True)
    (tmp_path / "standins/sonarr/standin.py").write_text("print('hello')\n")
    return folder


def written(images: image.Images, folder: Path) -> dict[str, bytes]:
    """Name -> content of all that is in the archive."""
    base = folder / "base.tar"
    base.write_bytes(image.layer({"bin/sh": b"shell"}, {}))
    image.write(folder / "images.tar", {"layer": base}, images.images)
    with tarfile.open(folder / "images.tar") as archive:
        return {item.name: archive.extractfile(item).read() for item in archive if item.isfile()}  # type: ignore


def test_an_engine_finds_every_tag_with_its_layers_and_their_digests(recipes: Path, tmp_path: Path) -> None:
    images = image.collect({"sonarr": [SONARR], "nzbget": ["x/nzbget:1"]}, recipes, tmp_path / "standins")
    content = written(images, tmp_path)
    manifest = json.loads(content["manifest.json"])
    assert sorted(tag for item in manifest for tag in item["RepoTags"]) == images.result()["loaded"]
    shared = {item["Layers"][0] for item in manifest}
    assert len(shared) == 1 and manifest[0]["Layers"][1] != manifest[-1]["Layers"][1]
    for item in manifest:
        config = json.loads(content[item["Config"]])
        digests = [f"sha256:{hashlib.sha256(content[layer]).hexdigest()}" for layer in item["Layers"]]
        assert config["rootfs"]["diff_ids"] == digests


def test_each_image_also_comes_with_tags_that_misbehave(recipes: Path, tmp_path: Path) -> None:
    images = image.collect({"sonarr": [SONARR]}, recipes, tmp_path / "standins")
    content = written(images, tmp_path)
    faults = {}
    for item in json.loads(content["manifest.json"]):
        environment = dict(line.split("=", 1) for line in json.loads(content[item["Config"]])["config"]["Env"])
        faults[item["RepoTags"][0].rpartition(":")[2]] = environment["LAB_FAULT"]
    assert faults == {"4.0.16": "", "lab-next": "next", "lab-broken": "silent", "lab-crash": "crash"}


def test_a_stand_in_is_named_one_in_the_image_itself(recipes: Path, tmp_path: Path) -> None:
    images = image.collect({"sonarr": [SONARR], "nzbget": ["x/nzbget:1"]}, recipes, tmp_path / "standins")
    labels = {
        item.service: item.config(item.references[0], "", [])["config"]["Labels"]["media.monsterr.lab"]
        for item in images.images
    }
    assert labels == {"sonarr": "stand-in", "nzbget": "real program"}
    with tarfile.open(fileobj=io.BytesIO(images.images[1].layer())) as layer:
        assert "app/standin.py" in layer.getnames()
        assert layer.getmember("lab/entrypoint").mode & 0o111


def test_a_service_without_an_image_is_reported_and_the_others_are_made(recipes: Path) -> None:
    images = image.collect({"plex": ["x/plex:1"], "sonarr": [SONARR], "nzbget": ["x/nzbget:1"]}, recipes, None)
    assert [item.service for item in images.images] == ["nzbget"]
    found = {finding.target: finding for finding in images.findings()}
    assert set(found) == {"plex", "sonarr"}
    assert {finding.status for finding in found.values()} == {"warn"}
    assert "stand-in" in found["sonarr"].summary


def test_a_recipe_that_cannot_be_read_is_named(recipes: Path) -> None:
    (recipes / "nzbget/image.json").write_text("{")
    with pytest.raises(InputError, match=r"nzbget/image\.json"):
        image.collect({"nzbget": ["x/nzbget:1"]}, recipes, None)


def test_the_same_content_makes_the_same_layer(recipes: Path) -> None:
    first, second = (image.collect({"nzbget": ["x/nzbget:1"]}, recipes, None).images[0].layer() for _unused in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("lscr.io/linuxserver/sonarr:1.2", "lscr.io/linuxserver/sonarr"),
        ("registry:5000/sonarr", "registry:5000/sonarr"),
        ("registry:5000/sonarr:1@sha256:00", "registry:5000/sonarr"),
    ],
)
def test_a_repository_is_a_reference_without_tag_and_digest(reference: str, name: str) -> None:
    assert image.repository(reference) == name


def parameters(**changes: Any) -> dict[str, Any]:
    paths = {"roles": str(REPOSITORY / "roles"), "image_recipes": None, "stand_ins": str(REPOSITORY / "tests/standins")}
    return {"images": {}, "services": [], **paths, **changes}


def test_the_roles_own_definitions_name_the_images() -> None:
    images = definitions.images(parameters(services=["sonarr", "qbittorrent", "nzbget"]))
    assert images and not images.missing
    assert {item.service for item in images.images} == {"sonarr", "qbittorrent", "nzbget"}
    assert images.result()["stand_ins"] == ["sonarr"]


def test_an_image_that_the_user_chose_instead_is_the_one_that_is_made() -> None:
    images = definitions.images(parameters(services=["nzbget"], images={"nzbget": "example.org/nzbget:9"}))
    assert images and images.images[0].references == ("example.org/nzbget:9",)


@pytest.mark.parametrize("script", sorted((REPOSITORY / "roles/lab/files/images").glob("*/*[!ny]")))
def test_scripts_of_images_are_valid_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_entrypoint_is_valid_shell() -> None:
    subprocess.run(["sh", "-n"], input=image.ENTRYPOINT, text=True, check=True)
