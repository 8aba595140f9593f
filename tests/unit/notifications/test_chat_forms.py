"""Slack's Block Kit and Discord's embed: what they say, the services' limits, and that no event acts in a channel."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.unit.notifications.test_context import ALICE, HAPPENED, PATHOLOGICAL, rendering_context
from tests.unit.notifications.test_slack_message import CONTEXTS, HOSTILE
from tocsin.notifications.chat_text import discord_url
from tocsin.notifications.context import MAX_LINK, RenderingContext
from tocsin.notifications.discord import embed_body
from tocsin.notifications.rule_words import RuleWords
from tocsin.notifications.slack_blocks import blocks_body
from tocsin.notifications.text import MARK, units
from tocsin.notifications.translations import Catalogues
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.types import Json, JsonObject

DATA = Path(__file__).parents[2] / "data" / "chat"
SLACK = Draft202012Validator(json.loads((DATA / "slack.json").read_text("utf-8")))
DISCORD = Draft202012Validator(json.loads((DATA / "discord.json").read_text("utf-8")))
CATALOGUES = Catalogues.packaged()
ONCALL = RuleWords(group="oncall", runbook="https://wiki.example.com/logins?a=1&b=(2)")


def made(
    context: JsonObject | None = None, *, own: RuleWords | None = ONCALL, once: bool = True, **details: Any
) -> RenderingContext:
    """A context of a chat transport."""
    transport = NotificationTransport(name="chat", mode=TransportMode.WEBHOOK_SLACK, send_once=once)
    told = rendering_context(context, **{"transport": transport} | details)
    return replace(told, own=own, console="https://api.example.com/console")


def blocks(context: RenderingContext) -> dict[str, Any]:
    body = blocks_body(context, CATALOGUES)
    SLACK.validate(body)
    return body


def embed(context: RenderingContext) -> dict[str, Any]:
    body = embed_body(context, CATALOGUES)
    DISCORD.validate(body)
    shown: dict[str, Any] = body["embeds"][0]  # type: ignore[index,assignment,call-overload]
    return shown


def texts_of(value: Json) -> list[str]:
    """All texts of a message, in their order."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts_of(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts_of(part)]
    return [value] if isinstance(value, str) else []


def test_slack_reads_the_title_the_sentence_and_when_first() -> None:
    header, sentence, when = blocks(made({"reason": "wrong password", "attempts": 3}))["blocks"]

    assert header["text"] == {"type": "plain_text", "text": "Login failed", "emoji": False}
    assert sentence["text"]["text"] == "mallory failed to log in from 10.0.0.1: wrong password"
    moment = int(HAPPENED.timestamp())
    assert when["elements"][0]["text"] == (
        f"*Alert* · payroll · <!date^{moment}^{{date_short_pretty}} {{time_secs}}|2026-03-01 12:00:00 UTC>"
    )


def test_slack_reads_facts_what_to_do_next_and_why_below() -> None:
    message = blocks(made({"attempts": 3, "user_agent": "curl"}))

    (attachment,) = message["attachments"]
    facts, go_on, why, technical = attachment["blocks"]
    assert attachment["color"] == "#c53030"
    assert [field["text"] for field in facts["fields"]] == ["*E-mail*\nmallory@example.com", "*Attempts*\n3"]
    assert go_on["text"]["text"].startswith(
        "*What to do next:* Follow the runbook.\n<https://wiki.example.com/logins?a=1&amp;b=(2)|Runbook> · <https://api."
    )
    assert [element["text"] for element in why["elements"]] == ["For “oncall”: rule “failed logins” fired."]
    assert [element["text"].split(":")[0] for element in technical["elements"]] == ["Action", "Event ID", "Program"]


def test_a_phone_shows_the_severity_the_title_and_the_sentence() -> None:
    assert blocks(made({}))["text"] == "Alert: Login failed · mallory failed to log in from 10.0.0.1"


def test_discord_reads_the_same() -> None:
    shown = embed(made({"reason": "wrong password", "attempts": 3}))

    assert shown["author"] == {"name": "Alert · payroll"}
    assert shown["title"] == "Login failed"
    assert shown["description"] == "mallory failed to log in from 10.0.0.1: wrong password"
    assert shown["url"] == "https://wiki.example.com/logins?a=1&b=(2)"
    assert (shown["color"], shown["timestamp"]) == (0xC53030, "2026-03-01T12:00:00.000Z")
    assert shown["fields"][:2] == [
        {"name": "E-mail", "value": "mallory@example.com", "inline": True},
        {"name": "Attempts", "value": "3", "inline": True},
    ]
    assert shown["fields"][2]["name"] == "What to do next"
    assert shown["fields"][2]["value"].startswith(
        "Follow the runbook.\n[Runbook](https://wiki.example.com/logins?a=1&b=%282%29) · [Open the event](https://api."
    )
    assert shown["footer"]["text"].startswith(
        "For “oncall”: rule “failed logins” fired. · Action: login_failed · Event"
    )


def test_a_message_to_one_person_is_in_their_language_and_says_how_to_hear_less() -> None:
    german = made({}, once=False, user=replace(ALICE, locale="de"))

    assert blocks(german)["blocks"][0]["text"]["text"] == "Anmeldung fehlgeschlagen"
    assert "#/preferences?rule=failed%20logins|Diese Regel stumm schalten>" in json.dumps(blocks(german))
    assert "[Ruhezeiten einstellen](https://" in embed(german)["fields"][-1]["value"]


def test_a_channel_of_many_reads_english_whoever_is_the_first_of_them() -> None:
    german = made({}, user=replace(ALICE, locale="de"))

    assert blocks(german)["blocks"][0]["text"]["text"] == "Login failed"
    assert "preferences" not in json.dumps([blocks(german), embed(german)])


def test_a_transport_has_a_picture_of_its_own() -> None:
    icon = "https://example.com/bell.png"
    pictured = replace(made(), transport=replace(made().transport, icon_url=icon))

    assert blocks(pictured)["icon_url"] == icon
    assert embed_body(pictured, CATALOGUES)["avatar_url"] == icon
    assert "icon_url" not in blocks(made()) and "avatar_url" not in embed_body(made(), CATALOGUES)


@pytest.mark.parametrize("icon", [":bell:", "https://[example.com/bell.png", "https://ana:b@example.com/bell.png"])
def test_a_picture_of_before_that_is_no_link_is_left_out(icon: str) -> None:
    """It was validated by nobody when it was stored; Discord refuses the whole message for one."""
    pictured = replace(made(), transport=replace(made().transport, icon_url=icon))

    assert "icon_url" not in blocks(pictured) and "avatar_url" not in embed_body(pictured, CATALOGUES)


def test_where_there_is_no_console_and_no_runbook_discord_has_no_links() -> None:
    shown = embed(replace(made(own=None, action="custom_refund"), console=None))

    assert "url" not in shown
    assert (shown["fields"][-1]["name"], shown["fields"][-1]["value"]) == (
        "What to do next",
        "Look at the event, and at what else happened at that time.",
    )


def test_where_there_is_nothing_to_do_next_and_no_link_discord_has_no_field_for_it() -> None:
    shown = embed(replace(made({"attempts": 3}, body="Look at payroll", own=RuleWords(body="x")), console=None))

    assert "url" not in shown
    assert "What to do next" not in [field["name"] for field in shown["fields"]]
    assert {"name": "Attempts", "value": "3", "inline": True} in shown["fields"]


def test_a_rules_title_and_body_are_told() -> None:
    told = replace(made(body="Look at payroll", own=replace(ONCALL, body="x")), title="Payroll is under attack")

    assert [block["text"]["text"] for block in blocks(told)["blocks"][:2]] == [
        "Payroll is under attack",
        "Look at payroll",
    ]
    assert (embed(told)["title"], embed(told)["description"]) == ("Payroll is under attack", "Look at payroll")


def test_what_does_not_fit_is_counted() -> None:
    told = made({f"k{number}": "v" for number in range(60)})

    fields = [field["text"] for block in blocks(told)["attachments"][0]["blocks"] for field in block.get("fields", [])]
    assert (len(fields), fields[-1]) == (20, f"*{MARK}*\n42 more not shown")
    assert [field["value"] for field in embed(told)["fields"]][-2] == "38 more not shown"


@pytest.mark.parametrize("ping", ["<!channel>", "<@U123|x>", "<!everyone>", "<https://evil.example|your bank>"])
@pytest.mark.parametrize("place", ["key", "value", "message", "action", "event_user", "rule", "hyperlink_label"])
def test_nothing_of_an_event_acts_in_slack(ping: str, place: str) -> None:
    context: dict[str, JsonObject] = {
        "key": {ping: "v"},
        "value": {"k": ping},
        "message": {"message": ping},
        "hyperlink_label": {"hyperlink": "https://example.com/", "hyperlink_label": ping},
    }
    details: dict[str, Any] = {"event_user": {"username": ping}} if place == "event_user" else {}
    details |= {"rule": ping} if place == "rule" else {}
    details |= {"action": f"custom_{ping}"} if place == "action" else {}

    message = blocks(made(context.get(place, {}), **details))

    acting = [part for part in _mrkdwn(message) if re.search(r"<(?!https://(wiki|api|example)\.|!date)", part)]
    assert acting == []


def _mrkdwn(value: Json) -> list[str]:
    """The texts that Slack formats, and the fallback."""
    if isinstance(value, list):
        return [text for part in value for text in _mrkdwn(part)]
    if not isinstance(value, dict):
        return []
    if value.get("type") == "mrkdwn":
        assert value["verbatim"] is True
        return [str(value["text"])]
    own = [str(value["text"])] if isinstance(value.get("text"), str) and "type" not in value else []
    return own + [text for part in value.values() for text in _mrkdwn(part)]


@pytest.mark.parametrize(
    "ping", ["@everyone", "@here", "<@123>", "<@&9>", "<#1>", "<:a:1>", "</x:1>", "[a](https://e/)"]
)
def test_nothing_of_an_event_acts_in_discord(ping: str) -> None:
    shown = embed(made({"message": ping, "k": ping, ping: "v", "hyperlink": "https://e/", "hyperlink_label": ping}))

    own = re.sub(r"\[[^\[\]]*\]\(https://[^()]*\)", "", json.dumps(shown, ensure_ascii=False))
    assert not re.search(r"@(everyone|here)|<[@#:/]|\]\(", own, re.IGNORECASE)


LONG_LINK = "https://example.com/?" + "&" * (MAX_LINK - 21)


@settings(deadline=None)
@given(CONTEXTS, HOSTILE, HOSTILE, st.booleans())
def test_any_event_makes_a_message_that_the_services_take(
    context: JsonObject, action: str, name: str, linked: bool
) -> None:
    links: JsonObject = {"hyperlink": LONG_LINK, "hyperlink_label": name} if linked else {}
    own = replace(ONCALL, runbook=LONG_LINK if linked else None, group=name)
    told = made(context | links, own=own, action=action, event_user={"username": name}, body=name, once=not linked)

    assert whole(told)


@pytest.mark.parametrize("context", PATHOLOGICAL.values(), ids=PATHOLOGICAL.keys())
def test_pathological_events_keep_to_the_limits(context: JsonObject) -> None:
    assert whole(made(context))
    assert whole(made(context, action="custom_x", once=False))


def whole(context: RenderingContext) -> bool:
    """Whether both forms are of their schemas, can be encoded, and have no more texts together than they may."""
    slack, discord = blocks(context), embed(context)
    counted = {name: part for name, part in discord.items() if name not in {"url", "timestamp"}}
    assert json.dumps([slack, discord], ensure_ascii=False).encode("utf-8")
    return sum(map(units, texts_of(slack))) <= 16_000 and sum(map(units, texts_of(counted))) <= 6_000


@pytest.mark.parametrize(
    ("url", "posted_to"),
    [
        ("https://discord.com/api/webhooks/1/token/slack", "https://discord.com/api/webhooks/1/token"),
        (
            "https://ptb.discord.com/api/webhooks/1/token?wait=true",
            "https://ptb.discord.com/api/webhooks/1/token?wait=true",
        ),
        ("https://hooks.slack.com/services/T/B/slack", None),
        ("https://[::1/slack", None),
    ],
)
def test_discord_takes_its_form_at_its_own_url(url: str, posted_to: str | None) -> None:
    assert discord_url(url) == posted_to
