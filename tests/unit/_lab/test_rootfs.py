# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How this computer's way to its mirrors becomes the twins', and what is kept between labs."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.monsterr.media.plugins.module_utils._lab import rootfs

DEB822 = """Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security/
Suites: bookworm-security
Components: main

Types: deb
URIs: https://packages.example/node
Suites: nodistro
Components: main
"""


def test_twins_use_the_mirrors_of_this_computer_for_their_own_release() -> None:
    expected = [
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/debian-security trixie-security main",
    ]
    assert rootfs.sources(DEB822) == expected
    lines = "deb [arch=amd64] http://mirror.example/debian/ bookworm main\n# deb http://other.example/debian x main\n"
    assert rootfs.sources(lines) == expected


def test_a_computer_without_debians_mirrors_uses_the_public_ones() -> None:
    found = rootfs.sources("deb http://archive.ubuntu.com/ubuntu noble main\n")
    assert found[0] == "deb http://deb.debian.org/debian trixie main"


def test_twins_reach_the_mirrors_as_this_computer_does() -> None:
    dump = """APT::Architecture "amd64";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::http::Proxy-Auto-Detect "/usr/local/bin/detect";
Acquire::https::Verify-Peer "true";
Acquire::Check-Valid-Until "false";
Acquire::GzipIndexes "true";
DPkg::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";
"""
    assert rootfs.apt_options(dump) == [
        'Acquire::http::Proxy "http://proxy.example:3128"',
        'Acquire::https::Verify-Peer "true"',
        'Acquire::Check-Valid-Until "false"',
    ]


def test_a_package_is_downloaded_once_for_all_twins_and_old_versions_go(tmp_path: Path) -> None:
    cache = rootfs.Cache(tmp_path / "cache")
    (cache.packages / "nginx_1.0_amd64.deb").write_text("old")
    (cache.packages / "nginx-common_1.0_all.deb").write_text("another")
    archives = tmp_path / "first/var/cache/apt/archives"
    (archives / "partial").mkdir(parents=True)
    (archives / "nginx_1.1_amd64.deb").write_text("new")
    (archives / "partial/broken_1_amd64.deb").write_text("half")
    cache.harvest(tmp_path / "first")
    assert sorted(os.listdir(cache.packages)) == ["nginx-common_1.0_all.deb", "nginx_1.1_amd64.deb"]
    cache.seed(tmp_path / "second")
    assert (tmp_path / "second/var/cache/apt/archives/nginx_1.1_amd64.deb").read_text() == "new"
    cache.seed(tmp_path / "second")


def test_a_link_planted_by_a_twin_is_not_followed(tmp_path: Path) -> None:
    cache = rootfs.Cache(tmp_path / "cache")
    archives = tmp_path / "twin/var/cache/apt/archives"
    archives.mkdir(parents=True)
    (archives / "evil_1_amd64.deb").symlink_to("/etc/shadow")
    cache.harvest(tmp_path / "twin")
    assert not list(cache.packages.iterdir())
