# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for an indexer that speaks Torznab and Newznab: it offers one release, a file of its own folder.

STANDIN_CONFIG/release/<name> is what it offers: a .nzb as it is, anything else as a .torrent without a tracker, so that
who fetches it has to be told of a peer. Environment, besides that of `common`: STANDIN_KEY (the API key,
lab-indexer-key).
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from common import Handler, Refused, Store, serve

NAME = "Indexer (stand-in)"
PIECE = 1 << 14
CAPABILITIES = """<?xml version="1.0" encoding="UTF-8"?>
<caps><server title="Lab"/><searching><search available="yes"/><tv-search available="yes" supportedParams="q"/>
</searching><categories><category id="5000" name="TV"/></categories></caps>"""
FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel><title>Lab</title><item>
<title>{title}</title><guid>{guid}</guid><size>{size}</size><category>5000</category>
<enclosure url="{link}" length="{size}" type="{kind}"/>
<torznab:attr name="seeders" value="1"/></item></channel></rss>"""


def bencoded(value):
    """A value as BEP 3 writes it."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    return b"d" + b"".join(bencoded(key) + bencoded(item) for key, item in sorted(value.items())) + b"e"


def torrent(path):
    """The .torrent of one file, and its hash in hexadecimal."""
    content = path.read_bytes()
    pieces = (content[start : start + PIECE] for start in range(0, len(content), PIECE))
    info = {
        "length": len(content),
        "name": path.name,
        "piece length": PIECE,
        "pieces": b"".join(hashlib.sha1(piece).digest() for piece in pieces),
    }
    return bencoded({"info": info}), hashlib.sha1(bencoded(info)).hexdigest()


class Indexer:
    """What it offers."""

    def __init__(self, folder):
        self.store = Store(folder, {})
        self.key = os.environ.get("STANDIN_KEY", "lab-indexer-key")
        self.release = next(iter(sorted((folder / "release").iterdir())), None)


class IndexerHandler(Handler):
    """Who may ask what."""

    def route(self, path, query):
        app = self.app
        if query.get("apikey", [""])[0] != app.key:
            raise Refused(401, '<error code="100" description="Incorrect user credentials"/>')
        news = app.release.suffix == ".nzb"
        kind = "application/x-nzb" if news else "application/x-bittorrent"
        if path == "/download":
            content = app.release.read_bytes() if news else torrent(app.release)[0]
            return self.reply(200, content, {"Content-Type": kind})
        if query.get("t", [""])[0] == "caps":
            return self.reply(200, CAPABILITIES, {"Content-Type": "application/xml"})
        name = Path(app.release.name).stem
        link = f"http://{self.headers['Host']}/download?apikey={app.key}"
        size = app.release.stat().st_size
        text = FEED.format(title=escape(name), guid=name, size=size, link=escape(link), kind=kind)
        self.reply(200, text, {"Content-Type": "application/rss+xml"})


if __name__ == "__main__":
    sys.exit(serve(IndexerHandler, NAME, 9117, Indexer))
