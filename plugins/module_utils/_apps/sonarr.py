# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sonarr 4: television series."""

from __future__ import annotations

from .arr import Arr, ArrApplication, Client


class Sonarr(ArrApplication):
    """Sonarr, by its API version 3."""

    kind = Arr(
        title="Sonarr",
        clients={
            "qbittorrent": Client("QBittorrent", "QBittorrentSettings", "tvCategory"),
            "nzbget": Client("Nzbget", "NzbgetSettings", "tvCategory"),
        },
        told=("onDownload", "onUpgrade", "onRename", "onSeriesDelete", "onEpisodeFileDelete"),
    )
