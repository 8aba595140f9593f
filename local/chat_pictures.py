"""The pictures of chat messages in docs/pictures: what is really sent, shown about as the services show it.

The bodies are those of the presets and of the Slack mode, for one event, for several and for an end; only their looks
are ours. Run as part of `make pictures`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import orjson

from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.discord import embed_body
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.presets import Told, load, render
from tocsin.notifications.rule_words import RuleWords
from tocsin.notifications.slack_blocks import blocks_body
from tocsin.notifications.translations import Catalogues
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.types import JsonObject

HAPPENED = datetime(2026, 3, 1, 2, 47, 12, tzinfo=UTC)
GRACE = User("grace", "grace@example.com", "Grace Example")
ONCALL = RuleWords(group="oncall", runbook="https://wiki.example.com/refused-sign-ins")
CONSOLE = "https://tocsin.example.com/console"
ACKNOWLEDGE = "https://tocsin.example.com/acknowledge?token=cmVmdW5kcw.c2lnbmVk"
"""The link of what escalates."""
CATALOGUES = Catalogues.packaged()

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
.context span + span::before {{ content: "· " }}
.wide {{ grid-column: 1 / -1 }} .small {{ font-size: 12px; color: var(--soft) }}
a {{ color: var(--link); text-decoration: none }} .button {{ border: 1px solid var(--edge); border-radius: 4px;
  padding: 4px 10px; display: inline-block; font-weight: 600; color: var(--text) }}
p {{ margin: 0; white-space: pre-line; overflow-wrap: anywhere }}
</style>{body}"""

_TONES = {"attention": "#a4262c", "warning": "#8a6100", "good": "#13693a", "accent": "#2f5fb3"}


def fixed_id(at: datetime) -> str:
    """An id of that time, the same each time that pictures are taken."""
    return f"{new_id(at)[:15]}000-8000-000000000001"


def _context(at: datetime, message: str, action: str = "suspicious_request") -> RenderingContext:
    event = Event(
        id=fixed_id(at),
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
    transport = NotificationTransport(name="chat", mode=TransportMode.WEBHOOK_SLACK, send_once=True)
    return replace(RenderingContext.of(notification, transport), own=ONCALL, console=CONSOLE)


def _alert() -> RenderingContext:
    told = _context(HAPPENED, "41 sign-ins to the accounts of 17 customers were refused within 3 minutes")
    return replace(told, acknowledge=ACKNOWLEDGE)


def _refund() -> RenderingContext:
    """An application's own event, told to one person in German."""
    context: JsonObject = {"order_id": 4711, "amount": "49.90 EUR", "customer": {"name": "Bob Baker"}}
    context["geo"] = {"city": "Berlin", "country": "DE"}
    told = _context(HAPPENED, "", "custom_order_refunded")
    transport = replace(told.transport, send_once=False)
    hans = replace(GRACE, username="hans", locale="de", time_zone="Europe/Berlin")
    event = replace(told.event, app="shop", context=context)
    notification = Notification.of(event, "refunds", Severity.WARNING, hans)
    return replace(RenderingContext.of(notification, transport), own=replace(ONCALL, runbook=None), console=CONSOLE)


def messages() -> dict[str, Told]:
    """The messages that are pictured, by what is written above each."""
    one = _alert()
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
    return _embed(_body("discord", told)["embeds"][0])


def _embed(embed: dict[str, Any]) -> str:
    fields = "".join(_field(each["name"], each["value"], wide=not each.get("inline")) for each in embed["fields"])
    linked = f'<a href="#">{escape(embed["title"])}</a>' if "url" in embed else escape(embed["title"])
    author = f'<p class="small">{escape(embed["author"]["name"])}</p>' if "author" in embed else ""
    return (
        f'<div class="card bar" style="--bar:#{embed["color"]:06x}"><div class="in">{author}'
        f'<div class="title">{linked}</div>'
        f'<p>{_linked(embed["description"])}</p><div class="fields">{fields}</div>'
        f'<p class="small">{escape(embed["footer"]["text"])} • {escape(embed["timestamp"])}</p></div></div>'
    )


def mattermost(told: Told) -> str:
    """A message attachment."""
    return _attachment(_body("mattermost", told)["attachments"][0])


def slack(context: RenderingContext) -> str:
    """The Slack mode's message about one event: Block Kit."""
    message: Any = blocks_body(context, CATALOGUES)
    below = "".join(
        f'<div class="bar in" style="--bar:{each["color"]};margin-top:8px">{"".join(map(_block, each["blocks"]))}</div>'
        for each in message["attachments"]
    )
    return f"<p><b>{escape(message['username'])}</b></p>{''.join(map(_block, message['blocks']))}{below}"


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f'<p class="head" style="padding:4px 0">{_mrkdwn(block["text"])}</p>'
        case "context":
            said = "".join(f"<span>{_mrkdwn(each)}</span> " for each in block["elements"])
            return f'<p class="small context">{said}</p>'
    if "fields" in block:
        return f'<div class="fields">{"".join(f"<div>{_mrkdwn(each)}</div>" for each in block["fields"])}</div>'
    return f"<p>{_mrkdwn(block['text'])}</p>"


def _mrkdwn(text: dict[str, Any]) -> str:
    """A text object of Slack's as HTML: links, bold and dates."""
    shown = escape(text["text"]) if text["type"] == "plain_text" else text["text"]
    shown = re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", shown)
    shown = re.sub(r"<(https?://[^|>]*)\|([^>]*)>", r'<a href="#">\2</a>', shown)
    return re.sub(r"\*([^*]+)\*\n?", r"<b>\1</b>", shown).replace("\n", "<br>")


def embed(context: RenderingContext) -> str:
    """The same mode's message for Discord."""
    message: Any = embed_body(context, CATALOGUES)
    return _embed(message["embeds"][0])


def _attachment(attachment: dict[str, Any]) -> str:
    fields = "".join(_field(each["title"], each["value"], wide=not each["short"]) for each in attachment["fields"])
    return (
        f'<div class="card bar" style="--bar:{attachment["color"]}"><div class="in">'
        f'<div class="title"><a href="#">{escape(attachment["title"])}</a></div><p>{_text(attachment["text"])}</p>'
        f'<div class="fields">{fields}</div><p class="small">{escape(attachment["footer"])}</p></div></div>'
    )


def _linked(markdown: str) -> str:
    """A text with links under their labels; bold where Discord shows them so."""
    shown = re.sub(r"\[([^\]]+)\]\((https?://[^)]*)\)", r"\1", markdown)
    linked = re.findall(r"\[([^\]]+)\]\(https?://", markdown)
    text = _text(shown)
    for label in linked:
        text = text.replace(escape(label), f'<a href="#">{escape(label)}</a>', 1)
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text).replace("\n", "<br>")


def _field(name: str, value: str, *, wide: bool) -> str:
    text = _linked(value)
    return f"<div{' class="wide"' if wide else ''}><b>{escape(name)}</b>{text}</div>"


def page(forms: dict[str, str]) -> str:
    """An HTML page of messages side by side, each below what is said of it."""
    body = "".join(f"<section><h2>{escape(above)}</h2>{form}</section>" for above, form in forms.items())
    return _PAGE.format(body=body)


def pages() -> dict[str, str]:
    """The HTML of each picture, by its name."""
    told = messages()
    made = {"chat-teams": page({above: teams(each) for above, each in told.items()})}
    made["chat-discord"] = page(
        {"One event, by webhook_slack": embed(_alert())}
        | {f"{above}, by its preset": discord(each) for above, each in [*told.items()][1:]}
    )
    slacks = {"A channel of Slack": slack(_alert()), "One person, in German": slack(_refund())}
    return made | {"chat-slack": page(slacks | {"Mattermost, by its preset": mattermost(told["One event"])})}
