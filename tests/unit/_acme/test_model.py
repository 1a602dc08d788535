# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._acme import model
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError


def test_identifiers_have_one_form_and_order() -> None:
    [wanted] = model.read(
        [{"name": "x", "identifiers": ["B.example.org.", "a.example.org", "b.example.org", "::0001"]}]
    )

    assert wanted == model.Wanted("x", ("::1", "a.example.org", "b.example.org"), "http-01", "ec-256")


def test_every_problem_is_told_at_once() -> None:
    records = [
        {"name": "wild", "identifiers": ["*.example.org"]},
        {"name": "../up", "identifiers": ["a.example.org"]},
        {"name": "none", "identifiers": []},
        {"name": "ip", "identifiers": ["192.0.2.1"], "challenge": "dns-01"},
        {"name": "odd", "identifiers": ["exämple.org"]},
        {"name": "good", "identifiers": ["*.example.org"], "challenge": "dns-01"},
        {"name": "good", "identifiers": ["example.org"]},
        {"name": "key", "identifiers": ["example.org"], "key_type": "rsa-1024"},
    ]

    with pytest.raises(InputError) as caught:
        model.read(records)

    assert [item.target for item in caught.value.findings] == [
        "certificates[0] wild",
        "certificates[1] ../up",
        "certificates[2] none",
        "certificates[3] ip",
        "certificates[4] odd",
        "certificates[6] good",
        "certificates[7] key",
    ]
    assert "needs dns-01" in caught.value.findings[0].summary


def test_a_wildcard_and_its_name_share_the_challenge_record() -> None:
    assert model.challenge_name("*.example.org") == model.challenge_name("example.org") == "_acme-challenge.example.org"
