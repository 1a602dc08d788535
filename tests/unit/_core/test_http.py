# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The HTTP client against servers that behave, and against servers that do not."""

from __future__ import annotations

import datetime
import http.server
import json
import socket
import ssl
import threading
import time

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    RefusedError,
    UnreachableError,
)
from ansible_collections.monsterr.media.plugins.module_utils._core.http import Client


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.command, self.path, dict(self.headers), self.client_address[1]))
        size = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(size).decode()
        route = self.path.partition("?")[0]
        if route == "/hangs":
            self.server.stop.wait(5)
            return
        if route == "/drips":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not self.server.stop.wait(0.05):
                self.wfile.write(b"x")
            return
        if route == "/late":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            self.wfile.flush()
            self.server.stop.wait(0.1)
            self.wfile.write(b"late")
            self.close_connection = True
            return
        if route == "/drops":
            self.close_connection = True
            return
        body = json.dumps({"path": self.path, "sent": sent}).encode() if route != "/text" else b"Ok."
        self.send_response(302 if route == "/moved" else 200)
        if route == "/login":
            self.send_header("Set-Cookie", "SID=abc=; HttpOnly; path=/")
        if route == "/logout":
            self.send_header("Set-Cookie", "SID=; Max-Age=0")
        if route == "/moved":
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if route == "/goodbye":
            self.close_connection = True

    do_POST = do_GET

    def log_message(self, *_):
        pass


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.stop, server.daemon_threads = [], threading.Event(), True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@pytest.fixture
def server():
    server = serve()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(server):
    with Client(f"http://user:hidden@127.0.0.1:{server.server_port}/base") as client:
        yield client


def ask(client, path="/x", method="GET", seconds=3.0, **options):
    return client.request(method, path, attempted="ask", deadline=Deadline(seconds), **options)


def test_a_connection_is_kept_and_the_prefix_goes_before_the_path(server, client):
    assert ask(client, "/one", query={"a": ["1", "2"]}).json()["path"] == "/base/one?a=1&a=2"
    assert ask(client, "/two", "POST", json={"k": 1}).json()["sent"] == '{"k": 1}'
    assert ask(client, "/three", "POST", form=[("k", "a b")]).json()["sent"] == "k=a+b"
    assert len({port for *_unused, port in server.seen}) == 1
    assert server.seen[2][2]["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_connection_that_the_server_gave_up_is_opened_again(server):
    with Client(f"http://127.0.0.1:{server.server_port}") as client:
        ask(client, "/goodbye")
        time.sleep(0.05)
        assert ask(client, "/again", "POST", json={}).status == 200


def test_a_body_that_comes_after_the_connection_was_given_up_is_read(server):
    with Client(f"http://127.0.0.1:{server.server_port}") as client:
        assert ask(client, "/late").text == "late"
        assert ask(client, "/late").text == "late"


def test_cookies_live_until_the_server_takes_them_away(server):
    with Client(f"http://127.0.0.1:{server.server_port}") as client:
        ask(client, "/login")
        ask(client, "/with")
        ask(client, "/logout")
        ask(client, "/without")
    assert server.seen[1][2]["Cookie"] == "SID=abc="
    assert "Cookie" not in server.seen[3][2]


def test_redirects_are_for_the_caller(server):
    with Client(f"http://127.0.0.1:{server.server_port}") as client:
        answer = ask(client, "/moved")
        assert (answer.status, answer.headers["location"]) == (302, "/elsewhere")


@pytest.mark.parametrize("path", ["/hangs", "/drips"])
def test_the_deadline_covers_the_whole_exchange(server, path):
    start = time.monotonic()
    with (
        Client(f"http://127.0.0.1:{server.server_port}") as client,
        pytest.raises(DeadlineError, match=r"Could not ask .*: no whole answer after 0\.[34]"),
    ):
        ask(client, path, seconds=0.3)
    assert time.monotonic() - start < 2


def test_what_is_wrong_is_said_without_a_secret(server):
    client = Client(f"http://user:hidden@127.0.0.1:{server.server_port}")
    with pytest.raises(RefusedError) as caught:
        ask(client, "/moved", query={"apikey": "hidden"}).expect("read it", hint="Look there.")
    assert caught.value.details["status"] == 302
    with pytest.raises(RefusedError) as not_json:
        Client(f"http://127.0.0.1:{server.server_port}").request(
            "GET", "/text", attempted="ask", deadline=Deadline(3)
        ).json("read the list")
    with pytest.raises(UnreachableError) as dropped, Client(f"http://127.0.0.1:{server.server_port}") as other:
        ask(other, "/drops?apikey=hidden")
    messages = [str(error.value) for error in (caught, not_json, dropped)]
    assert messages[0].endswith(": the answer is 302 Found. Look there.")
    assert messages[1].startswith("Could not read the list")
    assert "hidden" not in " ".join(messages)


def test_a_closed_port_and_an_unknown_name_are_told_apart():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match="connection refused") as refused:
        ask(Client(f"http://127.0.0.1:{port}"))
    with pytest.raises(UnreachableError, match="cannot be resolved") as unknown:
        ask(Client("http://nothing.invalid"))
    assert (refused.value.details["kind"], unknown.value.details["kind"]) == ("connect", "name")


def test_what_does_not_speak_http_is_said_so():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            peer, _unused = listener.accept()
            peer.sendall(b"220 mail.example ESMTP\r\n")
            peer.recv(1000)
            peer.close()

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(UnreachableError, match="does not speak HTTP"):
            ask(Client(f"http://127.0.0.1:{listener.getsockname()[1]}"))


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", "http://:80", "http://a:99999"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InputError):
        Client(url)


def test_an_answer_over_the_limit_is_refused(server):
    with pytest.raises(RefusedError, match="larger than 5 bytes"):
        ask(Client(f"http://127.0.0.1:{server.server_port}", limit=5))


@pytest.fixture
def certificate(tmp_path):
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app.example")])
    now = datetime.datetime.now(datetime.UTC)
    issued = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("app.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    pem.write_bytes(
        issued.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(pem)


def test_a_name_is_asked_at_a_given_address_and_its_certificate_checked(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked_for = []
    context.sni_callback = lambda _, name, __: asked_for.append(name)
    server = serve(context)
    url = f"https://app.example:{server.server_port}"
    try:
        with Client(url, address="127.0.0.1", ca_file=certificate) as client:
            assert ask(client).status == 200
        assert asked_for == ["app.example"]
        assert server.seen[0][2]["Host"] == f"app.example:{server.server_port}"
        with pytest.raises(UnreachableError, match="certificate is not trusted") as unknown:
            ask(Client(url, address="127.0.0.1"))
        assert unknown.value.details["kind"] == "tls"
        with pytest.raises(UnreachableError, match="not valid for 'other\\.example'"):
            ask(Client(url.replace("app", "other"), address="127.0.0.1", ca_file=certificate))
        assert ask(Client(url, address="127.0.0.1", verify=False)).status == 200
    finally:
        server.shutdown()
        server.server_close()
