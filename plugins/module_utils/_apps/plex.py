# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plex Media Server 1.4x.

A new server belongs to nobody. It is claimed for the user's account with a token that plex.tv mints for four minutes;
the account's own durable token, from the user's vault, is what mints it, and lets us in afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.clock import Deadline
from .._core.errors import DeadlineError, RefusedError
from .._core.finding import Finding, fail, warn
from .._core.http import Response
from .application import Application, Part, Settings
from .compare import Change, differences, same
from .session import PAUSE, Session

ACCOUNT = "https://plex.tv"
CLIENT = "media.monsterr"
CLAIMING = 60.0  # seconds a claim may take to be known
# What Plex's own web page chooses for a kind of library: agent and scanner.
KINDS = {
    "movie": ("tv.plex.agents.movie", "Plex Movie"),
    "show": ("tv.plex.agents.series", "Plex TV Series"),
    "artist": ("tv.plex.agents.music", "Plex Music"),
}
HINT = (
    "Log in at app.plex.tv once, take the X-Plex-Token of your account (support.plex.tv, article 204059436), put it "
    "into your vault as plex.account_token of monsterr_secrets, and run again."
)


class Plex(Application):
    """The media server."""

    alive = "/identity"

    @property
    def token(self) -> str:
        """The account's token; '' if the user gave none."""
        return self.credentials.get("account_token", "")

    def parts(self) -> list[Part]:
        """The claim first: nothing else can be done before."""
        if not self.token:
            return [Unclaimed(self)]
        return [Claim(self), Preferences(self), Libraries(self, self.settings.get("libraries", {}))]

    def get(self, path: str, attempted: str) -> dict[str, Any]:
        """Read something."""
        answer = self.session.ask("GET", path, attempted, headers=self.headers())
        return self.good(answer, attempted).json(attempted)["MediaContainer"]

    def send(self, method: str, path: str, attempted: str, query: Mapping[str, Any]) -> None:
        """Write something."""
        self.good(self.session.write(method, path, attempted, headers=self.headers(), query=query), attempted)

    def headers(self) -> dict[str, str]:
        """Who asks."""
        return {"X-Plex-Token": self.token, "X-Plex-Client-Identifier": CLIENT, "Accept": "application/json"}

    def good(self, answer: Response, attempted: str) -> Response:
        """`answer`, if we were let in."""
        if answer.status in (401, 403):
            raise RefusedError(
                attempted,
                self.service,
                "it does not take the token of your account",
                "It may belong to another account, or the token has expired. Put a good one into plex.account_token.",
                status=answer.status,
            )
        return answer.expect(attempted)

    def claimed(self) -> bool:
        """Whether the server belongs to somebody."""
        return same(True, self.get("/identity", "see whether it is claimed").get("claimed"))


class Unclaimed(Part):
    """All that can be said without a token: what is missing, and how to get it."""

    name = "claim"

    def __init__(self, app: Plex) -> None:
        self.app = app

    def read(self) -> bool:
        return self.app.claimed()

    def differ(self, found: bool | None) -> list[Change]:
        return []

    def verify(self, found: bool) -> list[Finding]:
        said = "cannot be set up" if found else "belongs to nobody yet, and cannot be set up"
        text = f"{self.app.service} {said}: there is no token of your account."
        return [warn("wiring.claim", self.app.service, text, HINT)]


class Claim(Part):
    """The server belongs to the user's account."""

    name = "claim"

    def __init__(self, app: Plex) -> None:
        self.app = app

    def read(self) -> bool:
        return self.app.claimed()

    def differ(self, found: bool | None) -> list[Change]:
        return [] if found else [Change("server: claimed", False if found is not None else None, True)]

    def write(self, found: bool) -> None:
        session = self.app.session
        account = Session(self.app.service, self.app.settings.get("account_url", ACCOUNT), session.deadline, False)
        try:
            attempted = "have plex.tv mint a claim token"
            answer = account.ask("GET", "/api/claim/token.json", attempted, headers=self.app.headers())
            claim = self.app.good(answer, attempted).json(attempted)["token"]
        finally:
            account.close()
        # The local server gives the claim to plex.tv, and gets its own token for it.
        self.app.send("POST", "/myplex/claim", "claim the server", {"token": claim})
        patience = Deadline(min(CLAIMING, session.deadline.remaining()), session.deadline.clock)
        while not self.app.claimed():
            if not patience.pause(PAUSE):
                raise DeadlineError("claim the server", self.app.service, "plex.tv has not confirmed it", HINT)


class Preferences(Settings):
    """The server's own settings."""

    def __init__(self, app: Plex) -> None:
        super().__init__(app.service, "preferences", app.settings.get("preferences", {}))
        self.app = app

    def read(self) -> dict[str, Any]:
        listed = self.app.get("/:/prefs", "read the preferences").get("Setting", ())
        return {item["id"]: item.get("value") for item in listed}

    def differ(self, found: Mapping[str, Any] | None) -> list[Change]:
        return [change for change in super().differ(found) if not same(_text(change.after), _text(change.before))]

    def write(self, found: Mapping[str, Any]) -> None:
        changed = {
            key: _text(value) for key, value in self.wanted.items() if key in found and not same(value, found[key])
        }
        self.app.send("PUT", "/:/prefs", "set the preferences", changed)


class Libraries(Part):
    """One library for each kind of media. Plex takes two of one name: they are told apart by name and kind."""

    name = "library"

    def __init__(self, app: Plex, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        self.app, self.wanted = app, wanted

    def read(self) -> list[dict[str, Any]]:
        return self.app.get("/library/sections", "read the libraries").get("Directory", [])

    def differ(self, found: list[dict[str, Any]] | None) -> list[Change]:
        changes = []
        for title, wish in self.wanted.items():
            old = next(iter(self._named(title, found)), None)
            changes += differences(f"{self.name} {title}", self._wish(wish), None if old is None else _flat(old))
        return changes + [Change(f"{self.name} {item['title']}", "present", None) for item in self._surplus(found)]

    def write(self, found: list[dict[str, Any]]) -> None:
        for title, wish in self.wanted.items():
            full = self._wish(wish)
            query = {"name": title, **full, "location": full["paths"]}
            del query["paths"]
            old = next(iter(self._named(title, found)), None)
            if old is None:
                # As Plex's own page does; the unofficial API document has another path for it.
                self.app.send("POST", "/library/sections", f"add the library {title}", query)
            elif differences("", full, _flat(old)):
                self.app.send("PUT", f"/library/sections/{old['key']}", f"write the library {title}", query)
        for item in self._surplus(found):
            self.app.send("DELETE", f"/library/sections/{item['key']}", f"remove the library {item['title']}", {})

    def verify(self, found: list[dict[str, Any]]) -> list[Finding]:
        return [
            fail(
                "wiring.library",
                self.app.service,
                f"{self.app.service} has {len(self._named(title, found))} libraries {title}.",
                "Remove those that you do not want, in its web page.",
            )
            for title in self.wanted
            if len(self._named(title, found)) > 1
        ]

    def _wish(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        agent, scanner = KINDS.get(wish["type"], ("", ""))
        known = {"type": wish["type"], "agent": agent, "scanner": scanner, "language": "en-US", "paths": []}
        return {key: wish.get(key, value) for key, value in known.items()}

    def _named(self, title: str, found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        kind = self.wanted[title]["type"]
        return [item for item in found or () if (item["title"].lower(), item["type"]) == (title.lower(), kind)]

    def _surplus(self, found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        wanted = {(title.lower(), wish["type"]) for title, wish in self.wanted.items()}
        if not self.app.settings.get("exclusive"):
            return []
        return [item for item in found or () if (item["title"].lower(), item["type"]) not in wanted]


def _flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """A library as a user would have written it."""
    return {**item, "paths": [place["path"] for place in item.get("Location", ())]}


def _text(value: Any) -> Any:
    """A setting as it stands in a query: Plex writes 1 and 0 for true and false."""
    return str(int(value)) if isinstance(value, bool) else value
