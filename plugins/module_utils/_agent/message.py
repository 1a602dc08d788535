# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What there is to tell: the difference between what is and what was told last. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.finding import FAIL, OK, SEVERITY, Finding

FOLLOWS = "follows"  # it fails, and what makes it fail is told in its place


@dataclass(frozen=True)
class News:
    """What there is to tell one channel.

    worse      findings to tell, each a cause of its own
    better     targets that are well again
    follow     cause: how many more fail because of it
    standing   target: what is told once this has been: ``warn``, ``fail`` or `FOLLOWS`; all others are well
    """

    worse: list[Finding] = field(default_factory=list)
    better: list[Finding] = field(default_factory=list)
    follow: Mapping[str, int] = field(default_factory=dict)
    standing: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.worse or self.better)


def news(findings: Sequence[Finding], told: Mapping[str, str], at: str) -> News:
    """What has changed.

    told  the `standing` of the last message
    at    the least status that is told: ``warn`` or ``fail``
    """
    standing = {item.target: _standing(item, at) for item in findings}
    changed = [item for item in findings if standing[item.target] != told.get(item.target, OK)]
    return News(
        worse=[item for item in changed if standing[item.target] in SEVERITY and standing[item.target] != OK],
        better=[item for item in changed if standing[item.target] == OK and told.get(item.target) != FOLLOWS],
        follow=Counter(item.evidence["cause"] for item in findings if standing[item.target] == FOLLOWS),
        standing={target: status for target, status in standing.items() if status != OK},
    )


def subject(item: News, host: str) -> str:
    """One line."""
    failed = [one.target for one in item.worse if one.status == FAIL]
    warned = [one.target for one in item.worse if one.status != FAIL]
    parts = [f"{_listed(failed)} fails" if len(failed) == 1 else f"{_listed(failed)} fail"] if failed else []
    parts += [f"{_listed(warned)}: warning"] if warned else []
    parts += [f"{_listed([one.target for one in item.better])}: well again"] if item.better else []
    return f"{host}: {'; '.join(parts)}"


def text(item: News) -> str:
    """The whole story, as plain text."""
    lines = []
    for one in sorted(item.worse, key=lambda one: -SEVERITY[one.status]):
        lines.append(f"{one.status.upper()} {one.target}: {one.summary}")
        more = item.follow.get(one.target, 0)
        lines += [f"  {more} more {'fails' if more == 1 else 'fail'} because of it."] if more else []
        lines += [f"  {one.hint}"] if one.hint else []
    lines += [f"OK {one.target}: {one.summary}" for one in item.better]
    return "\n".join(lines) + "\n"


def plain(item: News, host: str) -> dict[str, Any]:
    """The same as data, for a webhook."""
    return {
        "host": host,
        "subject": subject(item, host),
        "text": text(item),
        "findings": [one.as_dict() for one in item.worse],
        "recovered": [one.as_dict() for one in item.better],
    }


def _standing(item: Finding, at: str) -> str:
    if SEVERITY[item.status] < SEVERITY[at]:
        return OK
    return FOLLOWS if item.status == FAIL and item.evidence.get("cause") else item.status


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
