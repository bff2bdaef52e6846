"""The judges of one process, each loaded when it is first asked for.

It refuses to choose another judge in silence: without the embedding model a trained one is an
error that says what to pull.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from fireside.errors import NotFound
from fireside.safety.moderation import (
    MODERATION_MODEL,
    Moderator,
    RulesModerator,
    TrainedModerator,
)
from fireside.safety.rules import RULES_MODEL, load_rules

if TYPE_CHECKING:  # PyTorch is loaded with the first head, not with the server
    from fireside.safety.heads import Embeds, Judge
    from fireside.safety.inspector import Inspector
    from fireside.safety.sentiment import SentimentJudge


class Guards:
    """Thread-safe.  models: where embedding models come from.  folder: where one's own heads
    stand (`FIRESIDE_HOME/heads`), which go before those of the package."""

    def __init__(self, models: Embeds, folder: Path | None = None) -> None:
        self._models = models
        self._folder = folder
        self._lock = threading.Lock()
        self._sentiment: dict[str, SentimentJudge] = {}
        self._inspector: Inspector | None = None
        self._trained: TrainedModerator | None = None

    def sentiment(self, language: str) -> SentimentJudge:
        """The judge for this language; where there is none, the English one: results name it.

        Raises: NotFound, Corrupt, Unsupported: no embedding model, or a head that is none.
        """
        from fireside.safety.heads import Judge, load_head
        from fireside.safety.sentiment import SentimentJudge

        with self._lock:
            if language not in self._sentiment:
                try:
                    head = load_head("sentiment", language, self._folder)
                except NotFound:
                    head = load_head("sentiment", "en", self._folder)
                found = SentimentJudge(Judge(head, self._models.embedder(head.base)))
                self._sentiment[language] = found
            return self._sentiment[language]

    def inspector(self) -> Inspector:
        """Raises as `sentiment`."""
        from fireside.safety.inspector import Inspector

        with self._lock:
            if self._inspector is None:
                self._inspector = Inspector(self._judge("injection"))
            return self._inspector

    def moderator(self, name: str) -> Moderator:
        """By its model's name.  Raises as `sentiment`; of the rules alone, nothing."""
        if name == RULES_MODEL:
            return RulesModerator(load_rules())
        if name != MODERATION_MODEL:
            raise NotFound(f"There is no moderation model {name[:100]!r}.", param="model")
        with self._lock:
            if self._trained is None:
                self._trained = TrainedModerator(load_rules(), self._judge("moderation"))
            return self._trained

    def _judge(self, name: str) -> Judge:
        from fireside.safety.heads import Judge, load_head

        head = load_head(name, "en", self._folder)
        return Judge(head, self._models.embedder(head.base))
