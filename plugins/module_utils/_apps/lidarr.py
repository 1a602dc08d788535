# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lidarr 2: music."""

from __future__ import annotations

from .arr import COMMON, Arr, ArrApplication, Client


class Lidarr(ArrApplication):
    """Lidarr, by its API version 1."""

    kind = Arr(
        title="Lidarr",
        api="/api/v1",
        clients={
            "qbittorrent": Client("QBittorrent", "QBittorrentSettings", "musicCategory"),
            "nzbget": Client("Nzbget", "NzbgetSettings", "musicCategory"),
        },
        told=("onReleaseImport", "onUpgrade", "onRename", "onArtistDelete", "onAlbumDelete"),
        configs=(*COMMON, "metadataprovider"),
        rich=True,
    )
