"""An issuer of access tokens on 127.0.0.1: discovery document, key set, keys of the three kinds, and its bad days."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tocsin.outbound import OutboundPolicy

AUDIENCE = "https://tocsin.example.com"
LOCAL = OutboundPolicy.parse(allow_http=True, ports="*", allow_cidrs="127.0.0.0/8")
DISCOVERY = "/o/tocsin/.well-known/openid-configuration"
KEYS = "/o/tocsin/jwks"

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
        self.stopped = threading.Event()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                body = issuer.answers.get(self.path, issuer.served(self.path))
                if isinstance(body, float):
                    issuer.stopped.wait(body)
                    return
                self.send_response(body if isinstance(body, int) else 200)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                if isinstance(body, bytes):
                    self.wfile.write(body)

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
            return json.dumps({"issuer": self.url, "jwks_uri": self.origin + KEYS}).encode()
        return json.dumps({"keys": self.key_set()}).encode()

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
