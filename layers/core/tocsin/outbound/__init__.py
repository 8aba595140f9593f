"""HTTP to addresses that customers chose, without letting them choose our own.

    post(url, body, headers, *, timeout, policy, ca, client_cert, …) -> Response
    get(url, headers, *, timeout, policy, …) -> Response

Whoever sets a webhook's URL makes this service connect to it from inside a cloud account, where link-local
and private addresses answer without asking who calls (server-side request forgery, CWE-918). So a URL is
taken apart strictly (`urls`), its host is resolved once and every address of the answer must be global
unicast or allowed by the deployer (`addresses`, `resolve`), the connection goes to the address that was
checked (`connections`), and the whole exchange is bounded in time and bytes (`sockets`).

What can go wrong (`errors`):

    Exception
    ├── OutboundBlocked   .reason: we refuse to send; final
    └── OutboundError     .kind: no answer was received; time can heal it

`check_url`, `check_headers` and `check_certificates` say beforehand what `post` would refuse, for when a
transport is saved. The names that need an HTTP library load it when they are first asked for, so that a
function which only checks URLs does not pay for it at every cold start: `from tocsin.outbound import post`
loads it then and there.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tocsin.outbound.addresses import OutboundPolicy
from tocsin.outbound.errors import BlockReason, FailureKind, OutboundBlocked, OutboundError
from tocsin.outbound.headers import RESERVED_HEADERS, check_headers
from tocsin.outbound.urls import check_url, origin_of

if TYPE_CHECKING:
    from tocsin.outbound.client import Response, Timeout, get, post
    from tocsin.outbound.tls import ClientCertificate, check_certificates

__all__ = [
    "RESERVED_HEADERS",
    "BlockReason",
    "ClientCertificate",
    "FailureKind",
    "OutboundBlocked",
    "OutboundError",
    "OutboundPolicy",
    "Response",
    "Timeout",
    "check_certificates",
    "check_headers",
    "check_url",
    "get",
    "origin_of",
    "post",
]

_ON_DEMAND = {
    "get": "client",
    "post": "client",
    "Response": "client",
    "Timeout": "client",
    "ClientCertificate": "tls",
    "check_certificates": "tls",
}


def __getattr__(name: str) -> object:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ON_DEMAND[name]}"), name)
