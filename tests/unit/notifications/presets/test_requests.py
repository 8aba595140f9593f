"""Each preset's requests, for one event, several and an end, against its service's documented form and limits."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.unit.notifications.test_context import PATHOLOGICAL, rendering_context
from tocsin.notifications.acknowledge_links import MAX_URL
from tocsin.notifications.model import Severity
from tocsin.notifications.presets import Kind, Preset, PresetRequest, Told, known_presets, load, render
from tocsin.notifications.presets.catalogue import WHOLE_BODY
from tocsin.notifications.text import MARK

DATA = Path(__file__).parents[3] / "data" / "presets"
DOCUMENTED: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in sorted(DATA.glob("*.json"))}
"""By preset: `schema` of its bodies, a URL and options, headers and members of the body that are to be, `answers`."""

LONG = "wörds & more\n" * 1_000
ACKNOWLEDGE = "https://api.example.com/acknowledge?token=" + "x" * (MAX_URL - 42)
OFFERS_TO_ACKNOWLEDGE = {
    *("cloudevents", "discord", "google_chat", "mattermost", "ntfy", "pagerduty", "teams", "telegram", "zulip")
}
"""Others have one link, have acknowledgements of their own, or keep what they are sent as a log that many read."""
LINK = "https://console.example.com/events/" + "x" * 1_900
NASTY = "@everyone <!channel> <users/all> @**all** [a](https://evil.example) ![i](https://evil.example) <b>&amp;"


def preset_of(name: str) -> Preset:
    preset = load(name)
    assert preset is not None
    return preset


def told(kind: Kind = Kind.EVENT, **fields: Any) -> Told:
    known: dict[str, Any] = {
        "kind": kind,
        "key": "019ca945-0a00-7f18-a3b6-3438cb845d72",
        "message_id": "019ca945-0a00-7f18-a3b6-3438cb845d72-0123456789abcdef",
        "title": "Login failed",
        "text": "mallory failed to log in from 10.0.0.1",
        "severity": Severity.ALERT,
        "rule": "failed logins",
        "created": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "event": {"id": "019ca945-0a00-7f18-a3b6-3438cb845d72", "action": "login_failed", "context": {"reason": "x"}},
        "app": "payroll",
        "action": "login_failed",
        "recipient": "alice",
        "link": "https://console.example.com/events/1",
        "acknowledge": "https://api.example.com/acknowledge?token=abc.def",
        "facts": (("Severity", "alert"), ("reason", "wrong password")),
    }
    if kind is Kind.GROUP:
        known |= {
            "lines": ("mallory failed", "eve failed", "trudy failed"),
            "count": 7,
            "left_out": 4,
            "text": "7 events",
        }
    return Told(**(known | fields))


def requested(name: str, message: Told) -> PresetRequest:
    return render(preset_of(name), message, DOCUMENTED[name]["options"], DOCUMENTED[name]["url"])


def parsed(name: str, request: PresetRequest) -> Any:
    content_type = preset_of(name).content_type
    text = request.body.decode()
    if content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True))
    if content_type in {"application/x-ndjson", "application/x-sentry-envelope"}:
        return [json.loads(line) for line in text.splitlines()]
    return json.loads(text)


def faults(name: str, request: PresetRequest) -> list[str]:
    """What the service would not take of a request."""
    documented, body = DOCUMENTED[name], parsed(name, request)
    found = [f"{error.json_path}: {error.message[:200]}" for error in _VALIDATORS[name].iter_errors(body)]
    if len(request.body) > documented.get("most_bytes", 1 << 30):
        found.append(f"{len(request.body):,} bytes")
    for member, most in documented.get("most_bytes_of", {}).items():
        if len(body[member].encode()) > most:
            found.append(f"{member}: {len(body[member].encode()):,} bytes")
    for member, most in documented.get("most_units_of", {}).items():
        taken = sum(len(text.encode("utf-16-le")) // 2 for text in texts(body[member]))
        if taken > most:
            found.append(f"{member}: {taken:,} code units")
    return found


_VALIDATORS = {name: Draft202012Validator(documented["schema"]) for name, documented in DOCUMENTED.items()}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def test_each_preset_has_its_services_form_documented() -> None:
    assert DOCUMENTED.keys() == set(known_presets())
    for documented in DOCUMENTED.values():
        Draft202012Validator.check_schema(documented["schema"])
        assert documented["schema"]["$comment"]
        assert documented["answers"]
    sources = (DATA / "SOURCES.md").read_text()
    assert [name for name in DOCUMENTED if f"`{name}.json`" not in sources] == []


@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("severity", Severity)
def test_a_request_is_what_its_service_documents(name: str, kind: Kind, severity: Severity) -> None:
    request = requested(name, told(kind, severity=severity))

    assert faults(name, request) == []
    assert request.headers["Content-Type"] == preset_of(name).content_type
    assert request.headers.items() >= DOCUMENTED[name].get("headers", {}).items()
    posted_to = DOCUMENTED[name].get("posted_to")
    assert posted_to is None or request.url == (posted_to[kind] if isinstance(posted_to, dict) else posted_to)
    for path, value in DOCUMENTED[name].get("by_kind", {}).get(kind, {}).items():
        assert parsed(name, request)[path] == value


@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("case", PATHOLOGICAL)
def test_whatever_an_event_holds_its_request_is_what_the_service_documents(name: str, kind: Kind, case: str) -> None:
    message = Told.of(rendering_context(PATHOLOGICAL[case], body=LONG, action="custom_" + "x" * 300), "id")
    facts = message.facts + tuple((f"{label} again", value) for label, value in message.facts)
    lines = (LONG,) * 50 if kind is Kind.GROUP else ()

    said = told(kind, event=message.event, facts=facts, text=LONG, title=LONG, app=LONG, link=LINK, lines=lines)
    request = requested(name, replace(said, acknowledge=ACKNOWLEDGE))

    assert faults(name, request) == []


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_service_with_a_place_for_it_offers_the_link_to_acknowledge_by(name: str) -> None:
    offered = requested(name, told())
    without = requested(name, told(acknowledge=None))

    assert ("https://api.example.com/acknowledge?token=abc.def" in "\n".join(texts(parsed(name, offered)))) == (
        name in OFFERS_TO_ACKNOWLEDGE
    )
    assert b"cknowledge" not in without.body and faults(name, without) == []


@pytest.mark.parametrize("name", sorted(OFFERS_TO_ACKNOWLEDGE))
@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.GROUP])
def test_who_is_offered_to_acknowledge_is_led_to_the_event_too(name: str, kind: Kind) -> None:
    said = "\n".join(texts(parsed(name, requested(name, told(kind)))))

    assert "https://api.example.com/acknowledge?token=abc.def" in said
    assert "https://console.example.com/events/1" in said


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_left_blank_is_no_reason_to_refuse_a_message(name: str) -> None:
    message = told(title="", text=" \0 ", app="", action="", recipient=None, link=None, acknowledge=None, facts=())

    assert faults(name, requested(name, message)) == []


@given(text=st.text(max_size=5_000), count=st.integers(0, 80))
def test_no_text_breaks_a_request(text: str, count: int) -> None:
    for name in DOCUMENTED:
        message = told(Kind.GROUP, text=text, title=text, facts=((text, text),) * count, lines=(text,) * count)

        assert faults(name, requested(name, message)) == []


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_cut_is_marked(name: str) -> None:
    request = requested(name, told(text="a" * 1_000_000, event={"id": "1", "context": {"text": "a" * 1_000_000}}))

    assert any(text.endswith(MARK) or f"{MARK}\n" in text for text in texts(parsed(name, request)))


def test_what_nests_too_deep_ends_with_a_mark() -> None:
    nested: Any = "deep down"
    for _ in range(20):
        nested = [{"a": nested}]

    said = parsed("splunk", requested("splunk", told(event={"id": "1", "context": nested})))["event"]["event"]

    assert said == {"id": "1", "context": json.loads('[{"a":' * 6 + f'"{MARK}"' + "}]" * 6)}


def test_what_no_squeeze_makes_fit_is_sent_as_small_as_it_gets() -> None:
    message = told(text=LONG, event={"id": "1", "context": {"text": LONG}})
    impossible = replace(preset_of("splunk"), limits={WHOLE_BODY: {"bytes": 1}})

    request = render(impossible, message, DOCUMENTED["splunk"]["options"], DOCUMENTED["splunk"]["url"])

    assert parsed("splunk", request)["event"]["event"]["id"] == "1"
    assert len(request.body) < len(requested("splunk", message).body) / 10


@pytest.mark.parametrize("name", DOCUMENTED)
def test_nothing_that_an_event_holds_acts_there(name: str) -> None:
    preset = preset_of(name)
    nasty: dict[str, Any] = {"text": NASTY, "title": NASTY, "facts": ((NASTY, NASTY),), "lines": (NASTY,)}
    message = told(Kind.GROUP, **nasty, event={"id": "1"}, acknowledge=None)  # ours is a link that acts

    said = " ".join(texts(parsed(name, requested(name, message))))

    if preset.dialect.acting is not None:
        assert preset.dialect.acting.search(said) is None
    for character in preset.dialect.escapes or {}:
        assert not re.search(rf"evil{re.escape(character)}", said)


AT = r"(?:^|[^A-Za-z0-9])@\w"
"""A mention as services find it in plain text, also within emphasis: `_@channel_`."""
ACTS = {
    "datadog": [AT, "%%%"],
    "discord": [r"@(everyone|here)", r"<[@#!:/]", r"\]\("],
    "google_chat": [r"<[a-z/!]", r"&\w+;"],
    "incident_io": [r"\]\(", r"\]\[", r"!\[", r"(?m)^ *\[[^\]]+\]:"],
    "mattermost": [AT, r"\]\(", r"\]\[", r"(?m)^ *\[[^\]]+\]:", r"<!\w+>", r"<@\w+>", r"<[^<|]+\|[^>]+>"],
    "teams": [r"\]\(", r"\]\[", r"!\[", r"(?m)^ *\[[^\]]+\]:"],
    "telegram": [AT],
    "zulip": [r"@_?\*", r"#\*", r"\]\(", "```", "~~~"],
}
"""What a service makes a mention or a link of, as regular expressions: Mattermost also what Slack's webhooks do."""


@pytest.mark.parametrize(
    "typed",
    [
        "_@channel_ and .@here and *@all*",
        "@channel",
        "<!channel> <!here>",
        "<@abc123> <users/all> <@&7>",
        "<https://evil.example|https://good.example>",
        "[https://good.example]\n\n[https://good.example]: https://evil.example",
        "[a][b] and ![a](https://evil.example)",
        "@someone_there, /start",
        "%%% \n@pagerduty @bob@example.com",
        "@_**bob** @*group* #**ops**",
        "&lt;a href=x&gt;",
        "oops\n```spoiler\n~~~~quote",
    ],
)
@pytest.mark.parametrize("name", sorted(ACTS))
def test_no_form_of_a_mention_or_a_hidden_link_is_left(name: str, typed: str) -> None:
    """The fault: Mattermost took `<!channel>` and `<url|text>` as Slack does; Telegram and Datadog mentioned people."""
    message = told(title=typed, text=typed, facts=((typed, typed),), lines=(typed,), acknowledge=None, link=None)

    said = list(texts(parsed(name, requested(name, message))))

    assert [(acts, text) for text in said for acts in ACTS[name] if re.search(acts, text)] == []


def test_no_text_takes_the_link_to_acknowledge_into_a_block_of_its_own() -> None:
    """The fault: all of a message of Zulip behind a fence that an event held was code, the link below it too."""
    request = requested("zulip", told(text="failed\n```\nx", facts=(("reason", "~~~"),)))

    (said,) = (text for text in texts(parsed("zulip", request)) if "[Acknowledge](" in text)

    assert "```" not in said
    assert "~~~" not in said


def test_an_address_of_mail_is_no_mention() -> None:
    for name in ("datadog", "mattermost", "telegram"):
        said = texts(parsed(name, requested(name, told(text="bob@example.com signed in"))))

        assert any("bob@example.com signed in" in text for text in said)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_told_of_one_thing_has_one_key(name: str) -> None:
    bodies = [parsed(name, requested(name, told(kind))) for kind in Kind]

    for member in DOCUMENTED[name].get("same_for_all_kinds", []):
        assert len({json.dumps(body[member]) for body in bodies}) == 1
        assert bodies[0][member]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_same_message_is_the_same_request(name: str) -> None:
    assert requested(name, told()) == requested(name, told())


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_group_says_how_many_there_were_and_the_first_few(name: str) -> None:
    body = json.dumps(parsed(name, requested(name, told(Kind.GROUP))), ensure_ascii=False)

    assert "7 events" in body
    assert "mallory failed" in body
    assert "eve failed" in body


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_options_and_the_url_of_the_documents_are_taken(name: str) -> None:
    preset, documented = preset_of(name), DOCUMENTED[name]

    assert {option for option, each in preset.options.items() if each.required} <= documented["options"].keys()
    assert [preset.options[option].wrong(value) for option, value in documented["options"].items()] == [
        None for _ in documented["options"]
    ]
    assert documented["url"] is None or preset.address.wrong(documented["url"]) is None


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_preset_says_what_it_wants_and_where_that_is_documented(name: str) -> None:
    shown = preset_of(name).to_json()

    assert str(shown["title"])
    documentation: Any = shown["documentation"]
    assert documentation["name"]
    assert documentation["url"].startswith("https://")
    assert json.loads(json.dumps(shown)) == shown
