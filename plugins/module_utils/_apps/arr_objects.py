# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an *arr has lists of, and writes as a whole: formats, profiles, root folders, path mappings, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .._core.errors import InputError
from .._core.finding import Finding, fail
from .._core.secret import MASK
from .application import Part
from .compare import Change, differences, same, secret_change, unknown

if TYPE_CHECKING:
    from .arr import ArrApplication

Object = Mapping[str, Any]


class Objects(Part):
    """A list of objects that are told apart by a key.

    Each is compared flat: as the settings that a user knows, with names instead of numbers. Objects that are not
    wanted are left alone, unless `exclusive`.
    """

    path = ""
    key = "name"
    replaced = True  # whether one can be written anew; otherwise only added and removed

    def __init__(self, app: ArrApplication, wanted: Mapping[str, Object]) -> None:
        self.app, self.wanted = app, wanted

    def read(self) -> dict[str, Any]:
        """By ``objects``, what the application has; a subclass adds what it needs to understand them."""
        return {"objects": self.app.get(self.path, f"read the {self.name}s")}

    def flat(self, whole: Object, found: Object) -> dict[str, Any]:
        """An object of the application as a user would have written it."""
        return dict(whole)

    def filled(self, title: str, found: Object | None) -> Object:
        """The wish as it is compared: with defaults that only a new one needs left out."""
        return self.wanted[title]

    def whole(self, title: str, old: Object | None, found: Object) -> dict[str, Any]:
        """What to send. old: what there is, None for a new one."""
        raise NotImplementedError

    def differ(self, found: Object | None) -> list[Change]:
        changes = [change for title in self.wanted for change in self.changes(title, found)]
        return changes + [
            Change(f"{self.name} {self.title(item)}", "present", None) for item in self._surplus(found or {})
        ]

    def changes(self, title: str, found: Object | None) -> list[Change]:
        """What has to change of one wanted object."""
        old = self._named(title, found)
        there = None if old is None else self.flat(old, found or {})
        return self.compared(f"{self.name} {title}", self.filled(title, found), there)

    def compared(self, where: str, wish: Object, there: Object | None) -> list[Change]:
        """The changes of one object."""
        if there is not None:
            there = {**dict.fromkeys(wish), **there}
        return differences(where, wish, there) or ([] if there is not None else [Change(where, None, "present")])

    def write(self, found: Object) -> None:
        for title in self.wanted:
            old = self._named(title, found)
            if old is None:
                body = self.whole(title, None, found)
                self.app.send("POST", self.path, f"add the {self.name} {title}", body)
            elif self.replaced and self.changes(title, found):
                body = self.whole(title, old, found)
                self.app.send("PUT", f"{self.path}/{old['id']}", f"write the {self.name} {title}", body)
        for item in self._surplus(found):
            self.app.send("DELETE", f"{self.path}/{item['id']}", f"remove the {self.name} {self.title(item)}", None)

    def title(self, item: Object) -> str:
        """What one is called."""
        return str(item[self.key])

    def _named(self, title: str, found: Object | None) -> Object | None:
        objects: Iterable[Object] = (found or {}).get("objects", ())
        return next((item for item in objects if same(title.lower(), self.title(item).lower())), None)

    def _surplus(self, found: Object) -> list[Object]:
        wanted = [title.lower() for title in self.wanted]
        return [
            item
            for item in found.get("objects", ())
            if self.app.exclusive and not any(same(title, self.title(item).lower()) for title in wanted)
        ]


class Tags(Objects):
    """Labels that tie things together. They are made when missing, and never removed."""

    name, path, key, replaced = "tag", "/tag", "label", False

    def __init__(self, app: ArrApplication, wanted: list[str]) -> None:
        super().__init__(app, {label.lower(): {} for label in wanted})

    def whole(self, title: str, old: Object | None, found: Object) -> dict[str, Any]:
        return {"label": title}

    def _surplus(self, found: Object) -> list[Object]:
        return []


class CustomFormats(Objects):
    """What releases are recognised by. A format is its specifications: one that is not mentioned goes."""

    name, path = "custom format", "/customformat"

    def flat(self, whole: Object, found: Object) -> dict[str, Any]:
        told = {"includeCustomFormatWhenRenaming": whole.get("includeCustomFormatWhenRenaming")}
        for item in whole.get("specifications", ()):
            fields = item.get("fields", ())
            if not isinstance(fields, Mapping):
                fields = {one["name"]: one.get("value") for one in fields}
            told[item["name"]] = {
                "implementation": item.get("implementation", "ReleaseTitleSpecification"),
                "negate": bool(item.get("negate")),
                "required": bool(item.get("required")),
                **{f"fields.{name}": value for name, value in fields.items()},
            }
        return told

    def filled(self, title: str, found: Object | None) -> Object:
        wish = self.wanted[title]
        told = self.flat(wish, {})
        if "includeCustomFormatWhenRenaming" not in wish:
            del told["includeCustomFormatWhenRenaming"]
        return told

    def compared(self, where: str, wish: Object, there: Object | None) -> list[Change]:
        changes = super().compared(where, wish, there)
        extra = set(there or ()) - set(wish) - {"includeCustomFormatWhenRenaming"}
        return changes + [Change(f"{where}: {name}", "present", None) for name in sorted(extra)]

    def whole(self, title: str, old: Object | None, found: Object) -> dict[str, Any]:
        wish = self.wanted[title]
        specifications = [
            {
                "name": item["name"],
                "implementation": item.get("implementation", "ReleaseTitleSpecification"),
                "negate": bool(item.get("negate")),
                "required": bool(item.get("required")),
                "fields": [{"name": name, "value": value} for name, value in item.get("fields", {}).items()],
            }
            for item in wish.get("specifications", ())
        ]
        base = old or {"includeCustomFormatWhenRenaming": False}
        said = {key: value for key, value in wish.items() if key == "includeCustomFormatWhenRenaming"}
        return {**base, **said, "name": title, "specifications": specifications}


class QualityProfiles(Objects):
    """Which qualities are taken, and which are liked best. Their order and groups are the application's own."""

    name, path = "quality profile", "/qualityprofile"
    plain = ("upgradeAllowed", "minFormatScore", "cutoffFormatScore", "minUpgradeFormatScore")

    def read(self) -> dict[str, Any]:
        found = super().read()
        found["formats"] = {
            item["name"]: item["id"] for item in self.app.get("/customformat", "read the custom formats")
        }
        if any(self._named(title, found) is None for title in self.wanted):
            found["template"] = self.app.get(f"{self.path}/schema", "read what a quality profile is made of")
        return found

    def flat(self, whole: Object, found: Object) -> dict[str, Any]:
        names = {_number(item): _title(item) for item in whole["items"]}
        told = {key: whole.get(key) for key in self.plain}
        told["cutoff"] = names.get(whole.get("cutoff"))
        told["qualities"] = [_title(item) for item in whole["items"] if item.get("allowed")]
        told["formats"] = {item["name"]: item.get("score") for item in whole.get("formatItems", ())}
        return told

    def whole(self, title: str, old: Object | None, found: Object) -> dict[str, Any]:
        base, wish = old or found["template"], self.wanted[title]
        numbers = {_title(item): _number(item) for item in base["items"]}
        wished = {*wish.get("qualities", ()), *filter(None, [wish.get("cutoff")])}
        self._known("quality", title, wished, numbers)
        self._known("custom format", title, wish.get("formats", {}), found["formats"])
        body = {**base, "name": title, **{key: wish[key] for key in self.plain if key in wish}}
        if "qualities" in wish:
            body["items"] = [_allowed(item, _title(item) in wish["qualities"]) for item in base["items"]]
        if "cutoff" in wish:
            body["cutoff"] = numbers[wish["cutoff"]]
        elif old is None:
            body["cutoff"] = next((_number(item) for item in reversed(body["items"]) if item.get("allowed")), 0)
        # Every format has to be there, or the application refuses the profile.
        scores = {item["name"]: item.get("score", 0) for item in base.get("formatItems", ())} | wish.get("formats", {})
        body["formatItems"] = [
            {"format": number, "name": name, "score": scores.get(name, 0)} for name, number in found["formats"].items()
        ]
        if old is None:
            body.pop("id", None)
        return body

    def _known(self, what: str, title: str, names: Iterable[str], known: Iterable[str]) -> None:
        for name, near in unknown(names, known).items():
            hint = f"Did you mean {near}?" if near else f"It has: {', '.join(known)}."
            attempted = f"write the {self.name} {title}"
            raise InputError(attempted, self.app.service, f"it has no {what} {name}", hint)


def _title(item: Object) -> str:
    """A quality, or a group of them, by its name."""
    return str(item["quality"]["name"] if item.get("quality") else item["name"])


def _number(item: Object) -> int:
    return int(item["quality"]["id"] if item.get("quality") else item["id"])


def _allowed(item: Object, allowed: bool) -> dict[str, Any]:
    return {**item, "allowed": allowed, "items": [_allowed(inner, allowed) for inner in item.get("items", ())]}


class RootFolders(Objects):
    """Where the library is."""

    name, path, key = "root folder", "/rootfolder", "path"
    told = ("accessible", "freeSpace", "totalSpace")  # by the application; not ours to say
    profiles = (("defaultQualityProfile", "/qualityprofile"), ("defaultMetadataProfile", "/metadataprofile"))

    def __init__(self, app: ArrApplication, wanted: list[str | Mapping[str, Any]]) -> None:
        named = {str(item if isinstance(item, str) else item["path"]): item for item in wanted}
        super().__init__(app, {path: {} if isinstance(item, str) else item for path, item in named.items()})
        self.replaced = app.kind.rich
        self.calibre = next(iter(app.connections("book_server")), None) if app.kind.rich else None

    def read(self) -> dict[str, Any]:
        found = super().read()
        if self.replaced:
            for name, path in self.profiles:
                found[name] = {item["name"]: item["id"] for item in self.app.get(path, "read the profiles")}
        return found

    def filled(self, title: str, found: Object | None) -> Object:
        wish = {key: value for key, value in self.wanted[title].items() if key not in ("path", "calibre")}
        if self.calibre and self.wanted[title].get("calibre", True):
            peer = self.calibre
            wish |= {"isCalibreLibrary": True, "host": peer["host"], "port": peer["port"], "username": peer["username"]}
        return wish

    def flat(self, whole: Object, found: Object) -> dict[str, Any]:
        told = dict(whole)
        for name, _unused in self.profiles:
            names = {number: profile for profile, number in found.get(name, {}).items()}
            told[name] = names.get(whole.get(f"{name}Id"))
        told["defaultTags"] = self.app.tag_labels(whole.get("defaultTags") or [])
        return told

    def whole(self, title: str, old: Object | None, found: Object) -> dict[str, Any]:
        wish = self.filled(title, found)
        if not self.replaced:
            return {"path": title}
        body = {
            "path": title,
            "name": PurePosixPath(title).name.title(),
            "defaultMonitorOption": "all",
            "defaultNewItemMonitorOption": "all",
            "defaultTags": [],
            **{key: value for key, value in (old or {}).items() if key not in self.told},
        }
        for name, _unused in self.profiles:
            known = found[name]
            for strange, near in unknown([wish[name]] if name in wish else [], known).items():
                hint = f"Did you mean {near}?" if near else f"It has: {', '.join(known)}."
                attempted = f"write the root folder {title}"
                raise InputError(attempted, self.app.service, f"it has no profile {strange}", hint)
            if name in wish or old is None:
                body[f"{name}Id"] = known[wish[name]] if name in wish else next(iter(known.values()), 0)
        if "defaultTags" in wish:
            body["defaultTags"] = self.app.tag_ids(wish["defaultTags"])
        body |= {key: value for key, value in wish.items() if key not in ("defaultTags", *dict(self.profiles))}
        if wish.get("isCalibreLibrary"):
            body |= {"password": self.calibre["password"], "outputProfile": body.get("outputProfile") or "default"}
        return body

    def changes(self, title: str, found: Object | None) -> list[Change]:
        changes, old = super().changes(title, found), self._named(title, found)
        if self.calibre and self.filled(title, found).get("isCalibreLibrary"):
            stored, ours = (old or {}).get("password"), self.calibre["password"]
            shown = stored not in (None, "", MASK)
            if old is None or (stored != ours if shown else self.app.ledger.knows(self._entry(title), ours) is False):
                changes.append(secret_change(f"{self.name} {title}: password", old is not None))
        return changes

    def write(self, found: Object) -> None:
        super().write(found)
        for title in self.wanted if self.calibre else ():
            self.app.ledger.gave(self._entry(title), self.calibre["password"])

    def _entry(self, title: str) -> str:
        return f"{self.app.service}.rootfolder.{title}.password"

    def verify(self, found: Object) -> list[Finding]:
        return [
            fail(
                "wiring.root_folder",
                self.app.service,
                f"{self.app.service} cannot use its root folder {item['path']}.",
                "Its path has to exist in the container, and the media user has to be able to write there.",
            )
            for item in found["objects"]
            if not item.get("accessible", True) and any(same(path, item["path"]) for path in self.wanted)
        ]


class RemotePaths(Objects):
    """Where a download client's files are for us, if it sees them elsewhere."""

    name, path = "remote path mapping", "/remotepathmapping"

    def __init__(self, app: ArrApplication, wanted: list[Mapping[str, str]]) -> None:
        super().__init__(app, {self.title(item): item for item in wanted})

    def title(self, item: Object) -> str:
        return f"{item['host']} {item['remotePath'].rstrip('/')}/"

    def filled(self, title: str, found: Object | None) -> Object:
        return {"localPath": self.wanted[title]["localPath"]}

    def whole(self, title: str, old: Object | None, found: Object) -> dict[str, Any]:
        return {**(old or {}), **self.wanted[title]}
