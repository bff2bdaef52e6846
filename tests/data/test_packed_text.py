"""Laws of packed documents: nothing lost, nothing twice, nothing mixed, and the order is pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fireside.data import IGNORE, Batch, PackedText, Prepared
from fireside.data.prepared import Split
from fireside.data.writer import COLUMNS
from fireside.errors import BadRequest

from .conftest import documents
from .laws import LAW

Make = Callable[..., Prepared]


def split_of(
    lengths: list[int], sources: list[int] | None = None, shares: tuple[float, ...] | None = None
) -> Split:
    """Documents whose ids tell which and where: document * 1000 + position."""
    table = np.zeros((len(lengths), len(COLUMNS)), dtype=np.int64)
    table[:, 0] = 0 if sources is None else sources
    table[:, 1] = np.cumsum([0, *lengths[:-1]])
    table[:, 2] = lengths
    ids = np.concatenate([np.arange(n) + 1000 * i for i, n in enumerate(lengths)]).astype("<u4")
    return Split(
        kind="text", table=table, ids=ids, learned=np.zeros(0, "|u1"), extra=None,  # type: ignore[arg-type]
        shares=shares, filler=0,
    )  # fmt: skip


def seen(batches: list[Batch]) -> list[int]:
    return [number for batch in batches for number in batch.ids.flatten().tolist()]


LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@LAW
@given(LENGTHS, st.integers(1, 16), st.integers(1, 5), st.integers(0, 99))
def test_every_token_comes_once_in_an_epoch(
    lengths: list[int], length: int, rows: int, seed: int
) -> None:
    # After `length` epochs the rows end where the epochs do, whatever the length.
    split = split_of(lengths)
    packed = PackedText(split, length=length, rows_per_step=1, rows_per_batch=rows, seed=seed)
    counts = Counter(seen([b for step in range(split.tokens) for b in packed.rows(step)]))
    assert counts == dict.fromkeys(split.ids.tolist(), length)


@LAW
@given(LENGTHS, st.integers(1, 16), st.integers(0, 99))
def test_targets_are_the_next_tokens_of_the_same_document(
    lengths: list[int], length: int, seed: int
) -> None:
    split = split_of(lengths)
    last = {1000 * i + n - 1 for i, n in enumerate(lengths)}
    packed = PackedText(split, length=length, rows_per_step=3, rows_per_batch=2, seed=seed)
    for batch in packed.rows(0) + packed.rows(7):
        assert batch.ids.shape == batch.targets.shape == (batch.ids.shape[0], length)
        ids, targets = batch.ids.flatten().tolist(), batch.targets.flatten().tolist()
        for number, target in zip(ids, targets, strict=True):
            assert target == (IGNORE if number in last else number + 1)
        assert batch.weight == sum(target != IGNORE for target in targets)


@LAW
@given(LENGTHS, st.integers(2, 16), st.integers(0, 99))
def test_documents_and_positions_tell_who_may_see_whom(
    lengths: list[int], length: int, seed: int
) -> None:
    packed = PackedText(
        split_of(lengths), length=length, rows_per_step=4, rows_per_batch=4, seed=seed
    )
    (batch,) = packed.rows(3)
    for row in range(4):
        ids = batch.ids[row].tolist()
        if batch.documents is None or batch.positions is None:
            assert all(b == a + 1 for a, b in pairwise(ids)), "one document"
            continue
        number = batch.documents[row].tolist()
        assert number[0] == 0
        assert min(number) == 0, "text is never padded"
        place = 0
        for i in range(1, length):
            follows = ids[i] == ids[i - 1] + 1 and number[i] == number[i - 1]
            assert number[i] == number[i - 1] + (not follows)
            place = place + 1 if follows else 0
            assert batch.positions[row, i] == place


@LAW
@given(LENGTHS, st.integers(1, 16), st.integers(0, 99), st.permutations(range(6)))
def test_steps_are_the_same_in_any_order(
    lengths: list[int], length: int, seed: int, order: list[int]
) -> None:
    def packed() -> PackedText:
        return PackedText(
            split_of(lengths), length=length, rows_per_step=4, rows_per_batch=2, seed=seed
        )

    through = packed()
    expected = [seen(through.rows(step)) for step in range(6)]
    other = packed()
    assert {step: seen(other.rows(step)) for step in order} == dict(enumerate(expected))


@pytest.mark.parametrize("ranks", [2, 3, 6])
def test_ranks_together_see_what_one_alone_sees(ranks: int) -> None:
    split = split_of([7, 30, 12, 90])
    packed = PackedText(split, length=8, rows_per_step=6, rows_per_batch=2, seed=1)
    for step in range(4):
        alone = seen(packed.rows(step))
        together = [
            number for rank in range(ranks) for number in seen(packed.rows(step, rank, ranks))
        ]
        assert together == alone


def test_rows_that_ranks_cannot_share_evenly_are_refused() -> None:
    packed = PackedText(split_of([30]), length=8, rows_per_step=5, rows_per_batch=2, seed=1)
    with pytest.raises(BadRequest, match="5 rows per step cannot be split evenly over 2"):
        packed.rows(0, 0, 2)


def test_epochs_have_orders_of_their_own_and_shifted_windows() -> None:
    split = split_of([100])
    packed = PackedText(split, length=16, rows_per_step=1, rows_per_batch=1, seed=3)
    rows = [tuple(seen(packed.rows(step))) for step in range(14)]
    assert len(set(rows)) == 14
    assert packed.steps_per_epoch == 7
    assert [row[0] for row in rows[:6]] != sorted(row[0] for row in rows[:6])


def test_a_row_longer_than_all_data_holds_the_documents_again_and_apart() -> None:
    packed = PackedText(split_of([3]), length=8, rows_per_step=1, rows_per_batch=1, seed=0)
    (batch,) = packed.rows(0)
    assert batch.ids.tolist() == [[0, 1, 2, 0, 1, 2, 0, 1]]
    assert batch.documents is not None
    assert batch.documents.tolist() == [[0, 0, 0, 1, 1, 1, 2, 2]]
    assert batch.targets.tolist() == [[1, 2, IGNORE, 1, 2, IGNORE, 1, 2]]


def test_each_source_has_its_share_of_the_rows_in_any_prefix() -> None:
    split = split_of([500, 40, 900], sources=[0, 1, 2], shares=(0.5, 0.3, 0.2))
    packed = PackedText(split, length=10, rows_per_step=1, rows_per_batch=1, seed=0)
    counts: Counter[int] = Counter()
    for step in range(200):
        counts[seen(packed.rows(step))[0] // 1000] += 1
        assert packed.source_of(step) == seen(packed.rows(step))[0] // 1000
        for source, share in enumerate([0.5, 0.3, 0.2]):
            assert abs(counts[source] - share * (step + 1)) <= 2


@LAW
@given(LENGTHS, st.integers(1, 16))
def test_once_gives_each_token_and_each_target_once(lengths: list[int], length: int) -> None:
    split = split_of(lengths)
    packed = PackedText(split, length=length, rows_per_step=1, rows_per_batch=3, seed=0)
    ids: list[int] = []
    targets: list[int] = []
    for batch in packed.once():
        real = torch.ones_like(batch.ids, dtype=torch.bool)
        if batch.documents is not None:
            real = batch.documents >= 0
        ids += batch.ids[real].tolist()
        targets += batch.targets[batch.targets != IGNORE].tolist()
    assert ids == split.ids.tolist()
    assert targets == [n for n in ids if n % 1000], "all but the first of each document"


def test_real_tokens_come_back_as_the_documents(prepared_texts: Make, tokenizer: object) -> None:
    texts = documents(40)
    prepared = prepared_texts(texts)
    packed = PackedText(prepared.train, length=32, rows_per_step=4, rows_per_batch=4, seed=0)
    ids = [n for b in packed.once() for n in b.ids.flatten().tolist()]
    told = tokenizer.decode(ids, skip_special=False).split("<|endoftext|>")  # type: ignore[attr-defined]
    assert told[:40] == texts


def test_what_is_no_text_is_refused(prepared_chats: Make) -> None:
    prepared = prepared_chats([("a", "b"), ("c", "d")], validation=0.5)
    with pytest.raises(BadRequest, match="chat examples, not text"):
        PackedText(prepared.train, length=8, rows_per_step=1, rows_per_batch=1, seed=0)


def test_an_empty_split_is_refused(prepared_texts: Make) -> None:
    prepared = prepared_texts(["one text"])
    with pytest.raises(BadRequest, match="no documents"):
        PackedText(prepared.validation, length=8, rows_per_step=1, rows_per_batch=1, seed=0)
