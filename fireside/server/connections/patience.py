"""How long a client may take to send or to read: a time that each byte makes a little longer.

    body = Patience(seconds=30, rate=1000)
    body.spend(1.0, moved=500)       # a second went by, and 500 bytes came
    body.is_over                     # after 30 s in which nothing came

So a slow client may go on for as long as it moves `rate` bytes a second, and one that has stopped
is given up after `seconds`.
"""

from __future__ import annotations


class Patience:
    """seconds: how long nothing may move.  rate: bytes that are worth a second."""

    def __init__(self, seconds: float, rate: float) -> None:
        self._seconds = seconds
        self._rate = rate
        self.left = seconds

    def spend(self, passed: float, moved: int = 0) -> None:
        earned = moved / self._rate
        self.left = min(self._seconds, self.left + earned) - passed

    def renew(self) -> None:
        self.left = self._seconds

    @property
    def is_over(self) -> bool:
        return self.left <= 0
