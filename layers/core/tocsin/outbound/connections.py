"""HTTP connections that go to an address that was checked, and to no other.

urllib3 keeps the host name: the Host header comes from it, and so do the TLS server name and the name that
the certificate is checked for. What it does not do any more is connect: that is overridden here, so that no
name is resolved a second time, whatever the DNS answers by then.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from http.client import CONTINUE, SWITCHING_PROTOCOLS, HTTPResponse
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tocsin.outbound.addresses import Address
from tocsin.outbound.deadlines import Deadline
from tocsin.outbound.errors import OutboundError
from tocsin.outbound.sockets import BoundedSocket
from tocsin.outbound.urls import Target

MAX_TRIES = 4
"""Addresses of one host that are dialled before giving up."""

type Dialer = Callable[[socket.socket, tuple[str, int]], None]
"""Connects a socket, whose timeout is set, to an address and port. Raises OSError."""


class Route:
    """The way to one endpoint: its checked addresses, and the limits that hold on the way."""

    def __init__(
        self,
        target: Target,
        addresses: tuple[Address, ...],
        *,
        connect_by: Deadline,
        answer_by: Deadline,
        receivable: int,
        context: ssl.SSLContext | None,
        dial: Dialer,
    ) -> None:
        self._target = target
        self._addresses = addresses[:MAX_TRIES]
        self._connect_by = connect_by
        self._answer_by = answer_by
        self._receivable = receivable
        self._context = context
        self._dial = dial
        self.address = ""
        """The address that the connection was made to, once it was."""

    @property
    def name(self) -> str:
        """The host, and the address that was connected to, for messages."""
        return self._named([self.address] if self.address else [])

    def pool(self) -> HTTPConnectionPool:
        """A urllib3 pool for one request over this route."""
        if self._context is None:
            return _PinnedPool(self._target.host, self._target.port, route=self)
        return _PinnedTLSPool(self._target.host, self._target.port, route=self)

    def open(self) -> BoundedSocket:
        """Connect, with TLS where the URL has it. Raises OutboundError "connect", "timeout", "tls"."""
        raw = self._connect()
        sock = raw if self._context is None else self._secure(raw, self._context)
        sock.bound(self._answer_by, self._receivable)
        return sock

    def _connect(self) -> BoundedSocket:
        failure: OSError = TimeoutError()
        tried: list[str] = []
        for address in self._addresses:
            # A silent address leaves its equal share of the time to those after it: a host whose IPv6 is
            # broken is still reached over IPv4.
            share = self._connect_by.left / (len(self._addresses) - len(tried))
            if share <= 0:
                break
            tried.append(str(address))
            try:
                sock = self._dialled(address, share)
            except OSError as error:
                failure = error
            else:
                self.address = str(address)
                return sock
        where = self._named(tried)
        if isinstance(failure, TimeoutError):
            raise OutboundError("timeout", f"{where} did not accept a connection in time") from None
        cause = failure.strerror or type(failure).__name__
        raise OutboundError("connect", f"{where} port {self._target.port} can't be connected to: {cause}") from None

    def _dialled(self, address: Address, seconds: float) -> BoundedSocket:
        sock = BoundedSocket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            # Headers and body are two writes: with Nagle's algorithm the second waits for an acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(seconds)
            self._dial(sock, (str(address), self._target.port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _secure(self, raw: BoundedSocket, context: ssl.SSLContext) -> BoundedSocket:
        where = self.name
        try:
            # OpenSSL counts this timeout for the handshake as a whole, so that it can't be dripped either.
            raw.settimeout(self._connect_by.claim())
            return cast(BoundedSocket, context.wrap_socket(raw, server_hostname=self._target.host))
        except TimeoutError:
            raise OutboundError("timeout", f"{where} did not finish the TLS handshake in time") from None
        except ssl.SSLCertVerificationError as error:
            raise OutboundError(
                "tls", f"{where} has a certificate that does not hold: {error.verify_message}"
            ) from None
        except OSError as error:
            raise OutboundError("tls", f"{where} failed the TLS handshake: {tls_cause(error)}") from None
        finally:
            raw.close()  # no more than a shell once wrapped; still open when the deadline had passed

    def _named(self, addresses: list[str]) -> str:
        host = self._target.host
        return host if addresses in ([], [host]) else f"{host} ({', '.join(addresses)})"


def tls_cause(error: BaseException) -> str:
    """OpenSSL's word for what failed, such as "WRONG_VERSION_NUMBER", or that the connection was closed."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, str) and reason else "the connection was closed"


class _FinalAnswer(HTTPResponse):
    """The answer after any number of interim ones (RFC 9110, 15.2): 102, 103 and their like are skipped as 100 is.

    Their number is bounded by what may be received at all, and their time by the deadline. 101 is an answer: the
    other side goes on in a protocol that nobody asked for.
    """

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the types
        interim = 100 <= status < 200 and status != SWITCHING_PROTOCOLS
        return version, CONTINUE if interim else status, reason


class _PinnedConnection(HTTPConnection):
    response_class = _FinalAnswer
    route: Route

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        route: Route,
        **options: Any,  # noqa: ANN401 - the pool's dozen of settings, handed through
    ) -> None:
        super().__init__(host, port, **options)
        self.route = route

    def connect(self) -> None:
        self.sock = self.route.open()


class _PinnedTLSConnection(_PinnedConnection, HTTPSConnection):
    def connect(self) -> None:
        self.sock = self.route.open()
        self.is_verified = True  # by the context, or there would have been no socket


class _PinnedPool(HTTPConnectionPool):
    ConnectionCls = _PinnedConnection


class _PinnedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedTLSConnection


class PinnedAdapter(HTTPAdapter):
    """A requests adapter whose every request goes over one route.

    It is to be called itself, without a Session. A Session would add what the environment says (proxies,
    .netrc, CA bundles), keep cookies, and read a redirect's body whole, decompressing it, even where it is
    told not to follow.
    """

    def __init__(self, route: Route) -> None:
        super().__init__()
        self._pool = route.pool()

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        """The route's own pool, for whatever URL and proxies."""
        return self._pool

    def cert_verify(
        self,
        conn: HTTPConnectionPool,
        url: str,
        verify: bool | str | None,
        cert: tuple[str, str] | str | None,
    ) -> None:
        """Do nothing: the route has its own TLS context, where requests would read the roots each time."""

    def build_response(self, req: requests.PreparedRequest, resp: BaseHTTPResponse) -> requests.Response:
        """The answer without cookies: those are not kept, and parsing hostile ones takes time of no use."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        response.request = req
        return response

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()
        super().close()
