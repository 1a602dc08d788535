# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a lab up, stop and start its machines, and take it down without a trace."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets as random
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core.clock import Clock, Deadline
from .._core.errors import InputError
from .._core.finding import Finding, warn
from .._core.http import Client
from . import command, image, infra, keys, machine, model, network, overlay, rootfs
from .model import ACME_MANAGEMENT_PORT, ACME_PORT, STATE, Lab, Machine

_BOOT = 90.0  # seconds a machine may take to boot on a busy computer
_HOLD = 600.0  # seconds another run may hold the lab


@dataclass
class Settings:
    """What a lab is brought up with, besides its own description.

    cache      folder for file systems, images and packages
    edge       inventory names of the hosts that face the world
    images     what to have in the twins' engines
    resolvers  the resolvers to ask for names that are not the lab's
    fresh      begin with new machines, whatever is there
    """

    cache: Path
    edge: Sequence[str] = ()
    images: image.Images | None = None
    resolvers: list[str] = field(default_factory=list)
    fresh: bool = True


class Steps:
    """How long each step took, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done inside."""
        start = self._clock.monotonic()
        yield
        self.seconds[name] = round(self._clock.monotonic() - start, 2)


def needs(lab: Lab, settings: Settings) -> list[str]:
    """What `up` would do, in words; nothing if the lab is up as it shall be."""
    alive = machine.running(lab.machines)
    if settings.fresh:
        return [f"begin with {len(lab.machines)} new machines"]
    if lab.folder.exists() and _described(lab) != _description(lab, settings):
        return ["begin again: what is there is another lab, or half of one"]
    return [f"start {item.name}" for item in lab.machines if item.host not in alive]


def up(lab: Lab, settings: Settings, clock: Clock | None = None) -> dict[str, Any]:
    """Bring the lab up, and say what is in it (see `result`)."""
    steps = Steps(clock or Clock())
    with steps.step("requirements"):
        command.require()
        upstream = network.upstream(settings.resolvers)
    findings = [] if upstream else [_no_upstream()]
    with _held(lab):
        changed = bool(needs(lab, settings))
        if changed:
            cache = rootfs.Cache(settings.cache)
            if settings.fresh or _described(lab) != _description(lab, settings):
                with steps.step("remove the lab before"):
                    _remove(lab, cache)
            _up(lab, settings, upstream, cache, steps)
        if settings.images:
            findings += settings.images.findings()
        return {**result(lab, settings), "changed": changed, "seconds": steps.seconds, "findings": findings}


def existing(name: str, network: str = "10.213.77.0/24", state: Path = STATE) -> Lab:
    """The lab `name` as it was brought up; without hosts if there is none (or only the remains of a killed run)."""
    bare = model.lab(name, network=network, state=state)
    text = _described(bare)
    if text is None:
        return bare
    known = json.loads(text)
    return model.lab(name, known["hosts"], known["domains"], known["network"], known["limits"], state)


def every(state: Path = STATE) -> list[Lab]:
    """All labs of this computer, in whatever state they are."""
    return [existing(path.name, state=state) for path in sorted(state.glob("*")) if path.is_dir()]


def exists(lab: Lab) -> bool:
    """Whether there is anything of the lab on this computer."""
    return lab.folder.exists() or network.exists(lab) or bool(machine.leftovers(lab.folder))


def down(lab: Lab, cache: Path | None = None) -> bool:
    """Take the lab down: processes, mounts, network, files. Whether there was anything of it."""
    if not exists(lab):
        return False
    with _held(lab):
        _remove(lab, rootfs.Cache(cache) if cache else None)
    with contextlib.suppress(OSError):
        lab.state.rmdir()
    return True


def stop(lab: Lab, hosts: Sequence[str], check_mode: bool = False) -> list[str]:
    """Cut the power of some machines, and say which of them ran. Their file systems stay."""
    chosen = _chosen(lab, hosts)
    alive = machine.running(chosen)
    if not check_mode:
        for item in chosen:
            machine.stop(item, Deadline(_BOOT))
    return [host for host in hosts if host in alive]


def start(lab: Lab, hosts: Sequence[str], check_mode: bool = False) -> list[str]:
    """Boot some machines that were stopped, and say which."""
    chosen = _chosen(lab, hosts)
    alive = machine.running(chosen)
    asleep = [item for item in chosen if item.host not in alive]
    if asleep and not check_mode:
        _boot(lab, asleep)
        if lab.infra in asleep:
            _fetch_root(lab)
    return [item.host for item in asleep]


def _chosen(lab: Lab, hosts: Sequence[str]) -> list[Machine]:
    known = {item.host: item for item in lab.machines if item.root.exists()}
    for host in hosts:
        if host not in known:
            why = f"the lab {lab.name} has only {', '.join(known)}" if known else f"there is no lab {lab.name}"
            raise InputError("find the twin", host, why)
    return [known[host] for host in hosts]


def result(lab: Lab, settings: Settings) -> dict[str, Any]:
    """What is in the lab and where. Keys are not in it, only the paths of their files."""
    alive = machine.running(lab.machines)
    acme = lab.folder / "acme"
    return {
        "twins": {
            host: {"address": twin.address, "root": str(twin.root), "pid": alive.get(host, 0)}
            for host, twin in lab.twins.items()
        },
        "infra": {"address": lab.infra.address, "root": str(lab.infra.root), "pid": alive.get(lab.infra.host, 0)},
        "dns": {
            "address": lab.infra.address,
            "port": 53,
            "key_name": overlay.DNS_KEY,
            "key_algorithm": overlay.DNS_ALGORITHM,
            "key_file": str(lab.folder / "dns.key"),
        },
        "acme": {
            "directory": lab.directory,
            "ca_file": str(acme / "ca.pem"),
            "root_file": str(acme / "root.pem"),
            "trust_file": str(acme / "trust.pem"),
        },
        "ssh": {"key": str(lab.folder / "ssh/key"), "known_hosts": str(lab.folder / "ssh/known_hosts")},
        "inventory": str(lab.folder / "inventory"),
        "images": settings.images.result() if settings.images else {"loaded": [], "missing": []},
    }


def _up(lab: Lab, settings: Settings, upstream: str, cache: rootfs.Cache, steps: Steps) -> None:
    lab.state.mkdir(mode=0o755, parents=True, exist_ok=True)
    lab.folder.mkdir(mode=0o700, exist_ok=True)
    with steps.step("network"):
        network.up(lab)
    with steps.step("file systems"), ThreadPoolExecutor() as pool:
        jobs = [pool.submit(cache.get, recipe) for recipe in (rootfs.twin(), rootfs.services())]
        archive = pool.submit(settings.images.archive, cache) if settings.images else None
        bases = [job.result() for job in jobs]
    with steps.step("machines"):
        _prepare(lab, settings, upstream, cache, bases, archive.result() if archive else None)
    with steps.step("boot"):
        _boot(lab, [item for item in lab.machines if item.host not in machine.running(lab.machines)])
    with steps.step("certificates"):
        _fetch_root(lab)
    _write_private(lab.folder / "lab.json", _description(lab, settings))


def _prepare(
    lab: Lab, settings: Settings, upstream: str, cache: rootfs.Cache, bases: list[Path], archive: Path | None
) -> None:
    dns_key, login = keys.tsig(), keys.ssh()
    certificate, root = keys.server(lab.infra.address)
    mtu = network.mtu()
    images = lab.folder / "images"
    images.mkdir(exist_ok=True)
    if archive:
        rootfs.link(archive, images / archive.name)

    def make(item: Machine) -> str:
        if item.root.exists():
            return ""
        is_infra = item.host == lab.infra.host
        rootfs.copy(bases[1] if is_infra else bases[0], item.root)
        host_key = keys.ssh()
        files = {
            **infra.machine_files(lab, item, login.public + "\n", host_key.private, uuid.uuid4().hex, mtu),
            **(infra.infra_files(lab, dns_key, upstream) if is_infra else infra.twin_files()),
        }
        if is_infra:
            files |= {"etc/pebble/cert.pem": certificate.public, "etc/pebble/key.pem": certificate.private}
        machine.write(item.root, files)
        if is_infra:
            infra_units(item.root)
        else:
            cache.seed(item.root)
        return f"{item.address} {host_key.public}\n"

    with ThreadPoolExecutor(max_workers=4) as pool:
        known_hosts = "".join(pool.map(make, lab.machines))
    _write_private(lab.folder / "ssh/key", login.private)
    _write_private(lab.folder / "ssh/known_hosts", known_hosts)
    _write_private(lab.folder / "dns.key", dns_key)
    _write_private(lab.folder / "acme/ca.pem", root)
    secrets = {"dns": dns_key, "monsterr": random.token_hex(32)}
    edge = settings.edge or lab.hosts[:1]
    for name, content in overlay.files(lab, edge, secrets).items():
        _write_private(lab.folder / "inventory" / name, content)


def infra_units(root: Path) -> None:
    """Enable the CA, and let Knot write its zones."""
    wants = root / "etc/systemd/system/multi-user.target.wants"
    for unit, folder in (("pebble.service", "/etc/systemd/system"), ("knot.service", "/usr/lib/systemd/system")):
        with contextlib.suppress(FileExistsError):
            (wants / unit).symlink_to(f"{folder}/{unit}")
    command.run("hand the zones to Knot", "chroot", str(root), "chown", "-R", "knot:knot", "/var/lib/knot", "/etc/knot")


def _boot(lab: Lab, machines: Sequence[Machine]) -> None:
    deadline = Deadline(_BOOT)
    for item in machines:
        machine.start(lab, item, None if item.host == lab.infra.host else lab.folder / "images")
    ports = [(item, port) for item in machines for port in ((53, ACME_PORT) if item.host == lab.infra.host else (22,))]
    with ThreadPoolExecutor(max_workers=8) as pool:
        for job in [pool.submit(machine.wait, item, port, deadline) for item, port in ports]:
            job.result()


def _fetch_root(lab: Lab) -> None:
    """Get the root that the CA signs with; it is a new one each time that it starts."""
    url = f"https://{lab.infra.address}:{ACME_MANAGEMENT_PORT}"
    with Client(url, ca_file=str(lab.folder / "acme/ca.pem")) as client:
        answer = client.request("GET", "/roots/0", attempted="get the CA's root", deadline=Deadline(20))
    root = answer.expect("get the CA's root").text
    _write_private(lab.folder / "acme/root.pem", root)
    # One file for who talks to the CA and to what it has certified.
    _write_private(lab.folder / "acme/trust.pem", (lab.folder / "acme/ca.pem").read_text() + root)


def _remove(lab: Lab, cache: rootfs.Cache | None) -> None:
    deadline = Deadline(_BOOT)
    known = (folder / "root" for folder in (lab.folder / "machines").glob("*"))
    for root in {*machine.leftovers(lab.folder), *known}:
        name = f"{lab.name}-{root.parent.name}"
        machine.stop(Machine(root.parent.name, name, name, "", root), deadline)
    for socket in (lab.folder / "ssh").glob("[0-9a-f]*"):
        with contextlib.suppress(Exception):
            command.run("close the connection", "ssh", "-O", "exit", "-S", str(socket), "lab", seconds=5)
    if cache:
        for root in (lab.folder / "machines").glob("*/root"):
            cache.harvest(root)
    network.down(lab)
    machine.remove(lab.folder)


@contextlib.contextmanager
def _held(lab: Lab) -> Iterator[None]:
    """Only one process at a time changes the lab."""
    lab.state.mkdir(mode=0o755, parents=True, exist_ok=True)
    path = lab.state / f".{lab.name}.lock"
    deadline = Deadline(_HOLD)
    while True:
        with path.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle.fileno()).st_nlink:  # else the one before has removed it
                    yield
                    if not lab.folder.exists():
                        path.unlink()
                    return
            except BlockingIOError:
                deadline.check("change the lab", lab.name, "another run is changing it", "Wait for it to end.")
        deadline.pause(0.2)


def _description(lab: Lab, settings: Settings) -> str:
    images = settings.images.result()["loaded"] if settings.images else []
    return json.dumps(
        {
            "hosts": lab.hosts, "domains": lab.domains, "network": str(lab.network), "edge": list(settings.edge),
            "limits": {host: dict(paths) for host, paths in lab.limits.items()}, "images": images,
        }
    )  # fmt: skip


def _described(lab: Lab) -> str | None:
    path = lab.folder / "lab.json"
    return path.read_text() if path.exists() else None


def _write_private(path: Path, content: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(content)


def _no_upstream() -> Finding:
    return warn(
        "lab.resolver",
        "this computer",
        "All its resolvers are on its own loopback, so the lab can resolve no names but its own.",
        "Name a resolver that other machines can ask (lab_resolvers).",
    )
