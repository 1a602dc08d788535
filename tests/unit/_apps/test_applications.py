# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each client makes of answers that the programs in the integration tests do not give."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._apps import registry
from ansible_collections.monsterr.media.plugins.module_utils._apps.arr import complaints
from ansible_collections.monsterr.media.plugins.module_utils._apps.nzbget import Found, NZBGet
from ansible_collections.monsterr.media.plugins.module_utils._apps.qbittorrent import QBittorrent
from ansible_collections.monsterr.media.plugins.module_utils._apps.sonarr import Sonarr
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import RefusedError
from ansible_collections.monsterr.media.plugins.module_utils._core.secret import MASK

from .fakes import application, response

LOGIN = "POST /api/v2/auth/login"
CLIENT = {
    "kind": "download_client",
    "service": "qbittorrent",
    "app": "qbittorrent",
    "title": "qBittorrent",
    "host": "qbittorrent",
    "port": 8080,
    "username": "admin",
    "password": "hidden",
    "category": "sonarr",
}
LIST = "GET /api/v3/downloadclient"
TEST = "POST /api/v3/downloadclient/test"
AT_LOGIN = [{"propertyName": "Username", "errorMessage": "Authentication failure", "attemptedValue": "hidden"}]
NO_PEER = [{"propertyName": "Host", "errorMessage": "Unable to connect"}]


@pytest.mark.parametrize("answer", [response(200, "Ok."), response(204)])
def test_qbittorrent_lets_us_in_by_old_words_and_new(tmp_path, answer):
    made = application(QBittorrent, {LOGIN: answer}, tmp_path)
    made.app.login()
    assert len(made.client.asked) == 1
    assert not made.app.outdated


@pytest.mark.parametrize("refusal", [response(200, "Fails."), response(401)])
def test_qbittorrent_is_asked_with_the_password_before_the_rotation_only_then(tmp_path, refusal):
    made = application(QBittorrent, {LOGIN: [refusal, response(204)]}, tmp_path)
    made.app.login()
    assert made.app.outdated
    assert [options["form"]["password"] for _unused, options in made.client.asked] == ["now", "before"]


def test_the_password_that_was_given_last_is_tried_first(tmp_path):
    application(QBittorrent, {}, tmp_path).app.ledger.gave("app.password", "before")
    made = application(QBittorrent, {LOGIN: response(204)}, tmp_path)
    made.app.login()
    assert [options["form"]["password"] for _unused, options in made.client.asked] == ["before"]
    assert made.app.outdated


def test_a_ban_ends_the_tries(tmp_path):
    made = application(QBittorrent, {LOGIN: response(403, "banned")}, tmp_path)
    with pytest.raises(RefusedError, match="banned this host's address"):
        made.app.login()
    assert len(made.client.asked) == 1


def test_other_passwords_among_the_preferences_are_not_told(tmp_path):
    made = application(QBittorrent, {}, tmp_path, settings={"preferences": {"proxy_password": "hidden"}})
    changes = made.app.parts()[1].differ({"proxy_password": "theirs"})
    assert [(change.before, change.after) for change in changes] == [(MASK, MASK)]


def provider(tmp_path, answers, privacy="password", stored=MASK, check_mode=False, **fields):
    values = {
        "host": "qbittorrent",
        "port": 8080,
        "useSsl": False,
        "username": "admin",
        "tvCategory": "sonarr",
        **fields,
    }
    whole = {
        "id": 7,
        "name": "QBITTORRENT",
        "implementation": "QBittorrent",
        "enable": True,
        "fields": [{"name": name, "value": value, "privacy": "normal"} for name, value in values.items()]
        + [{"name": "password", "value": stored, "privacy": privacy}],
    }
    answers = {LIST: response(200, [whole]), **answers}
    made = application(Sonarr, answers, tmp_path, check_mode=check_mode, connections=[CLIENT])
    made.part = made.app.parts()[-1]
    made.tested = lambda: [
        next(field["value"] for field in options["json"]["fields"] if field["name"] == "password")
        for path, options in made.client.asked
        if path == TEST
    ]
    return made


def names(made, found):
    return [change.setting for change in made.part.differ(found)]


def test_a_masked_secret_that_works_is_no_change_and_is_asked_about_masked(tmp_path):
    made = provider(tmp_path, {TEST: response(200, {})})
    found = made.part.read()
    assert names(made, found) == []
    assert made.tested() == [MASK]


def test_a_masked_secret_that_the_peer_refuses_is_put_back_only_if_ours_works(tmp_path):
    made = provider(tmp_path, {TEST: [response(400, AT_LOGIN), response(200, {})]})
    assert names(made, made.part.read()) == ["download client qBittorrent: password"]
    assert made.tested() == [MASK, "hidden"]


def test_when_neither_works_the_peer_is_asked_twice_and_no_more(tmp_path):
    made = provider(tmp_path, {TEST: response(400, AT_LOGIN)})
    made.app.ledger.gave("app.downloadclient.qbittorrent.password", "hidden")
    found = made.part.read()
    assert names(made, found) == []
    (finding,) = made.part.verify(found)
    assert finding.summary == "app cannot use qBittorrent: Authentication failure (Username)."
    assert made.tested() == [MASK, "hidden"]


def test_a_secret_that_was_rotated_is_known_without_asking(tmp_path):
    made = provider(tmp_path, {})
    made.app.ledger.gave("app.downloadclient.qbittorrent.password", "the one before")
    assert names(made, made.part.read()) == ["download client qBittorrent: password"]
    assert made.tested() == []


def test_a_peer_that_cannot_be_reached_is_waited_for(tmp_path):
    made = provider(tmp_path, {TEST: [response(400, NO_PEER), response(400, NO_PEER), response(200, {})]})
    found = made.part.read()
    assert made.part.verify(found) == []
    assert made.session.deadline.clock.now == 6


def test_in_check_mode_a_peer_that_cannot_be_reached_is_a_warning_at_once(tmp_path):
    made = provider(tmp_path, {TEST: response(400, NO_PEER)}, check_mode=True)
    (finding,) = made.part.verify(made.part.read())
    assert (finding.status, made.session.deadline.clock.now) == ("warn", 0)


def test_an_application_that_shows_secrets_is_compared_and_not_told(tmp_path):
    made = provider(tmp_path, {TEST: response(200, {})}, privacy="normal", stored="theirs in clear")
    changes = made.part.differ(made.part.read())
    assert [(change.before, change.after) for change in changes] == [("******** (not ours)", MASK)]


def test_what_is_written_keeps_masks_of_secrets_that_did_not_change(tmp_path):
    written = {"PUT /api/v3/downloadclient/7": response(202, {})}
    made = provider(tmp_path, {TEST: response(200, {}), **written}, tvCategory="tv")
    found = made.part.read()
    assert names(made, found) == ["download client qBittorrent: tvCategory"]
    made.part.write(found)
    path, options = made.client.asked[-1]
    fields = {field["name"]: field["value"] for field in options["json"]["fields"]}
    assert path == "PUT /api/v3/downloadclient/7"
    assert (fields["password"], fields["tvCategory"], options["query"]) == (MASK, "sonarr", {"forceSave": "true"})
    assert options["json"]["name"] == "QBITTORRENT"


def test_another_kind_of_client_with_our_name_is_left_alone(tmp_path):
    made = provider(tmp_path, {LIST: response(200, [{"name": "qbittorrent", "implementation": "Deluge"}])})
    with pytest.raises(RefusedError, match="another one of that name, of the kind Deluge"):
        made.part.read()


def test_complaints_never_hold_what_was_tried():
    assert "hidden" not in str(complaints(response(400, AT_LOGIN)))
    assert complaints(response(400, [{"errorMessage": "Careful.", "isWarning": True}])) == [("", "Careful", True)]
    assert complaints(response(500, {"message": "database is locked"})) == [("", "database is locked", False)]
    assert complaints(response(502, "<html>")) == []


def nzbget(tmp_path, options, **record):
    made = application(NZBGet, {}, tmp_path, settings={"options": options}, **record)
    return made.app.parts()[0]


def found(file, running=None):
    login = {"ControlUsername": "admin", "ControlPassword": "now"}
    return Found({**login, **file}, {**login, **(file if running is None else running)})


def test_nzbget_options_are_compared_whatever_the_case_of_their_names(tmp_path):
    part = nzbget(tmp_path, {"ControlIP": "0.0.0.0", "AppendCategoryDir": True})
    assert part.differ(found({"ControlIp": "0.0.0.0", "AppendCategoryDir": "yes"})) == []


def test_an_option_that_was_saved_and_not_reloaded_is_a_change(tmp_path):
    part = nzbget(tmp_path, {"MainDir": "/data"})
    (change,) = part.differ(found({"MainDir": "/data"}, {"MainDir": "/old"}))
    assert (change.setting, change.before, change.after) == ("options: MainDir", "/old", "/data")


def test_a_category_takes_the_next_free_number_or_the_one_it_has(tmp_path):
    category = {"kind": "category", "service": "sonarr", "category": "sonarr"}
    part = nzbget(tmp_path, {"DestDir": "/c"}, connections=[category, {**category, "category": "radarr"}])
    taken = {"DestDir": "/c", "Category1.Name": "Movies", "Category3.Name": "Radarr", "Category3.DestDir": ""}
    assert {key: value for key, (_unused, value) in part._wanted(found(taken)).items() if key.startswith("Cat")} == {
        "Category4.Name": "sonarr",
        "Category4.DestDir": "/c/sonarr",
        "Category3.Name": "radarr",
        "Category3.DestDir": "/c/radarr",
    }


def test_news_servers_passwords_are_not_told(tmp_path):
    part = nzbget(tmp_path, {"Server1.Password": "hidden"})
    (change,) = part.differ(found({"Server1.Password": "theirs"}))
    assert (change.before, change.after) == ("******** (not ours)", MASK)


def test_a_news_server_that_is_not_there_yet_is_added_and_a_misspelt_option_of_it_is_told(tmp_path):
    part = nzbget(tmp_path, {"Server2.Host": "news.example.org", "Server2.Usrname": "me"})
    (change,) = part.differ(found({"Server1.Host": "other.example.org"}))
    assert (change.setting, change.before, change.after) == ("options: Server2.Host", None, "news.example.org")
    (finding,) = part.verify(found({}))
    assert "Server2.Usrname" in finding.summary and finding.hint == "Did you mean Server2.Username?"


def test_every_part_of_every_application_can_tell_what_it_wants_before_it_runs(tmp_path):
    for kind in registry.APPLICATIONS.values():
        made = application(kind, {}, tmp_path, connections=[CLIENT])
        changes = [change for part in made.app.parts() for change in part.differ(None)]
        assert "hidden" not in json.dumps([change.as_dict() for change in changes])
