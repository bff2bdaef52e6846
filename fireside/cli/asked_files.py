"""`fireside run reader FILE… "QUESTION"`: one question to some files, with nothing left behind."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fireside.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from fireside.assistant.assistant import Assistant
    from fireside.assistant.persona import Persona
    from fireside.engine.text import TextModel
    from fireside.knowledge.collections import Collections


def question_of(persona: Persona, words: Sequence[str]) -> tuple[list[Path], str] | None:
    """The files and the question that the arguments mean; None for a persona without documents.

    Raises:
        BadRequest: there is no question.
    """
    if not persona.knowledge.collections or persona.task.kind != "chat" or not words:
        return None
    if persona.knowledge.answer == "model":
        return None
    if len(words) == 1 and not Path(words[0]).is_file():
        return None  # a question to the persona's own documents is no file: the caller says so
    *files, question = words
    if Path(question).is_file():
        raise BadRequest(
            f'There is no question: fireside run {persona.name} {" ".join(words)} "QUESTION".'
        )
    return [Path(each) for each in files], question


@contextmanager
def opened_with(
    persona: Persona, model: str | None, files: Sequence[Path]
) -> Iterator[tuple[Assistant, Persona, TextModel]]:
    """The assistant, the persona with these files for its documents, and its model.

    Raises:
        NotFound: there is no such file.
        BadRequest: a file cannot be read; the line says why.
    """
    from fireside.assistant.lineup import assistant_of
    from fireside.cli.waiting import Waiting
    from fireside.engine.models import Models
    from fireside.knowledge.collection_rows import Attached
    from fireside.knowledge.collections import Collections
    from fireside.knowledge.embedders import Embedders
    from fireside.knowledge.ingest import Ingest
    from fireside.settings import load_settings
    from fireside.storage import Store
    from fireside.storage.files import Files

    for path in files:
        if not path.is_file():
            raise NotFound(f"There is no file {str(path)!r}.")
    settings = load_settings()
    name = model or persona.model or settings.model
    with tempfile.TemporaryDirectory() as folder, closing(Models(settings)) as models:
        place = Path(folder)
        with Store.open(place / "fireside.db") as store:
            kept = Files(place / "files", store.objects)
            embedders = Embedders(settings.embedding_model, models.embedder)
            collections = Collections(store, kept, embedders)
            attached = []
            for path in files:
                copy = kept.temporary()
                shutil.copyfile(path, copy)
                attached.append(Attached(file_id=kept.add("", path.name, "assistants", copy).id))
            made = collections.create("", name="files", files=attached)
            ingest = Ingest(store, kept, embedders)
            with Waiting("Reading"):
                while ingest.step():
                    pass
            _check(collections, made.id)
            knowledge = persona.knowledge.model_copy(update={"collections": [made.id]})
            reader = persona.model_copy(update={"knowledge": knowledge})
            with closing(
                assistant_of(models, store, settings, collections=collections)
            ) as assistant:
                with Waiting(f"Loading {name}"):
                    loaded = models.get(name)
                yield assistant, reader, loaded


def _check(collections: Collections, store_id: str) -> None:
    """What was not read is said; a file that could not be read at all ends it."""
    from fireside.cli.printable import printable

    for row in collections.files("", store_id, order="asc", limit=100).items:
        filename = row.body["filename"]
        if row.status == "failed":
            raise BadRequest(f"{filename}: {row.body['last_error']['message']}")
        for what in row.body["unread"]:
            print(printable(f"{filename}: not read: {what}"), file=sys.stderr)
