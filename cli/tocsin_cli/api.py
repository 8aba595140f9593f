"""The public HTTP API: one request, its pages, and what a refusal means for the exit code."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tocsin_cli import version
from tocsin_cli.errors import CliError, Conflict, Fault, Invalid, NotFound, Refused, TooMany, Unavailable, UsageError
from tocsin_cli.types import Json, JsonObject, objects, text

if TYPE_CHECKING:
    import requests

JSON_TYPE = "application/json"
YAML_TYPE = "application/yaml"
NDJSON_TYPE = "application/x-ndjson"

_LOOPBACK = re.compile(r"(.+\.)?localhost|127(\.\d+){3}|::1")
_OTHER_PATH = re.compile(r"\?|%[0-9A-Fa-f]{2}|/(members|preferences)(/|$)|/$")
_KEY = re.compile(r"[!-~]+")
_TRIES = 4
_LONGEST_WAIT = 20.0  # seconds
_LATER = frozenset({429, 502, 503, 504})
_GATEWAYS = frozenset({502, 503, 504})
"""What is answered for the API where it did not answer in time, as by API Gateway: it may have done what was asked."""
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer."""

    status: int
    body: Json
    etag: str | None
    date: datetime | None
    """When the server says that it answered: a clock that events are compared with."""
    raw: str

    @property
    def object(self) -> JsonObject:
        """The body, which must be an object. Raises CliError where it is not: the other side is no Tocsin."""
        if not isinstance(self.body, dict):
            raise CliError("the answer is not what Tocsin answers", hint="does the URL lead to Tocsin's API?")
        return self.body


class _Bearer:
    """The key, set by each request: requests would let a .netrc entry take the header's place otherwise."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Api:
    """The API at `url`, asked with `key`; an empty key asks without one.

    `trace` is told of each request: method, path with query, status or 0, seconds.
    Raises UsageError for a URL that is neither https nor a loopback address's, and for a key that no header can carry.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 60.0,
        sleep: Callable[[float], object] = time.sleep,
        trace: Callable[[str, str, int, float], object] = lambda *_: None,
    ) -> None:
        import requests  # a tenth of a second, which completion and --help need not wait for

        self.url = checked_url(url)
        if key and not _KEY.fullmatch(key):
            raise UsageError("the key is not one line of printable ASCII without blanks", hint="see `tocsin login`")
        self._timeout = timeout
        self._sleep = sleep
        self._trace = trace
        self._session = requests.Session()
        self._session.auth = _Bearer(key) if key else None
        self._session.headers["User-Agent"] = f"tocsin-cli/{version()}"

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = JSON_TYPE) -> Answer:
        """Read."""
        return self.send("GET", path, query=query, headers={"Accept": accept})

    def put(
        self,
        path: str,
        body: Json,
        *,
        query: Mapping[str, str] | None = None,
        if_match: str | None = None,
        only_new: bool = False,
    ) -> Answer:
        """Create or replace; with `if_match` only the version that has this ETag, with `only_new` only create."""
        headers = {"If-Match": if_match} if if_match else {"If-None-Match": "*"} if only_new else {}
        return self.send("PUT", path, query=query, body=body, headers=headers)

    def post(self, path: str, body: Json = None, *, query: Mapping[str, str] | None = None) -> Answer:
        """Create, or do something."""
        return self.send("POST", path, query=query, body=body)

    def delete(self, path: str, *, query: Mapping[str, str] | None = None, if_match: str | None = None) -> Answer:
        """Delete."""
        return self.send("DELETE", path, query=query, headers={"If-Match": if_match} if if_match else {})

    def pages(self, path: str, query: Mapping[str, str] | None = None, *, limit: int | None = None) -> Iterator[Answer]:
        """The pages of a list, up to `limit` items in all; None for all there are."""
        asked, left = dict(query or {}), limit
        while left is None or left > 0:
            answer = self.get(path, asked | {"limit": str(_PAGE if left is None else min(_PAGE, left))})
            yield answer
            if left is not None:
                left -= len(objects(answer.object.get("items")))
            cursor = text(answer.object, "cursor")
            if not cursor:
                return
            asked["cursor"] = cursor

    def items(
        self, path: str, query: Mapping[str, str] | None = None, *, limit: int | None = None
    ) -> Iterator[JsonObject]:
        """The items of a list, of all its pages."""
        for page in self.pages(path, query, limit=limit):
            yield from objects(page.object.get("items"))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        data: bytes | None = None,
        content_type: str = JSON_TYPE,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        patience: float = _LONGEST_WAIT,
        divides: bool = False,
    ) -> Answer:
        """One request, sent again while the API says to come back within `patience` seconds.

        With `divides`, TooMany is raised at once where it says to wait: fewer may be taken now.

        No answer at all, or none of the API's own, is only tried again for GET, and for what is `repeatable`: a second
        time does nothing then.
        Raises the CliError that a refusal is.
        """
        import requests

        payload = json_bytes(body) if body is not None else data
        sent = dict(headers or {}) | ({"Content-Type": content_type} if payload is not None else {})
        harmless = repeatable or method == "GET"
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES
            try:
                response = self._once(method, path, query, payload, sent)
            except requests.RequestException as error:
                if last or not harmless:
                    raise _unreachable(self.url, error) from None
                self._sleep(_pause(attempt, 0))
                continue
            asked_wait = _seconds(response.headers.get("Retry-After", ""))
            later = response.status_code in _LATER and (harmless or not _may_be_done(response))
            longest = 0.0 if divides and response.status_code == 429 else patience
            if later and not last and asked_wait <= longest:
                self._sleep(_pause(attempt, asked_wait))
                continue
            return _answer(response)
        raise AssertionError("the last try returns or raises")

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        payload: bytes | None,
        headers: Mapping[str, str],
    ) -> requests.Response:
        began, status = time.monotonic(), 0
        shown = path
        try:
            response = self._session.request(
                method,
                self.url + path,
                params=dict(query or {}),
                data=payload,
                headers=dict(headers),
                timeout=(10, self._timeout),
                allow_redirects=False,
            )
            status = response.status_code
            shown = (response.request.path_url or path).removeprefix(urlsplit(self.url).path)
            return response
        finally:
            self._trace(method, shown, status, time.monotonic() - began)


def checked_url(url: str) -> str:
    """The URL without a slash at its end. UsageError where a key must not be sent there."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise UsageError(f"{url!r} is no URL") from None
    if not host or parts.scheme not in {"https", "http"} or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is not the URL of an API: https://…, with no user, query or fragment")
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(host):
        raise UsageError(f"{url!r} would send the key in the clear; only https, or http to this machine, is used")
    return url


def path_of(*parts: str) -> str:
    """A path of names: each may hold blanks, slashes and nearly anything else.

    Raises Invalid for what no path can hold: API Gateway ends a path at `?` and takes some names for other paths, so
    that the request would reach another entry.
    """
    for part in parts:
        if part in {"", ".", ".."} or _OTHER_PATH.search(part):
            raise Invalid(
                f"{part!r} is the name of nothing: no name is empty, `.` or `..`, has a `?`, a `%` before two "
                "hexadecimal digits, `/members` or `/preferences`, or ends with `/`"
            )
    return "".join("/" + quote(part, safe="") for part in parts)


def json_bytes(value: Json) -> bytes:
    """As JSON. Half of a surrogate pair stays what it is, an escape: the API says what becomes of it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _may_be_done(response: requests.Response) -> bool:
    """Whether somebody else answered for the API, which may still do what was asked."""
    said = _body(response)
    return response.status_code in _GATEWAYS and not (isinstance(said, dict) and said.get("title"))


def _body(response: requests.Response) -> Any:  # noqa: ANN401 - JSON
    try:
        return response.json() if "json" in response.headers.get("Content-Type", "") else None
    except ValueError:
        return None


def _answer(response: requests.Response) -> Answer:
    body = _body(response)
    if 200 <= response.status_code < 300:
        date = _moment(response.headers.get("Date", ""))
        return Answer(response.status_code, body, response.headers.get("ETag"), date, response.text)
    problem = body if isinstance(body, dict) else {}
    error = _refusal(response.status_code, problem)
    error.results = objects(problem.get("results"))
    raise error


def _refusal(status: int, problem: JsonObject) -> CliError:
    title = text(problem, "title") or text(problem, "message") or f"HTTP {status}"
    detail = text(problem, "detail")
    faults = [Fault(text(each, "path"), text(each, "message")) for each in objects(problem.get("errors"))]
    message = detail or title
    if status in {401, 403}:
        hint = "see `tocsin login`" if status == 401 else None
        return Refused(message, faults, hint=hint)
    if status == 404:
        hint = None if text(problem, "type") else "does the URL lead to Tocsin's API? This is no answer of it"
        return NotFound(message, faults, hint=hint)
    if status in {409, 412}:
        return Conflict(message, faults)
    if status == 429 or status >= 500:
        instance = text(problem, "instance")
        hint = f"the logs know the request as {instance}" if instance and status >= 500 else None
        kind = TooMany if status == 429 else Unavailable
        return kind(f"the API answers {status}: {message}", faults, hint=hint)
    if 300 <= status < 400:
        return CliError(f"the URL answers with a redirect ({status}), which Tocsin never does", hint="check the URL")
    return Invalid(message, faults)


def _unreachable(url: str, error: requests.RequestException) -> Unavailable:
    import requests

    host = urlsplit(url).netloc
    if isinstance(error, requests.exceptions.SSLError):
        return Unavailable(f"{host}: its certificate can't be trusted ({_cause(error)})")
    if isinstance(error, requests.Timeout):
        return Unavailable(f"{host} did not answer in time")
    return Unavailable(f"{host} can't be reached ({_cause(error)})", hint="is the URL right, and the stack up?")


def _cause(error: BaseException) -> str:
    """The innermost reason, without urllib3's wrapping."""
    reason: object = error
    for _ in range(5):
        inner = getattr(reason, "reason", None) or next(
            (each for each in getattr(reason, "args", ()) if isinstance(each, BaseException)), None
        )
        if inner is None:
            break
        reason = inner
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason).partition(": ")[2] or str(reason) or type(reason).__name__


def _pause(attempt: int, asked: float) -> float:
    """Seconds: what was asked for, and a growing, jittered pause."""
    return asked + 2.0 ** min(attempt, 5) / 8 * random.uniform(0.5, 1)  # noqa: S311 - jitter


def _seconds(retry_after: str) -> float:
    """A Retry-After (RFC 9110, 10.2.3): a number or a date; 0 for anything else."""
    if retry_after.isdecimal():
        return float(retry_after)
    moment = _moment(retry_after)
    return 0.0 if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _moment(written: str) -> datetime | None:
    """The time in an HTTP header (RFC 9110, 5.6.7), which is always UTC."""
    try:
        moment = parsedate_to_datetime(written)
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
