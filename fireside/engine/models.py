"""The models of one process: loaded when first asked for, kept, closed together."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fireside.engine.load import Progress, load_text_model
from fireside.engine.stats import EngineStats
from fireside.engine.text import TextModel
from fireside.errors import BadRequest, Unavailable, UnknownModel
from fireside.hub import LocalModel, installed, locate
from fireside.hub.aliases import Aliases
from fireside.settings import Settings

if TYPE_CHECKING:
    from fireside.engine.embedding import Embedder

# More at once would fight for memory and cores; the least recently used one gives way.
KEPT = 2
TUNED = "ft:"
ADAPTED = " with "
"""Between the names of a model and of the adapter that is added to it; no model's name has it."""


class Tuned(Protocol):
    """Models that were fine-tuned here, each its owner's alone; their names begin with `ft:`."""

    def local(self, name: str, owner: str) -> LocalModel | None: ...
    def names(self, owner: str) -> list[str]: ...


class Models:
    """Thread-safe.  `progress(done, total)` hears of a loading model's layers.

    aliases: other names for models, which the server looks up before it asks for one.
    """

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self.tuned: Tuned | None = None
        default = settings.model if settings.openai_names else None
        self.aliases = Aliases(default, settings.aliases)
        self._settings = settings
        self._progress = progress
        self._loaded: dict[str, TextModel] = {}
        self._embedders: dict[str, Embedder] = {}
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._closed = False

    def get(self, name: str | None = None, *, owner: str = "") -> TextModel:
        """The model of this name, or the default one, ready to answer.

        owner: who asks; a fine-tuned model is there for its owner alone.

        Raises:
            UnknownModel, NotFound: no such model, or not pulled yet; the line says what to do.
            BadRequest: a model of another kind.
            Corrupt, Unsupported, Unavailable: it cannot be served.
        """
        local = self._find(name or self._settings.model, owner)
        return self._ready(local.name, local)

    def adapted(self, model: TextModel, adapter: Path) -> TextModel:
        """The model with an adapter added, under its own name; loaded beside it.

        The sum is held as weights of its own: for the default model another 140 MB.

        Raises:
            Corrupt, Unsupported, Unavailable: it cannot be served.
        """
        assert model.local is not None
        files = (*model.local.files, *sorted(adapter.iterdir()))
        local = replace(model.local, adapter=adapter, files=files)
        return self._ready(f"{model.name}{ADAPTED}{adapter.name}", local)

    def _ready(self, name: str, local: LocalModel) -> TextModel:
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:  # one load per model; others go on being served meanwhile
            with self._lock:
                self._check_open()
                model = self._loaded.pop(name, None)
                if model is not None:
                    self._loaded[name] = model  # the most recently used stands last
                    return model
                self._make_room()
            model = load_text_model(local, self._settings, self._progress)
            with self._lock:
                if self._closed:
                    model.engine.stop(0.0)
                self._check_open()
                self._loaded[name] = model
            return model

    def embedder(self, name: str | None = None) -> Embedder:
        """The embedding model of this name, or the default one, ready.

        Raises:
            UnknownModel, NotFound: no such model, or not pulled yet; the line says what to do.
            BadRequest: a model of another kind.
            Corrupt, Unsupported: it cannot be served.
        """
        local = locate(name or self._settings.embedding_model, self._settings.models_dir)
        if local.entry is not None and local.entry.kind != "embedding":
            raise BadRequest(
                f"{local.name} chats and makes no embeddings: "
                f"take {self._settings.embedding_model}.",
                param="model",
            )
        with self._lock:
            loading = self._loading.setdefault(local.name, threading.Lock())
        with loading:
            with self._lock:
                self._check_open()
                if local.name in self._embedders:
                    return self._embedders[local.name]
            from fireside.engine.embedding import load_embedder  # and torch with it

            made = load_embedder(local, self._settings)
            with self._lock:
                if self._closed:
                    made.close()
                self._check_open()
                self._embedders[local.name] = made
            return made

    def embedders(self) -> list[str]:
        """Every embedding model that is here, the default first."""
        found = {
            local.name
            for local in installed(self._settings.models_dir)
            if local.entry is not None and local.entry.kind == "embedding"
        }
        default = self._settings.embedding_model
        return sorted(found | set(self._embedders), key=lambda n: (n != default, n))

    def names(self, *, owner: str = "") -> list[str]:
        """Every chat model that is here for this owner, the default first."""
        found = [
            local.name
            for local in installed(self._settings.models_dir)
            if local.entry is None or local.entry.kind == "chat"
        ]
        loaded = list(self._loaded)
        found += [name for name in loaded if not name.startswith(TUNED) and ADAPTED not in name]
        found += [] if self.tuned is None else self.tuned.names(owner)
        return sorted(set(found), key=lambda n: (n != self._settings.model, n))

    def stats(self) -> list[EngineStats]:
        """Of every engine that is loaded."""
        with self._lock:
            return [model.engine.stats() for model in self._loaded.values()]

    def forget(self, name: str) -> None:
        """Let go of a model that is no more."""
        with self._lock:
            gone = self._loaded.pop(name, None)
        if gone is not None:
            gone.engine.stop(0.0)

    def cancel_all(self) -> None:
        """Every answer under way ends as cancelled."""
        with self._lock:
            engines = [model.engine for model in self._loaded.values()]
        for engine in engines:
            engine.cancel_all()

    def close(self, drain_seconds: float = 0.0) -> None:
        """Stop every engine; answers under way get `drain_seconds` to end."""
        with self._lock:
            self._closed = True
            for model in self._loaded.values():
                model.engine.stop(drain_seconds)
            self._loaded.clear()
            for embedder in self._embedders.values():
                embedder.close()
            self._embedders.clear()

    def _find(self, name: str, owner: str) -> LocalModel:
        if name.startswith(TUNED):
            tuned = None if self.tuned is None else self.tuned.local(name, owner)
            if tuned is None:
                raise UnknownModel(f"There is no model {name[:100]!r} here.", param="model")
            return tuned
        local = locate(name, self._settings.models_dir)
        if local.entry is not None and local.entry.kind != "chat":
            raise BadRequest(
                f"{local.name} makes {local.entry.kind}s and cannot chat: "
                f"take {self._settings.model}, or another of `fireside models list`.",
                param="model",
            )
        return local

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("Fireside is stopping: try again when it is back.")

    def _make_room(self) -> None:
        idle = [name for name, model in self._loaded.items() if model.engine.stats().running == 0]
        while len(self._loaded) >= KEPT and idle:
            self._loaded.pop(idle.pop(0)).engine.stop(0.0)
