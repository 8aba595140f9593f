"""A webhook as it came or would have come: shown, verified, forwarded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from rich.console import Group, RenderableType
from rich.text import Text

from tocsin_cli.errors import UsageError
from tocsin_cli.listening.signature import Verdict, verify
from tocsin_cli.text import plain, plain_lines
from tocsin_cli.types import Json, JsonObject

_HOP = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_MOST_SHOWN = 4000


@dataclass(frozen=True, slots=True)
class Message:
    """One request: method, path, headers (names in lower case) and body; `about` says where it is from."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    about: str = ""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What the receiver under development answered; status 0 where it could not be reached."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    milliseconds: int
    error: str = ""


class Desk:
    """Takes messages: verifies, forwards where it is asked to, and tells `show` of each."""

    def __init__(
        self,
        show: Callable[[Message, Verdict, Forwarded | None], object],
        *,
        secrets: Sequence[str] = (),
        forward: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._show = show
        self._secrets = tuple(secrets)
        self._forward = None if forward is None else checked_target(forward)
        self._clock = clock
        import requests

        self._session = requests.Session()
        self._session.trust_env = False

    def take(self, message: Message) -> Forwarded | None:
        """What the receiver answers; None where messages are not forwarded."""
        verdict = verify(self._secrets, message.headers, message.body, now=self._clock())
        answered = None if self._forward is None else self._send_on(self._forward, message)
        self._show(message, verdict, answered)
        return answered

    def _send_on(self, target: str, message: Message) -> Forwarded:
        import requests

        headers = {name: value for name, value in message.headers.items() if name not in _HOP}
        began = time.monotonic()
        try:
            response = self._session.request(
                message.method, target, data=message.body, headers=headers, timeout=30, allow_redirects=False
            )
        except requests.RequestException as error:
            return Forwarded(0, b"", {}, _since(began), type(error).__name__)
        return Forwarded(response.status_code, response.content, dict(response.headers), _since(began))


def checked_target(url: str) -> str:
    """A URL to forward to. Raises UsageError."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"--forward: {url!r} is no http URL")
    return parts.geturl()


def shown(message: Message, verdict: Verdict, answered: Forwarded | None) -> RenderableType:
    """A message for people."""
    mark = {True: ("✓ ", "green"), False: ("✗ ", "red"), None: ("? ", "yellow")}[verdict.good]
    head = Text.assemble(
        (time.strftime("%H:%M:%S "), "dim"),
        (f"{message.method} {plain(message.path)}", "bold"),
        (f"  {plain(message.about)}" if message.about else "", "cyan"),
    )
    parts: list[RenderableType] = [head, Text.assemble("  ", mark, plain(verdict.why))]
    for name in ("webhook-id", "webhook-timestamp", "content-type"):
        if name in message.headers:
            parts.append(Text(f"  {name}: {plain(message.headers[name])}", style="dim"))
    parts.append(Text(_indented(_body(message.body))))
    if answered is not None:
        good = 200 <= answered.status < 300
        said = f"{answered.status or 'no answer'} {answered.error}".strip()
        parts.append(Text(f"  → {said} in {answered.milliseconds} ms", style="green" if good else "red"))
    return Group(*parts)


def to_json(message: Message, verdict: Verdict, answered: Forwarded | None) -> JsonObject:
    """A message for programs."""
    text = message.body.decode("utf-8", "replace")
    content = _parsed(message.body)
    shown_answer: JsonObject | None = None
    if answered is not None:
        shown_answer = {
            "status": answered.status,
            "milliseconds": answered.milliseconds,
            "error": answered.error or None,
        }
    headers: JsonObject = dict(message.headers)
    return {
        "method": message.method,
        "path": message.path,
        "about": message.about or None,
        "headers": headers,
        "body": text if content is None else content,
        "verified": verdict.good,
        "why": verdict.why,
        "forwarded": shown_answer,
    }


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _parsed(body: bytes) -> Json:
    try:
        parsed: Json = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed


def _body(body: bytes) -> str:
    content = _parsed(body)
    written = body.decode("utf-8", "replace") if content is None else json.dumps(content, indent=2, ensure_ascii=False)
    cut = "" if len(written) <= _MOST_SHOWN else f"\n… {len(written) - _MOST_SHOWN:,} characters more"
    return plain_lines(written[:_MOST_SHOWN]) + cut


def _indented(written: str) -> str:
    return "\n".join(f"  {line}" for line in written.split("\n"))
