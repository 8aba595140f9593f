"""The Accept headers (RFC 9110, section 12.5): which of the forms and encodings that there are the caller wants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tocsin.errors import NotAcceptable

_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def preferred(headers: Mapping[str, str], forms: Sequence[str]) -> str:
    """The media type of `forms` that a request's headers (names in lower case) want most; the first of equals.

    Raises NotAcceptable where they want none.
    """
    ranges = [_range(part) for part in headers.get("accept", "").split(",") if part.strip()]
    if not ranges:
        return forms[0]
    wanted = {form: _quality(form, ranges) for form in forms}
    best = max(forms, key=wanted.__getitem__)
    if not wanted[best]:
        raise NotAcceptable(f"there is {' and '.join(forms)}; accepted is {headers['accept'][:80]!r}")
    return best


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether a request's headers (names in lower case) take a gzip-encoded answer (RFC 9110, section 12.5.3)."""
    wanted = dict(_range(part) for part in headers.get("accept-encoding", "").split(",") if part.strip())
    return bool(wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", 0.0))))


def _range(part: str) -> tuple[str, float]:
    """A media range, or a coding, and how much it is wanted, 0 to 1."""
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q" and _QVALUE.fullmatch(value.strip()):
            return media, float(value)
    return media, 1.0


def _quality(form: str, ranges: Sequence[tuple[str, float]]) -> float:
    """How much `form` is wanted: by the most specific range that it is in."""
    kind = form.partition("/")[0]
    for wanted in (form, f"{kind}/*", "*/*"):
        found = [quality for media, quality in ranges if media == wanted]
        if found:
            return max(found)
    return 0.0
