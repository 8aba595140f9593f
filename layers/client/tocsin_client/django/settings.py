"""The setting TOCSIN, a dict."""

from __future__ import annotations

from typing import Any


def setting(name: str, default: Any = None) -> Any:  # noqa: ANN401 - settings are anything
    """One entry of TOCSIN."""
    from django.conf import settings  # noqa: PLC0415 - not before Django is set up

    return getattr(settings, "TOCSIN", {}).get(name, default)


def names(name: str) -> tuple[str, ...]:
    """The names in one entry of TOCSIN: of a list, or the one that stands there by itself."""
    given = setting(name) or ()
    return (given,) if isinstance(given, str) else tuple(given)


def called(name: str, request: object) -> object:
    """What the callable in an entry of TOCSIN, or the one that it names, gives for a request; None without one."""
    given = setting(name)
    if isinstance(given, str):
        from django.utils.module_loading import import_string  # noqa: PLC0415

        given = import_string(given)
    return given(request) if callable(given) else None
