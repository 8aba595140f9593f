"""A Slack app's bot as a transport: what is taken, what is refused and where, and its token, which never comes out."""

from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import MASK, Blueprint, TransportEntry
from tocsin.config.blueprint.secrets import Resolved, replaced, resolve, shown
from tocsin.config.blueprint.validate import check
from tocsin.config.changes import REPLACED
from tocsin.errors import Violation
from tocsin.models import as_json
from tocsin.outbound import OutboundPolicy

TOKEN = "xoxb-1234567890-abcdefghijkl"
ANOTHER = "xoxb-1234567890-mnopqrstuvwx"
HOOK = "https://hooks.slack.com/services/T0/B0/x"
GOVERNMENT = "https://slack-gov.com/api"
BOT: dict[str, Any] = {"bot_token": TOKEN, "channel": "#ops"}


def entry(**fields: Any) -> TransportEntry:
    return transport_entry(name="ops", mode=fields.pop("mode", "webhook_slack"), **fields)


def wrong(**fields: Any) -> dict[str, str]:
    """{field: message} of what is wrong with a transport."""
    found = check(Blueprint(transports=(entry(**fields),)), OutboundPolicy())
    return {violation.path.removeprefix("transports[0]."): violation.message for violation in found}


def resolved(fields: dict[str, Any], before: Resolved | None = None) -> Resolved:
    result = resolve(entry(**fields), None if before is None else before.transport, "transports[0]")
    assert isinstance(result, Resolved)
    return result


@pytest.mark.parametrize("channel", ["C012AB3CD", "G0AAAAAAA", "D024BE91L", "#ops", "#on-call_2", "#störungen"])
@pytest.mark.parametrize("url", [None, GOVERNMENT, GOVERNMENT + "/"])
def test_a_token_and_a_channel_are_all_that_it_takes(channel: str, url: str | None) -> None:
    assert wrong(bot_token=TOKEN, channel=channel, url=url) == {}


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"bot_token": TOKEN}, "channel", 'in YAML, a #name stands in quotes, as "#ops"'),
        ({"channel": "#ops"}, "bot_token", "is required with channel: give either an incoming webhook's url"),
        ({"bot_token": TOKEN, "channel": "ops"}, "channel", "not 'ops'"),
        ({"bot_token": TOKEN, "channel": "#Ops"}, "channel", "in lower case"),
        ({"bot_token": TOKEN, "channel": "#a b"}, "channel", "or its #name"),
        ({"bot_token": TOKEN, "channel": "U012AB3CD"}, "channel", "C…, G… or D…"),
        ({"bot_token": "xoxp-1234567890-abcdef", "channel": "#ops"}, "bot_token", "begins with xoxb-"),
        ({"bot_token": "xoxe.xoxb-1-abcdefghijkl", "channel": "#ops"}, "bot_token", "begins with xoxb-"),
        ({"bot_token": TOKEN + "\n", "channel": "#ops"}, "bot_token", "begins with xoxb-"),
        (BOT | {"url": HOOK}, "url", "give either an incoming webhook's url, or"),
        (BOT | {"url": f"https://hooks.slack.com/{MASK}"}, "url", "give either"),
        (BOT | {"url": "http://slack-gov.com/api"}, "url", "http"),
        (BOT | {"url": "https://[slack-gov.com/api"}, "url", "must be a host"),
        ({"channel": "#ops", "mode": "webhook", "url": HOOK}, "channel", "has no meaning for the mode webhook"),
        ({"bot_token": TOKEN, "mode": "email"}, "bot_token", "has no meaning for the mode email"),
        ({}, "url", "is required for the mode webhook_slack"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(fields: dict[str, Any], field: str, says: str) -> None:
    found = wrong(**fields)

    assert list(found) == [field]
    assert says in found[field]


def test_no_message_holds_the_token() -> None:
    found = wrong(bot_token="xoxb-wrong!", channel="nowhere", url="https://example.com/")

    assert set(found) == {"bot_token", "channel", "url"}
    assert not [message for message in found.values() if "wrong!" in message]


def test_a_token_in_the_place_of_the_channel_is_not_repeated() -> None:
    found = wrong(bot_token="#ops", channel=TOKEN)

    assert found["channel"].endswith("not a token")
    assert not [message for message in found.values() if TOKEN in message]


def test_the_token_is_stored_apart_and_shown_masked() -> None:
    result = resolved(BOT)

    ((ref, secrets),) = result.to_store.items()
    assert (result.transport.secrets_ref, secrets.bot_token) == (ref, TOKEN)
    assert TOKEN not in str(as_json(result.transport))
    assert shown(result.transport) == entry(bot_token=MASK, channel="#ops")


def test_a_masked_token_is_kept_for_another_channel_and_another_one_is_replaced() -> None:
    first = resolved(BOT)

    moved = resolved({"bot_token": MASK, "channel": "#dev"}, first)
    rotated = resolved({"bot_token": ANOTHER, "channel": "#ops"}, first)

    assert (moved.transport.secrets_ref, moved.to_store) == (first.transport.secrets_ref, {})
    assert moved.transport.fingerprint != first.transport.fingerprint
    assert rotated.transport.secrets_ref != first.transport.secrets_ref
    assert replaced(first.transport, rotated.transport) == {"bot_token": REPLACED}


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        (None, {"bot_token": MASK, "channel": "#ops"}, "bot_token"),
        ({"url": HOOK}, {"bot_token": MASK, "channel": "#ops"}, "bot_token"),
        (BOT, {"url": f"https://hooks.slack.com/{MASK}"}, "url"),
        (BOT, {"bot_token": MASK, "channel": "#ops", "url": GOVERNMENT}, "bot_token"),
    ],
)
def test_a_mask_keeps_nothing_of_the_other_way_nor_for_another_host(
    before: dict[str, Any] | None, after: dict[str, Any], field: str
) -> None:
    existing = None if before is None else resolved(before)

    result = resolve(entry(**after), None if existing is None else existing.transport, "transports[0]")

    assert isinstance(result, Violation)
    assert result.path == f"transports[0].{field}"
