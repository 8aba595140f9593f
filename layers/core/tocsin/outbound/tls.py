"""TLS settings for one endpoint: whom to trust, and who we are.

Contexts are kept, since reading the public roots takes some 20 ms, and are never changed once made: setters
of an OpenSSL context are not safe beside a handshake in another thread.
"""

import ssl
import tempfile
from functools import lru_cache

import certifi

from tocsin.outbound.errors import OutboundBlocked
from tocsin.outbound.sockets import BoundedTLSSocket
from tocsin.records import dataclass, field


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that we show to an endpoint: its PEM chain, leaf first, and its unencrypted PEM key."""

    certificate: str
    key: str = field(repr=False)


def check_certificates(ca: str | None = None, client_cert: ClientCertificate | None = None) -> None:
    """Refuse certificates that could not be used: for when a transport is saved.

    Raises OutboundBlocked "bad_certificate".
    """
    context_for(ca, client_cert)


@lru_cache(maxsize=32)
def context_for(ca: str | None, client_cert: ClientCertificate | None) -> ssl.SSLContext:
    """The context for endpoints that the public roots vouch for, or the certificates in `ca` (PEM) instead.

    TLS 1.2 or later, certificate and host name checked. `ca` may hold a root, an intermediate or the
    endpoint's own self-signed certificate.

    Raises OutboundBlocked "bad_certificate".
    """
    # Not ssl.create_default_context: that one writes session keys to a file that the environment names.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = BoundedTLSSocket
    if ca is None:
        # Strict as Python's own default. Not so for an own CA: those are often made by hand, without the key
        # usage and key identifiers that strictness asks for, and trusting them was somebody's decision.
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_verify_locations(certifi.where())
    else:
        _trust(context, ca)
    if client_cert is not None:
        _present(context, client_cert)
    return context


def _trust(context: ssl.SSLContext, ca: str) -> None:
    # Bundles have names in any language between certificates; inside one, a "?" is an error all the same.
    plain = ca.encode("ascii", "replace").decode("ascii")
    try:
        context.load_verify_locations(cadata=plain)
    except (ssl.SSLError, ValueError):
        raise OutboundBlocked("bad_certificate", "the CA certificate is not valid PEM") from None
    if not context.cert_store_stats()["x509"]:
        raise OutboundBlocked("bad_certificate", "the CA certificate's PEM text has no certificate in it")


def _present(context: ssl.SSLContext, client_cert: ClientCertificate) -> None:
    # OpenSSL's interface in Python reads certificates and keys from files only; this one is ours alone (0600)
    # and gone after the call.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".pem") as file:
        try:
            file.write(f"{client_cert.key}\n{client_cert.certificate}\n")
            file.flush()
            # Without a password OpenSSL would ask for an encrypted key's on the terminal, and wait.
            context.load_cert_chain(file.name, password="")
        except (ssl.SSLError, ValueError):
            raise OutboundBlocked(
                "bad_certificate",
                "the client certificate and key are not valid PEM, or do not belong together",
            ) from None
    context.post_handshake_auth = True
