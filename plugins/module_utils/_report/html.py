# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A report as one HTML page that needs nothing else: readable in the light, in the dark, and by ear. Pure."""

from __future__ import annotations

from html import escape

from .._core.finding import FAIL, OK, WARN
from .model import Line, Report, Service

_WORDS = {OK: "OK", WARN: "Look", FAIL: "Failed"}
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --quiet: #5b6475; --paper: #f6f7f9; --card: #fff; --line: #dde1e8;
  --ok: #1a7f4b; --warn: #9a6100; --fail: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --quiet: #9aa4b5; --paper: #12151b; --card: #1b2029;
  --line: #2d3441; --ok: #5fd39a; --warn: #f0b95a; --fail: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0 0 .25rem; font-size: 1.75rem; }
h2 { margin: 2rem 0 .75rem; font-size: 1.15rem; }
p, dl { margin: 0; color: var(--quiet); }
dl { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin-top: .75rem; }
dl div { display: flex; gap: .4rem; } dd { margin: 0; color: var(--ink); }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; overflow: hidden; }
th, td { padding: .6rem .8rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--quiet); font-weight: 600; font-size: .85rem; }
td { overflow-wrap: anywhere; }
td:nth-child(2) { white-space: nowrap; }
a { color: inherit; }
.sign { display: inline-block; min-width: 4rem; padding: .05rem .5rem; border: 1px solid currentColor;
  border-radius: 1rem; text-align: center; font-size: .8rem; font-weight: 600; }
.ok { color: var(--ok); } .warn { color: var(--warn); } .fail { color: var(--fail); }
.hint { display: block; color: var(--quiet); }
"""


def render(report: Report) -> str:
    """The whole page."""
    facts = "".join(f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in report.facts.items())
    body = [
        f"<h1>{escape(report.title)}</h1>",
        f"<p>{escape(report.counts)}</p>",
        f"<dl>{facts}</dl>" if facts else "",
        _services(report),
        _findings(report),
    ]
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _services(report: Report) -> str:
    if not report.services:
        return ""
    rows = "".join(_service(item) for item in report.services)
    return f"<h2>Services</h2>{_table(('Status', 'Service', 'Address', 'Time'), rows)}"


def _service(item: Service) -> str:
    seconds = f"{item.seconds:.2f} s" if item.seconds else ""
    note = f"<span class='hint'>{escape(item.note)}</span>" if item.note else ""
    link = f"<a href='{escape(item.url)}'>{escape(item.url)}</a>"
    return f"<tr><td>{_sign(item.status)}</td><td>{escape(item.name)}</td><td>{link}{note}</td><td>{seconds}</td></tr>"


def _findings(report: Report) -> str:
    rows = "".join(_finding(line) for line in report.lines)
    return f"<h2>Findings</h2>{_table(('Status', 'Host', 'What', 'Finding'), rows)}"


def _table(columns: tuple[str, ...], rows: str) -> str:
    head = "".join(f"<th scope='col'>{column}</th>" for column in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _finding(line: Line) -> str:
    finding = line.finding
    hint = f"<span class='hint'>{escape(finding.hint)}</span>" if finding.hint else ""
    return (
        f"<tr><td>{_sign(finding.status)}</td><td>{escape(line.host)}</td><td>{escape(finding.target)}</td>"
        f"<td>{escape(finding.summary)}{hint}</td></tr>"
    )


def _sign(status: str) -> str:
    return f"<span class='sign {status}'>{_WORDS[status]}</span>"
