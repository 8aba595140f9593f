"""What makes no events of models: a block of code, some models, some fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tocsin_client.django.settings import setting

_MODELS = ("sessions.*", "admin.LogEntry", "contenttypes.*", "auth.Permission", "migrations.*", "tocsin_client.*")
"""What is a log itself, or changes with every request or deployment."""

_FIELDS = ("last_login",)
"""What changes with every sign-in, which is an event itself."""

_ignoring: ContextVar[bool] = ContextVar("tocsin_audit_ignore", default=False)


@contextmanager
def audit_ignore() -> Iterator[None]:
    """Make no events of what happens to models in the block. Also a decorator."""
    token = _ignoring.set(True)
    try:
        yield
    finally:
        _ignoring.reset(token)


def is_ignoring() -> bool:
    """Whether this code runs in an `audit_ignore` block."""
    return _ignoring.get()


def is_ignored_model(model: type[Any]) -> bool:
    """Whether no event is made of the model: by `IGNORE_MODELS`, or as one of those that never are."""
    meta = model._meta
    label, everything = meta.label.lower(), f"{meta.app_label.lower()}.*"
    ignored = {name.lower() for name in (*_MODELS, *setting("IGNORE_MODELS", ()))}
    return not meta.managed or label in ignored or everything in ignored


def ignored_fields(model: type[Any]) -> frozenset[str]:
    """The names of fields whose change alone makes no event, and is not told: by `IGNORE_FIELDS`, or as ever."""
    names: set[str] = set()
    for name in (*_FIELDS, *setting("IGNORE_FIELDS", ())):
        owner, _, field = name.rpartition(".")
        if not owner or owner.lower() == model._meta.label.lower():
            names.add(field)
    return frozenset(names)
