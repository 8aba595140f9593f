"""Who an e-mail goes to, and what is refused."""

from email import message_from_string
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.notifications.email.address import (
    MAX_MAILBOX,
    BadAddress,
    NoAddress,
    display_name,
    mail_address,
    mailbox,
)
from tocsin.notifications.text import MARK
from tocsin.outbound import OutboundPolicy
from tocsin.outbound.urls import parse


@pytest.mark.parametrize(
    ("address", "mailable"),
    [
        (" alice@example.com\n", "alice@example.com"),
        ("o'neil+tag@sub.example.com", "o'neil+tag@sub.example.com"),
        ("alice@münchen.example", "alice@xn--mnchen-3ya.example"),
        ("anna@faß.example", "anna@xn--fa-hia.example"),
        ("anna@σίσυφος.example", "anna@xn--kxa6ajbbmh.example"),
        ("anna@ｅｘａｍｐｌｅ。com", "anna@example.com"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_an_address_is_taken_with_its_domain_in_ascii(address: str, mailable: str) -> None:
    assert mail_address(address) == mailable


@pytest.mark.parametrize("address", ["", "  ", "\n"])
def test_a_blank_address_is_no_address(address: str) -> None:
    with pytest.raises(NoAddress, match="no e-mail address"):
        mail_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "alice",
        "alice@",
        "@example.com",
        "alice@example.com, bob@example.com",
        "alice@example.com\r\nBcc: bob@example.com",
        "Alice <alice@example.com>",
        '"a b"@example.com',
        "älice@example.com",
        "alice@exa mple.com",
        "alice@-example.com",
        "alice@example..com",
        "alice@[10.0.0.1]",
        "alice@" + "a" * 64 + ".com",
        "alice@\ufffd.com",
        "a" * 64 + "@" + "b." * 100 + "com",
        "alice@\ud800.com",
        "alice@a\u200db.com",
        "alice@a\u200cb.com",
        "alice@a\u00adb.com",
        "alice@⒈com",
        "alice@a\u2060b.com",
    ],
)
def test_what_is_no_single_plain_address_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        mail_address(address)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12))
def test_mail_and_webhooks_read_a_domain_alike(label: str) -> None:
    domain = f"a{label}.example"
    try:
        mailed = mail_address(f"x@{domain}").partition("@")[2]
    except BadAddress:
        return

    assert parse(f"https://{domain}/", OutboundPolicy()).host == mailed


def test_a_refusal_does_not_repeat_the_address() -> None:
    with pytest.raises(BadAddress) as refused:
        mail_address("secret name@example.com")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("", "a@example.com"),
        ("a@example.com", "a@example.com"),
        ("Ada Lovelace", "Ada Lovelace <a@example.com>"),
        ('Smith, "Bob"', '"Smith, \\"Bob\\"" <a@example.com>'),
        ("Jürgen Groß", "=?utf-8?b?SsO8cmdlbiBHcm/Dnw==?= <a@example.com>"),
        ("=?utf-8?q?Boss?=", "=?utf-8?b?PT91dGYtOD9xP0Jvc3M/PQ==?= <a@example.com>"),
    ],
)
def test_a_name_is_quoted_or_encoded(name: str, header: str) -> None:
    assert mailbox(name, "a@example.com") == header


@pytest.mark.parametrize(
    "name", ["=?utf-8?b?Qm9zcw==?=", "a =?utf-8?q?Boss?= b", '"=?utf-8?q?Boss?="', "=?", "x=?iso-8859-1?q?=42oss?="]
)
def test_a_name_that_spells_an_encoded_word_is_read_as_it_is(name: str) -> None:
    """`=?utf-8?q?Boss?=` was shown as Boss; in quotes, Python's own parser reads it so, too."""
    header = mailbox(name, "a@example.com")

    [read] = message_from_string(f"To: {header}\n\n", policy=default)["to"].addresses
    assert (read.display_name, read.addr_spec) == (name, "a@example.com")


@given(st.text(st.characters(codec=None), max_size=150))
def test_any_name_comes_back_out_of_the_header(name: str) -> None:
    shown = display_name(name)

    name_in_header, address = parseaddr(mailbox(shown, "a@example.com"))

    assert address == "a@example.com"
    read = str(make_header(decode_header(name_in_header)))
    kept = read.removesuffix(MARK)
    assert read == (shown if shown != address else "") or (len(kept) >= 45 and shown.startswith(kept))


@pytest.mark.parametrize("name", ["山田太郎" * 25, "Ж" * 100, "🦊" * 50, '"' * 100, "=?" * 50])
@pytest.mark.parametrize("address", ["a@example.com", f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 61}"])
def test_a_name_is_as_long_as_ses_takes_it_with_its_address(name: str, address: str) -> None:
    """The fault: such people got no mail at all, since SES refuses an address of more than 320 bytes."""
    header = mailbox(display_name(name), mail_address(address))

    assert len(header) <= MAX_MAILBOX
    name_in_header, addr_spec = parseaddr(header)
    assert addr_spec == address
    assert name[:4] in str(make_header(decode_header(name_in_header)))


def test_a_name_of_which_nothing_fits_beside_the_address_is_left_out() -> None:
    address = "a" * (MAX_MAILBOX - 20) + "@example.com"

    assert mailbox("Жанна", address) == address
    assert mailbox("Ada", address) == f"Ada <{address}>"


@given(st.text(st.characters(codec=None), max_size=150))
def test_any_name_makes_one_ascii_line_of_short_words(name: str) -> None:
    header = mailbox(display_name(name), "a@example.com")

    assert header.isascii()
    assert header.isprintable()
    assert all(len(word) <= 75 for word in header.split() if word.startswith("=?"))
