"""Sets of bit positions: a Python integer where there are many, a tuple where there are few.

One integer of 20,000 bits takes 2.7 KB whether one bit is set or all are, so what the index keeps for each
value of each rule is mostly tuples; what it works with are integers.
"""

from __future__ import annotations

from collections.abc import Iterable

type Positions = int | tuple[int, ...]

_MANY = 48
_FEW = 6


def packed(positions: list[int]) -> Positions:
    """The smaller form of a set of positions."""
    return as_bits([tuple(positions)]) if len(positions) >= _MANY else tuple(positions)


def as_bits(groups: Iterable[Positions]) -> int:
    """The integer with the bits of all groups set; where there is but one, and an integer, that very one."""
    bits = 0
    single: list[int] = []
    for group in groups:
        if isinstance(group, int):
            bits = bits | group if bits else group
        else:
            single += group
    if len(single) <= _FEW:
        for position in single:
            bits |= 1 << position
        return bits
    octets = bytearray((max(single) >> 3) + 1)
    for position in single:
        octets[position >> 3] |= 1 << (position & 7)
    return bits | int.from_bytes(octets, "little")
