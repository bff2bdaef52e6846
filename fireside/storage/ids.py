"""Short text ids that sort by time: `conv_0hj3k2m9q4x7c1p8ra`.

Eighteen letters of Crockford's base 32: 48 bits of milliseconds, then 40 random bits.  Ids made by
one process always grow, even within a millisecond and even when the clock is set back, so sorting
by id is sorting by birth.  It refuses to hold a meaning beyond that.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH: Final = 18
RANDOM_BITS: Final = 40

_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """A fresh id: `prefix`, an underscore, eighteen letters."""
    global _last
    fresh = (time.time_ns() // 1_000_000 << RANDOM_BITS) | secrets.randbits(RANDOM_BITS)
    with _lock:
        # A small random step instead of +1: two processes that share a millisecond stay apart.
        _last = fresh if fresh > _last else _last + 1 + secrets.randbelow(1 << 16)
        number = _last
    letters = [ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5)]
    return f"{prefix}_{''.join(letters)}"
