"""The operations of a person's inbox."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.api.openapi.operation import LISTED, WRITING, Operation
from tocsin.identity.principal import Scope
from tocsin.live.model import READING


def inbox_operations() -> Iterator[Operation]:
    """/notifications, how their people want to be told, and the ticket for what is told live."""
    kind, path, mine = "notifications", "/notifications", (Scope.NOTIFICATIONS,)
    one, user = "/notifications/{notification_id}", ("user",)
    filters = ("unseen", "severity", "since", "rule", "after")
    yield Operation("GET", path, kind, "A person's inbox", mine, {200: "Inbox"}, query=(*user, *filters, *LISTED))
    yield Operation("DELETE", path, kind, "Clear an inbox", mine, {200: "InboxMark"}, query=(*user, "through"))
    yield Operation("GET", f"{path}/unread", kind, "Count an inbox", mine, {200: "InboxCount"}, query=user)
    yield Operation("GET", one, kind, "Read a notification", mine, {200: "Notification"}, query=user, problems=(404,))
    yield Operation("DELETE", one, kind, "Delete a notification", mine, {200: "InboxMark"}, query=user, problems=(404,))
    for word, body in (("seen", "MarkSeen"), ("unseen", "MarkUnseen")):
        answers = {200: "InboxMark"}
        yield Operation(
            "POST", f"{path}/{word}", kind, f"Mark as {word}", mine, answers, query=user, body=body, problems=WRITING
        )
    acknowledge, answers = f"{one}/acknowledge", {200: "Acknowledgement"}
    yield Operation(
        "POST", acknowledge, kind, "Acknowledge a notification", mine, answers, query=user, problems=(404, 409)
    )
    preferences, people = "/users/{person}/preferences", "preferences"
    yield Operation(
        "GET", preferences, people, "How a person wants to be told", mine, {200: "Preferences"}, versioned=True
    )
    yield Operation(
        "PUT",
        preferences,
        people,
        "Say how a person wants to be told",
        mine,
        {200: "Preferences"},
        body="Preferences",
        versioned=True,
        problems=(*WRITING, 409, 412),
    )
    options = {200: "PreferencesOptions"}
    yield Operation("GET", f"{preferences}/options", people, "What there is to say something of", mine, options)
    yield Operation(
        "POST",
        "/tickets",
        "live",
        "Get a ticket that opens a WebSocket",
        (),
        {201: "Ticket"},
        any_of=READING,
    )
