"""What keeps the API key to the API, and the API to itself."""

import datetime
import ipaddress
import logging
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.client.api_server import KEY, Api, Handler, answers
from tocsin_client import Client, Refused, Session, Unreachable

DAY = datetime.timedelta(days=1)


# Safety


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "https://user:pass@example.com",
        "https://example.com?x=y",
        "https://example.com/ü",
        "https://",
        "example.com",
        "",
    ],
)
def test_a_url_that_would_show_the_key_is_refused(url):
    with pytest.raises(ValueError, match="URL"):
        Client(url, KEY)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/prod", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:80", "http://a.localhost"],
)
def test_a_url_that_is_https_or_loopback_is_taken(url):
    Client(url, KEY).close()


@pytest.mark.parametrize("key", ["", "a key", "a\r\nhost: evil", "schlüssel"])
def test_a_key_that_no_header_carries_is_refused_without_being_shown(key):
    with pytest.raises(ValueError, match="the key must be") as caught:
        Client("https://example.com", key)

    assert not key or key not in str(caught.value)


def babbles(handler: Handler) -> None:
    """Answers with what is no HTTP: the key."""
    handler.wfile.write(KEY.encode() + b"\r\n")
    handler.close_connection = True


def test_the_key_is_shown_nowhere(api, make, patient, caplog):
    caplog.set_level(logging.DEBUG)
    api.faults.extend([answers(403, {"title": KEY, "detail": KEY, "errors": [{"path": KEY}]})] * 2)
    api.faults.extend([answers(503, {"detail": f"key {KEY}"}), babbles])
    sender = make(retries=0, key=KEY + "\n", linger=3600)
    shown = [repr(sender), repr(vars(sender)), repr(vars(sender._session))]

    sender.emit("login")
    sender.flush()
    for _ in range(3):
        with pytest.raises((Refused, Unreachable)) as caught:
            sender.send("login")
        shown += [str(caught.value), repr(caught.value), str(caught.getrepr(showlocals=True, chain=True))]

    assert len(api.requests) == 4
    assert all(KEY not in text for text in [*shown, caplog.text])


def test_the_key_is_not_among_the_variables_of_a_failed_call(make, monkeypatch):
    def broken(result: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("tocsin_client.session._outcome", broken)

    with pytest.raises(RuntimeError) as caught:
        make().send("login")

    assert KEY not in str(caught.getrepr(showlocals=True))


def test_the_environment_names_the_api_and_the_key(api, monkeypatch):
    monkeypatch.setenv("TOCSIN_URL", api.url)
    monkeypatch.setenv("TOCSIN_KEY", KEY)
    sender = Client.from_environment(app="billing")

    receipt = sender.send("login")

    sender.close()
    assert api.stored[receipt.id].app == "billing"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tocsin test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def tls_url(api: Api, certificate: Path) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    api.serve_tls(context)
    return api.url.replace("http:", "https:")


def test_a_private_authority_is_trusted_where_the_session_is_told(api, make, certificate):
    url = tls_url(api, certificate)
    session = Session(url, KEY, ssl_context=ssl.create_default_context(cafile=str(certificate)))

    make(url, session=session).send("login")

    assert len(api.stored) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(api, make, certificate):
    url = tls_url(api, certificate)

    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        make(url, retries=0).send("login")

    assert api.requests == []
