"""An issuer of access tokens on 127.0.0.1: discovery document, key set, keys of the three kinds, and its bad days.

Browsers sign in there too: its page offers people, and gives a code that is exchanged with PKCE (RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tocsin.outbound import OutboundPolicy

AUDIENCE = "https://tocsin.example.com"
LOCAL = OutboundPolicy.parse(allow_http=True, ports="*", allow_cidrs="127.0.0.0/8")
DISCOVERY = "/o/tocsin/.well-known/openid-configuration"
KEYS = "/o/tocsin/jwks"
AUTHORIZE = "/o/tocsin/authorize"
TOKEN = "/o/tocsin/token"
CLIENT = "tocsin-console"
PEOPLE = {"grace": ["auditors"], "hiro": ["developers"]}
"""Who can sign in in a browser, and their groups."""

_ALGORITHMS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm}


@cache
def signing_key(algorithm: str, number: int = 0) -> Any:
    """A private key, the same each time: those of RSA take long to make."""
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


def public_jwk(algorithm: str, private: Any, **members: Any) -> dict[str, Any]:
    """A public key as a key set has it."""
    to_jwk = _ALGORITHMS.get(algorithm, jwt.algorithms.OKPAlgorithm).to_jwk
    made: dict[str, Any] = json.loads(to_jwk(private.public_key()))
    return {name: value for name, value in made.items() if name != "key_ops"} | members


class Issuer:
    """A running issuer. `answers` replaces what it serves at a path: bytes, or seconds of silence, or a status."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, Any]] = {
            f"{algorithm}-1": (algorithm, signing_key(algorithm)) for algorithm in ("RS256", "ES256", "EdDSA")
        }
        self.answers: dict[str, bytes | int | float] = {}
        self.asked: list[str] = []
        self.accepted: list[str | None] = []
        """The media types that each request would take, as its header Accept says."""
        self.codes: dict[str, dict[str, str]] = {}
        """What was asked for with each code that was given and not exchanged yet."""
        self.stopped = threading.Event()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                issuer.accepted.append(self.headers["Accept"])
                body = issuer.answers.get(self.path, issuer.served(self.path))
                if isinstance(body, float):
                    issuer.stopped.wait(body)
                    return
                self.send_response(body if isinstance(body, int) else 200)
                self.send_header("Location", "/elsewhere")
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                if isinstance(body, bytes):
                    self.wfile.write(body)

            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                answer = issuer.exchanged(form)
                self.send_response(400 if "error" in answer else 200)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/o/tocsin/"

    def served(self, path: str) -> bytes:
        """What is at a path on a good day."""
        if path == DISCOVERY:
            endpoints = {"jwks_uri": KEYS, "authorization_endpoint": AUTHORIZE, "token_endpoint": TOKEN}
            where = {name: self.origin + endpoint for name, endpoint in endpoints.items()}
            return json.dumps({"issuer": self.url} | where).encode()
        if path.startswith(f"{AUTHORIZE}?"):
            return self.page(dict(parse_qsl(urlsplit(path).query))).encode()
        return json.dumps({"keys": self.key_set()}).encode()

    def page(self, asked: dict[str, str]) -> str:
        """Where people say who they are; each link leads back with a code, or with a refusal."""
        assert asked["client_id"] == CLIENT
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        links = []
        for person in PEOPLE:
            code = secrets.token_urlsafe()
            self.codes[code] = asked | {"person": person}
            links.append((person, {"code": code, "state": asked["state"]}))
        links.append(("nobody", {"error": "access_denied", "state": asked["state"]}))
        return "<!doctype html><title>Sign in</title>" + " ".join(
            f'<a href="{escape(asked["redirect_uri"] + "?" + urlencode(query))}">{name}</a>' for name, query in links
        )

    def exchanged(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer of the token endpoint: tokens for a code, once, for whoever has what its challenge was made of."""
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        same = asked is not None and (form["client_id"], form["redirect_uri"]) == (CLIENT, asked["redirect_uri"])
        if asked is None or not same or challenge != asked["code_challenge"]:
            return {"error": "invalid_grant"}
        person = asked["person"]
        return {
            "access_token": self.token(preferred_username=person, groups=PEOPLE[person]),
            "id_token": self.token(aud=CLIENT, preferred_username=person, headers={"typ": "JWT"}),
            "token_type": "Bearer",
            "expires_in": 300,
        }

    def key_set(self) -> list[dict[str, Any]]:
        """The public keys, as they are published."""
        return [
            public_jwk(algorithm, private, kid=kid, alg=algorithm, use="sig")
            for kid, (algorithm, private) in self.keys.items()
        ]

    def fetches(self) -> int:
        """How often the key set was asked for."""
        return self.asked.count(KEYS)

    def claims(self, **claims: Any) -> dict[str, Any]:
        """The claims of a good token for alice, for five minutes; None leaves one out."""
        now = int(time.time())
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "5f2c1d",
            "iat": now,
            "exp": now + 300,
            "preferred_username": "alice",
            "groups": ["oncall"],
        }
        return {name: value for name, value in (good | claims).items() if value is not None}

    def token(
        self, kid: str = "RS256-1", *, headers: dict[str, Any] | None = None, key: Any = None, **claims: Any
    ) -> str:
        """A signed token; with `key`, signed with another than the one of that id."""
        algorithm, private = self.keys[kid]
        return jwt.encode(
            self.claims(**claims),
            key or private,
            algorithm=algorithm,
            headers={"kid": kid, "typ": "at+jwt"} | (headers or {}),
        )

    def stop(self) -> None:
        """End it; whoever asks from now on is refused a connection."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer, up within the block."""
    issuer = Issuer()
    try:
        yield issuer
    finally:
        if not issuer.stopped.is_set():
            issuer.stop()
