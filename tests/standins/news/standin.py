# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for a news server: it has one file, as articles in yEnc, to whom logs in with the lab's account.

NNTP as in RFC 3977 and RFC 4643, as far as a downloader needs it.
"""

from __future__ import annotations

import hashlib
import socketserver
import zlib
from xml.sax.saxutils import escape

LOGIN = ("lab", "lab-news-password")
ARTICLE = 100_000  # bytes of the file in an article
LINE = 128
NZB = """<?xml version="1.0" encoding="UTF-8"?>
<nzb xmlns="http://www.newzbin.com/DTD/2003/nzb"><file poster="lab" date="1700000000" subject="{subject}">
<groups><group>alt.binaries.lab</group></groups><segments>{segments}</segments></file></nzb>"""


def encoded(part):
    """Bytes as lines of yEnc; a dot that begins a line is doubled, as NNTP wants it."""
    special = b"\x00\n\r="
    text = bytearray()
    lines = []
    for byte in part:
        code = (byte + 42) % 256
        text += bytes([61, (code + 64) % 256]) if code in special else bytes([code])
        if len(text) >= LINE:
            lines.append(bytes(text))
            text.clear()
    lines.append(bytes(text))
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines if line)


class News:
    """The articles of a file, by message number, and the .nzb that names them."""

    def __init__(self, name, content):
        starts = range(0, len(content), ARTICLE)
        self.articles, segments = {}, []
        for number, start in enumerate(starts, 1):
            part = content[start : start + ARTICLE]
            identity = f"{hashlib.sha1(part).hexdigest()}@lab"
            head = f"=ybegin part={number} total={len(starts)} line={LINE} size={len(content)} name={name}\r\n"
            place = f"=ypart begin={start + 1} end={start + len(part)}\r\n"
            tail = f"\r\n=yend size={len(part)} part={number} pcrc32={zlib.crc32(part):08x}\r\n"
            self.articles[f"<{identity}>"] = (head + place).encode() + encoded(part) + tail.encode()
            segments.append(f'<segment bytes="{len(part)}" number="{number}">{identity}</segment>')
        subject = escape(f'[1/1] - "{name}" yEnc (1/{len(starts)})', {'"': "&quot;"})
        self.nzb = NZB.format(subject=subject, segments="".join(segments))


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self):
        self.known = False
        self.say("200 Lab")
        for line in self.rfile:
            words = line.decode(errors="replace").split()
            if not words or not self.answer([words[0].upper(), *words[1:]]):
                return

    def answer(self, words):
        """Answer a command. False: that was the last one."""
        command, last = words[0], words[-1]
        if command == "QUIT":
            self.say("205 Bye")
            return False
        if command == "AUTHINFO" and words[1].upper() == "USER":
            self.user = last
            self.say("381 And the password?")
        elif command == "AUTHINFO":
            self.known = (self.user, last) == LOGIN
            self.say("281 Welcome" if self.known else "481 No")
        elif not self.known:
            self.say("480 Log in first")
        elif command == "GROUP":
            self.say(f"211 1 1 1 {last}")
        elif command in ("ARTICLE", "BODY", "STAT"):
            self.article(command, last)
        else:
            self.say("200 Yes" if command == "MODE" else "500 What?")
        return True

    def article(self, command, identity):
        body = self.server.news.articles.get(identity)
        if body is None:
            return self.say("430 No such article")
        self.say(f"{ {'ARTICLE': 220, 'BODY': 222, 'STAT': 223}[command] } 0 {identity}")
        if command == "ARTICLE":
            self.say(f"Message-ID: {identity}\r\n")
        if command != "STAT":
            self.wfile.write(body + b".\r\n")

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")


def listen(news, address):
    """A server of `news` at an address; `serve_forever` is for the caller."""
    server = socketserver.ThreadingTCPServer(address, Session, bind_and_activate=False)
    server.allow_reuse_address, server.daemon_threads, server.news = True, True, news
    server.server_bind()
    server.server_activate()
    return server
