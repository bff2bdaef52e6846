"""A persona's check, run: every conversation of it through the path that answers people.

The conversations run side by side in a home that is thrown away, greedy and without chance.
Nothing grades but the file's own lines, so a second run gives the same figure.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.ability.checks import check_of, fingerprint
from fireside.assistant.ability.scores import Score
from fireside.assistant.chat import Chat
from fireside.assistant.lineup import assistant_of
from fireside.assistant.persona import Personas
from fireside.assistant.rehearsal import Counterparts, Rehearsed, check_names, rehearse_one
from fireside.errors import FiresideError, NotFound
from fireside.hub.local import LocalModel, read_manifest
from fireside.knowledge.collection_rows import Attached
from fireside.knowledge.collections import Collections
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.ingest import Ingest
from fireside.safety.guards import Guards
from fireside.storage import Store
from fireside.storage.files import Files

if TYPE_CHECKING:
    from fireside.assistant.persona import Persona
    from fireside.dialogue.chatfile import ChatFile
    from fireside.engine.embedding import Embedder
    from fireside.engine.models import Models
    from fireside.engine.text import TextModel
    from fireside.settings import Settings

AT_ONCE: Final = 8
"""Conversations: the engine computes them together."""
MOST_TOKENS: Final = 160
"""Of an answer of a persona that sets no bound itself."""
SLICE: Final = 1 << 20


def measure(
    name: str,
    model: str,
    models: Models,
    settings: Settings,
    personas: Personas,
    *,
    at_once: int = AT_ONCE,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Score, list[Rehearsed]]:
    """
    Raises:
        NotFound: there is no such persona, or it has no check.
        FiresideError: a conversation could not be held.
    """
    persona, check = personas.get(name), check_of(personas, name)
    if check is None:
        raise NotFound(f"{name} has no check: write checks/{name}.chat beside its file.")
    check_names(check, persona.dialogue)
    own = settings.model_copy(update={"try_anyway": True})
    with stage(persona, check, OneModel(models, model), own, personas) as (chat, store, guards):
        counterparts = Counterparts(lambda text: guards.sentiment("en").judge([text])[0].valence)
        sampling = {"max_tokens": MOST_TOKENS, **persona.sampling.model_dump(exclude_none=True)}
        sampling["temperature"] = 0.0
        done = 0

        def one(place: int) -> Rehearsed:
            nonlocal done
            held = rehearse_one(
                check.scripts[place], chat, store, persona=name, sampling=sampling,
                counterparts=counterparts,
            )  # fmt: skip
            done += 1
            told(done, len(check.scripts))
            return held

        with ThreadPoolExecutor(at_once) as pool:
            held = list(pool.map(one, range(len(check.scripts))))
    score = Score(
        right=sum(each.failure is None for each in held),
        of=len(held),
        persona=fingerprint(persona),
        date=datetime.now(UTC).date().isoformat(),
    )
    return score, held


class OneModel:
    """Answers in the place of whatever model a persona names."""

    def __init__(self, models: Models, name: str) -> None:
        self._models = models
        self._name = name

    def get(self, name: str | None, *, owner: str = "") -> TextModel:
        return self._models.get(self._name)

    def adapted(self, model: TextModel, adapter: Path) -> TextModel:
        return self._models.adapted(model, adapter)

    def embedder(self, name: str | None = None) -> Embedder:
        return self._models.embedder(name)


@contextmanager
def stage(
    persona: Persona, check: ChatFile, models: OneModel, settings: Settings, personas: Personas
) -> Iterator[tuple[Chat, Store, Guards]]:
    """A home of its own, with the check's documents in the persona's first collection."""
    with tempfile.TemporaryDirectory(prefix="fireside-check-") as folder:
        home = Path(folder)
        own = settings.model_copy(update={"home": home})
        guards = Guards(models, settings.home / "heads")
        with Store.open(own.database_path) as store:
            files = Files(own.files_dir, store.objects)
            embedders = Embedders(settings.embedding_model, models.embedder)
            collections = Collections(store, files, embedders)
            _shelve(persona, check.documents, collections, Ingest(store, files, embedders), files)
            assistant = assistant_of(
                models, store, own, collections=collections, guards=guards, personas=personas,
                clock=_clock(check.today),
            )  # fmt: skip
            with closing(assistant):
                yield Chat(models, store, assistant), store, guards


def _shelve(
    persona: Persona,
    documents: Sequence[Path],
    collections: Collections,
    ingest: Ingest,
    files: Files,
) -> None:
    for name in persona.knowledge.collections[: None if documents else 0]:
        shelf = collections.create("", name=name)
        for path in documents:
            copy = files.temporary()
            copy.write_bytes(path.read_bytes())
            kept = files.add("", path.name, "assistants", copy)
            collections.attach("", shelf.id, [Attached(file_id=kept.id)])
        while ingest.step():
            pass


def _clock(today: date | None) -> Callable[[], datetime]:
    """Noon of the file's day, so that it is that day in most time zones; or now."""
    if today is None:
        return lambda: datetime.now(UTC)
    return lambda: datetime.combine(today, time(12), UTC)


def weights_hash(local: LocalModel) -> str:
    """SHA-256 of the model's largest file: as its manifest has it, or computed (seconds for
    gigabytes)."""
    largest = max(local.files, key=lambda file: file.stat().st_size)
    folder = local.path if local.path.is_dir() else local.path.parent
    try:
        known: Any = read_manifest(folder).files.get(largest.name, {}).get("digest", "")
    except FiresideError:  # a path: no manifest
        known = ""
    if isinstance(known, str) and known.startswith("sha256:"):
        return known.removeprefix("sha256:")
    made = hashlib.sha256()
    with largest.open("rb") as file:
        while block := file.read(SLICE):
            made.update(block)
    return made.hexdigest()
