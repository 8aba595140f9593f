"""What every mode, mapping and template sees; and the builder of contexts for the other rendering tests."""

from datetime import UTC, datetime

import orjson
import pytest

from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.context import MAX_LINK, RenderingContext, web_link
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.types import JsonObject

HAPPENED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE = User("alice", email="alice@example.com", name="Alice Adams")
MALLORY: JsonObject = {"username": "mallory", "email": "mallory@example.com", "pk": 7}

FILES = r"C:\temp\<b>&amp;'quoted'\"double\"`tick`{{ 7*7 }}{% raw %}"
PATHOLOGICAL: dict[str, JsonObject] = {
    "nothing": {},
    "200 KB in one value": {"blob": "A" * 200_000},
    "200 KB that all needs escaping": {"blob": "<&>'\"" * 40_000},
    "1,000 keys": {f"key_{number}": f"value {number}" for number in range(1_000)},
    "long keys": {"k" * 5_000 + str(number): "v" for number in range(100)},
    "blank keys and values": {"": "", " ": "\n", "\t": "\u200b", "x": "   "},
    "no text at all": {"null": None, "number": 1, "list": ["a"], "object": {"a": {"b": "c"}}, "yes": True},
    "right to left": {"name": "مرحبا بالعالم", "עברית": "\u202eevil\u202c", "mixed": "abc \u2067אבג\u2069"},
    "emoji": {"😀" * 300: "👩‍👩‍👧‍👦" * 2_000},
    "NUL and controls": {"a\0b": "x\0y\x1b[31m\r\nnext\u2028line\x85"},
    "lone surrogates": {"k\ud800": "v\udfff\ud83d"},
    "markup and templates": {"<script>": FILES, "{{ event }}": "{% for x in event %}"},
    "mentions": {"who": "<!channel> <!everyone> <@U123> @everyone @here <#C1> [a](https://evil.example)"},
}


def rendering_context(
    context: JsonObject | None = None,
    *,
    action: str = "login_failed",
    event_user: JsonObject | None = None,
    user: User | None = ALICE,
    severity: Severity = Severity.ALERT,
    body: str | None = None,
    rule: str = "failed logins",
    brand: str = "Example Corp",
    transport: NotificationTransport | None = None,
) -> RenderingContext:
    """A context as the delivering functions make it, of an event of 1 March 2026 at noon, UTC."""
    event = Event(
        id=new_id(HAPPENED),
        action=action,
        app="payroll",
        user=MALLORY if event_user is None else event_user,
        context={"reason": "wrong password"} if context is None else context,
        client_ip="10.0.0.1",
        brand=brand,
        expires=None,
    )
    notification = Notification.of(event, rule, severity, user)
    if body is not None:
        notification = Notification(
            id=notification.id,
            severity=severity,
            body=body,
            hyperlink=event.hyperlink,
            hyperlink_label=event.hyperlink_label,
            event=event,
            rule=rule,
            user=user,
        )
    return RenderingContext.of(
        notification, transport or NotificationTransport(name="the transport", mode=TransportMode.WEBHOOK)
    )


def test_mappings_see_six_names() -> None:
    context = rendering_context()

    seen = context.to_json()

    assert list(seen) == ["event", "notification", "user", "rule", "severity", "transport"]


def test_what_mappings_see_is_plain_json() -> None:
    context = rendering_context()

    seen = orjson.loads(orjson.dumps(context.to_json()))

    assert seen["event"]["context"] == {"reason": "wrong password"}
    assert seen["notification"]["body"] == "mallory failed to log in from 10.0.0.1: wrong password"
    assert seen["user"]["username"] == "alice"
    assert seen["rule"] == {"name": "failed logins", "title": None, "runbook": None}
    assert seen["severity"] == "alert"


def test_mappings_do_not_see_the_url_of_a_transport() -> None:
    transport = NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url="https://x.example/?token=s3cret")

    seen = rendering_context(transport=transport).to_json()

    assert seen["transport"] == {"name": "hook", "mode": "webhook", "send_once": False}


def test_a_notification_for_nobody_has_a_null_user() -> None:
    seen = rendering_context(user=None).to_json()

    assert seen["user"] is None


@pytest.mark.parametrize("action", ["", "  ", "custom_", "\n"])
def test_an_action_that_tells_nothing_is_none(action: str) -> None:
    assert rendering_context(action=action).action is None


def test_an_action_is_one_line() -> None:
    assert rendering_context(action="custom_two\r\nlines").action == "custom_two lines"


@pytest.mark.parametrize(
    ("user", "called"),
    [
        ({"username": "bob", "email": "bob@example.com"}, "bob"),
        ({"username": " ", "email": "bob@example.com"}, "bob@example.com"),
        ({"pk": 7}, "7"),
        ({"is_anonymous": True}, None),
        ({"username": None, "pk": True}, None),
    ],
)
def test_the_event_user_is_called_by_name_address_or_key(user: JsonObject, called: str | None) -> None:
    assert rendering_context(event_user=user).event_user == called


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://example.com/a?b=c&d=%20#e", "https://example.com/a?b=c&d=%20#e"),
        (" http://example.com:8080/ ", "http://example.com:8080/"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        ("https://exämple.com:8443/ä", "https://xn--exmple-cua.com:8443/%C3%A4"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://example.com/ä b", "https://example.com/%C3%A4%20b"),
        (
            "https://k.example/app#/?_g=(from:'now-1h',x:{a|b})",
            "https://k.example/app#/?_g=(from:%27now-1h%27,x:%7Ba%7Cb%7D)",
        ),
    ],
)
def test_a_link_becomes_ascii_that_every_medium_takes(url: str, link: str) -> None:
    assert web_link(url) == link


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "ftp://example.com/",
        "https://",
        "https:///path",
        "https://user:secret@example.com/",
        "https://ex\u00adample.com/",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://example.com/\r\nX: y",
        "https://example.com/\x00",
        "https://example.com/\ud800",
        "https://example.com/" + "a" * MAX_LINK,
        "https://example.com/" + "ä" * 500,
    ],
)
def test_what_is_no_web_link_is_none(url: str | None) -> None:
    assert web_link(url) is None
