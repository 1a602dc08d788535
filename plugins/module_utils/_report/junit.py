# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A report as JUnit XML, which CI systems show. A finding is a test case; one that fails is a failure. Pure."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from .._core.finding import FAIL, WARN
from .model import Report

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The whole report."""
    suite = ElementTree.Element(
        "testsuite", name=report.title, tests=str(len(report.lines)), failures=str(len(report.of(FAIL)))
    )
    for line in report.lines:
        finding = line.finding
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_clean(line.host or "controller"),
            name=_clean(f"{finding.check} {finding.target}"),
        )
        text = _clean(f"{finding.summary}\n{finding.hint}".strip())
        if finding.status == FAIL:
            ElementTree.SubElement(case, "failure", message=_clean(finding.summary)).text = text
        elif finding.status == WARN:
            ElementTree.SubElement(case, "system-out").text = text
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
