"""The audit event: who did what, where, and until when it is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.events.summary import summarize
from tocsin.ids import id_time
from tocsin.records import dataclass, field
from tocsin.times import iso
from tocsin.types import Json, JsonObject

CUSTOM_PREFIX = "custom_"
OWN_APP = "tocsin"
"""The `app` of events that Tocsin itself reports; no producer may use it."""

UNDETERMINED_IP = "255.255.255.255"
"""The `client_ip` where the producer asked for its own address and it can't be determined."""


class EventAction(StrEnum):
    """The actions that Tocsin knows; any other name is stored with the prefix `custom_`."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    USER_WRITE = "user_write"
    SUSPICIOUS_REQUEST = "suspicious_request"
    PASSWORD_SET = "password_set"  # noqa: S105  (an action's name)
    SECRET_VIEW = "secret_view"  # noqa: S105
    SECRET_ROTATE = "secret_rotate"  # noqa: S105
    INVITATION_USED = "invitation_used"
    AUTHORIZE_APPLICATION = "authorize_application"
    SOURCE_LINKED = "source_linked"
    IMPERSONATION_STARTED = "impersonation_started"
    IMPERSONATION_ENDED = "impersonation_ended"
    FLOW_EXECUTION = "flow_execution"
    POLICY_EXECUTION = "policy_execution"
    POLICY_EXCEPTION = "policy_exception"
    PROPERTY_MAPPING_EXCEPTION = "property_mapping_exception"
    SYSTEM_TASK_EXECUTION = "system_task_execution"
    SYSTEM_TASK_EXCEPTION = "system_task_exception"
    SYSTEM_EXCEPTION = "system_exception"
    CONFIGURATION_ERROR = "configuration_error"
    CONFIGURATION_WARNING = "configuration_warning"
    MODEL_CREATED = "model_created"
    MODEL_UPDATED = "model_updated"
    MODEL_DELETED = "model_deleted"
    EMAIL_SENT = "email_sent"
    UPDATE_AVAILABLE = "update_available"
    EXPORT_READY = "export_ready"
    NOTIFICATION_ACKNOWLEDGED = "notification_acknowledged"
    REVIEW_INITIATED = "review_initiated"
    REVIEW_OVERDUE = "review_overdue"
    REVIEW_ATTESTED = "review_attested"
    REVIEW_COMPLETED = "review_completed"


_KNOWN_ACTIONS = frozenset(EventAction)


def stored_action(name: str) -> str:
    """The action as it is stored: a known one as it is, any other with the prefix `custom_`, added once."""
    return name if name in _KNOWN_ACTIONS or name.startswith(CUSTOM_PREFIX) else CUSTOM_PREFIX + name


@dataclass(frozen=True, slots=True)
class Once:
    """Asks that of all events with this key only the first within `window` is stored."""

    key: str
    window: timedelta


DEPTH_HEADER = "Tocsin-Depth"
"""Says with a webhook how many events stand behind the one that it tells of, itself included: who posts an event for
it to a Tocsin, this one or another, and passes the header on, has the chain end as one of system events does."""
MAX_TOLD_DEPTH = 999


@dataclass(frozen=True, slots=True)
class Cause:
    """What an event is about that Tocsin itself reports: it never fires that rule nor goes to that transport.

    `depth` is the event's place in a chain of events that caused each other, from 1. An event that a producer posted
    with DEPTH_HEADER has a depth alone.
    """

    rule: str | None
    transport: str | None
    depth: int

    def to_json(self) -> JsonObject:
        """{rule, transport, depth}"""
        return {"rule": self.rule, "transport": self.transport, "depth": self.depth}

    @classmethod
    def from_json(cls, data: Json) -> Cause | None:
        """The inverse of `to_json`; None for anything else."""
        if not isinstance(data, dict):
            return None
        rule, transport, depth = data.get("rule"), data.get("transport"), data.get("depth")
        return cls(
            rule=rule if isinstance(rule, str) else None,
            transport=transport if isinstance(transport, str) else None,
            depth=depth if isinstance(depth, int) else 1,
        )


def web_address(link: Json) -> str | None:
    """`link` where it is an http or https URL; None for anything else."""
    if not isinstance(link, str) or not link[:8].lower().startswith(("https://", "http://")):
        return None  # a scheme is one in any case: RFC 3986, 3.1
    return link


@dataclass(frozen=True, slots=True)
class Event:
    """One audit event, as it is stored. Its creation time is the time in its id (UUIDv7, milliseconds)."""

    id: str
    action: str
    app: str
    user: JsonObject
    context: JsonObject
    client_ip: str | None
    brand: str
    expires: datetime | None
    cause: Cause | None = None
    key_id: str | None = None
    """The id of the API key, or of the access token's holder, that posted it; None for what Tocsin reports itself."""
    trace: str | None = field(default=None, compare=False)
    """The trace header of the invocation that stored it (`tocsin.aws.tracing`): no part of what the API shows."""

    @property
    def created(self) -> datetime:
        """When it happened, UTC: the time in the id."""
        return id_time(self.id)

    @property
    def next_depth(self) -> int:
        """The depth of what this event causes."""
        return (self.cause.depth if self.cause else 0) + 1

    @property
    def expiring(self) -> bool:
        """False for an event that is kept for ever."""
        return self.expires is not None

    @property
    def summary(self) -> str:
        """One readable sentence; see `tocsin.events.summary`."""
        return summarize(self.action, self.user, self.client_ip, self.context)

    @property
    def hyperlink(self) -> str | None:
        """The link in the event's context, where it is an http or https URL."""
        return web_address(self.context.get("hyperlink"))

    @property
    def hyperlink_label(self) -> str | None:
        """The text for `hyperlink`."""
        label = self.context.get("hyperlink_label")
        return label if isinstance(label, str) and label else None

    @property
    def username(self) -> str | None:
        """The name of the event's user, where it has one."""
        name = self.user.get("username")
        return name if isinstance(name, str) and name else None

    @property
    def user_key(self) -> str | None:
        """The primary key of the event's user as text, where it has one: 7 and "7" are the same."""
        pk = self.user.get("pk")
        return str(pk) or None if isinstance(pk, int | str) and not isinstance(pk, bool) else None

    @property
    def user_email(self) -> str | None:
        """The e-mail address of the event's user, where it has one."""
        email = self.user.get("email")
        return email if isinstance(email, str) and email else None

    def to_json(self) -> JsonObject:
        """The event as the API shows it and as rules see it; times are ISO 8601, UTC, with a Z."""
        shown: JsonObject = {
            "id": self.id,
            "created": iso(self.created),
            "action": self.action,
            "app": self.app,
            "user": self.user,
            "context": self.context,
            "client_ip": self.client_ip,
            "brand": self.brand,
            "expires": None if self.expires is None else iso(self.expires),
            "expiring": self.expiring,
            "key_id": self.key_id,
        }
        if self.cause is not None:
            shown["cause"] = self.cause.to_json()
        return shown

    @classmethod
    def from_json(cls, data: JsonObject) -> Event:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on what it did not write."""
        expires = data["expires"]
        user, context, client_ip = data["user"], data["context"], data["client_ip"]
        key_id = data.get("key_id")
        if not isinstance(user, dict) or not isinstance(context, dict):
            raise TypeError("an event's user and context are objects")
        return cls(
            id=str(data["id"]),
            action=str(data["action"]),
            app=str(data["app"]),
            user=user,
            context=context,
            client_ip=None if client_ip is None else str(client_ip),
            brand=str(data["brand"]),
            expires=None if expires is None else datetime.fromisoformat(str(expires)),
            cause=Cause.from_json(data.get("cause")),
            key_id=None if key_id is None else str(key_id),
        )
