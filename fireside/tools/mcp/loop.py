"""One thread with an event loop: the MCP library is asynchronous, and a turn's steps are not.

Started when first needed, and ended by `close`.  It refuses work after that.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from fireside.errors import Unavailable

T = TypeVar("T")
GRACE: Final = 15.0
"""Seconds that work may take beyond its own bound: to stop a process that will not go."""


class Loop:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """What `work` gives, in the calling thread.  It bounds itself; `seconds` is what it needs.

        Raises:
            Unavailable: the loop is closed, or the work did not end.
        """
        try:
            loop = self._running()
        except Unavailable:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result(seconds + GRACE)
        except TimeoutError:
            future.cancel()
            raise Unavailable("An MCP server could not be stopped in time.") from None
        except BaseException:
            future.cancel()
            raise

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let it run; nobody waits.  Dropped where the loop is closed."""
        try:
            asyncio.run_coroutine_threadsafe(work, self._running())
        except Unavailable:
            work.close()

    def close(self) -> None:
        """End the thread; what still runs in it is cancelled."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(GRACE)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise Unavailable("MCP servers are closed: the program is stopping.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="fireside-mcp", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
