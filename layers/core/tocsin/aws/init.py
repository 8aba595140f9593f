"""The end of a function's init."""

from __future__ import annotations

import gc


def finish() -> None:
    """Collect garbage from here on, without looking at what init made.

    In Lambda `tocsin` turns the collector off as it is loaded: a twentieth of an init was spent in it. What is there
    now stays for as long as the process, so no later collection looks at it either, which would take 40 ms each time.
    """
    if not gc.isenabled():  # pragma: no cover - tests of cold starts, in processes of their own
        gc.freeze()
        gc.enable()
