"""What makes no events of models: a block of code, some models, some fields."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from tocsin_client.django.settings import names

_MODELS = ("sessions.*", "admin.LogEntry", "contenttypes.*", "auth.Permission", "migrations.*", "tocsin_client.*")
"""What is a log itself, or changes with every request or deployment."""

_FIELDS = ("last_login",)
"""What changes with every sign-in, which is an event itself."""

Function = TypeVar("Function", bound=Callable[..., Any])

_ignoring: ContextVar[bool] = ContextVar("tocsin_audit_ignore", default=False)


class _Ignored:
    """A block of code, or a function, that makes no events of models."""

    def __enter__(self) -> None:
        self._token = _ignoring.set(True)

    def __exit__(self, *_: object) -> None:
        _ignoring.reset(self._token)

    def __call__(self, function: Function) -> Function:
        decorated: Any = function
        if iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of the function
                with _Ignored():
                    return await decorated(*args, **kwargs)

            return cast("Function", awaited)

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of the function
            with _Ignored():
                return decorated(*args, **kwargs)

        return cast("Function", called)


def audit_ignore() -> _Ignored:
    """Make no events of what happens to models in the block. Also a decorator, of coroutine functions, too."""
    return _Ignored()


def is_ignoring() -> bool:
    """Whether this code runs in an `audit_ignore` block."""
    return _ignoring.get()


def is_ignored_model(model: type[Any]) -> bool:
    """Whether no event is made of the model: by `IGNORE_MODELS`, or as one of those that never are."""
    meta = model._meta
    label, everything = meta.label.lower(), f"{meta.app_label.lower()}.*"
    ignored = {name.lower() for name in (*_MODELS, *names("IGNORE_MODELS"))}
    return not meta.managed or label in ignored or everything in ignored


def ignored_fields(model: type[Any]) -> frozenset[str]:
    """The names of fields whose change alone makes no event, and is not told: by `IGNORE_FIELDS`, or as ever."""
    fields: set[str] = set()
    for name in (*_FIELDS, *names("IGNORE_FIELDS")):
        owner, _, field = name.rpartition(".")
        if not owner or owner.lower() == model._meta.label.lower():
            fields.add(field)
    return frozenset(fields)
