# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The signature, against the examples that AWS publishes."""

from __future__ import annotations

from ansible_collections.monsterr.media.plugins.module_utils._dns.providers.sigv4 import sign

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = 1440938160  # 2015-08-30 12:36:00 UTC


def test_get_vanilla() -> None:
    host = {"Host": "example.amazonaws.com"}

    signed = sign("AKIDEXAMPLE", SECRET, "us-east-1", "service", NOW, "GET", "/", [], host)

    assert signed["X-Amz-Date"] == "20150830T123600Z"
    assert signed["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


def test_list_users_of_iam() -> None:
    headers = {
        "Host": "iam.amazonaws.com",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    query = [("Version", "2010-05-08"), ("Action", "ListUsers")]

    signed = sign("AKIDEXAMPLE", SECRET, "us-east-1", "iam", NOW, "GET", "/", query, headers)

    assert signed["Authorization"].endswith(
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )
