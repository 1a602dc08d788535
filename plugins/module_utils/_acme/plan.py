# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to do about each certificate, and why. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from .model import Held, Wanted, Window

NONE = "none"  # it is as wanted
ISSUE = "issue"  # there is none from a CA yet
RENEW = "renew"  # there is one, and it has to be replaced
INSTALL = "install"  # it was issued by an earlier run, and is not in use yet
PLACEHOLDER = "placeholder"  # a self-signed one, so that nginx can start

DAY = 86400.0
_SHORT = 10 * DAY  # a lifetime below this leaves no room for a third
PLACEHOLDER_LIFE = 30 * DAY


@dataclass(frozen=True)
class Decision:
    """One certificate's `action` (see above) and the reason for it in words."""

    action: str
    reason: str


def decide(
    wanted: Wanted,
    live: Held | None,
    staged: Held | None,
    directory: str,
    now: float,
    window: Window | None = None,
    problem: str = "",
) -> Decision:
    """What to do to have `wanted` from the CA at `directory`.

    live     what is in use; `problem` says why it cannot be read, if there is something that cannot
    staged   what an earlier run issued and did not put in use
    now      seconds since 1970-01-01 UTC
    window   when the CA would like `live` to be renewed
    """
    why = _why(wanted, live, directory, now, window, problem)
    if live and not why:
        return Decision(NONE, _fine(live, window))
    if staged and not _why(wanted, staged, directory, now, None, ""):
        return Decision(INSTALL, f"an earlier run had generation {staged.generation} issued, and it is not in use yet")
    return Decision(RENEW if live and not live.placeholder else ISSUE, why)


def decide_placeholder(wanted: Wanted, live: Held | None, now: float, problem: str = "") -> Decision:
    """What to do so that there is something to serve for `wanted`. Never replaces a real certificate."""
    if problem:
        return Decision(PLACEHOLDER, problem)
    if live is None:
        return Decision(PLACEHOLDER, "there is no certificate yet")
    if live.placeholder and live.identifiers != wanted.identifiers:
        return Decision(PLACEHOLDER, _difference(wanted, live))
    if live.placeholder and now >= renewal_time(live):
        return Decision(PLACEHOLDER, f"the placeholder ends on {day(live.not_after)}")
    return Decision(NONE, "there is a placeholder" if live.placeholder else "there is a certificate")


def renewal_time(held: Held) -> float:
    """When to renew without the CA's advice: when a third of the lifetime is left, or half if it is below 10 days."""
    lifetime = held.not_after - held.not_before
    return held.not_after - lifetime / (2 if lifetime < _SHORT else 3)


def instant(cert_id: str, window: Window) -> float:
    """The moment in `window` to renew at (RFC 9773 section 4.2): spread evenly over certificates, and the same for one
    certificate at every look, so that a run says what the next one does."""
    width = max(0.0, window.end - window.start)
    share = int.from_bytes(hashlib.sha256(cert_id.encode()).digest(), "big") / 2**256
    return window.start + share * width


def day(moment: float) -> str:
    """`moment` as a person reads it, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _why(wanted: Wanted, held: Held | None, directory: str, now: float, window: Window | None, problem: str) -> str:
    """Why `held` will not do; empty if it does."""
    if problem:
        return problem
    if held is None:
        return "there is no certificate yet"
    if held.placeholder:
        return "there is only a self-signed placeholder"
    if held.identifiers != wanted.identifiers:
        return _difference(wanted, held)
    if held.directory != directory:
        return f"it is from another CA ({held.directory or 'unknown'})"
    if held.key_type != wanted.key_type:
        return f"its key is {held.key_type}, and {wanted.key_type} is wanted"
    if now >= held.not_after:
        return f"it ended on {day(held.not_after)}"
    if window and window.start < held.not_after:
        chosen = instant(held.cert_id, window)
        told = f", {window.explanation}" if window.explanation else ""
        return f"the CA asks for it: {day(chosen)} chosen in its window{told}" if now >= chosen else ""
    if now >= renewal_time(held):
        return f"it ends on {day(held.not_after)}, and was to be renewed from {day(renewal_time(held))}"
    return ""


def _fine(held: Held, window: Window | None) -> str:
    if window and window.start < held.not_after:
        chosen = instant(held.cert_id, window)
        return f"it is good until {day(held.not_after)}; the CA asks for its renewal from {day(chosen)}"
    return f"it is good until {day(held.not_after)}; to be renewed from {day(renewal_time(held))}"


def _difference(wanted: Wanted, held: Held) -> str:
    new = sorted(set(wanted.identifiers) - set(held.identifiers))
    gone = sorted(set(held.identifiers) - set(wanted.identifiers))
    parts = [f"{', '.join(new)} to be added"] if new else []
    parts += [f"{', '.join(gone)} to be taken out"] if gone else []
    return f"its identifiers changed: {'; '.join(parts)}"
