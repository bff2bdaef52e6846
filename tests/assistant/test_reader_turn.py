"""A persona with documents, from its file to the receipt: the real models, all steps in line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fireside.assistant.chat import Chat
from fireside.assistant.lineup import assistant_of
from fireside.assistant.turn import Done
from fireside.engine.models import Models
from fireside.knowledge.collection_rows import Attached
from fireside.knowledge.collections import Collections
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.ingest import Ingest
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.files import Files

PERSONA = """
instructions = "You answer questions about the office."

[sampling]
temperature = 0.0
max_tokens = 24

[knowledge]
collections = ["office"]

[uncertainty]
enabled = true
samples = 2
threshold = 0.999
"""
KETTLE = "The kettle in the kitchen is repaired by Ann Miller, who comes every Monday."


class Office:
    def __init__(self, home: Path, models_dir: Path) -> None:
        home.mkdir()
        (home / "models").symlink_to(models_dir.resolve())
        (home / "personas").mkdir()
        (home / "personas" / "office.toml").write_text(PERSONA)
        settings = Settings(home=home, threads=1, kv_cache_mib=200)
        self.models = Models(settings)
        self.store = Store.open(home / "fireside.db")
        files = Files(home / "files", self.store.objects)
        embedders = Embedders("minilm:l6", self.models.embedder)
        collections = Collections(self.store, files, embedders)
        self.files, self.collections = files, collections
        path = files.temporary()
        path.write_text(KETTLE)
        file = files.add("", "kitchen.txt", "assistants", path)
        for name in ("office", "library"):
            collections.create("", name=name, files=[Attached(file_id=file.id)])
        self.ingest = ingest = Ingest(self.store, files, embedders)
        while ingest.step():
            pass
        self.assistant = assistant_of(self.models, self.store, settings, collections=collections)
        self.chat = Chat(self.models, self.store, self.assistant)

    def ask(self, question: str, persona: str = "office") -> tuple[str, dict[str, Any], Any]:
        """The answer, its receipt's steps by name, and the whole receipt."""
        conversation = self.store.create_conversation()
        [done] = [
            piece
            for piece in self.chat.turn(conversation.id, question, model=f"persona:{persona}")
            if isinstance(piece, Done)
        ]
        steps = {row["name"]: row for row in done.receipt["steps"]}
        return done.message.content, steps, done.receipt


@pytest.fixture(scope="module")
def office(
    smollm2_path: Path, minilm_path: Path, models_dir: Path, tmp_path_factory: Any
) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("office") / "home", models_dir)
    yield made
    made.models.close()
    made.store.close()


def test_an_answer_from_a_document(office: Office) -> None:
    answer, steps, receipt = office.ask("Who repairs the kettle in the kitchen?")
    assert "Ann Miller" in answer
    shown = steps["knowledge"]["sources"][0]
    assert (shown["filename"], shown["text"], shown["number"]) == ("kitchen.txt", KETTLE, 1)
    assert steps["citations"]["attributed"][0]["place"] == "kitchen.txt"
    assert steps["citations"]["attributed"][0]["rise"] > 0.3
    sure = steps["uncertainty"]
    assert 0 <= sure["probability"] <= 0.999
    assert set(sure["signals"]) == {"logprob", "least", "agreement", "entropy"}
    assert sure["unsure"] == "said"
    assert "I am not sure of this." in str(receipt)
    assert answer.count("not sure") == 0


def test_nothing_about_it_in_the_documents(office: Office) -> None:
    answer, steps, _ = office.ask("Which team won the football championship in 1998?")
    assert answer == "I found nothing about this in the documents."
    assert steps["knowledge"]["nothing_found"] == "said"
    assert not {"citations", "uncertainty"} & set(steps)


def test_the_shipped_reader_shows_the_sentence_that_answers(office: Office) -> None:
    answer, steps, receipt = office.ask("Who repairs the kettle in the kitchen?", "reader")
    assert answer == f"{KETTLE} [1]\n\n— kitchen.txt"
    extract = steps["extract"]
    assert (extract["state"], extract["place"], extract["sentence"]) == (
        "sure", "kitchen.txt", KETTLE
    )  # fmt: skip
    assert "Ann Miller" in extract["answer"]
    [citation] = steps["citations"]["citations"]
    assert (citation["number"], citation["supported"], citation["verbatim"]) == (1, True, True)
    assert receipt["rounds"] == 0
    assert "uncertainty" not in steps


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("Which team won the championship in 1998?", "nothing about this in the documents"),
        ("What does the kettle cost?", "The documents do not say."),
    ],
)
def test_the_shipped_reader_says_that_it_is_not_there(
    office: Office, question: str, line: str
) -> None:
    answer, steps, _ = office.ask(question, "reader")
    assert line in answer or "I am not sure that this answers it." in answer
    assert steps.get("extract", {"state": "nothing"})["state"] != "sure"


def test_a_file_is_asked_where_it_was_given(office: Office) -> None:
    from fireside.knowledge.attachments import Attachments

    conversation = office.store.create_conversation()
    attachments = Attachments(office.store, office.files, office.collections)
    path = office.files.temporary()
    path.write_text("On Saturdays the library is open from 10:00 to 14:00.\n\nDogs stay outside.")
    made = attachments.add("", conversation.id, "library.txt", path)
    attachments.read("", conversation.id, made.file_id, office.ingest.step)
    for model in ("smollm2:135m", "persona:reader"):  # with no persona too
        [done] = [
            piece
            for piece in office.chat.turn(
                conversation.id, "When is the library open on Saturdays?", model=model
            )
            if isinstance(piece, Done)
        ]
        assert "from 10:00 to 14:00. [1]\n\n— library.txt" in done.message.content
        assert "7:30" not in done.message.content
