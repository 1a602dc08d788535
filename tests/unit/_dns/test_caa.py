# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._dns import caa
from ansible_collections.monsterr.media.plugins.module_utils._dns.caa import Found, Property
from hypothesis import given
from hypothesis import strategies as st

CA = "letsencrypt.org"


def _status(name: str, *records: tuple[int, str, str], account: str = "", method: str = "") -> str:
    found = Found("example.org", tuple(Property(*record) for record in records))
    return caa.verdict(name, found, CA, account, method).status


@pytest.mark.parametrize(
    ("name", "records", "status"),
    [
        ("example.org", [], "ok"),
        ("example.org", [(0, "iodef", "mailto:a@example.org")], "ok"),
        ("example.org", [(0, "issue", CA)], "ok"),
        ("example.org", [(128, "issue", CA)], "ok"),
        ("example.org", [(0, "issue", ";")], "fail"),
        ("example.org", [(0, "issue", "ca.example")], "fail"),
        ("example.org", [(0, "issue", f"{CA}; %%%")], "fail"),
        ("example.org", [(0, "issue", CA), (128, "tbs", "x")], "fail"),
        ("example.org", [(0, "issue", CA), (0, "tbs", "x")], "ok"),
        ("example.org", [(0, "issue", CA), (0, "issuewild", ";")], "ok"),
        ("*.example.org", [(0, "issue", CA), (0, "issuewild", ";")], "fail"),
        ("*.example.org", [(0, "issue", CA)], "ok"),
    ],
)
def test_verdict(name: str, records: list[tuple[int, str, str]], status: str) -> None:
    assert _status(name, *records) == status


@pytest.mark.parametrize(
    ("account", "method", "status"),
    [
        ("https://a/1", "dns-01", "ok"),
        ("https://a/2", "dns-01", "fail"),
        ("https://a/1", "http-01", "fail"),
        ("", "", "warn"),
    ],
)
def test_account_and_method(account: str, method: str, status: str) -> None:
    record = (0, "issue", f"{CA}; accounturi=https://a/1; validationmethods=dns-01")

    assert _status("example.org", record, account=account, method=method) == status


def test_a_lookup_that_fails_is_a_failure_and_the_hint_is_the_record() -> None:
    assert caa.verdict("example.org", Found(problem="SERVFAIL"), CA).status == "fail"
    found = caa.verdict("example.org", Found("example.org", (Property(0, "issue", ";"),)), CA)
    assert 'Type: CAA, Name: example.org, Value: 0 issue "letsencrypt.org", TTL: 300' in found.hint


@given(st.text(), st.integers(0, 255), st.text())
def test_any_record_has_a_verdict(tag: str, flags: int, value: str) -> None:
    assert _status("example.org", (flags, tag, value)) in ("ok", "warn", "fail")


@given(st.text())
def test_only_a_value_that_names_the_ca_lets_it_issue(value: str) -> None:
    if CA not in value.lower():
        assert _status("example.org", (0, "issue", value)) == "fail"
