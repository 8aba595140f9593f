"""How long something was going on."""

from collections.abc import Iterable


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of all (start, end) together, in their unit; where several overlap, it counts once."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
