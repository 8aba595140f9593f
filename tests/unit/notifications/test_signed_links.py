"""Links that need no key: a token is what it was made for, and nobody else can make one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.notifications.test_context import rendering_context
from tocsin.notifications.acknowledge_links import LIVES, AcknowledgeLinks, Acknowledging
from tocsin.notifications.email.unsubscribe import Subscription, UnsubscribeLinks
from tocsin.notifications.signed_links import MAX_TOKEN, Signer

SECRET = "s" * 48
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANAS = Acknowledging("refunds", "a" * 32, "e", "mail", "ana", NOW + LIVES)
LINKS = AcknowledgeLinks(SECRET, "https://api.example.com/")


def test_a_token_says_what_it_was_made_of() -> None:
    signer = Signer(SECRET, "purpose")

    assert signer.read(signer.token("größe\0x")) == "größe\0x"


@pytest.mark.parametrize(
    "other",
    [Signer("t" * 48, "purpose"), Signer(SECRET, "other")],
    ids=["another secret", "another purpose"],
)
def test_a_token_is_none_for_another_secret_or_purpose(other: Signer) -> None:
    token = Signer(SECRET, "purpose").token("ana")

    assert other.read(token) is None


@pytest.mark.parametrize(
    "token",
    ["", ".", "forged", "a.b", "ä.ö", "YW5h", "YW5h.", ".YW5h", "YW5h.YW5h", "YW5h.YW5h.YW5h", "=" * 40, "A" * 5_000],
)
def test_what_nobody_signed_says_nothing(token: str) -> None:
    assert Signer(SECRET, "purpose").read(token) is None


def test_a_changed_token_says_nothing() -> None:
    said, _, mac = LINKS.token(ANAS).partition(".")
    other = LINKS.token(replace(ANAS, username="bob")).partition(".")[0]

    assert LINKS.read(f"{said}.{mac}", NOW) == ANAS
    assert LINKS.read(f"{other}.{mac}", NOW) is None


def test_a_link_ends() -> None:
    token = LINKS.token(ANAS)

    assert LINKS.read(token, NOW + LIVES - timedelta(seconds=1)) == ANAS
    assert LINKS.read(token, NOW + LIVES) is None


def test_links_of_one_purpose_are_none_of_the_other() -> None:
    mails = UnsubscribeLinks(SECRET)
    subscription = Subscription("ana", "ana@example.com", "mail", "refunds")

    assert LINKS.read(mails.token_of(subscription).removeprefix("3."), NOW) is None
    assert LINKS.read(mails.token("ana@example.com"), NOW) is None
    assert mails.read(LINKS.token(ANAS)) is None and mails.read(f"2.{LINKS.token(ANAS)}") is None
    assert mails.read(f"3.{LINKS.token(ANAS)}") is None


def test_links_that_are_in_mails_already_still_work() -> None:
    """Signed by the version before acknowledgements, with this secret."""
    links = UnsubscribeLinks(SECRET)

    assert links.read("YW5hQGV4YW1wbGUuY29t.D3a0CxkIzpGPM7-Cxp4IsXtfatExM56PC2q752T8xao") == "ana@example.com"
    read = links.read("2.YW5hAG1haWwAcmVmdW5kcw.zZwGHhIHNftqKNxwy0e4kD2yoUMJyhiO0p_nzmTXiAg")
    assert read == Subscription("ana", "", "mail", "refunds")
    assert links.read("3.YW5hAG1haWwAcmVmdW5kcw.zZwGHhIHNftqKNxwy0e4kD2yoUMJyhiO0p_nzmTXiAg") is None


def test_a_link_to_acknowledge_by_that_was_sent_already_still_works() -> None:
    """Signed by the version before links said their person's key, with this secret."""
    said = "cmVmdW5kcwBhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQBlAG1haWwAYW5hADE3NzQ5NTg0MDA"

    assert LINKS.read(f"{said}.HWMw6f0H1-YqJjqzPSlTvrZ44OQGfsxWHLJ5LqL5Prs", NOW) == ANAS
    assert (ANAS.pk, ANAS.made) == ("", NOW)


@pytest.mark.parametrize("pk", [7, "7", "0197f3a4-7c1e-7b0a-9d3e-2f6b8c1d4e5f"])
def test_a_link_to_acknowledge_by_says_its_persons_key(pk: int | str) -> None:
    context = replace(rendering_context(), about="a" * 32)
    assert context.user is not None

    url = LINKS.url(replace(context, user=replace(context.user, pk=pk)), NOW)

    read = LINKS.read((url or "").partition("token=")[2], NOW)
    assert read is not None and read.pk == str(pk)


def test_a_link_to_acknowledge_by_that_would_be_too_long_with_the_key_goes_without() -> None:
    context = replace(rendering_context(), about="a" * 32)
    assert context.user is not None

    url = LINKS.url(replace(context, user=replace(context.user, pk="k" * 600)), NOW)

    read = LINKS.read((url or "").partition("token=")[2], NOW)
    assert read is not None and (read.username, read.pk) == (context.user.username, "")


@pytest.mark.parametrize("domain", ["a.io", ".".join(["x" * 62] * 4)])
@pytest.mark.parametrize("host", ["example.com", "x" * 189])
@pytest.mark.parametrize("name", ["ana", "a" * 255, "规" * 255])
def test_an_unsubscribe_link_fits_a_header_that_ses_takes(domain: str, host: str, name: str) -> None:
    longest = Subscription(name, f"{'a' * 64}@{host}", "m" * 100, "r" * 100)

    url = UnsubscribeLinks(SECRET, f"https://{domain}").url(longest)

    assert len("List-Unsubscribe") + len(f"<{url}>") <= 996
    read = UnsubscribeLinks(SECRET).read(url.partition("token=")[2])
    assert read in (longest, longest.address)


def test_the_link_of_a_message_names_its_person_or_its_channel() -> None:
    told = replace(rendering_context(), about="a" * 32)
    channel = replace(told, transport=replace(told.transport, send_once=True))

    mine, shared = (LINKS.url(each, NOW) for each in (told, channel))

    assert mine is not None and mine.startswith("https://api.example.com/acknowledge?token=")
    assert told.user is not None
    asked = LINKS.read(mine.partition("token=")[2], NOW)
    assert asked == Acknowledging(
        told.rule, "a" * 32, told.event.id, told.transport.name, told.user.username, NOW + LIVES
    )
    read = LINKS.read((shared or "").partition("token=")[2], NOW)
    assert read is not None and read.username == ""


def test_a_message_about_nothing_that_could_be_acknowledged_has_no_link() -> None:
    assert LINKS.url(replace(rendering_context(), about=None), NOW) is None


def test_a_link_that_is_too_long_for_some_medium_is_left_out() -> None:
    told = replace(rendering_context(), about="a" * 32, rule="规" * 600)

    assert LINKS.url(told, NOW) is None
    assert len(LINKS.token(Acknowledging("规" * 100, "a" * 32, "e" * 36, "m" * 100, "ü" * 255, NOW))) < MAX_TOKEN
