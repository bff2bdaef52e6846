"""Laws of packed chats: each whole, each once an epoch, learned only where it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data import IGNORE, Batch, PackedChats, Prepared
from fireside.data.packed_chats import best_fit
from fireside.errors import BadRequest
from fireside.tokenizer import Tokenizer

from .laws import LAW

Make = Callable[..., Prepared]
PAIRS = [(f"question {i} " * (1 + i % 5), f"answer {i} " * (1 + i % 7)) for i in range(60)]


def chats_in(batch: Batch) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(ids, learned targets) of every chat of a batch."""
    found = []
    for row in range(batch.ids.shape[0]):
        numbers = (
            np.zeros(batch.ids.shape[1])
            if batch.documents is None
            else batch.documents[row].numpy()
        )
        for number in range(int(numbers.max()) + 1):
            here = np.flatnonzero(numbers == number)
            assert (np.diff(here) == 1).all(), "a chat stands in one piece"
            if batch.positions is not None:
                assert batch.positions[row, here].tolist() == list(range(len(here)))
            targets = tuple(t for t in batch.targets[row, here].tolist() if t != IGNORE)
            found.append((tuple(batch.ids[row, here].tolist()), targets))
    return found


@LAW
@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_best_fit_packs_each_once_and_into_few_rows(sizes: list[int]) -> None:
    rows = best_fit(np.array(sizes), 50)
    assert sorted(int(i) for row in rows for i in row) == list(range(len(sizes)))
    assert all(sum(sizes[i] for i in row) <= 50 for row in rows)
    fewest = -(-sum(sizes) // 50)
    assert len(rows) <= 2 * fewest, "no two rows are half empty"


def test_every_chat_comes_once_in_an_epoch_and_teaches_its_answer(
    prepared_chats: Make, tokenizer: Tokenizer
) -> None:
    prepared = prepared_chats(PAIRS)
    packed = PackedChats(prepared.train, length=128, rows_per_step=1, rows_per_batch=1, seed=5)
    counts: Counter[tuple[str, str]] = Counter()
    for step in range(packed.steps_per_epoch):
        for batch in packed.rows(step):
            for ids, targets in chats_in(batch):
                said = tokenizer.decode(ids, skip_special=False)
                counts[said, tokenizer.decode(targets, skip_special=False)] += 1
    expected = Counter(
        (
            f"<|im_start|>user\n{ask}<|im_end|>\n<|im_start|>assistant\n{answer}",
            f"{answer}<|im_end|>",
        )
        for ask, answer in PAIRS
    )
    assert counts == expected
    assert 0.8 < packed.fill <= 1


def test_padding_is_marked_and_teaches_nothing(prepared_chats: Make) -> None:
    packed = PackedChats(
        prepared_chats([("a", "b")]).train, length=64, rows_per_step=1, rows_per_batch=1, seed=0
    )
    (batch,) = packed.rows(0)
    assert batch.documents is not None
    padding = batch.documents == -1
    assert padding.any()
    assert (batch.targets[padding] == IGNORE).all()


def test_steps_are_pure_and_ranks_split_them(prepared_chats: Make) -> None:
    prepared = prepared_chats(PAIRS)

    def packed() -> PackedChats:
        return PackedChats(prepared.train, length=128, rows_per_step=4, rows_per_batch=2, seed=9)

    through = [[b.ids.tolist() for b in packed().rows(step)] for step in range(12)]
    other = packed()
    assert {s: [b.ids.tolist() for b in other.rows(s)] for s in (11, 3, 7)} == {
        s: through[s] for s in (11, 3, 7)
    }
    for step in range(5):
        together = [
            row for rank in (0, 1) for b in other.rows(step, rank, 2) for row in b.ids.tolist()
        ]
        assert together == [row for batch in through[step] for row in batch]


def test_once_gives_every_chat_once(prepared_chats: Make) -> None:
    packed = PackedChats(
        prepared_chats(PAIRS).train, length=128, rows_per_step=2, rows_per_batch=3, seed=0
    )
    assert len({chat for batch in packed.once() for chat in chats_in(batch)}) == len(PAIRS)


def test_a_chat_that_is_longer_than_a_row_is_refused_with_the_figures(prepared_chats: Make) -> None:
    prepared = prepared_chats(PAIRS)
    with pytest.raises(BadRequest, match="does not fit rows of 16"):
        PackedChats(prepared.train, length=16, rows_per_step=1, rows_per_batch=1, seed=0)


@pytest.mark.parametrize("length", [40, 41, 100])
def test_what_prepare_cut_to_a_length_fits_rows_of_it(prepared_chats: Make, length: int) -> None:
    prepared = prepared_chats([("q", "word " * n) for n in range(1, 60)], length=length)
    packed = PackedChats(prepared.train, length=length, rows_per_step=1, rows_per_batch=1, seed=0)
    assert packed.rows(0)[0].ids.shape == (1, length)
