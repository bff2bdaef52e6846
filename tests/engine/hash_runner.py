"""A small deterministic "model" for the engine's tests, whose every output depends on every block.

It stores (token, position) in block slots and reads the whole prefix back through the block table,
so that a mistake in sharing, copying, preemption or positions changes the logits, or is caught on
the spot: a slot that was never written, or holds another position, raises.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fireside.engine.runner import Chunk

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class HashRunner:
    """`habit` > 0 makes the next token depend mostly on the last two: such text repeats itself."""

    def __init__(
        self,
        *,
        vocab_size: int = 64,
        context: int = 256,
        block_size: int = 4,
        num_blocks: int = 256,
        habit: float = 0.0,
    ) -> None:
        self.vocab_size = vocab_size
        self.context = context
        self.block_size = block_size
        self.num_blocks = num_blocks
        self.habit = habit
        self.tokens = np.full(num_blocks * block_size, -1, dtype=np.int64)
        self.positions = np.full(num_blocks * block_size, -1, dtype=np.int64)
        self.steps: list[list[tuple[int, int]]] = []  # per run: (start, tokens) of each chunk
        self.fail_when: int | None = None  # a token id that breaks the run

    def run(self, chunks: Sequence[Chunk]) -> np.ndarray:
        self.steps.append([(chunk.start, len(chunk.token_ids)) for chunk in chunks])
        for chunk in chunks:
            if self.fail_when in chunk.token_ids:
                raise RuntimeError("the chip melted")
        written = [self._write(chunk) for chunk in chunks]
        assert len(np.unique(np.concatenate(written))) == sum(map(len, written)), "two writers"
        rows = [row for chunk in chunks for row in self._read(chunk)]
        return np.array(rows, dtype=np.float32).reshape(-1, self.vocab_size)

    def copy_block(self, source: int, target: int) -> None:
        size = self.block_size
        for store in (self.tokens, self.positions):
            store[target * size : (target + 1) * size] = store[source * size : (source + 1) * size]

    def _slots(self, chunk: Chunk, length: int) -> np.ndarray:
        place = np.arange(length)
        return np.asarray(chunk.blocks)[place // self.block_size] * self.block_size + (
            place % self.block_size
        )

    def _write(self, chunk: Chunk) -> np.ndarray:
        assert len(chunk.token_ids) >= 1
        end = chunk.start + len(chunk.token_ids)
        assert end <= self.context
        slots = self._slots(chunk, end)[chunk.start :]
        self.tokens[slots] = chunk.token_ids
        self.positions[slots] = np.arange(chunk.start, end)
        return slots

    def _read(self, chunk: Chunk) -> list[np.ndarray]:
        end = chunk.start + len(chunk.token_ids)
        slots = self._slots(chunk, end)
        assert (self.positions[slots] == np.arange(end)).all(), "a block of another place"
        tokens = self.tokens[slots]
        return [self.logits(tokens[:length]) for length in range(end - chunk.logits + 1, end + 1)]

    def logits(self, tokens: np.ndarray | Sequence[int]) -> np.ndarray:
        """The model itself: the logits after these tokens."""
        ids = np.asarray(tokens, dtype=np.uint64)
        place = np.arange(1, len(ids) + 1, dtype=np.uint64)
        whole = mix((ids + np.uint64(1)) * MULTIPLIER + mix(place)).sum(dtype=np.uint64)
        result = 3.0 * self._noise(whole)
        if self.habit:
            result += self.habit * self._noise(mix(ids[-2:] + np.uint64(7)).sum(dtype=np.uint64))
        return result.astype(np.float32)

    def _noise(self, state: np.uint64) -> np.ndarray:
        draws = mix(state + np.arange(1, self.vocab_size + 1, dtype=np.uint64) * MULTIPLIER)
        uniform = (draws >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54
        return -np.log(-np.log(uniform))

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """What plain greedy decoding must say."""
        tokens = list(prompt)
        for _ in range(count):
            tokens.append(int(self.logits(tokens).argmax()))
        return tokens[len(prompt) :]
