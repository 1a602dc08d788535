# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings as Prometheus text (exposition format 0.0.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._core.finding import SEVERITY, Finding

# Numbers in the evidence that are worth a curve: key, name of the metric, factor to its base unit, help.
_NUMBERS = (
    ("seconds", "monsterr_health_seconds", 1.0, "Time until the answer."),
    ("days_left", "monsterr_health_certificate_left_seconds", 86400.0, "Time until the certificate ends."),
    ("percent", "monsterr_health_used_ratio", 0.01, "Share that is in use."),
    ("age_hours", "monsterr_health_age_seconds", 3600.0, "Age of the newest backup."),
    ("restarts", "monsterr_health_restarts", 1.0, "How often Docker restarted the container."),
    ("load", "monsterr_health_load15", 1.0, "Tasks that want a processor, over 15 minutes."),
)


def render(findings: Sequence[Finding], extra: Mapping[str, tuple[str, float]] | None = None) -> str:
    """Each finding's status and numbers, as text for Prometheus or for node_exporter's textfile collector.

    extra  further metrics without labels: name to (help, value)
    """
    ordered = sorted(findings, key=lambda item: (item.check, item.target))
    lines = _metric(
        "monsterr_health_status",
        "What was found: 0 ok, 1 a warning, 2 a failure.",
        ((item, float(SEVERITY[item.status])) for item in ordered),
    )
    for key, name, factor, about in _NUMBERS:
        rows = [
            (item, item.evidence[key] * factor)
            for item in ordered
            if isinstance(item.evidence.get(key), (int, float)) and not isinstance(item.evidence[key], bool)
        ]
        lines += _metric(name, about, rows) if rows else []
    for name, (about, value) in (extra or {}).items():
        lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge", f"{name} {_number(value)}"]
    return "\n".join(lines) + "\n"


def _metric(name: str, about: str, rows: Iterable[tuple[Finding, float]]) -> list[str]:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
    return lines + [
        f'{name}{{check="{_escaped(item.check)}",target="{_escaped(item.target)}"}} {_number(value)}'
        for item, value in rows
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return f"{value:.10g}" if abs(value) < 1e9 else f"{value:.3f}"
