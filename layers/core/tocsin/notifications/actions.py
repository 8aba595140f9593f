"""What each action that Tocsin knows is called, and what to do next where one is told of it."""

from __future__ import annotations

from tocsin.events.model import CUSTOM_PREFIX
from tocsin.events.summary import Gettext
from tocsin.notifications.labels import in_words

NOTHING_TO_DO = "There is nothing to do."
_ASK = "If nobody meant this, ask who did it, and undo it."
_OTHER = "Look at the event, and at what else happened at that time."

ACTIONS: dict[str, tuple[str, str]] = {
    "login": ("Login", "If this login was not meant, end the session and change the password."),
    "login_failed": ("Login failed", "If this goes on, lock the account or block the address."),
    "logout": ("Logout", NOTHING_TO_DO),
    "user_write": ("User data changed", "Make sure that the person knows of the change."),
    "suspicious_request": (
        "Suspicious request",
        "Look at what else came from there, and block the address if it goes on.",
    ),
    "password_set": ("Password changed", "If the person did not do this, lock the account and end its sessions."),
    "secret_view": ("Secret viewed", "If nobody was to see it, rotate the secret."),
    "secret_rotate": ("Secret rotated", "Make sure that all that uses the secret has the new one."),
    "invitation_used": ("Invitation used", "Make sure that the new account is that of the person who was invited."),
    "authorize_application": (
        "Application authorized",
        "If the person does not know the application, take its access away.",
    ),
    "source_linked": ("Identity source linked", "If the person did not do this, unlink it and end all sessions."),
    "impersonation_started": ("Impersonation started", "Ask the person who acts what the reason is."),
    "impersonation_ended": ("Impersonation ended", "If there was no reason for it, look at what was done meanwhile."),
    "flow_execution": ("Flow run", NOTHING_TO_DO),
    "policy_execution": ("Policy run", NOTHING_TO_DO),
    "policy_exception": ("Policy failed", "Correct the policy: until then it does not decide as it is meant to."),
    "property_mapping_exception": (
        "Mapping failed",
        "Correct the mapping: until then what it makes is missing or wrong.",
    ),
    "system_task_execution": ("Task run", NOTHING_TO_DO),
    "system_task_exception": ("Task failed", "Find the cause in the task's log, then run it again."),
    "system_exception": ("Internal error", "Look at the application's log of that time."),
    "configuration_error": (
        "Configuration error",
        "Correct the configuration: until then what depends on it does not work.",
    ),
    "configuration_warning": ("Configuration warning", "Look at the configuration when you are at work."),
    "model_created": ("Object created", _ASK),
    "model_updated": ("Object changed", _ASK),
    "model_deleted": ("Object deleted", _ASK),
    "email_sent": ("E-mail sent", NOTHING_TO_DO),
    "update_available": ("Update available", "Read what it changes, and plan the update."),
    "export_ready": ("Export ready", "Download it before it expires."),
    "notification_acknowledged": ("Notification acknowledged", NOTHING_TO_DO),
    "review_initiated": ("Review begun", "Do your part of the review in time."),
    "review_overdue": ("Review overdue", "Finish the review, or name somebody who does."),
    "review_attested": ("Review attested", NOTHING_TO_DO),
    "review_completed": ("Review complete", NOTHING_TO_DO),
}
"""action → (title, what to do next)"""

MESSAGES = frozenset(each for pair in ACTIONS.values() for each in pair) | {_OTHER}


def title_of(action: str, gettext: Gettext) -> str | None:
    """The title of events of `action`: `custom_order_refunded` is "Order refunded"; None where it tells nothing."""
    known = ACTIONS.get(action)
    if known is not None:
        return gettext(known[0])
    return in_words(action.removeprefix(CUSTOM_PREFIX)) or None


def advice_of(action: str, gettext: Gettext) -> str:
    """What to do next about an event of `action`."""
    known = ACTIONS.get(action)
    return gettext(_OTHER if known is None else known[1])
