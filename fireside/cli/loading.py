"""The model, loading in a thread while the command opens the database and reads the question.

Importing torch and reading the weights are most of a cold start; everything else fits beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

from fireside.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from fireside.engine.embedding import Embedder
    from fireside.engine.models import Models
    from fireside.engine.text import TextModel


T = TypeVar("T")


class Loading:
    """The models of a session; the first is being loaded from the moment this is made."""

    def __init__(self, settings: Settings, name: str | None) -> None:
        self.name = name or settings.model
        self._models: Future[Models] = Future()
        self._first: Future[TextModel] = Future()
        self._share = 0.0
        self.settings = settings
        self._thread = threading.Thread(target=self._load, name="loading", daemon=True)
        self._thread.start()

    def _load(self) -> None:
        _settle(self._models, self._import)
        _settle(self._first, lambda: self._chat_model(self.name))

    def _chat_model(self, name: str, owner: str = "") -> TextModel:
        """A base model has no chat template: at the terminal it continues the text."""
        model = self._models.result().get(name, owner=owner)
        model.tokenizer.continue_text()
        return model

    def _import(self) -> Models:
        from fireside.hub.local import locate

        # A wrong name is told at once, not after the seconds that torch takes to come.
        locate(self.name, self.settings.models_dir)
        from fireside.engine.models import Models

        return Models(self.settings, self._progress)

    def _progress(self, done: int, total: int) -> None:
        self._share = done / max(1, total)

    def get(self, name: str | None, *, owner: str = "") -> TextModel:
        """The model called `name`, waited for; None is the one that was asked for at the start."""
        if name is None or name == self.name:
            return self._first.result()
        return self._chat_model(name, owner)

    def embedder(self, name: str | None = None) -> Embedder:
        """The embedding model, waited for."""
        return self._models.result().embedder(name)

    def names(self) -> list[str]:
        """The chat models on this machine, by name."""
        from fireside.hub.local import installed

        found = installed(self.settings.models_dir)
        return [m.name for m in found if m.entry is None or m.entry.kind == "chat"]

    @property
    def ready(self) -> bool:
        return self._first.done()

    def watch(self, console: Console) -> None:
        """Say how far the first model is until it is there, if it is not there yet."""
        if self.ready:
            return
        from rich.text import Text

        with console.status("", spinner="dots") as status:
            while not self.ready:
                status.update(Text(f"Loading {self.name} … {self._share:.0%}", style="dim"))
                wait([self._first], timeout=0.1)

    def close(self) -> None:
        """Free the models; one that is still loading is left to the end of the process."""
        if not self._thread.is_alive() and self._models.exception() is None:
            self._models.result().close()


def _settle(future: Future[T], make: Callable[[], T]) -> None:
    try:
        future.set_result(make())
    except BaseException as error:
        future.set_exception(error)
