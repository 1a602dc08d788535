# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Radarr 5 and 6: films."""

from __future__ import annotations

from .arr import COMMON, Arr, ArrApplication, Client


class Radarr(ArrApplication):
    """Radarr, by its API version 3."""

    kind = Arr(
        title="Radarr",
        clients={
            "qbittorrent": Client("QBittorrent", "QBittorrentSettings", "movieCategory"),
            "nzbget": Client("Nzbget", "NzbgetSettings", "movieCategory"),
        },
        told=("onDownload", "onUpgrade", "onRename", "onMovieDelete", "onMovieFileDelete"),
        configs=(*COMMON, "importlist", "metadata"),
    )
