"""Faults of this library, which are its users' log's, and never their callers'."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec

    Given = ParamSpec("Given")

_QUIET = 60.0  # seconds between two reports of one kind
_reported: dict[str, float] = {}


def report(what: str, error: BaseException | None = None) -> None:
    """Log a warning, at most once a minute for the same `what`."""
    now = time.monotonic()
    if now - _reported.get(what, float("-inf")) < _QUIET:
        return
    _reported[what] = now
    import logging  # noqa: PLC0415 - most processes never need it here

    logging.getLogger("tocsin_client").warning("%s", what, exc_info=error)


def never_raises(function: Callable[Given, None]) -> Callable[Given, None]:
    """Report what the function raises, rather than let it reach those who call it: frameworks, in people's requests."""

    from functools import wraps  # noqa: PLC0415 - the integrations alone need it

    @wraps(function)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is ours
            report(f"{function.__module__}.{function.__name__} failed", error)

    return guarded
