# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Debian file systems, built once and kept: for twins, for the machine with the services, and for images."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .command import run

SUITE = "trixie"
_RECIPE = 3  # a part of every key: raise it when the steps below change
_BUILD = 900  # seconds
_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_LEAN = tuple(f"path-exclude=/usr/share/{folder}/*" for folder in ("man", "info", "locale", "lintian", "doc"))

# A plain server as it leaves the installer: it boots, has a network, can be logged in to.
TWIN = (
    "ca-certificates", "cron", "curl", "dbus", "iproute2", "iputils-ping", "kmod", "less", "libpam-systemd", "netbase",
    "openssh-server", "procps", "python3", "python3-apt", "sudo", "systemd", "systemd-sysv", "tzdata",
)  # fmt: skip
SERVICES = ("ca-certificates", "dbus", "iproute2", "knot", "openssh-server", "pebble", "systemd", "systemd-sysv")
# On a real host these change packages at a time of their own; in a rehearsal that would only be noise.
_MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer")


@dataclass(frozen=True)
class Recipe:
    """How to make a file system; the same recipe is never carried out twice.

    kind      a word for its file name
    variant   how much of Debian comes unasked, as mmdebstrap names it
    packages  what is put in
    hooks     shell commands, run outside with the file system's path as ``$1``
    archive   as one tar file, not as a folder
    """

    kind: str
    variant: str
    packages: tuple[str, ...]
    hooks: tuple[str, ...] = ()
    archive: bool = False


def twin() -> Recipe:
    """The file system of a twin."""
    return Recipe("twin", "minbase", TWIN, _boots())


def services() -> Recipe:
    """The file system of the machine with the name server and the CA."""
    return Recipe("services", "minbase", SERVICES, _boots())


def _boots() -> tuple[str, ...]:
    return (
        'chroot "$1" systemctl --quiet enable systemd-networkd.service ssh.service',
        f'chroot "$1" systemctl --quiet mask {" ".join(_MASKED)}',
        'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id',
    )


class Cache:
    """The folder with all that is costly to make: file systems, images, downloaded packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = folder / "packages"
        self.packages.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Only one process at a time makes `name`."""
        with (self.folder / f".{name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def path(self, recipe: Recipe) -> Path:
        """Where the file system of `recipe` is, or will be."""
        return self.folder / f"{recipe.kind}-{_key(recipe)}{'.tar' if recipe.archive else ''}"

    def get(self, recipe: Recipe) -> Path:
        """The file system of `recipe`, made if it is not there."""
        path = self.path(recipe)
        with self.lock(recipe.kind):
            if not path.exists():
                self._forget(recipe.kind)
                part = path.with_name(f".part-{path.name}")
                _remove(part)
                run(f"make the file system {recipe.kind}", *_command(recipe, part), seconds=_BUILD)
                part.rename(path)
        return path

    def seed(self, root: Path) -> None:
        """Give a new twin every package that was downloaded before, so that it downloads none of them again."""
        archives = root / "var/cache/apt/archives"
        archives.mkdir(parents=True, exist_ok=True)
        for package in self.packages.glob("*.deb"):
            link(package, archives / package.name)

    def harvest(self, root: Path) -> None:
        """Keep what a twin has downloaded, the newest version of each package."""
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            if package.is_file() and not package.is_symlink() and not (self.packages / package.name).exists():
                name, _unused, rest = package.name.partition("_")
                for older in self.packages.glob(f"{name}_*_{rest.rpartition('_')[2]}"):
                    older.unlink(missing_ok=True)
                link(package, self.packages / package.name)

    def _forget(self, kind: str) -> None:
        for old in self.folder.glob(f"{kind}-*"):
            _remove(old)


def copy(source: Path, target: Path) -> None:
    """Copy a file system, with all owners, times and links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    run("copy the file system", "cp", "-a", "--reflink=auto", str(source), str(target), seconds=300)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def link(source: Path, target: Path) -> None:
    """Make a hard link, or a copy where that cannot be."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        shutil.copy2(source, target)


def _key(recipe: Recipe) -> str:
    parts = [_RECIPE, SUITE, *_command(recipe, Path("."))]
    parts += [path.read_text(errors="replace") for path in _certificates()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _certificates() -> list[Path]:
    return sorted(_CERTIFICATES.glob("**/*.crt"))


def _command(recipe: Recipe, target: Path) -> list[str]:
    options = [f"--aptopt={line}" for line in [*apt_options(_apt_dump()), 'Acquire::Languages "none"']]
    hooks = []
    if _certificates() and "ca-certificates" in recipe.packages:
        hooks = [
            f'mkdir -p "$1"{_CERTIFICATES} && cp -r {_CERTIFICATES}/. "$1"{_CERTIFICATES}/',
            'chroot "$1" update-ca-certificates >/dev/null',
        ]
    hooks += recipe.hooks
    if not recipe.archive:
        # Packages come from the disk, not the network, and their files need not survive a power cut.
        options += ["--dpkgopt=force-unsafe-io", '--aptopt=APT::Keep-Downloaded-Packages "true"']
        options += ["--skip=cleanup/apt/lists"]
    return [
        "mmdebstrap", "--quiet", "--mode=root", f"--variant={recipe.variant}",
        f"--format={'tar' if recipe.archive else 'directory'}", "--skip=output/dev",
        f"--include={','.join(recipe.packages)}", *options,
        *(f"--dpkgopt={line}" for line in _LEAN), *(f"--customize-hook={hook}" for hook in hooks),
        SUITE, str(target), *sources(_apt_sources()),
    ]  # fmt: skip


def _apt_dump() -> str:
    return run("read apt's configuration", "apt-config", "dump") if shutil.which("apt-config") else ""


def _apt_sources() -> str:
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    texts = [path.read_text() for path in files if path.suffix in (".list", ".sources") and path.is_file()]
    return "\n\n".join(texts)


def apt_options(dump: str) -> list[str]:
    """How this computer reaches its mirrors (proxies, time-outs, dates), as lines of apt's configuration."""
    keep = re.compile(r"Acquire::(https?|Check-\S+|Retries|ForceIPv[46])(::\S+)? \"")
    return [line.rstrip(";") for line in dump.splitlines() if keep.match(line) and "Auto-Detect" not in line]


def sources(text: str) -> list[str]:
    """The mirrors that this computer uses for Debian (either format of sources), as lines for the lab's release."""
    found = re.findall(r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+((?:https?|mirror\S*|file)://\S+)", text, re.MULTILINE)
    uris = [uri.rstrip("/") for uri in found if re.search(r"/debian(-security)?/?$", uri)]
    main = next((uri for uri in uris if uri.endswith("/debian")), "http://deb.debian.org/debian")
    security = next((uri for uri in uris if uri.endswith("/debian-security")), f"{main}-security")
    return [
        f"deb {main} {SUITE} main",
        f"deb {main} {SUITE}-updates main",
        f"deb {security} {SUITE}-security main",
    ]
