"""The pictures of chat messages in docs/pictures: what is really sent, shown about as the services show it.

The bodies are those of the presets and of the Slack mode, for one event, for several and for an end; only their looks
are ours. Run as part of `make pictures`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import orjson

from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.presets import Told, load, render
from tocsin.notifications.slack import slack_body
from tocsin.notifications.transport import NotificationTransport, TransportMode

HAPPENED = datetime(2026, 3, 1, 2, 47, 12, tzinfo=UTC)
GRACE = User("grace", "grace@example.com", "Grace Example")

_PAGE = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><style>
:root {{ --page: #fff; --text: #242424; --soft: #616161; --card: #fff; --edge: #e0e0e0; --link: #1264a3 }}
@media (prefers-color-scheme: dark) {{ :root {{ --page: #1b1b1f; --text: #ececec; --soft: #a5a5ad; --card: #2a2a30;
  --edge: #45454d; --link: #7cb7ff }} }}
body {{ margin: 0; padding: 16px; background: var(--page); color: var(--text); display: flex; gap: 16px;
  align-items: flex-start; font: 14px/1.45 "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif }}
section {{ flex: 1; min-width: 0 }} h2 {{ font-size: 12px; margin: 0 0 6px; color: var(--soft); font-weight: 600 }}
.card {{ background: var(--card); border: 1px solid var(--edge); border-radius: 6px; overflow: hidden }}
.in {{ padding: 10px 14px }} .in > * + * {{ margin-top: 6px }} .bar {{ border-left: 4px solid var(--bar) }}
.title {{ font-weight: 600; font-size: 15px }} .head {{ padding: 10px 14px; font-size: 16px; font-weight: 600 }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 8px 0 0 }} dt {{ font-weight: 600 }}
dd {{ margin: 0; overflow-wrap: anywhere }} .fields {{ display: grid; gap: 6px 12px;
  grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); overflow-wrap: anywhere }}
.fields b {{ display: block; font-size: 12px }}
.wide {{ grid-column: 1 / -1 }} .small {{ font-size: 12px; color: var(--soft) }}
a {{ color: var(--link); text-decoration: none }} .button {{ border: 1px solid var(--edge); border-radius: 4px;
  padding: 4px 10px; display: inline-block; font-weight: 600; color: var(--text) }}
p {{ margin: 0; white-space: pre-line; overflow-wrap: anywhere }}
</style>{body}"""

_TONES = {"attention": "#a4262c", "warning": "#8a6100", "good": "#13693a", "accent": "#2f5fb3"}


def _context(at: datetime, message: str, action: str = "suspicious_request") -> RenderingContext:
    event = Event(
        id=new_id(at),
        action=action,
        app="customer-portal",
        user={"username": "mallory", "email": "mallory@example.net", "pk": 1138},
        context={
            "message": message,
            "network": "203.0.113.0/24",
            "path": "/api/v2/customers/export",
            "hyperlink": "https://portal.example.com/investigate/9b1deb4d",
            "hyperlink_label": "Open the investigation",
        },
        client_ip="203.0.113.42",
        brand="Example Corp",
        expires=None,
    )
    notification = Notification.of(event, "suspicious requests", Severity.ALERT, GRACE)
    return RenderingContext.of(notification, NotificationTransport(name="chat", mode=TransportMode.WEBHOOK))


def messages() -> dict[str, Told]:
    """The messages that are pictured, by what is written above each."""
    one = _context(HAPPENED, "41 sign-ins to the accounts of 17 customers were refused within 3 minutes")
    some = [
        _context(HAPPENED + timedelta(minutes=minute), f"{count} sign-ins were refused within a minute")
        for minute, count in enumerate((41, 38, 52))
    ]
    over = _context(HAPPENED + timedelta(minutes=20), "203.0.113.0/24 is blocked", "custom_network_blocked")
    return {
        "One event": Told.of(one, "1"),
        "Several events": Told.of_several(
            some,
            key="1",
            message_id="2",
            count=14,
            breakdown=(("mallory", 9), ("trudy", 5)),
            link="https://portal.example.com/log?rule=suspicious",
        ),
        "It is over": replace(Told.of_end(over, key="1", message_id="3"), facts=Told.of(over, "3").facts[:3]),
    }


def _body(preset: str, told: Told) -> Any:  # noqa: ANN401 - JSON of another service
    known = load(preset)
    if known is None:
        raise LookupError(preset)
    return orjson.loads(render(known, told, {}, "https://example.com/").body)


def _text(text: object) -> str:
    return re.sub(r"(https?://[^\s<]+)", r'<a href="#">\1</a>', escape(str(text)))


def teams(told: Told) -> str:
    """An Adaptive Card."""
    card = _body("teams", told)["attachments"][0]["content"]
    parts = [_element(element) for element in card["body"]]
    buttons = "".join(f'<span class="button">{escape(action["title"])}</span> ' for action in card["actions"])
    return (
        f'<div class="card">{parts[0]}<div class="in">{"".join(parts[1:])}{buttons and f"<p>{buttons}</p>"}</div></div>'
    )


def _element(element: dict[str, Any]) -> str:
    if element["type"] == "TextBlock":
        return f"<p>{_text(element['text'])}</p>"
    if element["type"] == "Container":
        inner = "".join(_text(each["text"]) for each in element["items"])
        return f'<div class="head" style="background:{_TONES[element["style"]]};color:#fff">{inner}</div>'
    rows = "".join(f"<dt>{escape(fact['title'])}</dt><dd>{_text(fact['value'])}</dd>" for fact in element["facts"])
    return f"<dl>{rows}</dl>"


def discord(told: Told) -> str:
    """An embed."""
    embed = _body("discord", told)["embeds"][0]
    fields = "".join(_field(each["name"], each["value"], wide=not each["inline"]) for each in embed["fields"])
    linked = f'<a href="#">{escape(embed["title"])}</a>' if "url" in embed else escape(embed["title"])
    return (
        f'<div class="card bar" style="--bar:#{embed["color"]:06x}"><div class="in"><div class="title">{linked}</div>'
        f'<p>{_text(embed["description"])}</p><div class="fields">{fields}</div>'
        f'<p class="small">{escape(embed["footer"]["text"])} • {escape(embed["timestamp"])}</p></div></div>'
    )


def mattermost(told: Told) -> str:
    """A message attachment."""
    return _attachment(_body("mattermost", told)["attachments"][0])


def slack() -> str:
    """The Slack mode's message about one event."""
    context = _context(HAPPENED, "41 sign-ins to the accounts of 17 customers were refused within 3 minutes")
    message: Any = slack_body(context)
    return "".join(_attachment(each) for each in message.get("attachments", []))


def _attachment(attachment: dict[str, Any]) -> str:
    fields = "".join(_field(each["title"], each["value"], wide=not each["short"]) for each in attachment["fields"])
    return (
        f'<div class="card bar" style="--bar:{attachment["color"]}"><div class="in">'
        f'<div class="title"><a href="#">{escape(attachment["title"])}</a></div><p>{_text(attachment["text"])}</p>'
        f'<div class="fields">{fields}</div><p class="small">{escape(attachment["footer"])}</p></div></div>'
    )


def _field(name: str, value: str, *, wide: bool) -> str:
    return f"<div{' class="wide"' if wide else ''}><b>{escape(name)}</b>{_text(value)}</div>"


def page(forms: dict[str, str]) -> str:
    """An HTML page of messages side by side, each below what is said of it."""
    body = "".join(f"<section><h2>{escape(above)}</h2>{form}</section>" for above, form in forms.items())
    return _PAGE.format(body=body)


def pages() -> dict[str, str]:
    """The HTML of each picture, by its name."""
    told = messages()
    forms: dict[str, Callable[[Told], str]] = {"chat-teams": teams, "chat-discord": discord}
    made = {name: page({above: form(each) for above, each in told.items()}) for name, form in forms.items()}
    return made | {"chat-slack": page({"Slack": slack(), "Mattermost": mattermost(told["One event"])})}
