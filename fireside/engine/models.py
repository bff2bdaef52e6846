"""The models of one process: loaded when first asked for, kept, closed together."""

from __future__ import annotations

import threading

from fireside.engine.load import Progress, load_text_model
from fireside.engine.text import TextModel
from fireside.errors import BadRequest, Unavailable
from fireside.hub import LocalModel, installed, locate
from fireside.settings import Settings

# More at once would fight for memory and cores; the least recently used one gives way.
KEPT = 2


class Models:
    """Thread-safe.  `progress(done, total)` hears of a loading model's layers."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self._settings = settings
        self._progress = progress
        self._loaded: dict[str, TextModel] = {}
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._closed = False

    def get(self, name: str | None = None) -> TextModel:
        """The model of this name, or the default one, ready to answer.

        Raises:
            UnknownModel, NotFound: no such model, or not pulled yet; the line says what to do.
            BadRequest: a model of another kind.
            Corrupt, Unsupported, Unavailable: it cannot be served.
        """
        local = self._find(name or self._settings.model)
        with self._lock:
            loading = self._loading.setdefault(local.name, threading.Lock())
        with loading:  # one load per model; others go on being served meanwhile
            with self._lock:
                self._check_open()
                model = self._loaded.pop(local.name, None)
                if model is not None:
                    self._loaded[local.name] = model  # the most recently used stands last
                    return model
                self._make_room()
            model = load_text_model(local, self._settings, self._progress)
            with self._lock:
                if self._closed:
                    model.engine.stop(0.0)
                self._check_open()
                self._loaded[local.name] = model
            return model

    def names(self) -> list[str]:
        """Every chat model that is here, the default first."""
        found = [
            local.name
            for local in installed(self._settings.models_dir)
            if local.entry is None or local.entry.kind == "chat"
        ]
        return sorted(set(found) | set(self._loaded), key=lambda n: (n != self._settings.model, n))

    def close(self, drain_seconds: float = 0.0) -> None:
        """Stop every engine; answers under way get `drain_seconds` to end."""
        with self._lock:
            self._closed = True
            for model in self._loaded.values():
                model.engine.stop(drain_seconds)
            self._loaded.clear()

    def _find(self, name: str) -> LocalModel:
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
