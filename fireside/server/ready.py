"""The default model, loaded beside the start of the server so that the first question finds it.

A model that cannot be loaded does not stop the server: `/health` and the page say what is wrong.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from fireside.errors import FiresideError
from fireside.server.errors import log

if TYPE_CHECKING:
    from fireside.engine.models import Models


class Readiness:
    """How far the default model is."""

    def __init__(self, models: Models, model: str) -> None:
        self.models = models
        self.model = model
        self.state: Literal["loading", "ready", "failed"] = "loading"
        self.problem: str | None = None

    async def load(self) -> None:
        try:
            loaded = await asyncio.to_thread(self.models.get, None)
        except FiresideError as error:
            self.state, self.problem = "failed", error.message
            log.error("the default model is not ready: %s", error.message)
        except Exception:
            self.state, self.problem = "failed", "It failed to load; the server's log says why."
            log.exception("the default model is not ready")
        else:
            self.model, self.state, self.problem = loaded.name, "ready", None
