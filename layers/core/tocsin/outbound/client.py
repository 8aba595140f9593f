"""The request itself: one POST or GET, bounded in time and bytes, to an address that was checked."""

import http.client
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Literal

import requests
import urllib3

from tocsin.outbound.addresses import OutboundPolicy
from tocsin.outbound.connections import Dialer, PinnedAdapter, Route, tls_cause
from tocsin.outbound.deadlines import Deadline
from tocsin.outbound.errors import OutboundBlocked, OutboundError
from tocsin.outbound.headers import encoded
from tocsin.outbound.resolve import Resolver, addresses_of, system_resolver
from tocsin.outbound.sockets import TooMuchReceivedError
from tocsin.outbound.tls import ClientCertificate, context_for
from tocsin.outbound.urls import Target, parse
from tocsin.records import dataclass

MAX_OVERHEAD = 128 * 1024
"""Bytes that an answer may have besides its body: status line, headers, 1xx answers, chunk sizes."""

# urllib3 logs whole URLs: at debug level, and as a warning when a server's headers are malformed. A webhook
# URL's path is often its secret (Slack's is), and the server is not the one to decide what is in our logs.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds. `connect`: until a connection stands, that is look-up, TCP and TLS. `total`: until the end."""

    connect: float = 5.0
    total: float = 15.0

    def __post_init__(self) -> None:
        if not (self.connect > 0 and self.total > 0):
            raise ValueError("timeouts must be greater than 0")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    `status`: 200 to 999, redirects included. `headers`: names in any case. `body`: the first bytes, as sent
    (never decompressed). `truncated`: there was more, or would have been: the cap on bytes, the deadline or a
    broken connection ended it. `elapsed_ms`: from the call to the last byte read. `address`: who answered.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    elapsed_ms: float
    address: str


_STRICT = OutboundPolicy()
_TIMEOUT = Timeout()


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: Timeout = _TIMEOUT,
    policy: OutboundPolicy = _STRICT,
    ca: str | None = None,
    client_cert: ClientCertificate | None = None,
    max_response_bytes: int = 64 * 1024,
    resolver: Resolver = system_resolver,
    dial: Dialer = socket.socket.connect,
) -> Response:
    """POST `body` to a URL that a customer chose, and give the answer. Safe to call from many threads.

    The host is resolved once, each of its addresses is checked against `policy`, and one of them is
    connected to, by the name's certificate, Host header and TLS server name. `ca` (PEM) is trusted instead
    of the public roots. No redirect is followed, no cookie kept, no proxy or .netrc of the environment
    used, no connection used twice. `resolver` and `dial` stand in for the network in tests.

    What counts as an answer is status and headers. What breaks off or stalls after them is `truncated`, not
    an error: the other side has said by then whether it took the request, and must not be sent it again.

    Raises OutboundBlocked (final), OutboundError (to be tried again).
    """
    return _exchange("POST", url, body, headers, timeout, policy, ca, client_cert, max_response_bytes, resolver, dial)


def get(
    url: str,
    headers: Mapping[str, str],
    *,
    timeout: Timeout = _TIMEOUT,
    policy: OutboundPolicy = _STRICT,
    max_response_bytes: int = 64 * 1024,
    resolver: Resolver = system_resolver,
    dial: Dialer = socket.socket.connect,
) -> Response:
    """GET a URL, guarded and bounded as `post` is.

    Raises OutboundBlocked (final), OutboundError (to be tried again).
    """
    return _exchange("GET", url, None, headers, timeout, policy, None, None, max_response_bytes, resolver, dial)


def _exchange(
    method: Literal["GET", "POST"],
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout: Timeout,
    policy: OutboundPolicy,
    ca: str | None,
    client_cert: ClientCertificate | None,
    max_response_bytes: int,
    resolver: Resolver,
    dial: Dialer,
) -> Response:
    started = time.perf_counter()
    answer_by = Deadline.after(timeout.total)
    connect_by = Deadline.after(min(timeout.connect, timeout.total))
    target = parse(url, policy)
    sent_headers = encoded(headers)
    context = context_for(ca, client_cert) if target.scheme == "https" else None
    route = Route(
        target,
        addresses_of(target, policy, connect_by, resolver),
        connect_by=connect_by,
        answer_by=answer_by,
        receivable=max_response_bytes + MAX_OVERHEAD,
        context=context,
        dial=dial,
    )
    request = _prepared(method, target, body, sent_headers)
    with closing(PinnedAdapter(route)) as adapter:
        with closing(_answer(adapter, request, route, timeout.total, answer_by)) as answer:
            content, truncated = _read(answer.raw, max_response_bytes)
        return Response(
            status=answer.status_code,
            headers=answer.headers,
            body=content,
            truncated=truncated,
            elapsed_ms=(time.perf_counter() - started) * 1000,
            address=route.address,
        )


def _prepared(
    method: str, target: Target, body: bytes | None, headers: dict[str, str | bytes]
) -> requests.PreparedRequest:
    try:
        return requests.Request(method, target.url, headers=headers, data=body).prepare()
    except (requests.RequestException, UnicodeError):
        raise OutboundBlocked("bad_url", "the URL can't be sent") from None


def _answer(
    adapter: PinnedAdapter,
    request: requests.PreparedRequest,
    route: Route,
    seconds: float,
    deadline: Deadline,
) -> requests.Response:
    # `from None`: the texts of requests and urllib3 have the whole URL in them.
    try:
        answer = adapter.send(request, stream=True, timeout=seconds)
    except TooMuchReceivedError:
        raise OutboundError("protocol", f"{route.name} sends headers without end") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _failure(route.name, _causes(error), seconds, deadline) from None
    if answer.status_code < 200:
        answer.close()
        raise OutboundError("protocol", f"{route.name} answered {answer.status_code}, which nobody asked for")
    return answer


def _failure(name: str, causes: list[BaseException], seconds: float, deadline: Deadline) -> OutboundError:
    if not deadline.left or any(isinstance(cause, TimeoutError) for cause in causes):
        return OutboundError("timeout", f"{name} did not answer within {seconds:g} s")
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if tls is not None:
        return OutboundError("tls", f"{name} broke off TLS: {tls_cause(tls)}")
    if any(isinstance(cause, ConnectionError) for cause in causes):
        return OutboundError("protocol", f"{name} closed the connection without an answer")
    return OutboundError("protocol", f"{name} did not answer in HTTP")


def _causes(error: BaseException) -> list[BaseException]:
    """The error and all that led to it: requests and urllib3 keep causes now in the chain, now in `args`."""
    found: list[BaseException] = []
    todo = [error]
    while todo:
        cause = todo.pop()
        if not any(cause is known for known in found):
            found.append(cause)
            todo += [arg for arg in cause.args if isinstance(arg, BaseException)]
            todo += [link for link in (cause.__context__, cause.__cause__) if link is not None]
    return found


def _read(raw: urllib3.HTTPResponse, limit: int) -> tuple[bytes, bool]:
    """Up to `limit` bytes of a body as they come, and whether that is less than all."""
    content = bytearray()
    try:
        while len(content) < limit:
            part = raw.read1(limit - len(content), decode_content=False)
            if not part:
                return bytes(content), bool(raw.length_remaining)
            content += part
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, TooMuchReceivedError):
        return bytes(content), True
    return bytes(content), raw.length_remaining != 0
