"""The block pool: nothing leaks, nothing is shared by mistake, sequences lie together."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fireside.engine.block_pool import BlockPool

SIZE = 4


def runs(blocks: list[int]) -> int:
    """Of how many contiguous pieces a table consists."""
    return 1 + sum(b != a + 1 for a, b in pairwise(blocks))


class PoolMachine(RuleBasedStateMachine):
    """Against a model that remembers what each block was registered as."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = BlockPool(24, SIZE, most=12)
        self.tables: list[list[int]] = []
        self.content: dict[int, tuple[bytes, int]] = {}  # serial -> (key, block)
        self.serial = 0

    @rule(count=st.integers(1, 9))
    def begin(self, count: int) -> None:
        blocks = self.pool.allocate(count, after=None)
        self.check(blocks, count)
        if blocks is not None:
            self.tables.append(blocks)

    @precondition(lambda self: self.tables)
    @rule(data=st.data(), count=st.integers(1, 3))
    def grow(self, data: st.DataObject, count: int) -> None:
        table = data.draw(st.sampled_from(self.tables))
        blocks = self.pool.allocate(count, after=table[-1])
        self.check(blocks, count)
        table.extend(blocks or [])

    @precondition(lambda self: self.tables)
    @rule(data=st.data())
    def register(self, data: st.DataObject) -> None:
        block = data.draw(st.sampled_from(data.draw(st.sampled_from(self.tables))))
        self.serial += 1
        key = self.pool.key_of(b"", [self.serial])
        self.pool.register(block, key)
        if self.pool.lookup(key) is not None:
            assert self.pool.lookup(key) == block
            self.content[self.serial] = key, block

    @precondition(lambda self: self.content)
    @rule(data=st.data())
    def share(self, data: st.DataObject) -> None:
        key, expected = self.content[data.draw(st.sampled_from(sorted(self.content)))]
        block = self.pool.lookup(key)
        if block is not None:
            assert block == expected
            self.pool.share(block)
            self.tables.append([block])

    @precondition(lambda self: self.tables)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        table = data.draw(st.sampled_from(self.tables))
        self.tables = [other for other in self.tables if other is not table]
        self.pool.release(table)

    def check(self, blocks: list[int] | None, count: int) -> None:
        held = {block for table in self.tables for block in table}
        if blocks is None:
            assert count > 24 - len(held)
            return
        assert len(blocks) == len(set(blocks)) == count
        assert held.isdisjoint(blocks), "somebody's block was given away"
        for serial, (key, block) in list(self.content.items()):
            if block in blocks:  # evicted: its key must be forgotten
                assert self.pool.lookup(key) is None
                del self.content[serial]

    @invariant()
    def counts_are_right(self) -> None:
        held = {block for table in self.tables for block in table}
        assert self.pool.used == len(held)
        assert self.pool.available == 24 - len(held)
        assert self.pool.cached <= 24 - len(held)
        for key, block in self.content.values():
            assert self.pool.lookup(key) in (block, None)
            if block in held:
                assert self.pool.lookup(key) == block, "a block in use lost its name"


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_keys_tell_apart_salts_parents_and_tokens() -> None:
    pool = BlockPool(4, SIZE)
    root = pool.root("anna")
    keys = {
        root,
        pool.root("bert"),
        pool.key_of(root, [1, 2, 3, 4]),
        pool.key_of(root, [1, 2, 4, 3]),
        pool.key_of(pool.root("bert"), [1, 2, 3, 4]),
        pool.key_of(pool.key_of(root, [1, 2, 3, 4]), [1, 2, 3, 4]),
    }
    assert len(keys) == 6
    assert BlockPool(4, SIZE).root("anna") != root, "keys of another process can be guessed"


def test_neighbours_have_room_to_grow() -> None:
    """Sixteen sequences that grow in turn stay in one piece each."""
    pool = BlockPool(512, SIZE, most=64)
    tables = [pool.allocate(4, after=None) or [] for _ in range(16)]
    for _ in range(12):
        for table in tables:
            table.extend(pool.allocate(1, after=table[-1]) or [])
    assert [runs(table) for table in tables] == [1] * 16


def test_a_finished_turn_is_extended_in_place() -> None:
    pool = BlockPool(64, SIZE)
    other = pool.allocate(3, after=None) or []
    table = pool.allocate(3, after=None) or []
    for i, block in enumerate(table[:2]):
        pool.register(block, pool.key_of(b"", [i]))
    pool.release(table)
    again = [block for i in range(2) if (block := pool.lookup(pool.key_of(b"", [i]))) is not None]
    for block in again:
        pool.share(block)
    again += pool.allocate(4, after=again[-1]) or []
    assert runs(again) == 1
    assert again[:3] == table
    pool.release(other)


def test_the_oldest_goes_first_and_tails_before_heads() -> None:
    pool = BlockPool(8, SIZE)
    keys = [pool.key_of(b"", [i]) for i in range(8)]
    tables = [pool.allocate(4, after=None) or [] for _ in range(2)]
    for table, names in zip(tables, (keys[:4], keys[4:]), strict=True):
        for block, key in zip(table, names, strict=True):
            pool.register(block, key)
        pool.release(table)
    pool.allocate(3, after=None)
    assert [pool.lookup(key) is not None for key in keys] == [True] + [False] * 3 + [True] * 4


def test_a_full_pool_of_old_conversations_still_gives_whole_pieces() -> None:
    """Chats come and go for long: a new one finds contiguous room, because old ones go whole."""
    pool = BlockPool(256, SIZE, most=64)
    rng = random.Random(0)
    live: list[list[int]] = []
    pieces = []
    for number in range(300):
        table = pool.allocate(rng.randint(2, 12), after=None) or []
        for _ in range(rng.randint(1, 20)):
            table.extend(pool.allocate(1, after=table[-1]) or [])
        for i, block in enumerate(table):
            pool.register(block, pool.key_of(b"", [number, i]))
        live.append(table)
        if len(live) > 3:
            pool.release(live.pop(rng.randrange(len(live))))
        if number > 50:
            pieces.append(runs(table))
    assert sum(pieces) / len(pieces) < 1.7, sum(pieces) / len(pieces)
