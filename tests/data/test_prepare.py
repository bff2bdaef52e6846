"""Prepared data: whole or absent, the same every time, and every token accounted for."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fireside.data import (
    Cleaning,
    Examples,
    Prepared,
    Source,
    TokenJudged,
    TokenPair,
    TokenProblem,
    open_prepared,
    prepare,
)
from fireside.data.prepared import Split
from fireside.errors import BadRequest, Conflict, Corrupt, NotFound, Unavailable
from fireside.tokenizer import Tokenizer

from .conftest import documents

Make = Callable[..., Prepared]


def told(split: Split, tokenizer: Tokenizer) -> list[str]:
    """The documents of a split."""
    found = []
    for row in split.table:
        ids = split.ids[row[1] : row[1] + row[2]]
        found.append(tokenizer.decode(ids.tolist(), skip_special=False))
    return found


def test_documents_come_back_each_with_its_end_and_its_bytes(
    prepared_texts: Make, tokenizer: Tokenizer
) -> None:
    texts = documents(30)
    prepared = prepared_texts(texts)
    assert told(prepared.train, tokenizer) == [f"{text}<|endoftext|>" for text in texts]
    assert prepared.train.bytes == sum(len(text.encode()) for text in texts)
    assert prepared.train.column("bytes").tolist() == [len(text.encode()) for text in texts]
    counted = prepared.token_bytes[np.asarray(prepared.train.ids)].sum()
    assert counted == prepared.train.bytes, "bytes per token add up to the text's"
    assert prepared.train.tokens == len(prepared.train.ids)


def test_a_document_in_parts_is_one_document(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fireside.data.texts.PART", 500)
    monkeypatch.setattr("fireside.data.filling.CHARACTERS", 900)
    texts = ["\n".join(documents(n, seed=n)) for n in (30, 2, 40)]
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.txt").write_text(text)
    sources = [Source(path=str(tmp_path / name)) for name in ("0.txt", "1.txt", "2.txt")]
    # With a limit the sources are read in turn, and still no document is torn.
    for i, limit in enumerate((None, 10**6)):
        prepared = prepare(sources, tokenizer, "text", tmp_path / f"p{i}", max_tokens=limit)
        assert sorted(told(prepared.train, tokenizer)) == sorted(f"{t}<|endoftext|>" for t in texts)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_about_the_share_is_held_out_and_nothing_stands_in_both(
    prepared_texts: Make, tokenizer: Tokenizer, share: float
) -> None:
    texts = documents(200)
    prepared = prepared_texts(texts, validation=share)
    train, held = told(prepared.train, tokenizer), told(prepared.validation, tokenizer)
    assert sorted(train + held) == sorted(f"{text}<|endoftext|>" for text in texts)
    total = prepared.train.tokens + prepared.validation.tokens
    assert 0.5 * share < prepared.validation.tokens / total <= share


def test_of_a_single_document_the_tail_is_held_out(
    prepared_texts: Make, tokenizer: Tokenizer
) -> None:
    text = " ".join(documents(50))
    prepared = prepared_texts([text], validation=0.1)
    (head,), (tail,) = told(prepared.train, tokenizer), told(prepared.validation, tokenizer)
    assert head + tail == f"{text}<|endoftext|>"
    assert prepared.validation.tokens / (len(prepared.train.ids)) == pytest.approx(0.1, abs=0.01)
    assert prepared.validation.bytes == len(tail.removesuffix("<|endoftext|>").encode())
    assert prepared.train.bytes + prepared.validation.bytes == len(text.encode())


def test_one_example_trains_and_says_that_nothing_is_held_out(prepared_chats: Make) -> None:
    prepared = prepared_chats([("q", "a")], validation=0.1)
    assert (len(prepared.train), len(prepared.validation)) == (1, 0)
    assert any("no validation" in note for note in prepared.report.notes)


def test_copies_are_dropped_before_they_could_be_held_out(prepared_texts: Make) -> None:
    prepared = prepared_texts(["the same text"] * 50, validation=0.1)
    assert prepared.report.kept == 1
    assert prepared.report.dropped["duplicate"].count == 49


def test_doing_it_again_gives_the_same_bytes(
    tmp_path: Path, prepared_texts: Make, tokenizer: Tokenizer
) -> None:
    first = prepared_texts(documents(50), validation=0.2, seed=3)
    source = Source(path=str(tmp_path / "source-0.jsonl"))
    again = prepare([source], tokenizer, "text", tmp_path / "again", validation=0.2, seed=3)
    for name in sorted(path.name for path in first.folder.iterdir()):
        assert (first.folder / name).read_bytes() == (again.folder / name).read_bytes(), name


def test_what_is_prepared_is_opened_and_something_else_refused(
    tmp_path: Path, prepared_texts: Make, tokenizer: Tokenizer
) -> None:
    first = prepared_texts(documents(5))
    before = (first.folder / "ids.bin").stat().st_mtime_ns
    source = Source(path=str(tmp_path / "source-0.jsonl"))
    again = prepare([source], tokenizer, "text", first.folder)
    assert (again.folder / "ids.bin").stat().st_mtime_ns == before
    with pytest.raises(Conflict, match="with other validation, seed"):
        prepare([source], tokenizer, "text", first.folder, validation=0.5, seed=1)


def test_a_folder_with_something_else_in_it_is_left_alone(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("x")
    with pytest.raises(Conflict, match="not empty"):
        prepare([Source(path=str(tmp_path / "a.txt"))], tokenizer, "text", tmp_path / "mine")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_stopped_at_any_moment_leaves_nothing_and_can_be_done_again(
    tmp_path: Path, tokenizer: Tokenizer, error: BaseException
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in documents(2000)))
    calls = 0

    def stop(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise error

    source = Source(path=str(path))
    with pytest.raises((KeyboardInterrupt, Unavailable)) as caught:
        prepare([source], tokenizer, "text", tmp_path / "out", progress=stop)
    if isinstance(error, OSError):
        assert "the disk is full" in str(caught.value)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.jsonl"]
    assert len(prepare([source], tokenizer, "text", tmp_path / "out").train) == 2000


def test_a_limit_on_tokens_is_kept_and_shared_by_weight(prepared_texts: Make) -> None:
    prepared = prepared_texts(
        documents(3000, 1), documents(3000, 2), weights=[3.0, 1.0], max_tokens=40_000
    )
    assert len(prepared.train.ids) <= 40_002, "and the ends of the last two"
    source = prepared.train.column("source")
    tokens = [int(prepared.train.lengths[source == i].sum()) for i in (0, 1)]
    assert 0.5 < tokens[0] / sum(tokens) < 0.9
    assert prepared.train.weights == [0.75, 0.25]
    report = prepared.report
    assert report.read == report.kept + sum(one.count for one in report.dropped.values())


def test_read_is_kept_and_dropped(tmp_path: Path, tokenizer: Tokenizer) -> None:
    lines = [json.dumps({"text": text}) for text in ["one", "one", "two", "", "three" * 99]]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "{"]) + "\n")
    prepared = prepare(
        [Source(path=str(tmp_path / "a.jsonl"))],
        tokenizer,
        "text",
        tmp_path / "out",
        cleaning=Cleaning(max_characters=100),
        on_broken="skip",
    )
    report = prepared.report
    counts = {reason: one.count for reason, one in report.dropped.items()}
    assert counts == {"duplicate": 1, "empty": 1, "too long": 1, "broken": 1}
    assert (report.read, report.kept) == (6, 2)
    table = report.table()
    assert "dropped: duplicate" in table
    assert "a.jsonl:6" in table
    (name,) = report.files
    assert report.files[name].bytes == (tmp_path / "a.jsonl").stat().st_size
    assert report == open_prepared(prepared.folder).report


def test_nothing_left_is_one_line_that_says_why(tmp_path: Path, tokenizer: Tokenizer) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n{"x": 2}\n')
    with pytest.raises(BadRequest, match=r"Nothing is left.* 2 broken .*a\.jsonl:1: .*only x"):
        prepare(
            [Source(path=str(tmp_path / "a.jsonl"))],
            tokenizer,
            "text",
            tmp_path / "out",
            on_broken="skip",
        )
    assert not (tmp_path / "out").exists()


def test_weights_are_for_all_sources_or_none(tmp_path: Path, tokenizer: Tokenizer) -> None:
    (tmp_path / "a.txt").write_text("one")
    sources = [Source(path=str(tmp_path / "a.txt"), weight=w) for w in (1.0, None)]
    with pytest.raises(BadRequest, match="has no weight"):
        prepare(sources, tokenizer, "text", tmp_path / "out")
    with pytest.raises(BadRequest, match="There is no data"):
        prepare([], tokenizer, "text", tmp_path / "out")


def damage_about(folder: Path) -> None:
    (folder / "prepared.json").write_text("{")


def damage_version(folder: Path) -> None:
    (folder / "prepared.json").write_text('{"format": 99}')


def damage_ids(folder: Path) -> None:
    with (folder / "ids.bin").open("r+b") as file:
        file.truncate(4)


def damage_table(folder: Path) -> None:
    np.save(folder / "train.npy", np.zeros(3))


@pytest.mark.parametrize("damage", [damage_about, damage_version, damage_ids, damage_table])
def test_damaged_data_are_told(prepared_texts: Make, damage: Callable[[Path], None]) -> None:
    folder = prepared_texts(documents(5)).folder
    damage(folder)
    with pytest.raises(Corrupt, match="prepare"):
        open_prepared(folder)


def test_nothing_prepared_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no prepared data"):
        open_prepared(tmp_path)


# -- examples that are no rows --------------------------------------------------------------


def made(tmp_path: Path, tokenizer: Tokenizer, kind: Any, records: list[Any]) -> Prepared:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return prepare([Source(path=str(path))], tokenizer, kind, tmp_path / "out", validation=0.2)


RECORDS = {
    "preference": [{"prompt": f"q{i}", "chosen": f"a{i}", "rejected": f"b{i}"} for i in range(20)],
    "judged": [{"prompt": f"q{i}", "completion": f"a{i}", "label": i % 2} for i in range(20)],
    "problem": [{"prompt": f"q{i}", "answer": i} for i in range(20)],
}


@pytest.mark.parametrize("kind", RECORDS)
def test_examples_come_once_an_epoch_in_a_pure_order(
    tmp_path: Path, tokenizer: Tokenizer, kind: str
) -> None:
    prepared = made(tmp_path, tokenizer, kind, RECORDS[kind])
    examples = Examples(prepared.train, per_step=4, seed=2)
    assert len(examples) == len(prepared.train) == 16
    steps = [examples.step(step) for step in range(8)]
    assert len({str(one) for step in steps[:4] for one in step}) == 16
    assert {str(one) for step in steps[:4] for one in step} == {str(one) for one in examples.once()}
    assert steps[:4] != steps[4:], "the next epoch has an order of its own"
    other = Examples(prepared.train, per_step=4, seed=2)
    assert [other.step(step) for step in (5, 1)] == [steps[5], steps[1]]
    assert [one for rank in (0, 1) for one in other.step(3, rank, 2)] == steps[3]


def test_examples_say_what_they_are(tmp_path: Path, tokenizer: Tokenizer) -> None:
    for kind, records in RECORDS.items():
        (tmp_path / kind).mkdir()
        prepared = made(tmp_path / kind, tokenizer, kind, records[:1])
        (one,) = Examples(prepared.train, per_step=1, seed=0).once()
        said = "<|im_start|>user\nq0<|im_end|>\n<|im_start|>assistant\n"
        assert tokenizer.decode(one.prompt_ids, skip_special=False) == said
        if isinstance(one, TokenPair):
            assert tokenizer.decode(one.chosen_ids) == "a0"
            assert tokenizer.decode(one.rejected_ids) == "b0"
        elif isinstance(one, TokenJudged):
            assert (tokenizer.decode(one.answer_ids), one.good) == ("a0", False)
        else:
            assert isinstance(one, TokenProblem)
            assert one.answer == "0"
            assert one.messages[0].content == "q0"
