# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which application's API is which: the name is a definition's `app`."""

from __future__ import annotations

from .application import Application
from .nzbget import NZBGet
from .qbittorrent import QBittorrent
from .sonarr import Sonarr

APPLICATIONS: dict[str, type[Application]] = {
    "nzbget": NZBGet,
    "qbittorrent": QBittorrent,
    "sonarr": Sonarr,
}
