# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Telling: webhook, mail, ntfy. Errors name the server, never a whole address: that is as good as a password."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import urlsplit

from .._core.clock import Deadline
from .._core.errors import MonsterrError, RefusedError, UnreachableError
from .._core.finding import FAIL
from .._core.http import Client, connect
from .._health.network import trusted
from .._plan.notify import Email, Notify, Ntfy, Webhook
from . import message
from .message import News

PATIENCE = 10.0  # seconds for one channel
_ATTEMPTED = "tell what has changed"


def channels(config: Notify) -> dict[str, Any]:
    """The channels that are set, by name."""
    return {name: value for name in TELL if (value := getattr(config, name))}


def tell(name: str, channel: Any, news: News, host: str, deadline: Deadline, ca_bundle: str) -> None:
    """Tell one channel; any `MonsterrError` means that it was not told."""
    TELL[name](channel, news, host, Deadline(min(PATIENCE, deadline.remaining()), deadline.clock), ca_bundle)


def _webhook(channel: Webhook, news: News, host: str, deadline: Deadline, ca_bundle: str) -> None:
    headers = {"Authorization": f"Bearer {channel.token}"} if channel.token else {}
    _post(channel.url, deadline, ca_bundle, headers, json=message.plain(news, host))


def _ntfy(channel: Ntfy, news: News, host: str, deadline: Deadline, ca_bundle: str) -> None:
    failing = any(item.status == FAIL for item in news.worse)
    headers = {
        # A header is one line of ASCII.
        "Title": message.subject(news, host).encode("ascii", "replace").decode().replace("\n", " "),
        "Priority": "high" if failing else "default",
        "Tags": "rotating_light" if failing else "warning" if news.worse else "white_check_mark",
    }
    if channel.token:
        headers["Authorization"] = f"Bearer {channel.token}"
    _post(channel.url, deadline, ca_bundle, headers, body=message.text(news).encode())


def _post(url: str, deadline: Deadline, ca_bundle: str, headers: Mapping[str, str], **content: Any) -> None:
    parts = urlsplit(url)
    server = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        trust = trusted(ca_bundle) if ca_bundle else ""
        with Client(f"{parts.scheme}://{parts.netloc}", ca_data=trust) as client:
            answer = client.request("POST", path, attempted=_ATTEMPTED, deadline=deadline, headers=headers, **content)
            answer.expect(_ATTEMPTED)
    except MonsterrError as error:
        hint = "See monsterr_notify: the address, and the token if it wants one."
        raise type(error)(_ATTEMPTED, server, error.why, hint) from None


class _Bounded:
    """A connection of smtplib that is made by the deadline."""

    deadline: Deadline

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connect(host, port, self.deadline)


class _Plain(_Bounded, smtplib.SMTP):
    pass


def _email(channel: Email, news: News, host: str, deadline: Deadline, ca_bundle: str) -> None:
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(cadata=ca_bundle)
    port = channel.port or {"starttls": 587, "tls": 465, "none": 25}[channel.security]
    hint = "See monsterr_notify.email."
    server = _Plain(timeout=max(0.1, deadline.remaining()))
    server.deadline = deadline
    try:
        if channel.security == "tls":
            plain = connect(channel.host, port, deadline)
            server.sock = context.wrap_socket(plain, server_hostname=channel.host)
            code, said = server.getreply()
        else:
            code, said = server.connect(channel.host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        server._host = channel.host  # what STARTTLS checks the certificate against
        if channel.security == "starttls":
            server.starttls(context=context)
        if channel.username:
            server.login(channel.username, channel.password)
        server.send_message(mail(channel, news, host))
        server.quit()
    except smtplib.SMTPAuthenticationError:
        raise RefusedError(_ATTEMPTED, channel.host, "it does not accept the username and password", hint) from None
    except (smtplib.SMTPException, ssl.SSLError) as error:
        raise RefusedError(_ATTEMPTED, channel.host, f"it will not take the mail: {error}", hint) from None
    except OSError as error:
        raise UnreachableError(_ATTEMPTED, f"{channel.host}:{port}", str(error), hint) from None
    finally:
        server.close()


def mail(channel: Email, news: News, host: str) -> EmailMessage:
    """The mail."""
    found = EmailMessage()
    found["Subject"] = message.subject(news, host).replace("\n", " ")
    found["From"], found["To"] = channel.sender, ", ".join(channel.to)
    found["Date"], found["Message-ID"] = formatdate(), make_msgid(domain=channel.sender.rpartition("@")[2])
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: nobody is on holiday for this
    found.set_content(message.text(news))
    return found


TELL: dict[str, Callable[..., None]] = {"webhook": _webhook, "email": _email, "ntfy": _ntfy}
