# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Container images without a registry and without an engine to build them.

All images of a lab are one archive in the format of ``docker save``. They share one large layer, a small Debian with
every program that any of them needs; each adds a small layer of its own, and its tags: the very names that the
definitions use. So nothing in the roles knows about the lab.

What a service's image is made of stands in ``<recipes>/<service>/image.json``::

    {"packages": ["nzbget"],               Debian packages, in the shared layer
     "command": ["nzbget", "-s"],          run as PUID:PGID
     "directory": "/config",               where it is run
     "environment": {"HOME": "/config"},
     "files": {"prepare": "/lab/prepare"}, file beside image.json -> path in the image; /lab/prepare runs first, as root
     "built": "/usr/local/bin/program",     where the file goes that ``build.py FILE`` beside image.json makes, once
     "links": {"/app/web": "/usr/share/web"},
     "layer": "books"}       a large layer of its own, with only the packages of those who name it; default: the shared
     "pip": ["name==1.0"]    with "layer" only: what else is put into it, from PyPI into /opt/<layer>
     "stand_in": "arr"}      folder of stand-ins: its files, and those beside it, become /app/<their names>

Each image also gets tags that misbehave, for those who want to see what happens then: see `FAULTS`.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core.errors import InputError, MonsterrError
from .._core.finding import Finding, warn
from .command import run
from .rootfs import Cache, Recipe

# Tag -> what it does. All but the first also change the data, as a new version does that migrates its database.
FAULTS = {
    "lab-next": "next",  # works: a newer version
    "lab-broken": "silent",  # keeps running, never answers
    "lab-crash": "crash",  # ends at once with status 1
}
_COMMON = ("ca-certificates", "curl", "python3", "tini", "tzdata")
_MODE = 0o755
_CHUNK = 1 << 20
_BUILD = 1800  # seconds

ENTRYPOINT = """#!/bin/sh
# Starts the program as the user that PUID and PGID name, after /lab/prepare (as root) has put its files in order.
set -eu
umask "${UMASK:-022}"
export PUID=${PUID:-911} PGID=${PGID:-911}
if [ "$(id -u)" = 0 ]; then
    mkdir -p /config
    chown -R "$PUID:$PGID" /config
    become="setpriv --reuid=$PUID --regid=$PGID --clear-groups"
else
    become=
fi
case "${LAB_FAULT:-}" in
    "") ;;
    *) printf '%s\\n' "$LAB_VERSION" | $become tee /config/migrated-by-another-version ;;
esac
case "${LAB_FAULT:-}" in
    silent) echo "This version never answers."; exec sleep infinity ;;
    crash) echo "This version ends at once."; exit 1 ;;
esac
if [ -x /lab/prepare ]; then /lab/prepare; fi
exec $become /bin/sh -c 'umask "${UMASK:-022}"; exec "$@"' program "$@"
"""


@dataclass(frozen=True)
class Image:
    """The image of one service.

    references  names with tags that it is known by: what the definition says, and whatever else is wanted
    recipe      the content of its image.json
    files       path in the image -> content
    """

    service: str
    references: tuple[str, ...]
    recipe: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def stand_in(self) -> bool:
        """Whether it only speaks like the real program."""
        return "stand_in" in self.recipe

    @property
    def base(self) -> str:
        """The name of the large layer below its own."""
        return self.recipe.get("layer", "layer")

    @property
    def tagged(self) -> dict[str, str]:
        """Every reference -> the fault that its image has, empty for none."""
        tags = dict.fromkeys(self.references, "")
        for reference in self.references:
            for tag, fault in FAULTS.items():
                tags.setdefault(f"{repository(reference)}:{tag}", fault)
        return tags

    def layer(self) -> bytes:
        """The small layer, as a tar file that is the same for the same content."""
        links = dict(self.recipe.get("links", {}))
        return layer({"lab/entrypoint": ENTRYPOINT.encode(), **self.files}, links)

    def config(self, reference: str, fault: str, layers: Sequence[str]) -> dict[str, Any]:
        """The image's configuration (OCI image specification, section "Image Configuration").

        layers  sha256 of each uncompressed layer, in hexadecimal
        """
        version = reference.rpartition(":")[2]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            **self.recipe.get("environment", {}),
            "LAB_VERSION": version,
            "LAB_FAULT": fault,
        }
        return {
            "architecture": "amd64",
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "Env": [f"{name}={value}" for name, value in environment.items()],
                "Entrypoint": ["/usr/bin/tini", "--", "/lab/entrypoint"],
                "Cmd": list(self.recipe["command"]),
                "WorkingDir": self.recipe.get("directory", "/config"),
                "Labels": {
                    "media.monsterr.lab": "stand-in" if self.stand_in else "real program",
                    "org.opencontainers.image.version": version,
                },
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{item}" for item in layers]},
            "history": [{"created": "1970-01-01T00:00:00Z", "comment": "made for a rehearsal"} for _unused in layers],
        }


@dataclass
class Images:
    """All images of a lab, and the services that it has none for."""

    images: list[Image]
    missing: dict[str, str] = field(default_factory=dict)  # service -> why

    def result(self) -> dict[str, Any]:
        """Plain data for the module's result."""
        return {
            "loaded": sorted(reference for item in self.images for reference in item.tagged),
            "stand_ins": sorted(item.service for item in self.images if item.stand_in),
            "missing": sorted(self.missing),
        }

    def findings(self) -> list[Finding]:
        """One warning for each service without an image."""
        return [
            warn(
                "lab.image", service, f"The lab has no image for {service}: {why}.",
                "It cannot be rehearsed, and is left out.",
            )
            for service, why in sorted(self.missing.items())
        ]  # fmt: skip

    @property
    def bases(self) -> dict[str, Recipe]:
        """The large layers, by their names: the shared one, and those of recipes that want one of their own."""
        trim = 'rm -rf "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/var/cache/debconf/*-old'
        recipes = {}
        for name in sorted({item.base for item in self.images}):
            members = [item.recipe for item in self.images if item.base == name]
            packages = {package for recipe in members for package in recipe.get("packages", ())}
            wheels = sorted({wheel for recipe in members for wheel in recipe.get("pip", ())})
            pip = 'chroot "$1" python3 -m pip install --quiet --no-cache-dir --target'
            install = f"{pip} /opt/{name} {' '.join(wheels)}"
            hooks = (install, trim) if wheels else (trim,)
            recipes[name] = Recipe(name, "essential", tuple(sorted({*_COMMON, *packages})), hooks, archive=True)
        return recipes

    def archive(self, cache: Cache) -> Path | None:
        """The archive with all images; made if it is not in `cache`. None without any image."""
        if not self.images:
            return None
        bases = {name: cache.get(recipe) for name, recipe in self.bases.items()}
        seen = [
            sorted(base.name for base in bases.values()),
            [(item.service, item.tagged, dict(item.recipe), _digest(item.layer())) for item in self.images],
        ]
        key = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]
        path = cache.folder / f"images-{key}.tar"
        with cache.lock("images"):
            if not path.exists():
                for old in cache.folder.glob("images-*.tar"):
                    old.unlink()
                part = path.with_name(f".part-{path.name}")
                write(part, bases, self.images)
                part.rename(path)
        return path


def collect(
    wanted: Mapping[str, Sequence[str]], recipes: Path, stand_ins: Path | None, cache: Path | None = None
) -> Images:
    """The images for `wanted` (service -> references); a service that cannot be had is reported, not an error.

    cache  folder in which programs that are built are kept
    """
    images, missing = [], {}
    for service, references in sorted(wanted.items()):
        folder = recipes / service
        if not (folder / "image.json").is_file():
            missing[service] = "there is no recipe for one"
            continue
        try:
            recipe = json.loads((folder / "image.json").read_text())
        except ValueError as error:
            raise InputError("read the recipe of an image", str(folder / "image.json"), str(error)) from None
        files = {path.lstrip("/"): (folder / name).read_bytes() for name, path in recipe.get("files", {}).items()}
        if "built" in recipe:
            try:
                files[recipe["built"].lstrip("/")] = built(service, folder / "build.py", cache).read_bytes()
            except MonsterrError as error:
                missing[service] = str(error)
                continue
        if "stand_in" in recipe:
            place = stand_ins / recipe["stand_in"] if stand_ins else None
            if place is None or not place.is_dir():
                missing[service] = (
                    "the program cannot be had without a registry, and its stand-in comes with the checkout"
                )
                continue
            programs = (path for folder in (place.parent, place) for path in sorted(folder.iterdir()))
            files |= {f"app/{path.name}": path.read_bytes() for path in programs if path.is_file()}
        images.append(Image(service, tuple(references), recipe, files))
    return Images(images, missing)


def built(service: str, script: Path, cache: Path | None) -> Path:
    """The program that `script` makes; made if it is not in `cache`, and anew when the script changes."""
    if cache is None:
        raise InputError("build the program", service, "there is no folder to keep it in", "Set cache_dir.")
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{service}-{_digest(script.read_bytes())[:16]}"
    with Cache(cache).lock(service):
        if not path.exists():
            for old in cache.glob(f"{service}-*"):
                old.unlink()
            run(f"build {service}", sys.executable, str(script), str(path), seconds=_BUILD)
    return path


def write(path: Path, bases: Mapping[str, Path], images: Sequence[Image]) -> None:
    """Write the archive: layers, configurations and the manifest that ties them together."""
    shared = {name: _file_digest(base) for name, base in bases.items()}
    manifest = []
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, base in bases.items():
            info = _info(f"{shared[name]}/layer.tar", base.stat().st_size)
            with base.open("rb") as content:
                archive.addfile(info, content)
        for item in images:
            own = item.layer()
            layers = [shared[item.base], _digest(own)]
            _add(archive, f"{layers[1]}/layer.tar", own)
            for reference, fault in item.tagged.items():
                config = json.dumps(item.config(reference, fault, layers)).encode()
                name = f"{_digest(config)}.json"
                _add(archive, name, config)
                manifest.append(
                    {"Config": name, "RepoTags": [reference], "Layers": [f"{layer}/layer.tar" for layer in layers]}
                )
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def layer(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    """A layer with `files` (path -> content, all executable) and symbolic `links` (path -> target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        paths = [*files, *(link.lstrip("/") for link in links)]
        for folder in sorted({str(parent) for path in paths for parent in Path(path).parents} - {"."}):
            info = _info(folder, 0)
            info.type, info.mode = tarfile.DIRTYPE, _MODE
            archive.addfile(info)
        for name, content in sorted(files.items()):
            _add(archive, name, content)
        for link, target in sorted(links.items()):
            info = _info(link.lstrip("/"), 0)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return buffer.getvalue()


def repository(reference: str) -> str:
    """`reference` without its tag and digest."""
    name = reference.partition("@")[0]
    head, _unused, tag = name.rpartition(":")
    return head if head and "/" not in tag else name


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_info(name, len(content)), io.BytesIO(content))


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, _MODE
    return info


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
