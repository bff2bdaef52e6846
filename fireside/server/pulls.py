"""Models that are being pulled for the page: one download per name, watched by whoever asks.

A download outlives the page that asked for it.  Paused, it goes on later where it stopped, also
after the server's end; cancelled, it leaves nothing.
Only models of the catalogue are pulled this way, never a name that a request made up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal

from fireside.assistant.ability.afterwards import check_afterwards
from fireside.errors import BadRequest, FiresideError, Interrupted
from fireside.hub.catalogue import catalogue
from fireside.hub.download import bytes_waiting, discard, pull
from fireside.server.errors import envelope, log
from fireside.server.streaming import Event

if TYPE_CHECKING:
    from fireside.settings import Settings

GLANCE = 0.25  # seconds between two looks at a download


Ending = Literal["paused", "cancelled"]


class Pull:
    """One download on its way.

    ending: why a person, or the stopping server, ended it; None where it ran to its end.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.text, self.done, self.total = "starting", 0, 0
        self.error: FiresideError | None = None
        self.ending: Ending | None = None
        self._settings = settings
        # A daemon: a stopping server does not wait for gigabytes.
        self._thread = threading.Thread(target=self._run, name=f"pull {name}", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def end(self, ending: Ending) -> None:
        """At the next piece that comes; a paused download goes on where it stopped."""
        self.ending = ending

    def _progress(self, text: str, done: int, total: int) -> None:
        if self.ending is not None:
            raise Interrupted("The download was stopped; pull again to go on.")
        self.text, self.done, self.total = text, done, total

    def _run(self) -> None:
        try:
            local = pull(self.name, self._settings.models_dir, self._progress)
            self.ending = None  # it came too late
            check_afterwards(local, self._settings)
        except FiresideError as error:
            if self.ending == "cancelled":
                self._discard()
            elif self.ending is None:
                self.error = error
        except Exception:
            log.exception("failed while pulling %s", self.name)
            self.error = FiresideError("The download failed; the server's log says why.")

    def _discard(self) -> None:
        try:
            discard(self.name, self._settings.models_dir)
        except FiresideError as error:
            self.error = error


class Pulls:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: dict[str, Pull] = {}

    def start(self, name: str) -> Pull:
        """The download of that name, begun now or found on its way.

        Raises:
            BadRequest: the catalogue has no such chat model.
        """
        _check(name)
        running = self._running.get(name)
        if running is None or running.over or running.ending is not None:
            running = self._running[name] = Pull(name, self._settings)
        return running

    def pause(self, name: str) -> None:
        """What has come stays for the next start, also of another server."""
        _check(name)
        if name in self._running:
            self._running[name].end("paused")

    def cancel(self, name: str) -> None:
        """What has come is deleted.

        Raises:
            Conflict: another program pulls this model.
        """
        _check(name)
        running = self._running.get(name)
        if running is None or running.over:
            discard(name, self._settings.models_dir)
        else:
            running.end("cancelled")

    def state(self, name: str) -> dict[str, object] | None:
        """How far a download is that runs or waits to go on; None where there is none."""
        running = self._running.get(name)
        if running is not None and not running.over and running.ending is None:
            return {"state": "fetching", "done": running.done, "total": running.total}
        waiting = bytes_waiting(name, self._settings.models_dir)
        return {"state": "paused", "done": waiting} if waiting else None

    def stop(self) -> None:
        for each in self._running.values():
            each.end("paused")


def _check(name: str) -> None:
    entry = catalogue().get(name)
    if entry is None or entry.kind != "chat":
        raise BadRequest(
            f"{name[:100]!r} is not a chat model of the catalogue; "
            "`fireside models pull` brings any other.",
            param="name",
        )


async def watched(download: Pull) -> AsyncIterator[Event]:
    """`progress` until the download is over, then `done`, `paused`, `cancelled` or `error`."""
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
        yield {"type": download.ending or "done", "name": download.name}
