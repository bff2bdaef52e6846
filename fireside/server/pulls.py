"""Models that are being pulled for the page: one download per name, watched by whoever asks.

A download outlives the page that asked for it, and ends with the server; the next pull resumes it.
Only models of the catalogue are pulled this way, never a name that a request made up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fireside.assistant.ability.afterwards import check_afterwards
from fireside.errors import BadRequest, FiresideError, Interrupted
from fireside.hub.catalogue import catalogue
from fireside.hub.download import pull
from fireside.server.errors import envelope, log
from fireside.server.streaming import Event

if TYPE_CHECKING:
    from fireside.settings import Settings

GLANCE = 0.25  # seconds between two looks at a download


class Pull:
    """One download on its way."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.text, self.done, self.total = "starting", 0, 0
        self.error: FiresideError | None = None
        self._settings = settings
        self._models_dir = settings.models_dir
        self._stop = threading.Event()
        # A daemon: a stopping server does not wait for gigabytes.
        self._thread = threading.Thread(target=self._run, name=f"pull {name}", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()

    def _progress(self, text: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Interrupted("The server is shutting down; pull again to go on.")
        self.text, self.done, self.total = text, done, total

    def _run(self) -> None:
        try:
            check_afterwards(pull(self.name, self._models_dir, self._progress), self._settings)
        except FiresideError as error:
            self.error = error
        except Exception:
            log.exception("failed while pulling %s", self.name)
            self.error = FiresideError("The download failed; the server's log says why.")


class Pulls:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: dict[str, Pull] = {}

    def start(self, name: str) -> Pull:
        """The download of that name, begun now or found on its way.

        Raises:
            BadRequest: the catalogue has no such chat model.
        """
        entry = catalogue().get(name)
        if entry is None or entry.kind != "chat":
            raise BadRequest(
                f"{name[:100]!r} is not a chat model of the catalogue; "
                "`fireside models pull` brings any other.",
                param="name",
            )
        running = self._running.get(name)
        if running is None or running.over:
            running = self._running[name] = Pull(name, self._settings)
        return running

    def stop(self) -> None:
        for each in self._running.values():
            each.stop()


async def watched(download: Pull) -> AsyncIterator[Event]:
    """`progress` until the download is over, then `done` or `error`."""
    while not download.over:
        yield {
            "type": "progress",
            "text": download.text,
            "done": download.done,
            "total": download.total,
        }
        await asyncio.sleep(GLANCE)
    if download.error is not None:
        yield {"type": "error", **envelope(download.error)}
    else:
        yield {"type": "done", "name": download.name}
