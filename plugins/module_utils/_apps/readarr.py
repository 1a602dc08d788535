# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Readarr, and the forks that go on with its API: books."""

from __future__ import annotations

from .arr import COMMON, Arr, ArrApplication, Client


class Readarr(ArrApplication):
    """Readarr, by its API version 1. It shows secrets, and does not compare before it saves."""

    kind = Arr(
        title="Readarr",
        api="/api/v1",
        clients={
            "qbittorrent": Client("QBittorrent", "QBittorrentSettings", "musicCategory"),
            "nzbget": Client("Nzbget", "NzbgetSettings", "musicCategory"),
        },
        told=("onReleaseImport", "onUpgrade", "onRename", "onBookDelete", "onBookFileDelete"),
        configs=(*COMMON, "metadataprovider", "development"),
        rich=True,
    )
