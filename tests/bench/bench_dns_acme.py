# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DNS and certificates beside what else there is, in one run, as ratios.

``python -m tests.bench.bench_dns_acme``: needs the packages of tests/requirements-debian.txt, and lego for its part.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
from ansible_collections.monsterr.media.plugins.modules import acme_certificate, dns_check_info

from ..integration.ansible_module import call
from ..integration.servers import PRIMARY, SECONDARY, Knot, Pebble, Web, free_port, zone_text

RECORDS = 1000
CERTIFICATES = 20
LEGO = 4  # certificates that lego gets, one after another; its time is scaled up
ZONE = "example.test"


def main() -> None:
    """Start the servers, measure, print."""
    with tempfile.TemporaryDirectory() as place:
        folder, port = Path(place), free_port(PRIMARY, SECONDARY)
        zones = {ZONE: zone_text(ZONE, "*.wild A 127.0.0.1")}
        primary = Knot(folder / "primary", PRIMARY, port, zones)
        secondary = Knot(folder / "secondary", SECONDARY, port, zones, primary=PRIMARY)
        web = Web(folder / "web")
        pebble = Pebble(folder / "pebble", web.port, f"{PRIMARY}:{port}")
        try:
            for server in (primary, secondary, pebble):
                server.start()
            records(port)
            certificates(folder, pebble, web)
        finally:
            for server in (pebble, secondary, primary, web):
                server.stop()


def records(port: int) -> None:
    """Ours beside the same questions asked with dnspython alone."""
    wanted = [{"name": f"h{n}.wild.{ZONE}", "type": "A", "values": ["127.0.0.1"]} for n in range(RECORDS)]

    def ours() -> None:
        result = call(dns_check_info, records=wanted, resolvers=[f"{PRIMARY}#{port}"], port=port)
        assert all(item["status"] == "ok" for item in result["findings"])

    raw = timed(lambda: asyncio.run(_ask_all([item["name"] for item in wanted], port)))
    mine = timed(ours)
    print(f"{RECORDS} records on 2 servers: ours {mine:.2f} s, dnspython alone {raw:.2f} s, ratio {mine / raw:.2f}")


async def _ask_all(names: list[str], port: int) -> None:
    places = asyncio.Semaphore(64)

    async def ask(name: str, address: str) -> None:
        async with places:
            await dns.asyncquery.udp(dns.message.make_query(name, "A"), address, port=port, timeout=5)

    await asyncio.gather(*(ask(name, address) for name in names for address in (PRIMARY, SECONDARY)))


def certificates(folder: Path, pebble: Pebble, web: Web) -> None:
    """Ours, all in one call, beside lego, one after another, as its users run it. Both by http-01."""
    runs = iter(range(100))

    def ours() -> None:
        run = next(runs)
        wanted = [
            {"name": f"c{n}", "identifiers": [f"r{run}c{n}.wild.{ZONE}"], "challenge": "http-01"}
            for n in range(CERTIFICATES)
        ]
        result = call(acme_certificate, certificates=wanted, **_parameters(folder / f"ours{run}", pebble, web))
        assert not result.get("failed"), result["msg"]

    mine = timed(ours)
    print(f"{CERTIFICATES} certificates by http-01: ours {mine:.2f} s", end="")
    program = shutil.which("lego")
    if not program:
        print("; lego is not installed")
        return
    (folder / "ca.pem").write_text(pebble.ca)
    environment = {**os.environ, "LEGO_CA_CERTIFICATES": str(folder / "ca.pem")}
    start = time.monotonic()
    for number in range(LEGO):
        command = [program, "--server", pebble.directory, "--accept-tos", "--email", "a@example.test"]
        command += ["--path", str(folder / "lego"), "--http", "--http.webroot", str(web.folder)]
        command += ["--domains", f"lego{number}.wild.{ZONE}", "run"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    theirs = (time.monotonic() - start) / LEGO * CERTIFICATES
    print(f", lego {theirs:.1f} s ({LEGO} measured), {theirs / mine:.0f} times ours")


def _parameters(folder: Path, pebble: Pebble, web: Web) -> dict[str, Any]:
    return {
        "directory": pebble.directory,
        "ca_bundle": pebble.ca,
        "terms_agreed": True,
        "webroot": str(web.folder),
        "store": str(folder / "store"),
        "state_dir": str(folder / "state"),
    }


def timed(work: Callable[[], None]) -> float:
    """Seconds, the median of three."""
    seconds = []
    for _turn in range(3):
        start = time.monotonic()
        work()
        seconds.append(time.monotonic() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
