"""Retention: conversations, responses and files that nobody has used for so many days go.

A file that is in a vector store stays, for it is the knowledge of an assistant; it goes when it is
taken out of there.  It refuses to count anything but days, and does nothing at 0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from fireside.errors import NotFound
from fireside.storage import Store
from fireside.storage.files import Files

log = logging.getLogger(__name__)


class Retention:
    """`sweep` is one round; a `Sweep` of the server calls it.

    drop_response: deletes one response and what belongs to it, but not those after it.
    """

    def __init__(
        self, store: Store, files: Files, days: int, drop_response: Callable[[str, str], None]
    ) -> None:
        self._store, self._files, self._days = store, files, days
        self._drop_response = drop_response

    def sweep(self) -> int:
        """Delete what is older; how many there were."""
        if not self._days:
            return 0
        gone = 0
        for kind, row_id, owner in list(self._store.erasure.stale(self._days)):
            with suppress(NotFound):  # its owner was faster
                self._drop(kind, row_id, owner)
                gone += 1
        if gone:
            self._store.erasure.scrub()
            log.info("retention: %d conversations, responses and files are gone", gone)
        return gone

    def _drop(self, kind: str, row_id: str, owner: str) -> None:
        match kind:
            case "conversations":
                self._store.delete(row_id)
            case "response":
                self._drop_response(row_id, owner)
            case "file":
                self._files.remove(row_id, owner)
            case _:
                self._store.objects.remove(kind, row_id, owner=owner)
