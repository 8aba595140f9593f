"""One readable sentence about an event, whatever its context holds.

The summary is the context's `message`, as it is, where it has one. Else each known action has a sentence, and any
other action gives `action: key=value, …`. Raw JSON is never shown: values that are objects or lists are left out.
"""

from collections.abc import Callable

from tocsin.types import Json, JsonObject

MAX_SUMMARY = 500
"""Characters of a sentence, and of a message `in_brief`; longer ones are cut, and end with …."""

_MAX_VALUE = 80
_ANONYMOUS, _NOBODY = "an anonymous user", "someone"
_UNSAID = frozenset({"message", "hyperlink", "hyperlink_label", "http_request", "geo", "asn"})


def summarize(action: str, user: JsonObject, client_ip: str | None, context: JsonObject) -> str:
    """Summarize an event of `action` by `user` from `client_ip` with `context`."""
    message = context.get("message")
    if isinstance(message, str) and message.strip():
        return message
    if isinstance(message, bool | int | float):
        return _said(message) or ""
    sentence = _SENTENCES.get(action)
    if sentence is None:
        return _cut(_pairs(action, context), MAX_SUMMARY)
    facts = _Facts(user, client_ip, context)
    said = _cut(sentence(facts), MAX_SUMMARY)
    return said[0].upper() + said[1:] if facts.nobody and said.startswith(facts.nobody) else said


def in_brief(summary: str) -> str:
    """A summary as one line of at most MAX_SUMMARY characters: a message may be as long as an event."""
    return _cut(" ".join(summary[: 8 * MAX_SUMMARY].split()), MAX_SUMMARY)


class _Facts:
    """The parts of sentences: each is text taken from the event, or a general word where it has none."""

    def __init__(self, user: JsonObject, client_ip: str | None, context: JsonObject) -> None:
        self._user = user
        self._client_ip = client_ip
        self._context = context

    @property
    def who(self) -> str:
        behind = self._behind
        return f"{self.name} (on behalf of {behind})" if behind else self.name

    @property
    def name(self) -> str:
        """The event's user alone."""
        return self.nobody or _person(self._user) or ""

    @property
    def nobody(self) -> str | None:
        """What the user is called who has no name. What stands for nobody ("AnonymousUser") may have one."""
        if self._user.get("is_anonymous") is True:
            return _ANONYMOUS
        return None if _person(self._user) else _NOBODY

    @property
    def _behind(self) -> str | None:
        behind = self._user.get("on_behalf_of")
        return _person(behind) if isinstance(behind, dict) else None

    def impersonation(self, what: str) -> str:
        """`who what whom: why`; whom is in the context, else whom the user acts as."""
        target = self.of("to", "target")
        who, whom = (self.who, target) if target else (self.name, self._behind or "another user")
        return f"{who} {what} {whom}{self.because('reason')}"

    @property
    def origin(self) -> str:
        return f" from {self._client_ip}" if self._client_ip else ""

    def of(self, *keys: str) -> str | None:
        """The value of the first of the context's `keys` that is a short text."""
        for key in keys:
            said = _said(self._context.get(key))
            if said and said.strip("*"):  # a mask says nothing; another key may
                return said
        return None

    def thing(self, *keys: str, otherwise: str) -> str:
        return self.of(*keys) or otherwise

    def after(self, word: str, *keys: str) -> str:
        """` word value` where the context has one of `keys`, else nothing."""
        said = self.of(*keys)
        return f" {word} {said}" if said else ""

    def because(self, *keys: str) -> str:
        said = self.of(*keys)
        return f": {said}" if said else ""

    @property
    def model(self) -> str:
        model = self._context.get("model")
        if not isinstance(model, dict):
            return _said(model) or "an object"
        kind = _said(model.get("model_name")) or "object"
        name = _said(model.get("name")) or _said(model.get("pk"))
        return f"{kind} {name}" if name else f"{_article(kind)} {kind}"


def _person(user: JsonObject) -> str | None:
    return _said(user.get("username")) or _said(user.get("email")) or _said(user.get("pk"))


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" else "a"


def _said(value: Json) -> str | None:
    """A scalar, or an object's name, as a short text; None for other values."""
    if isinstance(value, dict):
        value = value.get("name") or value.get("username") or value.get("pk")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _cut(" ".join(value.split()), _MAX_VALUE) or None
    if isinstance(value, int | float):
        return str(value)
    return None


def _pairs(action: str, context: JsonObject) -> str:
    pairs = [
        f"{_said(key) or '?'}={said}"
        for key, value in context.items()
        if key not in _UNSAID and (said := _said(value)) is not None
    ]
    return f"{action}: {', '.join(pairs)}" if pairs else action


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


_SENTENCES: dict[str, Callable[[_Facts], str]] = {
    "login": lambda f: f"{f.who} logged in{f.after('with', 'auth_method')}{f.origin}",
    "login_failed": lambda f: f"{f.who} failed to log in{f.origin}{f.because('reason', 'error')}",
    "logout": lambda f: f"{f.who} logged out{f.origin}",
    "user_write": lambda f: f"{f.who} wrote user {f.thing('username', 'name', 'email', otherwise='data')}",
    "suspicious_request": lambda f: f"suspicious request by {f.who}{f.origin}{f.because('reason', 'error')}",
    "password_set": lambda f: f"{f.who} set a new password{f.origin}",
    "secret_view": lambda f: f"{f.who} viewed the secret of {f.thing('secret', 'name', otherwise='an object')}",
    "secret_rotate": lambda f: (
        f"{f.who} rotated the secret of {f.thing('secret', 'token', 'name', otherwise='an object')}"
    ),
    "invitation_used": lambda f: f"{f.who} used the invitation{f.after('named', 'invitation', 'name')}",
    "authorize_application": lambda f: (
        f"{f.who} authorized {f.thing('authorized_application', 'application', otherwise='an application')}{f.origin}"
    ),
    "source_linked": lambda f: f"{f.who} linked the source {f.thing('source', 'name', otherwise='of an identity')}",
    "impersonation_started": lambda f: f.impersonation("began to act as"),
    "impersonation_ended": lambda f: f.impersonation("stopped acting as"),
    "flow_execution": lambda f: f"{f.who} ran the flow {f.thing('flow', 'name', otherwise='of an application')}",
    "policy_execution": lambda f: f"policy {f.thing('policy', 'name', otherwise='unnamed')} was run for {f.who}",
    "policy_exception": lambda f: (
        f"policy {f.thing('policy', 'name', otherwise='unnamed')} failed{f.because('error', 'reason')}"
    ),
    "property_mapping_exception": lambda f: (
        f"mapping {f.thing('mapping', 'name', otherwise='unnamed')} failed{f.because('error', 'reason')}"
    ),
    "system_task_execution": lambda f: f"task {f.thing('task', 'name', otherwise='unnamed')} was run",
    "system_task_exception": lambda f: (
        f"task {f.thing('task', 'name', otherwise='unnamed')} failed{f.because('error', 'reason')}"
    ),
    "system_exception": lambda f: f"an internal error happened{f.because('error', 'reason', 'exception')}",
    "configuration_error": lambda f: f"the configuration is wrong{f.because('error', 'reason', 'name')}",
    "configuration_warning": lambda f: (
        f"the configuration wants a look{f.because('reason', 'error', 'deprecation', 'name')}"
    ),
    "model_created": lambda f: f"{f.who} created {f.model}",
    "model_updated": lambda f: f"{f.who} changed {f.model}",
    "model_deleted": lambda f: f"{f.who} deleted {f.model}",
    "email_sent": lambda f: f"e-mail was sent{f.after('to', 'to_email', 'to')}{f.because('subject')}",
    "update_available": lambda f: f"version {f.thing('new_version', 'version', otherwise='unknown')} is available",
    "export_ready": lambda f: f"the export {f.thing('export', 'name', otherwise='of events')} is ready",
    "review_initiated": lambda f: f"a review of {f.thing('object', 'name', otherwise='access')} began",
    "review_overdue": lambda f: f"the review of {f.thing('object', 'name', otherwise='access')} is overdue",
    "review_attested": lambda f: f"{f.who} attested {f.thing('object', 'name', otherwise='access')}",
    "review_completed": lambda f: f"the review of {f.thing('object', 'name', otherwise='access')} is complete",
}
