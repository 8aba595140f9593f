"""Where an event came from: the address that is given, or that of the producer's own request."""

import pytest

from tests.unit.events.drafts import draft, finished, terms, wrong
from tocsin.events.draft import FROM_REQUEST, finish, source_address

# ── the client's address ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given_ip", "stored"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:102:304", "1.2.3.4"),
    ],
)
def test_an_address_is_stored_in_its_usual_form(given_ip: str, stored: str) -> None:
    assert finished(client_ip=given_ip).client_ip == stored


@pytest.mark.parametrize(
    "given_ip", ["", "1.2.3", "1.2.3.4/24", "localhost", " 1.2.3.4", "fe80::1%eth0", "::1%" + "x" * 5000]
)
def test_what_is_no_address_is_refused(given_ip: str) -> None:
    assert set(wrong(draft(client_ip=given_ip))) == {"client_ip"}


def test_the_producers_own_address_is_taken_where_it_asks_for_that() -> None:
    assert finished(client_ip=FROM_REQUEST).client_ip == "203.0.113.7"


def test_an_address_that_can_not_be_told_is_255_255_255_255() -> None:
    assert finish(draft(client_ip=FROM_REQUEST), terms(source_ip=None)).client_ip == "255.255.255.255"


@pytest.mark.parametrize(
    ("forwarded_for", "peer", "address"),
    [
        ("198.51.100.1, 10.0.0.1", "203.0.113.7", "198.51.100.1"),
        ("", "203.0.113.7", "203.0.113.7"),
        ("unknown, 198.51.100.1", "203.0.113.7", "203.0.113.7"),
        ("fe80::1%x", "203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "", "2001:db8::1"),
        ("", "", None),
        ("198.51.100.1:51234, 10.0.0.1", "203.0.113.7", "198.51.100.1"),
        ("[2001:db8::1]:443", "203.0.113.7", "2001:db8::1"),
        ("[2001:db8::1]", "203.0.113.7", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "203.0.113.7", "2001:db8::1"),
        ("::ffff:198.51.100.1", "203.0.113.7", "198.51.100.1"),
        ("[::ffff:198.51.100.1]:80", "203.0.113.7", "198.51.100.1"),
        ("", "::ffff:203.0.113.7", "203.0.113.7"),
        ("198.51.100.1:port", "203.0.113.7", "203.0.113.7"),
        ("[198.51.100.1", "203.0.113.7", "203.0.113.7"),
    ],
)
def test_a_request_came_from_its_first_hop_or_its_peer(forwarded_for: str, peer: str, address: str | None) -> None:
    assert source_address({"x-forwarded-for": forwarded_for}, peer) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("proto=https; For=198.51.100.1:80;by=10.0.0.1, for=10.0.0.9", "198.51.100.1"),
        ('for="[2001:db8::1]:4711"', "2001:db8::1"),
        ('for="_hidden"', "203.0.113.7"),
        ("for=unknown", "203.0.113.7"),
        ("forfor=198.51.100.1", "203.0.113.7"),
        ("", "203.0.113.7"),
    ],
)
def test_forwarded_says_where_a_request_came_from_where_x_forwarded_for_names_the_peer_alone(
    forwarded: str, address: str
) -> None:
    """API Gateway adds its peer to X-Forwarded-For; a proxy of RFC 7239 before it writes `Forwarded`."""
    headers = {"x-forwarded-for": "203.0.113.7", "forwarded": forwarded}

    assert source_address(headers, "203.0.113.7") == address
    assert source_address(headers | {"x-forwarded-for": "192.0.2.1, 203.0.113.7"}, "203.0.113.7") == "192.0.2.1"
