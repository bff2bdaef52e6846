"""What each key may still use: requests and tokens of the minute, tokens of its whole life.

Minutes slide: a bucket of the limit's size fills at the limit per minute, as OpenAI's do.  A
request is let in while there is something left, and charged when its tokens are known, so a
bucket may go below nothing once and is then filled up before the next.  Minutes are forgotten at
a restart; totals are written to the database every second and when the server stops.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from fireside.errors import FiresideError, Overloaded
from fireside.storage.persons import Key

if TYPE_CHECKING:
    from fireside.storage.keyring import Keyring

WRITE_EVERY = 1.0


class QuotaSpent(FiresideError):
    """The key's total is used up: asking again does not help."""

    status = 429
    type = "insufficient_quota"
    default_code = "insufficient_quota"


class RateLimited(Overloaded):
    """`what`: requests or tokens."""

    default_code = "rate_limit_exceeded"

    def __init__(self, message: str, *, what: str, retry_after: float) -> None:
        super().__init__(message, retry_after=retry_after)
        self.type = what  # type: ignore[misc]  # as OpenAI has it: `requests` or `tokens`


class Bucket:
    """`limit` per minute, refilled all the time."""

    def __init__(self, limit: int, now: float) -> None:
        self.limit = limit
        self.left = float(limit)
        self.at = now

    def take(self, amount: int, now: float) -> None:
        self.fill(now)
        self.left -= amount

    def fill(self, now: float) -> None:
        self.left = min(self.limit, self.left + (now - self.at) * self.limit / 60)
        self.at = now

    def seconds_until(self, amount: float) -> float:
        return max(0.0, (amount - self.left) * 60 / self.limit)


class Account:
    """One key's buckets."""

    def __init__(self, key: Key, now: float) -> None:
        self.key_id = key.id
        self.limits = key.limits
        self.requests = _bucket(key.limits.requests_per_minute, now)
        self.tokens = _bucket(key.limits.tokens_per_minute, now)

    def admit(self, used: int, now: float) -> None:
        """Take a request out of the budget.

        Args:
            used: tokens that the key has used in its life.

        Raises:
            QuotaSpent, RateLimited
        """
        _check_total(self.limits.tokens_total, used)
        for what, bucket, least in (("requests", self.requests, 1), ("tokens", self.tokens, 1)):
            if bucket is None:
                continue
            bucket.fill(now)
            wait = bucket.seconds_until(least)
            if wait:
                raise RateLimited(
                    f"This key may use {bucket.limit} {what} per minute: "
                    f"ask again in {math.ceil(wait)} s.",
                    what=what,
                    retry_after=wait,
                )
        if self.requests is not None:
            self.requests.take(1, now)

    def headers(self, now: float) -> dict[str, str]:
        """`x-ratelimit-…` of those limits that the key has."""
        told: dict[str, str] = {}
        for what, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            if bucket is not None:
                bucket.fill(now)
                told[f"x-ratelimit-limit-{what}"] = str(bucket.limit)
                told[f"x-ratelimit-remaining-{what}"] = str(max(0, math.floor(bucket.left)))
                told[f"x-ratelimit-reset-{what}"] = duration(bucket.seconds_until(bucket.limit))
        return told


class Budgets:
    """The accounts of all keys that have asked since the server began.  Any thread may charge."""

    def __init__(self, keyring: Keyring, clock: Callable[[], float] = time.monotonic) -> None:
        self._keyring = keyring
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._unwritten: Counter[str] = Counter()  # tokens that the database does not know of yet
        self._lock = threading.Lock()
        self._writing: asyncio.Task[None] | None = None

    def admit(self, key: Key) -> Account:
        """Raises: as `Account.admit`."""
        with self._lock:
            account = self._accounts.get(key.id)
            if account is None or account.limits != key.limits:
                account = self._accounts[key.id] = Account(key, self._clock())
            account.admit(key.tokens_used + self._unwritten[key.id], self._clock())
            return account

    def check_total(self, key: Key) -> None:
        """Raises: QuotaSpent"""
        with self._lock:
            _check_total(key.limits.tokens_total, key.tokens_used + self._unwritten[key.id])

    def headers(self, account: Account) -> dict[str, str]:
        with self._lock:
            return account.headers(self._clock())

    def charge(self, key_id: str, tokens: int) -> None:
        with self._lock:
            self._unwritten[key_id] += tokens
            account = self._accounts.get(key_id)  # none: work of before a restart
            if account is not None and account.tokens is not None:
                account.tokens.take(tokens, self._clock())

    async def start(self) -> None:
        self._writing = asyncio.create_task(self._write_always())

    async def stop(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        await self.write()

    async def write(self) -> None:
        """Bring the database up to date: what was spent, and when keys were used last."""
        with self._lock:
            spent = dict(self._unwritten)
        if not spent:
            return
        await asyncio.to_thread(self._keyring.spend, spent, time.time())
        with self._lock:
            for key_id, tokens in spent.items():
                self._unwritten[key_id] -= tokens
                if not self._unwritten[key_id]:
                    del self._unwritten[key_id]

    async def _write_always(self) -> None:
        while True:
            await asyncio.sleep(WRITE_EVERY)
            with suppress(FiresideError):  # a full disk: the next try may find room
                await self.write()


def _check_total(total: int | None, used: int) -> None:
    if total is not None and used >= total:
        raise QuotaSpent(
            f"This key has used its {total} tokens: ask your admin for another budget."
        )


def _bucket(limit: int | None, now: float) -> Bucket | None:
    return None if limit is None else Bucket(limit, now)


def duration(seconds: float) -> str:
    """As OpenAI writes it: `120ms`, `1.5s`, `6m0s`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}m{text}s" if minutes else f"{text}s"
