"""Django's models in an event's context: which object it is, not what is in it."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet

MAX_DEPTH = 8
"""Containers inside each other, in which models are looked for."""
MAX_WIDTH = 10_000
"""Entries of a container in which models are looked for."""
MAX_LISTED = 200
"""Objects of a query set."""
_MAX_NAME = 256  # characters


def reference(instance: Any) -> dict[str, Any]:  # noqa: ANN401 - a model: Django has no types
    """{app, model_name, pk, name}: which object an event is of."""
    meta = instance._meta
    try:
        name = str(instance)[:_MAX_NAME]
    except Exception:  # noqa: BLE001 - it may ask the database for what is gone
        name = ""
    return {"app": meta.app_label, "model_name": meta.model_name, "pk": instance.pk, "name": name}


def with_references(value: object, depth: int = MAX_DEPTH) -> object:
    """A copy of the value with a reference in the place of each model in it; the value itself where there is none.

    A query set is a list of its first objects.
    """
    if isinstance(value, Model):
        return reference(value)
    if depth == 0:
        return value
    if isinstance(value, QuerySet):
        return [with_references(each, depth - 1) for each in value[:MAX_LISTED]]
    if isinstance(value, (dict, list, tuple, set, frozenset)) and len(value) > MAX_WIDTH:
        return value  # of which most is cut
    if isinstance(value, dict):
        copied = {key: with_references(each, depth - 1) for key, each in value.items()}
        return copied if any(copied[key] is not value[key] for key in copied) else value
    if type(value) in {list, tuple, set, frozenset}:
        items: Any = value
        found = [with_references(each, depth - 1) for each in items]
        return found if any(new is not old for new, old in zip(found, items, strict=True)) else value
    return value
