# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which application's API is which: the name is a definition's `app`."""

from __future__ import annotations

from .application import Application
from .audiobookshelf import Audiobookshelf
from .bazarr import Bazarr
from .calibre import Calibre
from .calibre_web import CalibreWeb
from .lidarr import Lidarr
from .nzbget import NZBGet
from .plex import Plex
from .prowlarr import Prowlarr
from .qbittorrent import QBittorrent
from .radarr import Radarr
from .readarr import Readarr
from .sonarr import Sonarr

APPLICATIONS: dict[str, type[Application]] = {
    "audiobookshelf": Audiobookshelf,
    "bazarr": Bazarr,
    "calibre": Calibre,
    "calibre_web": CalibreWeb,
    "lidarr": Lidarr,
    "nzbget": NZBGet,
    "plex": Plex,
    "prowlarr": Prowlarr,
    "qbittorrent": QBittorrent,
    "radarr": Radarr,
    "readarr": Readarr,
    "sonarr": Sonarr,
}
