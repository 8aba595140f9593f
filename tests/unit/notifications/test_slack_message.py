"""The attachment for Slack and Discord: its shape, its limits, and that an event can't act in the channel."""

import json
import re
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.notifications.test_context import HAPPENED, PATHOLOGICAL, rendering_context
from tocsin import __version__
from tocsin.notifications.chat_text import is_discord
from tocsin.notifications.model import Severity
from tocsin.notifications.slack import MAX_FIELDS, slack_body
from tocsin.notifications.text import MARK, units
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.types import Json, JsonObject

HOSTILE = st.one_of(
    st.text(st.characters(codec=None), max_size=3_000),
    st.text("<>&@![]()everyonehr#:tU1 \n\0\u202e😀", max_size=300),
    st.sampled_from(["<!channel>", "<@U123>", "@everyone", "@\0everyone", "[a](https://evil.example)"]),
    st.integers(1, 5_000).map("<".__mul__),
    st.integers(1, 5_000).map("😀".__mul__),
)
VALUES: st.SearchStrategy[Json] = HOSTILE | st.none() | st.integers() | st.lists(HOSTILE, max_size=1)
CONTEXTS = st.dictionaries(HOSTILE, VALUES, max_size=40)


def attachment_of(body: JsonObject) -> JsonObject:
    """The one attachment."""
    (attachment,) = cast("list[JsonObject]", body["attachments"])
    return attachment


def fields_of(body: JsonObject) -> list[JsonObject]:
    """The attachment's fields."""
    return cast("list[JsonObject]", attachment_of(body)["fields"])


def texts_of(body: JsonObject) -> list[str]:
    """All texts that come from the event or the people: those that Discord counts, and the fallback."""
    attachment = attachment_of(body)
    shown = ("fallback", "author_name", "title", "text", "footer")
    texts = [str(attachment[name]) for name in shown]
    return texts + [str(field[part]) for field in fields_of(body) for part in ("title", "value")]


def chat(**settings: str) -> NotificationTransport:
    """A chat transport."""
    return NotificationTransport(name="chat", mode=TransportMode.WEBHOOK_SLACK, **settings)


def test_the_message_is_one_attachment() -> None:
    body = slack_body(rendering_context(transport=chat()))

    assert body == {
        "username": "Tocsin",
        "attachments": [
            {
                "fallback": "mallory failed to log in from 10.0.0.1: wrong password",
                "author_name": "Tocsin",
                "title": "login_failed",
                "text": "mallory failed to log in from 10.0.0.1: wrong password",
                "color": "#c53030",
                "fields": [
                    {"title": "Severity", "value": "alert", "short": True},
                    {"title": "Dispatched for user", "value": "alice", "short": True},
                    {"title": "Event user", "value": "mallory", "short": True},
                    {"title": "reason", "value": "wrong password", "short": False},
                ],
                "footer": f"Tocsin {__version__}",
                "ts": int(HAPPENED.timestamp()),
                "mrkdwn_in": [],
            }
        ],
    }


def test_the_transport_says_under_which_name_and_picture() -> None:
    transport = chat(username="Night watch", icon_url="https://example.com/bell.png")

    body = slack_body(rendering_context(transport=transport))

    assert (body["username"], body["icon_url"]) == ("Night watch", "https://example.com/bell.png")


def test_the_colour_tells_the_severity() -> None:
    colours = {attachment_of(slack_body(rendering_context(severity=level)))["color"] for level in Severity}

    assert len(colours) == len(Severity)


def test_the_title_is_the_body_where_the_action_tells_nothing() -> None:
    body = slack_body(rendering_context({"message": "m" * 400}, action="custom_"))

    assert attachment_of(body)["title"] == "m" * 255 + MARK


def test_the_title_leads_to_the_hyperlink() -> None:
    body = slack_body(rendering_context({"hyperlink": "https://example.com/?a=1&b=2"}))

    assert attachment_of(body)["title_link"] == "https://example.com/?a=1&b=2"


def test_a_hyperlink_that_the_service_would_refuse_is_no_title_link() -> None:
    body = slack_body(rendering_context({"hyperlink": "https://exa mple.com/"}))

    assert "title_link" not in attachment_of(body)


def test_people_who_are_not_there_have_no_field() -> None:
    body = slack_body(rendering_context({}, user=None, event_user={}))

    assert [field["title"] for field in fields_of(body)] == ["Severity"]


def test_only_text_values_become_fields() -> None:
    body = slack_body(rendering_context({"a": "x", "b": 1, "c": None, "d": {"e": "f"}, "g": "y"}))

    assert [field["title"] for field in fields_of(body)[3:]] == ["a", "g"]


def test_a_blank_value_says_so_since_discord_refuses_blank_fields() -> None:
    body = slack_body(rendering_context({"": " \n"}), discord=True)

    assert fields_of(body)[3] == {"title": "(empty)", "value": "(empty)", "short": False}


def test_fields_that_just_fit_are_all_shown() -> None:
    body = slack_body(rendering_context({f"k{number}": "v" for number in range(22)}))

    assert fields_of(body)[-1] == {"title": "k21", "value": "v", "short": False}
    assert len(fields_of(body)) == MAX_FIELDS


def test_the_last_field_counts_what_is_left_out() -> None:
    body = slack_body(rendering_context({f"k{number}": "v" for number in range(23)}))

    assert fields_of(body)[-1] == {"title": MARK, "value": "2 more not shown", "short": False}
    assert len(fields_of(body)) == MAX_FIELDS


def test_discord_gets_as_many_values_as_its_total_has_room_for() -> None:
    body = slack_body(rendering_context({f"k{number}": "v" * 1_000 for number in range(10)}), discord=True)

    assert 5_900 < sum(map(units, texts_of(body))) <= 6_000
    assert fields_of(body)[-1]["value"] == "4 more not shown"


def test_an_ampersand_is_escaped_once() -> None:
    body = slack_body(rendering_context({"query": "a=1&b=<2>&amp;"}))

    assert fields_of(body)[3]["value"] == "a=1&amp;b=&lt;2&gt;&amp;amp;"


@pytest.mark.parametrize("place", ["key", "value", "message", "action", "user", "event_user"])
def test_no_place_of_an_event_can_ping_a_slack_channel(place: str) -> None:
    ping = "<!channel> <@U123|x>"
    context = {"key": {ping: "v"}, "value": {"k": ping}, "message": {"message": ping}}.get(place, {})
    user: JsonObject | None = {"username": ping} if place == "event_user" else None
    action = f"custom_{ping}" if place == "action" else "login"

    body = slack_body(rendering_context(cast("JsonObject", context), action=action, event_user=user))

    assert "<" not in json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize(
    "ping",
    [
        "@everyone",
        "@here",
        "@EVERYONE",
        "@\0here",
        "@\u202eeveryone",
        "<@123>",
        "<@&9>",
        "<#1>",
        "<:a:1>",
        "</x:1>",
    ],
)
def test_no_value_can_ping_on_discord(ping: str) -> None:
    body = slack_body(rendering_context({"message": ping, "k": ping}), discord=True)

    shown = json.dumps(body, ensure_ascii=False).replace("&lt;", "<")
    assert not re.search(r"@(everyone|here)|<[@#:/]", shown, re.IGNORECASE)


def test_a_link_can_not_hide_behind_other_words_on_discord() -> None:
    body = slack_body(rendering_context({"k": "[your bank](https://evil.example)"}), discord=True)

    assert fields_of(body)[3]["value"] == "[your bank]\u200b(https://evil.example)"


def test_an_address_stays_whole_on_discord() -> None:
    body = slack_body(rendering_context({"mail": "bob@example.com"}), discord=True)

    assert fields_of(body)[3]["value"] == "bob@example.com"


def test_a_name_that_discord_refuses_is_not_used_there() -> None:
    transport = chat(username="Discord Watch")

    body = slack_body(rendering_context(transport=transport), discord=True)

    assert body["username"] == "Tocsin"


def test_a_long_name_is_cut() -> None:
    body = slack_body(rendering_context(transport=chat(username="n" * 200)))

    assert body["username"] == "n" * 79 + MARK


def within_limits(body: JsonObject, *, discord: bool) -> bool:
    """Whether the message keeps to the limits of fields, titles, values, text and all of it."""
    attachment, fields = attachment_of(body), fields_of(body)
    return (
        1 <= len(fields) <= 25
        and all(1 <= units(str(field["title"])) <= 256 for field in fields)
        and all(1 <= units(str(field["value"])) <= 1024 for field in fields)
        and units(str(attachment["title"])) <= 256
        and units(str(attachment["text"])) <= (2_000 if discord else 3_000)
        and units(str(attachment["footer"])) <= 300
        and sum(map(units, texts_of(body))) <= (6_000 if discord else 30_000)
    )


@given(CONTEXTS, HOSTILE, HOSTILE, st.booleans())
def test_any_event_keeps_to_the_limits(context: JsonObject, action: str, name: str, discord: bool) -> None:
    made = rendering_context(context, action=action, event_user={"username": name}, body=name)

    assert within_limits(slack_body(made, discord=discord), discord=discord)


@given(CONTEXTS, HOSTILE, HOSTILE, st.booleans())
def test_no_event_leaves_a_raw_bracket_or_a_split_escape(
    context: JsonObject, action: str, name: str, discord: bool
) -> None:
    made = rendering_context(context, action=action, event_user={"username": name}, body=name)

    texts = texts_of(slack_body(made, discord=discord))

    assert not [text for text in texts if re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)]


@given(CONTEXTS, HOSTILE)
def test_any_event_makes_a_message_that_can_be_encoded(context: JsonObject, name: str) -> None:
    made = rendering_context(context, action=name, event_user={"username": name}, body=name)

    assert json.dumps(slack_body(made, discord=True), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("discord", [False, True])
@pytest.mark.parametrize("context", PATHOLOGICAL.values(), ids=PATHOLOGICAL.keys())
def test_pathological_events_keep_to_the_limits(context: JsonObject, discord: bool) -> None:
    assert within_limits(slack_body(rendering_context(context), discord=discord), discord=discord)


@pytest.mark.parametrize(
    ("url", "discord"),
    [
        ("https://discord.com/api/webhooks/1/token/slack", True),
        ("https://ptb.discord.com/api/webhooks/1/token/slack/", True),
        ("https://discordapp.com/api/webhooks/1/token/slack", True),
        ("https://discord.com/api/webhooks/1/token", False),
        ("https://hooks.slack.com/services/T/B/slack", False),
        ("https://notdiscord.com/slack", False),
        ("https://[::1/slack", False),
    ],
)
def test_discord_is_known_by_its_url(url: str, discord: bool) -> None:
    assert is_discord(url) is discord
