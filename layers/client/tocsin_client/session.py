"""One POST /events, and what the API says of each event in it."""

from __future__ import annotations

import json
import os
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from tocsin_client import __version__
from tocsin_client.process import importing

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection, HTTPResponse

MAX_EVENTS = 500
"""Events that the API takes in one request."""
MAX_BODY = 1 << 20
"""Bytes that the API takes in one request, before they are compressed."""

_LOOPBACK = re.compile(r"(.+\.)?localhost|127(\.\d+){3}|::1")
_KEPT_OPEN = 20.0  # seconds; the other side has probably closed what is older, as while a Lambda function slept
_MAX_ANSWER = 8 << 20
_HIDDEN = "********"
_SMALL = 1_024  # bytes that are not worth compressing
_AGENT = f"tocsin-client/{__version__}"
_GZIP = 16 + zlib.MAX_WBITS


class Receipt(NamedTuple):
    """A stored event: its id, its time, and when it goes (None: never)."""

    id: str
    created: datetime
    expires: datetime | None


class Refused(Exception):
    """The API won't take it, now or later. `errors`: {path, message} of each wrong field."""

    def __init__(self, status: int, title: str, detail: str = "", errors: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(status, title, detail, errors)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors

    def __str__(self) -> str:
        return f"{self.status} {self.title}: {self.detail}"


class Unreachable(Exception):
    """The retries are used up. `results`: of each event, in order; None where it is not known to be stored.

    `unsent`: those events. They have ids: however often they are sent again, each is stored once.
    """

    def __init__(
        self, reason: str, results: Sequence[Receipt | Refused | None], unsent: Sequence[dict[str, Any]]
    ) -> None:
        super().__init__(reason, results, unsent)
        self.reason = reason
        self.results = results
        self.unsent = unsent

    def __repr__(self) -> str:
        return f"Unreachable({str(self)!r})"

    def __str__(self) -> str:
        return f"{len(self.unsent)} of {len(self.results)} events not stored: {self.reason}"


class _Secret(str):
    """What tools that show the variables of a failed call show as asterisks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _HIDDEN


class Reply(NamedTuple):
    """What one request brought: an outcome for each event, None where it is to be tried again.

    `reason`: why so; `wait`: for how many seconds the API asks before that; `answered`: whether it answered at all;
    `too_large`: whether fewer of these events may be taken where all were too much, as for a proxy in between.
    """

    outcomes: Sequence[Receipt | Refused | None]
    reason: str
    wait: float = 0.0
    answered: bool = False
    too_large: bool = False


class Session:
    """Requests with one key below one URL, from any thread, over connections that are kept open. No redirects.

    `timeout`: seconds, to connect and for each read. `ssl_context`: for a private certificate authority.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 5.0, ssl_context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url.strip().rstrip("/"))
        self._secure = parts.scheme == "https"
        self._host, self._path = parts.hostname or "", parts.path
        self._port = parts.port or (443 if self._secure else 80)  # http.client looks for one in an IPv6 address
        if not self._host or not url.isascii() or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("the URL must be ASCII and have a host, and no user, query or fragment")
        if not self._secure and not (parts.scheme == "http" and _LOOPBACK.fullmatch(self._host)):
            raise ValueError("the URL must be https, or http with a loopback address")
        if not re.fullmatch(r"[!-~]+", key.strip()):
            raise ValueError("the key must be printable ASCII without blanks")
        self._key, self._timeout, self._ssl_context = _Secret(key.strip()), timeout, ssl_context
        self._compresses = True
        self._idle: list[tuple[HTTPConnection, float, int]] = []
        self._closed = 0  # how often

    def post(self, lines: Sequence[bytes]) -> Reply:
        """Send events, each a line of JSON: a small one as it is, else as NDJSON, compressed where that is worth it."""
        body = b"\n".join(lines)
        kind, encoding = "application/json" if len(lines) == 1 else "application/x-ndjson", {}
        if self._compresses and len(body) > _SMALL:
            # API Gateway hands over JSON as text, also where it is compressed, and so damages it.
            compressor = zlib.compressobj(wbits=_GZIP)
            body = compressor.compress(body) + compressor.flush()
            kind, encoding = "application/x-ndjson", {"content-encoding": "gzip"}
        _load()
        from http.client import HTTPException  # noqa: PLC0415

        headers = {"authorization": _Secret(f"Bearer {self._key}"), "content-type": kind, "user-agent": _AGENT}
        connection, closed = self._connection(), self._closed
        try:
            whole = _sent(connection, f"{self._path}/events", body, {**headers, **encoding})
            response = connection.getresponse()
            answer = response.read(_MAX_ANSWER)
        except (OSError, HTTPException) as error:
            connection.close()
            self.close()  # what ended this connection has probably ended the idle ones
            return Reply([None] * len(lines), f"{type(error).__name__}: {error}".replace(self._key, _HIDDEN))
        if whole and response.isclosed():  # read to its end
            self._idle.append((connection, time.time(), os.getpid()))
            if self._closed != closed:  # meanwhile, without this one
                self.close()
        else:
            connection.close()
        if encoding and response.status == 415:  # an API of before it took compressed bodies
            self._compresses = False
            return self.post(lines)
        return self._reply(answer, response, len(lines))

    def _reply(self, answer: bytes, response: HTTPResponse, events: int) -> Reply:
        try:
            said = json.loads(answer.replace(self._key.encode(), _HIDDEN.encode()))
        except (ValueError, RecursionError):
            said = None
        whole = said if isinstance(said, dict) else {}
        results = whole.get("results")
        reason = f"HTTP {response.status} {whole.get('detail') or whole.get('message') or ''}"
        if not isinstance(results, list) or len(results) != events:
            if response.status == 413 and events > 1:
                return Reply([None] * events, reason, answered=True, too_large=True)
            results = [{**whole, "status": response.status}] * events
        wait = _seconds(response.getheader("retry-after", ""))
        return Reply([_outcome(result) for result in results], reason, wait, answered=True)

    def _connection(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415

        from tocsin_client.answers import Answer  # noqa: PLC0415

        while idle := self._take():
            connection, since, process = idle
            if time.time() - since < _KEPT_OPEN and process == os.getpid():  # a forked child opens its own
                return connection
            connection.close()
        if self._secure and self._ssl_context is None:
            import ssl  # noqa: PLC0415

            self._ssl_context = ssl.create_default_context()
        connection = (
            HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._ssl_context)
            if self._secure
            else HTTPConnection(self._host, self._port, timeout=self._timeout)
        )
        connection.response_class = Answer
        return connection

    def _take(self) -> tuple[HTTPConnection, float, int] | None:
        try:
            return self._idle.pop()  # one step, so that no two threads get the same
        except IndexError:
            return None

    def close(self) -> None:
        """Close the connections, each that a request is using when it is answered. The session can be used on."""
        self._closed += 1
        while idle := self._take():
            idle[0].close()


def _sent(connection: HTTPConnection, path: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether the whole request was sent: who refuses it (413) may have answered before, and closed the connection."""
    if connection.sock is None:
        connection.connect()
    try:
        connection.request("POST", path, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def spread() -> float:
    """A random factor from 0.5 to 1, for pauses: not all producers are to come back at once."""
    return 0.5 + int.from_bytes(os.urandom(2), "big") / 0x1FFFE


def _outcome(result: object) -> Receipt | Refused | None:
    status = result.get("status") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(status, int) or status in {408, 425, 429} or status >= 500:
        return None
    if status >= 300:
        title, errors = result.get("title") or result.get("message") or "Refused", result.get("errors")
        return Refused(status, str(title), str(result.get("detail") or ""), errors if isinstance(errors, list) else [])
    try:
        expires = result["expires"]
        return Receipt(result["id"], _moment(result["created"]), None if expires is None else _moment(expires))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # no acknowledgement that we understand is none


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not take Z


_loaded = False


def _load() -> None:
    """Import what takes the longest here, with TLS, and what each connection asks for: not before somebody sends."""
    global _loaded  # noqa: PLW0603 - at worst two threads look, one after the other
    if not _loaded:
        with importing():
            import encodings.idna  # noqa: F401, PLC0415
            import http.client  # noqa: F401, PLC0415

            from tocsin_client import answers  # noqa: F401, PLC0415
        _loaded = True


def _seconds(retry_after: str) -> float:
    """Of a Retry-After (RFC 9110, 10.2.3): a number or a date; 0 for anything else."""
    if retry_after.isdecimal():
        return float(retry_after)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - http.client has imported it

    try:
        moment = parsedate_to_datetime(retry_after)
        if moment.tzinfo is None:  # as asctime writes it: UTC all the same (5.6.7)
            moment = moment.replace(tzinfo=timezone.utc)
        return max(0.0, moment.timestamp() - time.time())
    except (IndexError, OverflowError, TypeError, ValueError):
        return 0.0
