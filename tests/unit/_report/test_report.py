# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user reads at the end of a run."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import fail, ok, warn
from ansible_collections.monsterr.media.plugins.module_utils._report import html, junit, runs, terminal
from ansible_collections.monsterr.media.plugins.module_utils._report.model import Line, Report, Service, sort

LINES = sort(
    [
        Line("edge", ok("http", "sonarr", "It answers.")),
        Line("media", fail("disk", "/srv", "Full \x00 <script>alert(1)</script>.", "Make room. " * 20)),
        Line("edge", warn("tls", "nzbget", "Ends soon.", "")),
    ]
)
REPORT = Report("Site", LINES, [Service("sonarr", "https://sonarr.example/?a=1&b='", "ok", 0.123)])


def test_terminal_tells_the_worst_first_and_counts_the_rest() -> None:
    text = terminal.render(REPORT)
    assert text.startswith("Site: 1 failed, 1 to look at, 1 ok")
    assert text.index("FAIL  media: /srv") < text.index("look  edge: nzbget")
    assert "It answers." not in text
    assert "It answers." in terminal.render(REPORT, show_ok=True)
    assert max(map(len, text.splitlines())) <= terminal.WIDTH


def test_html_needs_nothing_else_and_runs_nothing() -> None:
    page = html.render(REPORT)
    assert "<script" not in page and "src=" not in page
    assert "0.12 s" in page and "b=&#x27;" in page


def test_junit_is_xml_whatever_a_finding_says() -> None:
    suite = ElementTree.fromstring(junit.render(REPORT))
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert [case.get("classname") for case in suite if case.find("failure") is not None] == ["media"]


def _host(**more: object) -> dict[str, object]:
    empty = {"executions": 3, "seconds": 1.0, "changed": [], "failed": [], "unreachable": "", "findings": []}
    return {**empty, "results": {}, **more}


def _run(service: str, started: str) -> dict[str, object]:
    return {"stack": [{"services": [{"name": service, "container_id": "c", "started_at": started}]}]}


def test_drift_names_the_file_and_how_it_differs() -> None:
    diff = {"before_header": "/etc/nginx/a.conf", "before": "listen 80;\n", "after": "listen 443;\n"}
    log = {"hosts": {"edge": _host(changed=[{"task": "Proxy", "action": "x", "diff": diff}]), "media": _host()}}
    edge, media = runs.drift(log)
    assert (edge.finding.status, edge.finding.target) == ("fail", "/etc/nginx/a.conf")
    assert "-listen 80;; +listen 443;" in edge.finding.summary
    assert (media.finding.status, media.finding.summary) == ("ok", "media is as planned.")


def test_drift_claims_nothing_about_a_host_after_a_run_that_failed() -> None:
    log = {"hosts": {"edge": _host(unreachable="no route"), "media": _host()}}
    edge, media = runs.drift(log, complete=False)
    assert edge.finding.check == "host.unreachable"
    assert media.finding.status == "warn"


@pytest.mark.parametrize(
    ("second", "check"),
    [
        (_host(), "repeat"),
        (_host(executions=21), "repeat.cost"),
        (_host(changed=[{"task": "T", "action": "x", "diff": []}]), "repeat.changed"),
        (_host(results=_run("sonarr", "later")), "repeat.restarted"),
    ],
)
def test_a_second_run_must_leave_everything_alone(second: dict[str, object], check: str) -> None:
    first = {"hosts": {"edge": _host(results=_run("sonarr", "before"))}}
    assert [line.finding.check for line in runs.repeat(first, {"hosts": {"edge": second}}, 20)] == [check]
