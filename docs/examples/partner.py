"""A partner's app, whole and small: it connects somebody's home, and shows what happens there.

Run it beside `make demo`, with what the demo printed, and open http://127.0.0.1:8765/:

    CLIENT_ID=client_… CLIENT_SECRET=… .venv/bin/python docs/examples/partner.py

It is the authorization code flow with PKCE (docs/oauth.md) and a subscription over WebSocket; it
keeps everything in memory, serves this machine alone, and needs nothing but `websockets`.
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

SCOPE = "devices:read events:subscribe"
WATCH = "subscription { deviceStatusChanged { device { name room { name } } changed } }"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Lamp Whisperer</title>
<style>body {{ font: 1rem/1.5 system-ui; max-width: 36rem; margin: 2rem auto }}</style>
<h1>Lamp Whisperer</h1>{body}</html>"""
LIVE = """<p>Your home is connected. What happens there, as it happens:</p>
<ul id="events" aria-live="polite"></ul><script>
const source = new EventSource("/events");
source.addEventListener("end", () => source.close());
source.onmessage = (event) => {
  const line = document.createElement("li");
  line.textContent = JSON.parse(event.data);
  document.getElementById("events").prepend(line);
};
</script>"""


class Partner:
    """What the app knows: its own client, the request that is under way, and the token it got."""

    def __init__(self, base: str, port: int) -> None:
        """Its client's id and secret come from the environment."""
        self.base = base
        self.client = (os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
        self.redirect_uri = f"http://127.0.0.1:{port}/callback"
        self.verifier = self.state = self.token = ""

    def ask(self) -> str:
        """Where the browser is sent, with a challenge whose verifier stays here."""
        self.verifier, self.state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client[0],
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.base}/oauth/authorize?{urlencode(asked)}"

    def take(self, answer: dict[str, str]) -> str | None:
        """Trade the code for a token; a sentence where that cannot be."""
        if not self.state or answer.get("state") != self.state or answer.get("iss") != self.base:
            return "This answer is not to a request of ours."
        if "code" not in answer:
            return f"You said no, or it was not possible: {answer.get('error', 'nothing came')}."
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        pair = base64.b64encode(":".join(self.client).encode()).decode()
        data, headers = urlencode(form).encode(), {"Authorization": f"Basic {pair}"}
        with urlopen(Request(f"{self.base}/oauth/token", data, headers)) as response:
            self.token = json.load(response)["access_token"]
        self.state = ""
        return None

    def events(self) -> Iterator[str]:
        """What happens, a line each, until the socket is closed: then access was taken back."""
        url = f"{self.base.replace('http', 'ws', 1)}/graphql"
        with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            payload = {"authorization": f"Bearer {self.token}"}
            socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            asked = {"id": "1", "type": "subscribe", "payload": {"query": WATCH}}
            socket.send(json.dumps(asked))
            with suppress(ConnectionClosed):
                for text in socket:
                    message = json.loads(text)
                    if message["type"] == "ping":
                        socket.send(json.dumps({"type": "pong"}))
                    elif message["type"] == "next":
                        event = message["payload"]["data"]["deviceStatusChanged"]
                        yield f"{event['device']['name']}: {', '.join(event['changed'])} changed"
            yield f"The stream has ended ({socket.close_code}): {socket.close_reason}"


class Handler(BaseHTTPRequestHandler):
    """Its pages: the start, the way there and back, and what happens."""

    partner: Partner

    def do_GET(self) -> None:
        """Answer one request."""
        url = urlsplit(self.path)
        match url.path:
            case "/":
                self._page('<p><a href="/connect">Connect my home</a></p>')
            case "/connect":
                self._go(self.partner.ask())
            case "/callback":
                wrong = self.partner.take(dict(parse_qsl(url.query)))
                if wrong is None:
                    self._go("/home")  # so that the code does not stay in the address bar
                else:
                    self._page(f'<p role="alert">{escape(wrong)}</p><p><a href="/">Back</a></p>')
            case "/home" if self.partner.token:
                self._page(LIVE)
            case "/events" if self.partner.token:
                self._stream()
            case _:
                self.send_error(404)

    def _page(self, body: str) -> None:
        text = PAGE.format(body=body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(text)

    def _go(self, url: str) -> None:
        self.send_response(303)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for line in self.partner.events():
            self.wfile.write(f"data: {json.dumps(line)}\n\n".encode())
        self.wfile.write(b"event: end\ndata:\n\n")

    def log_message(self, *_: object) -> None:
        """Addresses may hold codes: none is logged."""


def main() -> None:
    """Serve until Ctrl-C."""
    words = argparse.ArgumentParser(description="A partner's app that connects a home.")
    words.add_argument("base", nargs="?", default="http://127.0.0.1:8000", help="Latchkey's URL.")
    words.add_argument("--port", type=int, default=8765)
    given = words.parse_args()
    Handler.partner = Partner(given.base, given.port)
    with ThreadingHTTPServer(("127.0.0.1", given.port), Handler) as server:
        print(f"Open http://127.0.0.1:{given.port}/ (Ctrl-C ends it).", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
