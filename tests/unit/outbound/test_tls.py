"""TLS against real servers on 127.0.0.1: who is trusted, under which name, and who we say we are."""

import datetime
import gc
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.outbound.test_post import LOCAL, OK, Server, answering, serving
from tocsin.outbound import (
    ClientCertificate,
    OutboundBlocked,
    OutboundError,
    Response,
    Timeout,
    check_certificates,
    post,
)
from tocsin.outbound.tls import context_for

type Script = Callable[[Server, socket.socket], None]

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass
class Issued:
    """A certificate and its key, in PEM."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self, password: bytes | None = None) -> str:
        encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        ).decode()


def issue(
    *names: str,
    by: Issued | None = None,
    until: datetime.datetime = NOW + DAY,
    authority: bool = False,
    strict: bool = True,
) -> Issued:
    """Issue a certificate for host names and addresses, signed by another one or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    signer = by or Issued(None, key)  # type: ignore[arg-type]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if strict:
        usage = dict.fromkeys(
            [
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ],
            False,
        )
        builder = (
            builder.add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=authority, crl_sign=authority, **usage),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
        )
    if not authority:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
    return Issued(builder.sign(signer.key, hashes.SHA256()), key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture(scope="module")
def authority() -> Issued:
    return issue("Test authority", authority=True)


@pytest.fixture(scope="module")
def endpoint(authority: Issued) -> Issued:
    return issue("hooks.example.com", "xn--bcher-kva.example", "127.0.0.1", by=authority)


def over_tls(
    identity: Issued,
    script: Script,
    folder: Path,
    *,
    names: list[str | None] | None = None,
    clients: str = "",
) -> Script:
    """Do the handshake as `identity`, note the server name that was asked for, then follow the script."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = folder / "server.pem"
    pem.write_text(identity.key_pem() + identity.pem)
    context.load_cert_chain(pem)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients)
    if names is not None:
        context.sni_callback = lambda _sock, name, _context: names.append(name)

    def script_over_tls(server: Server, connection: socket.socket) -> None:
        secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with secured:
            try:
                secured.do_handshake()
            except OSError:
                _hang_up_gently(secured)
            else:
                script(server, secured)

    return script_over_tls


def _hang_up_gently(secured: ssl.SSLSocket) -> None:
    # Closing with bytes unread would reset the connection, and the alert might never arrive.
    with socket.socket(fileno=secured.detach()) as raw:
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):
            pass


def send(server: Server, host: str = "hooks.example.com", **options: object) -> Response:
    options = {"policy": LOCAL, "timeout": Timeout(30, 30), "resolver": lambda *_: ["127.0.0.1"]} | options
    return post(f"https://{host}:{server.port}/hook", b"{}", {}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("hooks.example.com", "hooks.example.com"),
        ("HOOKS.example.com.", "hooks.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.0.0.1", None),
    ],
)
def test_the_server_name_and_host_are_those_of_the_url(
    host: str, name: str | None, authority: Issued, endpoint: Issued, tmp_path: Path
) -> None:
    names: list[str | None] = []
    with serving(over_tls(endpoint, answering(OK), tmp_path, names=names)) as server:
        answer = send(server, host, ca=authority.pem)

    assert (answer.status, answer.address, names) == (200, "127.0.0.1", [name])
    assert f"\r\nHost: {name or '127.0.0.1'}:{server.port}\r\n".encode() in server.requests[0]


def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    authority: Issued, endpoint: Issued, tmp_path: Path
) -> None:
    with (
        serving(over_tls(endpoint, answering(OK), tmp_path)) as server,
        pytest.raises(OutboundError) as failed,
    ):
        send(server, "other.example.com", ca=authority.pem)

    assert (failed.value.kind, server.requests) == ("tls", [])
    assert str(failed.value).startswith(
        "other.example.com (127.0.0.1) has a certificate that does not hold: Hostname mismatch"
    )


def test_an_expired_certificate_is_a_tls_error(authority: Issued, tmp_path: Path) -> None:
    expired = issue("hooks.example.com", by=authority, until=NOW - DAY)
    with (
        serving(over_tls(expired, answering(OK), tmp_path)) as server,
        pytest.raises(OutboundError, match="certificate has expired") as failed,
    ):
        send(server, ca=authority.pem)

    assert failed.value.kind == "tls"


def test_without_an_own_ca_only_the_public_roots_are_trusted(
    authority: Issued, endpoint: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(authority.pem)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(bundle))
    with (
        serving(over_tls(endpoint, answering(OK), tmp_path)) as server,
        pytest.raises(OutboundError) as failed,
    ):
        send(server)

    assert (failed.value.kind, server.requests) == ("tls", [])


def test_with_an_own_ca_no_other_is_trusted(endpoint: Issued, tmp_path: Path) -> None:
    other = issue("Other authority", authority=True)
    with (
        serving(over_tls(endpoint, answering(OK), tmp_path)) as server,
        pytest.raises(OutboundError) as failed,
    ):
        send(server, ca=other.pem)

    assert failed.value.kind == "tls"


def test_a_ca_made_by_hand_without_key_usage_is_trusted(tmp_path: Path) -> None:
    homemade = issue("Homemade authority", authority=True, strict=False)
    with serving(over_tls(issue("hooks.example.com", by=homemade), answering(OK), tmp_path)) as server:
        answer = send(server, ca=homemade.pem)

    assert answer.status == 200


def test_a_self_signed_certificate_is_trusted_when_it_is_the_ca(tmp_path: Path) -> None:
    alone = issue("hooks.example.com", strict=False)
    with serving(over_tls(alone, answering(OK), tmp_path)) as server:
        answer = send(server, ca=alone.pem)

    assert answer.status == 200


def test_session_keys_are_never_written_to_a_file(
    authority: Issued, endpoint: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    context_for.cache_clear()
    with serving(over_tls(endpoint, answering(OK), tmp_path)) as server:
        send(server, ca=authority.pem)

    assert not keys.exists()


def test_a_client_certificate_is_shown(authority: Issued, endpoint: Issued, tmp_path: Path) -> None:
    subjects: list[object] = []

    def script(server: Server, connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        subjects.append(connection.getpeercert())
        answering(OK)(server, connection)

    us = issue("tocsin.example.com", by=authority)
    with serving(over_tls(endpoint, script, tmp_path, clients=authority.pem)) as server:
        answer = send(server, ca=authority.pem, client_cert=ClientCertificate(us.pem, us.key_pem()))

    assert answer.status == 200
    assert "tocsin.example.com" in str(subjects)


def test_an_endpoint_that_misses_a_client_certificate_is_a_tls_error(
    authority: Issued, endpoint: Issued, tmp_path: Path
) -> None:
    with (
        serving(over_tls(endpoint, answering(OK), tmp_path, clients=authority.pem)) as server,
        pytest.raises(OutboundError) as failed,
    ):
        send(server, ca=authority.pem)

    assert failed.value.kind == "tls"
    assert "CERTIFICATE_REQUIRED" in str(failed.value)


@pytest.mark.parametrize(
    "ca",
    ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "zertifikät"],
)
def test_a_ca_that_is_no_certificate_is_refused(ca: str) -> None:
    with pytest.raises(OutboundBlocked) as refused:
        post("https://hooks.example.com/", b"", {}, ca=ca)

    assert refused.value.reason == "bad_certificate"


def test_a_client_certificate_must_go_with_its_key(authority: Issued, endpoint: Issued) -> None:
    with pytest.raises(OutboundBlocked) as refused:
        check_certificates(client_cert=ClientCertificate(endpoint.pem, authority.key_pem()))

    assert refused.value.reason == "bad_certificate"


def test_an_encrypted_client_key_is_refused_without_asking_for_its_password(endpoint: Issued) -> None:
    with pytest.raises(OutboundBlocked) as refused:
        check_certificates(client_cert=ClientCertificate(endpoint.pem, endpoint.key_pem(b"secret")))

    assert refused.value.reason == "bad_certificate"


def test_a_client_key_is_left_in_no_file_and_no_text(
    endpoint: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    client_cert = ClientCertificate(endpoint.pem, endpoint.key_pem())

    check_certificates(client_cert=client_cert)

    assert list(tmp_path.iterdir()) == []
    assert "PRIVATE KEY" not in repr(client_cert)


def test_certificates_that_can_be_used_pass(authority: Issued, endpoint: Issued) -> None:
    check_certificates()
    check_certificates(
        f"Prüfstelle\n{authority.pem}{endpoint.pem}", ClientCertificate(endpoint.pem, endpoint.key_pem())
    )


def test_old_versions_of_tls_are_not_spoken() -> None:
    context = context_for(None, None)

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_the_public_roots_are_read_once() -> None:
    assert context_for(None, None) is context_for(None, None)


def test_no_socket_is_left_open(authority: Issued, endpoint: Issued, tmp_path: Path) -> None:
    with serving(over_tls(endpoint, answering(OK), tmp_path)) as server:
        send(server, ca=authority.pem)
        with pytest.raises(OutboundError):
            send(server, "other.example.com", ca=authority.pem)
        gc.collect()
        sockets = [item for item in gc.get_objects() if issubclass(type(item), socket.socket)]
        ours = [sock for sock in sockets if _peer(sock) == server.port]

    assert ours == []


def _peer(sock: socket.socket) -> int | None:
    try:
        return sock.getpeername()[1]
    except OSError:
        return None


def test_a_ca_without_a_certificate_in_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)

    with pytest.raises(OutboundBlocked, match="no certificate in it"):
        context_for(ca="-----BEGIN X509 CRL-----", client_cert=None)
