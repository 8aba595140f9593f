"""FilterLogEvents: a term with a question mark before it is one of several, any of which will do.

The emulator takes the mark for a part of the word, and so finds nothing. Other patterns are left to it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

type Matches = Callable[[str], bool]
"""Whether a line matches."""

_TERM = re.compile(r'\?"[^"]*"|\S+')


def with_alternatives(compiled: Callable[[str], Matches]) -> Callable[[str], Matches]:
    """The emulator's reading of patterns, but for those whose terms are all alternatives."""

    def corrected(pattern: str) -> Matches:
        terms = _TERM.findall(pattern or "")
        if not terms or not all(term.startswith("?") for term in terms):
            return compiled(pattern)
        wanted = [term[1:].strip('"') for term in terms]
        return lambda line: any(each in line for each in wanted)

    return corrected
