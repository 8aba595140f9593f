"""JSON Schemas of answers that are no models, and of the models' answers; named parts refer to each other."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import TypeAdapter

from tocsin.api.deliveries import RedriveRequest
from tocsin.api.notifications import MarkSeen, MarkUnseen
from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.model import KeyEntry, TransportEntry, UserEntry
from tocsin.config.resources.api_keys import Rotation
from tocsin.config.resources.groups import GroupShape
from tocsin.config.resources.sign_ins import Claim, TicketRequest
from tocsin.config.settings import Settings
from tocsin.events.draft import MAX_ONCE_KEY, MAX_ONCE_WINDOW
from tocsin.fields import ByKind
from tocsin.jobs.erasure import ErasureRequest
from tocsin.jobs.export import ExportRequest
from tocsin.notifications.transport import Mapping
from tocsin.rules.model import NotificationRule, Policy, Silence
from tocsin.telling.preferences import Preferences
from tocsin.types import JsonObject

REF = "#/components/schemas/"

_MODELS: dict[str, Any] = {
    "Blueprint": Blueprint,
    "ErasureRequest": ErasureRequest,
    "ExportRequest": ExportRequest,
    "Group": GroupShape,
    "KeyRequest": KeyEntry,
    "Mapping": Mapping,
    "MarkSeen": MarkSeen,
    "MarkUnseen": MarkUnseen,
    "Policy": Annotated[Policy, ByKind],
    "Preferences": Preferences,
    "Redrive": RedriveRequest,
    "Rotation": Rotation,
    "Rule": NotificationRule,
    "Settings": Settings,
    "SignInClaim": Claim,
    "StoredSilence": Silence,
    "TicketRequest": TicketRequest,
    "Transport": TransportEntry,
    "User": UserEntry,
}

type Schema = JsonObject


def ref(name: str) -> Schema:
    """A named schema."""
    return {"$ref": REF + name}


def obj(required: dict[str, Schema] | None = None, optional: dict[str, Schema] | None = None) -> Schema:
    """An object; members beyond those named may come with later versions."""
    properties: dict[str, Any] = (required or {}) | (optional or {})
    return {"type": "object", "properties": properties, "required": [*(required or {})]}


def array(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def nullable(schema: Schema) -> Schema:
    """`schema` or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def page(items: Schema, **more: Schema) -> Schema:
    """A page of a list: `cursor` is sent back for the next one, null at the end."""
    return obj({"items": array(items), "cursor": nullable(TEXT)} | more)


TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
SECONDS: Schema = {"type": "number", "minimum": 0}
ANY_OBJECT: Schema = {"type": "object"}
_FILTER_FAILED: dict[str, Schema] = {"filter_failed": nullable(ANY_OBJECT)}
_READ: dict[str, Schema] = {"scanned_until": nullable(MOMENT), "scanned": WHOLE, **_FILTER_FAILED}
_COUNTED: dict[str, Schema] = {"complete_from": nullable(MOMENT), **_FILTER_FAILED}

_SILENCED: dict[str, Schema] = {"pattern": ANY_OBJECT, "failure_result": TRUTH}
_JOB: dict[str, Schema] = {
    "id": TEXT,
    "state": {"type": "string", "enum": ["queued", "running", "done", "failed"]},
    "created": MOMENT,
    "updated": MOMENT,
    "by": TEXT,
    "error": nullable(TEXT),
    "events": WHOLE,
    "scanned_until": nullable(MOMENT),
}

_TOLD = ("rules", "deliveries", "policies")
"""What an event's story has lists of."""

SHAPES: dict[str, Schema] = {
    "Problem": obj(
        {"type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT},
        {
            "instance": TEXT,
            "retry_after": WHOLE,
            "errors": array(obj({"path": TEXT, "message": TEXT})),
            "results": array(ANY_OBJECT),
        },
    ),
    "Health": obj({"status": TEXT, "version": TEXT}),
    "Status": obj(
        {
            "at": MOMENT,
            "queues": nullable(array(ref("QueueStatus"))),
            "dead_letters": nullable(array(ref("DeadLetters"))),
            "stream": nullable(array(obj({"reader": TEXT, "lag_seconds": nullable(SECONDS)}))),
            "breakers": nullable(array(ref("Breaker"))),
            "errors": nullable(obj({"since": MOMENT, "complete": TRUTH, "codes": array(ref("ErrorsOfCode"))})),
            "unknown": array(obj({"part": TEXT, "reason": TEXT})),
        }
    ),
    "QueueStatus": obj(
        {
            "queue": TEXT,
            "waiting": WHOLE,
            "in_flight": WHOLE,
            "delayed": WHOLE,
            "oldest_seconds": nullable(SECONDS),
        }
    ),
    "DeadLetters": obj(
        {
            "queue": TEXT,
            "messages": WHOLE,
            "looked_at": WHOLE,
            "reasons": array(obj({"reason": TEXT, "messages": WHOLE, "oldest": MOMENT, "event_id": nullable(TEXT)})),
        }
    ),
    "ErrorsOfCode": obj(
        {
            "code": TEXT,
            "function": TEXT,
            "count": WHOLE,
            "latest": MOMENT,
            "message": TEXT,
            "event_id": nullable(TEXT),
        }
    ),
    "SignInTicket": obj({"ticket": TEXT, "expires": MOMENT}),
    "SignedIn": obj({"key": TEXT, "name": TEXT, "user": nullable(TEXT), "expires": nullable(MOMENT)}),
    "Check": obj({"dry_run": TRUTH, "created": TRUTH, "changed": TRUTH, "changes": array(ANY_OBJECT)}),
    "Firings": obj(
        {"at": MOMENT, "items": array(obj({"rule": TEXT, "day": ref("FiringCount"), "week": ref("FiringCount")}))}
    ),
    "FiringCount": obj({"fired": WHOLE, "held": WHOLE}),
    "Me": obj({"name": TEXT, "user": nullable(TEXT), "person": nullable(TEXT), "scopes": array(ref("Scope"))}),
    "NewEvent": obj(
        {"action": {"type": "string", "minLength": 1, "maxLength": 128}},
        {
            "id": nullable(TEXT),
            "app": nullable(TEXT),
            "user": nullable(ANY_OBJECT),
            "context": nullable(ANY_OBJECT),
            "client_ip": nullable(TEXT),
            "created": nullable(MOMENT),
            "brand": nullable({"anyOf": [TEXT, obj({"name": TEXT})]}),
            "expires": nullable(MOMENT),
            "retention": nullable(TEXT),
            "expiring": nullable(TRUTH),
            "once": nullable(ref("Once")),
        },
    ),
    "Once": obj(
        {
            "key": {"type": "string", "minLength": 1, "maxLength": MAX_ONCE_KEY},
            "window": {"type": "string", "description": f"A duration, of at most {MAX_ONCE_WINDOW.days} days."},
        }
    ),
    "BatchResultOrEarlierEvent": {"anyOf": [ref("BatchResult"), ref("StoredEvent")]},
    "StoredEvent": obj({"id": TEXT, "created": MOMENT, "expires": nullable(MOMENT)}),
    "BatchResult": obj({"accepted": WHOLE, "rejected": WHOLE, "results": array(ANY_OBJECT)}),
    "Event": obj(
        {
            "id": TEXT,
            "created": MOMENT,
            "action": TEXT,
            "app": TEXT,
            "user": ANY_OBJECT,
            "context": ANY_OBJECT,
            "client_ip": nullable(TEXT),
            "brand": TEXT,
            "expires": nullable(MOMENT),
            "expiring": TRUTH,
            "key_id": nullable(TEXT),
        },
        {"cause": ANY_OBJECT, "summary": TEXT},
    ),
    "EventPage": page(ref("Event"), **_READ, unindexed=array(ref("Unindexed"))),
    "Unindexed": obj({"filter": TEXT, "before": MOMENT, "instead": TEXT}),
    "Actions": obj(
        {
            "since": MOMENT,
            "capped": TRUTH,
            "items": array(obj({"action": TEXT, "known": TRUTH, "events": WHOLE})),
            "left_out": WHOLE,
        }
    ),
    "Volume": obj(
        {
            "since": MOMENT,
            "until": MOMENT,
            "capped": TRUTH,
            "interval_seconds": WHOLE,
            "total": WHOLE,
            **_COUNTED,
            "buckets": array(obj({"start": MOMENT, "events": WHOLE, "actions": ANY_OBJECT, "complete": TRUTH})),
            "left_out": WHOLE,
        }
    ),
    "TopApplications": obj(
        {
            "since": MOMENT,
            "until": MOMENT,
            "capped": TRUTH,
            **_COUNTED,
            "items": array(obj({"application": ANY_OBJECT, "events": WHOLE, "unique_users": WHOLE})),
        }
    ),
    "Stats": obj(
        {
            "until": MOMENT,
            "items": array(
                obj(
                    {
                        "step": TEXT,
                        "since": MOMENT,
                        "capped": TRUTH,
                        "events": WHOLE,
                        **_COUNTED,
                        "unique_users": WHOLE,
                        "users_complete_from": nullable(MOMENT),
                    }
                ),
            ),
        }
    ),
    "Erasure": obj(_JOB | {"reason": TEXT, "notifications": WHOLE}),
    "Export": obj(
        _JOB
        | {
            "format": TEXT,
            "filters": ANY_OBJECT,
            "bytes": nullable(WHOLE),
            "filter_failed": WHOLE,
            "kept_until": nullable(MOMENT),
        },
        {"link": nullable(TEXT), "link_expires": nullable(MOMENT)},
    ),
    "Story": obj({"event_id": TEXT, "cursor": nullable(TEXT)} | dict.fromkeys(_TOLD, array(ANY_OBJECT))),
    "Acknowledgement": obj({"by": TEXT, "via": TEXT, "at": MOMENT, "first": TRUTH}),
    "Inbox": page(ref("Notification"), user=TEXT, unread=WHOLE),
    "InboxCount": obj(
        {"user": TEXT, "unread": WHOLE, "total": WHOLE, "limit": WHOLE, "dropped": WHOLE, "arrivals": WHOLE}
    ),
    "InboxMark": obj({"user": TEXT}, {"seen": TRUTH, "ids": array(TEXT), "through": WHOLE}),
    "Notification": obj(
        dict.fromkeys(("id", "severity", "body", "event_id", "action", "app", "rule"), TEXT)
        | dict.fromkeys(("hyperlink", "hyperlink_label", "user"), nullable(TEXT))
        | {
            "arrival": WHOLE,
            "arrived": MOMENT,
            "created": MOMENT,
            "seen": TRUTH,
            "event": nullable(obj({"href": TEXT, "story": TEXT})),
            "can_acknowledge": TRUTH,
            "acknowledged": nullable(obj({"by": TEXT, "via": TEXT, "at": MOMENT})),
        },
        {"words": ref("Words"), "about": TEXT},
    ),
    "Words": obj(
        {"locale": TEXT, "title": nullable(TEXT), "text": TEXT, "advice": nullable(TEXT), "why": TEXT}
        | {"facts": array(obj({"label": TEXT, "value": TEXT})), "left_out": WHOLE, "runbook": nullable(TEXT)}
    ),
    "PreferencesOptions": obj(
        {
            "user": TEXT,
            "effective": ANY_OBJECT,
            "defaults": ref("Preferences"),
            "rules": array(
                obj(
                    {
                        "name": TEXT,
                        "severity": TEXT,
                        "can_be_muted": TRUTH,
                        "transports": array(TEXT),
                        "because": obj({"group": nullable(TEXT), "own_events": TRUTH}),
                    }
                )
            ),
            "transports": array(obj({"name": TEXT, "mode": TEXT, "send_once": TRUTH})),
        }
    ),
    "Delivery": obj({"id": TEXT, "state": TEXT, "transport": TEXT}),
    "DeliveryPage": page(ANY_OBJECT),
    "Redriven": obj({"queued": WHOLE, "skipped": WHOLE, "gone": WHOLE, "cursor": nullable(TEXT)}),
    "MailStopPage": page(ANY_OBJECT),
    "Ticket": obj({"ticket": TEXT, "expires": MOMENT, "url": TEXT}),
    "Lifted": obj({"address": TEXT, "lifted": TRUTH}),
    "Breaker": ANY_OBJECT,
    "Applied": obj(
        {"version": WHOLE, "dry_run": TRUTH, "changed": TRUTH, "changes": array(ANY_OBJECT), "created": ANY_OBJECT}
    ),
    "RuleExplained": obj(
        {"rule": TEXT, "fires": TRUTH, "ends": TRUTH, "ends_error": nullable(TEXT), "tells": TRUTH}
        | {
            "bindings": array(ANY_OBJECT),
            "age": obj({"seconds": WHOLE, "max_age": TEXT, "passes": TRUTH}),
            "escalate": array(obj({"step": WHOLE, "after": TEXT, "destination_group": TEXT, "reason": TEXT})),
        }
    ),
    "PolicyExplained": obj(
        {"policy": TEXT, "kind": TEXT, "holds": TRUTH, "reason": nullable(TEXT), "error": nullable(TEXT)}
    ),
    "EventToTest": {
        "type": "object",
        "properties": {"event": ref("NewEvent"), "event_id": TEXT},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    },
    "BacktestRequest": obj({"since": MOMENT}, {"until": nullable(MOMENT), "cursor": nullable(TEXT)}),
    "Backtested": obj({"rule": TEXT, "events": WHOLE, "fired": WHOLE, "by_hour": ANY_OBJECT, "cursor": nullable(TEXT)}),
    "NewSilence": obj(
        {"ends": MOMENT},
        {"name": TEXT, "starts": MOMENT, "comment": TEXT, "matcher": nullable(ANY_OBJECT), **_SILENCED},
    ),
    "Silence": obj(
        {"name": TEXT, "starts": MOMENT, "ends": MOMENT, "comment": TEXT, "by": TEXT, "state": TEXT},
        {"matcher": ANY_OBJECT, **_SILENCED},
    ),
    "Preset": obj(
        {
            "name": TEXT,
            "title": TEXT,
            "url": obj({"required": TRUTH, "secret": TRUTH, "default": nullable(TEXT), "example": TEXT}),
            "options": array(obj({"name": TEXT, "says": TEXT, "secret": TRUTH, "required": TRUTH})),
            "limits": ANY_OBJECT,
            "seconds_between": nullable({"type": "number"}),
            "resolves": TRUTH,
            "signed": TRUTH,
            "send_once": TRUTH,
            "documentation": obj({"name": TEXT, "url": TEXT}),
        }
    ),
    "PresetPage": page(ref("Preset")),
    "Member": obj({"username": TEXT}),
    "Key": obj(
        {
            "id": TEXT,
            "name": TEXT,
            "scopes": array(TEXT),
            "user": nullable(TEXT),
            "events_per_minute": nullable(WHOLE),
            "expires": nullable(MOMENT),
            "old_secret_until": nullable(MOMENT),
            "last_used": nullable(TEXT),
        },
        {"key": TEXT},
    ),
    "Page": TEXT,
}
_LISTED = ("Rule", "Policy", "Mapping", "Transport", "Group", "User", "Key", "Member", "Silence")
SHAPES |= {"ErasurePage": page(ref("Erasure")), "ExportPage": page(ref("Export"))}
SHAPES |= {f"{kind}Page": page(ref(kind)) for kind in _LISTED}
_CHECKED = ("Rule", "Policy", "Mapping", "Transport", "Group", "User", "Key", "Settings")
SHAPES |= {f"{kind}OrCheck": {"anyOf": [ref(kind), ref("Check")]} for kind in _CHECKED}


def schemas() -> JsonObject:
    """All named schemas, the models' among them, in the order of their names."""
    _, definitions = TypeAdapter.json_schemas(
        [(name, "validation", TypeAdapter(model)) for name, model in _MODELS.items()], ref_template=REF + "{model}"
    )
    inner: JsonObject = definitions.get("$defs", {})
    named: dict[str, Any] = {}
    for name, model in _MODELS.items():
        schema = TypeAdapter(model).json_schema(ref_template=REF + "{model}")
        inner |= schema.pop("$defs", {})
        schema.pop("title", None)
        named[name] = schema
    named["Settings"]["properties"]["preferences_defaults"] = ref("Preferences")
    named["Transport"]["properties"]["secrets_version"] = nullable(TEXT) | {"readOnly": True}
    return dict(sorted((inner | named | SHAPES).items()))
