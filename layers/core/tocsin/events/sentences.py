"""What is said of each action that Tocsin knows: a sentence, with places for what an event holds.

The texts are the messages that catalogues translate (`tocsin.notifications.translations`).
"""

from __future__ import annotations

from tocsin.records import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """How events of an action are told.

    `text` has the places %(who)s, the event's user, and %(thing)s: the first of the context's `keys` that is a short
    text. `without` is said where there is no such text.
    """

    text: str
    keys: tuple[str, ...] = ()
    without: str = ""
    origin: bool = False
    """Whether it says where the event came from."""
    reasons: tuple[str, ...] = ()
    """Keys of the context; the first that is a short text is said behind a colon."""


ORIGIN = "%(sentence)s from %(origin)s"
REASON = "%(sentence)s: %(reason)s"
ON_BEHALF = "%(who)s (on behalf of %(behind)s)"
ANONYMOUS, NOBODY = "an anonymous user", "someone"
ANOTHER = "another user"

MODEL = "model"
"""The key of a reference to an object: its kind and name are the thing, and where it has no name, its kind."""
AN_OBJECT = "an object"
A_KIND, AN_KIND = "a %(kind)s", "an %(kind)s"

IMPERSONATIONS = {
    "impersonation_started": Sentence("%(who)s began to act as %(thing)s", reasons=("reason",)),
    "impersonation_ended": Sentence("%(who)s stopped acting as %(thing)s", reasons=("reason",)),
}
"""The thing is whom the user acts as: in the context, else on whose behalf the user is."""

SENTENCES: dict[str, Sentence] = IMPERSONATIONS | {
    "login": Sentence("%(who)s logged in with %(thing)s", ("auth_method",), "%(who)s logged in", origin=True),
    "login_failed": Sentence("%(who)s failed to log in", origin=True, reasons=("reason", "error")),
    "logout": Sentence("%(who)s logged out", origin=True),
    "user_write": Sentence("%(who)s wrote user %(thing)s", ("username", "name", "email"), "%(who)s wrote user data"),
    "suspicious_request": Sentence("suspicious request by %(who)s", origin=True, reasons=("reason", "error")),
    "password_set": Sentence("%(who)s set a new password", origin=True),
    "secret_view": Sentence(
        "%(who)s viewed the secret of %(thing)s", ("secret", "name"), "%(who)s viewed the secret of an object"
    ),
    "secret_rotate": Sentence(
        "%(who)s rotated the secret of %(thing)s",
        ("secret", "token", "name"),
        "%(who)s rotated the secret of an object",
    ),
    "invitation_used": Sentence(
        "%(who)s used the invitation named %(thing)s", ("invitation", "name"), "%(who)s used the invitation"
    ),
    "authorize_application": Sentence(
        "%(who)s authorized %(thing)s",
        ("authorized_application", "application"),
        "%(who)s authorized an application",
        origin=True,
    ),
    "source_linked": Sentence(
        "%(who)s linked the source %(thing)s", ("source", "name"), "%(who)s linked a source of identities"
    ),
    "flow_execution": Sentence("%(who)s ran the flow %(thing)s", ("flow", "name"), "%(who)s ran a flow"),
    "policy_execution": Sentence(
        "policy %(thing)s was run for %(who)s", ("policy", "name"), "a policy was run for %(who)s"
    ),
    "policy_exception": Sentence(
        "policy %(thing)s failed", ("policy", "name"), "a policy failed", reasons=("error", "reason")
    ),
    "property_mapping_exception": Sentence(
        "mapping %(thing)s failed", ("mapping", "name"), "a mapping failed", reasons=("error", "reason")
    ),
    "system_task_execution": Sentence("task %(thing)s was run", ("task", "name"), "a task was run"),
    "system_task_exception": Sentence(
        "task %(thing)s failed", ("task", "name"), "a task failed", reasons=("error", "reason")
    ),
    "system_exception": Sentence("an internal error happened", reasons=("error", "reason", "exception")),
    "configuration_error": Sentence("the configuration is wrong", reasons=("error", "reason", "name")),
    "configuration_warning": Sentence(
        "the configuration wants a look", reasons=("reason", "error", "deprecation", "name")
    ),
    "model_created": Sentence("%(who)s created %(thing)s", (MODEL,)),
    "model_updated": Sentence("%(who)s changed %(thing)s", (MODEL,)),
    "model_deleted": Sentence("%(who)s deleted %(thing)s", (MODEL,)),
    "email_sent": Sentence(
        "e-mail was sent to %(thing)s", ("to_email", "to"), "an e-mail was sent", reasons=("subject",)
    ),
    "update_available": Sentence(
        "version %(thing)s is available", ("new_version", "version"), "a new version is available"
    ),
    "export_ready": Sentence("the export %(thing)s is ready", ("export", "name"), "the export of events is ready"),
    "notification_acknowledged": Sentence(
        "%(who)s acknowledged what rule %(thing)s told of",
        ("rule",),
        "%(who)s acknowledged a notification",
        reasons=("name",),
    ),
    "review_initiated": Sentence("a review of %(thing)s began", ("object", "name"), "a review of access began"),
    "review_overdue": Sentence(
        "the review of %(thing)s is overdue", ("object", "name"), "the review of access is overdue"
    ),
    "review_attested": Sentence("%(who)s attested %(thing)s", ("object", "name"), "%(who)s attested access"),
    "review_completed": Sentence(
        "the review of %(thing)s is complete", ("object", "name"), "the review of access is complete"
    ),
}

MESSAGES = frozenset(
    (
        *(ORIGIN, REASON, ON_BEHALF, ANONYMOUS, NOBODY, ANOTHER, AN_OBJECT, A_KIND, AN_KIND),
        *(text for each in SENTENCES.values() for text in (each.text, each.without) if text),
    )
)
"""All that is to be translated."""
