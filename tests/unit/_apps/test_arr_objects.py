# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an *arr has lists of: bad names, numbers for names, what is kept and what goes."""

from __future__ import annotations

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._apps.arr_objects import (
    CustomFormats,
    QualityProfiles,
    RemotePaths,
    RootFolders,
)
from ansible_collections.monsterr.media.plugins.module_utils._apps.lidarr import Lidarr
from ansible_collections.monsterr.media.plugins.module_utils._apps.sonarr import Sonarr
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError

from .fakes import application

ITEMS = [
    {"quality": {"id": 1, "name": "SDTV"}, "items": [], "allowed": False},
    {
        "id": 1000,
        "name": "WEB 1080p",
        "allowed": False,
        "items": [{"quality": {"id": 3, "name": "WEBDL-1080p"}, "items": [], "allowed": False}],
    },
]
FOUND = {
    "objects": [],
    "formats": {"Repack": 7, "Other": 8},
    "template": {"name": "", "cutoff": 0, "items": ITEMS, "formatItems": []},
}


def sonarr(tmp_path, **settings):
    return application(Sonarr, {}, tmp_path, settings=settings).app


def profile(tmp_path, **wish):
    return QualityProfiles(sonarr(tmp_path), {"HD": wish})


def test_a_new_profile_allows_what_is_named_and_has_every_format(tmp_path):
    part = profile(tmp_path, qualities=["WEB 1080p"], cutoff="WEB 1080p", formats={"Repack": 5})
    body = part.whole("HD", None, FOUND)
    assert [item["allowed"] for item in body["items"]] == [False, True]
    assert body["items"][1]["items"][0]["allowed"]
    assert body["cutoff"] == 1000
    assert {item["name"]: item["score"] for item in body["formatItems"]} == {"Repack": 5, "Other": 0}


@pytest.mark.parametrize(
    ("wish", "near"),
    [
        ({"qualities": ["WEB 1080"]}, "Did you mean WEB 1080p?"),
        ({"cutoff": "SDTVV"}, "Did you mean SDTV?"),
        ({"formats": {"Repak": 1}}, "Did you mean Repack?"),
    ],
)
def test_a_name_that_the_application_does_not_have_is_told_with_the_nearest(tmp_path, wish, near):
    with pytest.raises(InputError) as told:
        profile(tmp_path, **wish).whole("HD", None, FOUND)
    assert told.value.hint == near


def test_a_profile_is_compared_by_names_and_what_is_not_mentioned_is_left(tmp_path):
    old = {"id": 4, "name": "hd", "upgradeAllowed": True, "cutoff": 1, "items": ITEMS, "formatItems": []}
    part = profile(tmp_path, cutoff="WEB 1080p", qualities=["WEB 1080p"])
    changes = part.differ({**FOUND, "objects": [old]})
    assert {change.setting: (change.before, change.after) for change in changes} == {
        "quality profile HD: cutoff": ("SDTV", "WEB 1080p"),
        "quality profile HD: qualities": ([], ["WEB 1080p"]),
    }


def test_a_condition_of_a_format_that_is_not_mentioned_goes(tmp_path):
    said = {"name": "one", "fields": {"value": "x"}}
    there = {"id": 1, "name": "Mine", "includeCustomFormatWhenRenaming": True, "specifications": [
        {"name": "one", "implementation": "ReleaseTitleSpecification", "negate": False, "required": False,
         "fields": [{"name": "value", "value": "x"}]},
        {"name": "two", "implementation": "ReleaseTitleSpecification", "fields": []},
    ]}  # fmt: skip
    part = CustomFormats(sonarr(tmp_path), {"Mine": {"specifications": [said]}})
    (change,) = part.differ({"objects": [there]})
    assert (change.setting, change.after) == ("custom format Mine: two", None)
    body = part.whole("Mine", there, {})
    assert (body["includeCustomFormatWhenRenaming"], len(body["specifications"])) == (True, 1)


def test_only_what_the_inventory_has_stays_if_it_is_exclusive(tmp_path):
    there = {"objects": [{"id": 1, "path": "/data/media/tv"}, {"id": 2, "path": "/old"}]}
    keep = RootFolders(sonarr(tmp_path), ["/data/media/tv/"])
    assert keep.differ(there) == []
    only = RootFolders(sonarr(tmp_path, exclusive=True), ["/data/media/tv/"])
    assert [change.setting for change in only.differ(there)] == ["root folder /old"]


def test_a_path_mapping_is_known_by_host_and_path_with_or_without_a_slash(tmp_path):
    there = {"objects": [{"id": 1, "host": "far", "remotePath": "/downloads/", "localPath": "/data/"}]}
    wish = {"host": "far", "remotePath": "/downloads", "localPath": "/data"}
    assert RemotePaths(sonarr(tmp_path), [wish]).differ(there) == []


def test_a_root_folder_of_lidarr_gets_the_first_profiles_unless_it_names_others(tmp_path):
    app = application(Lidarr, {}, tmp_path).app
    found = {"objects": [], "defaultQualityProfile": {"Any": 3, "Lossless": 4}, "defaultMetadataProfile": {"None": 9}}
    body = RootFolders(app, ["/data/media/music"]).whole("/data/media/music", None, found)
    assert (body["name"], body["defaultQualityProfileId"], body["defaultMetadataProfileId"]) == ("Music", 3, 9)
    wish = [{"path": "/data/media/music", "defaultQualityProfile": "Lossles"}]
    with pytest.raises(InputError) as told:
        RootFolders(app, wish).whole("/data/media/music", None, found)
    assert told.value.hint == "Did you mean Lossless?"
