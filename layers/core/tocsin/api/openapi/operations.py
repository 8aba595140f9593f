"""Every operation of the API: what it is called, what it needs, takes and gives. Tests hold the routes to it."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.api.openapi.inbox import inbox_operations
from tocsin.api.openapi.operation import HTML, JSON, NDJSON, PAGED, WRITING, YAML, Operation
from tocsin.events.search.query import FILTERS
from tocsin.identity.principal import Scope

_READ, _WRITE = (Scope.CONFIG_READ,), (Scope.CONFIG_WRITE,)
_EVENTS = (Scope.EVENTS_READ,)
_TESTS = (Scope.CONFIG_READ, Scope.EVENTS_READ)


def _collection(
    kind: str, schema: str, one: str, body: str | None = None, query: tuple[str, ...] = (), ends: str = "Delete"
) -> Iterator[Operation]:
    entry, sent = f"/{kind}/{{name}}", body or schema
    yield Operation("GET", f"/{kind}", kind, f"List {kind}", _READ, {200: f"{schema}Page"}, query=(*query, *PAGED))
    yield Operation("GET", entry, kind, f"Read {one}", _READ, {200: schema}, versioned=True, problems=(404,))
    yield Operation(
        "PUT",
        entry,
        kind,
        f"Create or replace {one}",
        _WRITE,
        {200: schema, 201: schema},
        body=sent,
        versioned=True,
        problems=(*WRITING, 409, 412),
    )
    yield Operation(
        "DELETE", entry, kind, f"{ends} {one}", _WRITE, {200: schema}, versioned=True, problems=(404, 409, 412)
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/health", "health", "Whether the API answers", None, {200: "Health"}),
    Operation("GET", "/me", "me", "Who asks, and what they may do", (), {200: "Me"}),
    Operation(
        "POST",
        "/events",
        "events",
        "Send one event, or a list of events",
        (Scope.EVENTS_WRITE,),
        {200: "BatchResultOrEarlierEvent", 201: "StoredEvent"},
        body="NewEvent",
        body_note="Lines of JSON may be sent compressed, with `Content-Encoding: gzip`.",
        takes=(JSON, NDJSON),
        headers=("Idempotency-Key",),
        problems=(*WRITING, 409),
    ),
    Operation(
        "GET", "/events", "events", "List events", _EVENTS, {200: "EventPage"}, query=(*FILTERS, "order", *PAGED)
    ),
    Operation(
        "GET", "/events/actions", "events", "Count events by action", _EVENTS, {200: "Actions"}, query=("history_days",)
    ),
    Operation(
        "GET",
        "/events/volume",
        "events",
        "Count events by time and action",
        _EVENTS,
        {200: "Volume"},
        query=(*FILTERS, "history_days", "interval"),
    ),
    Operation(
        "GET",
        "/events/top_per_user",
        "events",
        "Applications by their events and users",
        _EVENTS,
        {200: "TopApplications"},
        query=(*FILTERS, "history_days", "top"),
    ),
    Operation(
        "GET",
        "/events/stats",
        "events",
        "Count events of several lengths of time",
        _EVENTS,
        {200: "Stats"},
        query=(*FILTERS, "steps"),
    ),
    Operation("GET", "/events/{event_id}", "events", "Read an event", _EVENTS, {200: "Event"}, problems=(404,)),
    Operation(
        "GET",
        "/events/{event_id}/deliveries",
        "events",
        "What became of an event",
        _EVENTS,
        {200: "Story"},
        query=PAGED,
        problems=(404,),
    ),
    *inbox_operations(),
    Operation(
        "GET",
        "/deliveries",
        "deliveries",
        "List deliveries",
        _EVENTS,
        {200: "DeliveryPage"},
        query=("state", "transport", "since", "until", *PAGED),
    ),
    Operation(
        "GET",
        "/deliveries/{delivery_id}",
        "deliveries",
        "Read a delivery",
        _EVENTS,
        {200: "Delivery"},
        problems=(404,),
    ),
    Operation(
        "POST",
        "/deliveries/{delivery_id}/retry",
        "deliveries",
        "Send a delivery again",
        _WRITE,
        {202: "Delivery"},
        problems=(404, 409),
    ),
    Operation(
        "POST",
        "/deliveries/redrive",
        "deliveries",
        "Send a transport's deliveries again",
        _WRITE,
        {202: "Redriven"},
        body="Redrive",
        problems=(*WRITING, 404, 409),
    ),
    Operation(
        "GET", "/mail-stops", "mail", "Addresses that get no more mail", _READ, {200: "MailStopPage"}, query=PAGED
    ),
    Operation(
        "DELETE", "/mail-stops/{address}", "mail", "Write to an address again", _WRITE, {200: "Lifted"}, problems=(404,)
    ),
    Operation(
        "DELETE",
        "/mail-stops",
        "mail",
        "Write to an address again that no path can hold",
        _WRITE,
        {200: "Lifted"},
        query=("address",),
        problems=(404,),
    ),
    Operation(
        "GET",
        "/unsubscribe",
        "mail",
        "Ask whether mails should stop",
        None,
        {200: "UnsubscribePage"},
        query=("token",),
        gives=(HTML,),
        problems=(404,),
    ),
    Operation(
        "POST",
        "/unsubscribe",
        "mail",
        "Stop mails",
        None,
        {200: "UnsubscribePage"},
        query=("token",),
        gives=(HTML,),
        problems=(404,),
    ),
    Operation(
        "GET", "/blueprint", "blueprint", "Read all configuration", _READ, {200: "Blueprint"}, gives=(JSON, YAML)
    ),
    Operation(
        "PUT",
        "/blueprint",
        "blueprint",
        "Replace all configuration",
        _WRITE,
        {200: "Applied"},
        query=("dry_run",),
        body="Blueprint",
        takes=(JSON, YAML),
        problems=(*WRITING, 409),
    ),
    *_collection("rules", "Rule", "a rule"),
    Operation(
        "POST",
        "/rules/{name}/test",
        "rules",
        "Why a rule tells people, telling nobody",
        _TESTS,
        {200: "RuleExplained"},
        body="EventToTest",
        problems=(*WRITING, 404),
    ),
    Operation(
        "POST",
        "/rules/{name}/backtest",
        "rules",
        "How often a rule would have fired",
        _TESTS,
        {200: "Backtested"},
        body="BacktestRequest",
        problems=(*WRITING, 404),
    ),
    *_collection("policies", "Policy", "a policy"),
    Operation(
        "POST",
        "/policies/{name}/test",
        "policies",
        "Whether a policy holds for an event",
        _TESTS,
        {200: "PolicyExplained"},
        body="EventToTest",
        problems=(*WRITING, 404),
    ),
    *_collection("mappings", "Mapping", "a mapping"),
    *_collection("transports", "Transport", "a transport"),
    Operation(
        "POST",
        "/transports/{name}/test",
        "transports",
        "Send a test notification",
        _WRITE,
        {200: "Delivery", 202: "Delivery"},
        query=("user",),
        problems=(404, 409),
    ),
    Operation(
        "GET",
        "/transports/{name}/breaker",
        "transports",
        "Whether a transport is held back",
        _EVENTS,
        {200: "Breaker"},
        problems=(404,),
    ),
    Operation(
        "POST",
        "/transports/{name}/breaker/reset",
        "transports",
        "Let a transport go on",
        _WRITE,
        {200: "Breaker"},
        problems=(404,),
    ),
    *_collection("groups", "Group", "a group"),
    Operation(
        "GET",
        "/groups/{name}/members",
        "groups",
        "List a group's members",
        _READ,
        {200: "MemberPage"},
        query=PAGED,
        problems=(404,),
    ),
    Operation(
        "GET",
        "/groups/{name}/members/{username}",
        "groups",
        "Whether somebody is a member",
        _READ,
        {200: "Member"},
        versioned=True,
        problems=(404,),
    ),
    Operation(
        "PUT",
        "/groups/{name}/members/{username}",
        "groups",
        "Put a user into a group",
        _WRITE,
        {200: "Member", 201: "Member"},
        versioned=True,
        problems=(404, 409, 412),
    ),
    Operation(
        "DELETE",
        "/groups/{name}/members/{username}",
        "groups",
        "Take a user out of a group",
        _WRITE,
        {200: "Member"},
        versioned=True,
        problems=(404, 409, 412),
    ),
    *_collection("users", "User", "a user"),
    *_collection("keys", "Key", "an API key", body="KeyRequest"),
    Operation(
        "POST",
        "/keys",
        "keys",
        "Create an API key; its secret is shown this once",
        _WRITE,
        {201: "Key"},
        body="KeyRequest",
        problems=(*WRITING, 409, 412),
    ),
    Operation(
        "POST",
        "/keys/{name}/rotate",
        "keys",
        "Give a key a new secret; the old one is taken for an overlap",
        _WRITE,
        {200: "Key"},
        body="Rotation",
        optional_body=True,
        versioned=True,
        problems=(*WRITING, 404, 409, 412),
    ),
    *_collection("silences", "Silence", "a silence", body="NewSilence", query=("state",), ends="End"),
    Operation(
        "POST",
        "/silences",
        "silences",
        "Make a silence",
        _WRITE,
        {201: "Silence"},
        body="NewSilence",
        problems=(*WRITING, 409),
    ),
    Operation("GET", "/settings", "settings", "Read the settings", _READ, {200: "Settings"}, versioned=True),
    Operation(
        "PUT",
        "/settings",
        "settings",
        "Replace the settings",
        _WRITE,
        {200: "Settings"},
        body="Settings",
        versioned=True,
        problems=(*WRITING, 409, 412),
    ),
)
