"""Who runs in the next step, with how many tokens, in which blocks.

Decoding sequences come first, one token each (and what speculation proposes).  What `prefill_chunk`
leaves goes to prompts: half to the oldest, so that it cannot starve, the rest to the shortest, so
that a long prompt does not hold up a short one.  New requests are admitted owner by owner in turn.
When blocks run out the youngest sequence is preempted: it gives up its blocks and waits at the
front, and computes them again later; nothing that it has said is lost.

Only the engine's thread calls this; it does not run, sample or emit.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from fireside.engine.block_pool import BlockPool
from fireside.engine.request import Sequence
from fireside.engine.runner import Chunk
from fireside.engine.speculation import StepCost

PROMPT_LOGPROB_ROWS = 64
"""Prompt positions whose logits are wanted, per step: a row is V floats, 200 KB at V = 49,152."""


@dataclass(slots=True, kw_only=True)
class Work:
    """One sequence's share of the step."""

    sequence: Sequence
    chunk: Chunk
    proposals: list[int] = field(default_factory=list)

    @property
    def decodes(self) -> bool:
        """Goes on with an answer, rather than reading a prompt."""
        return len(self.chunk.token_ids) == 1 + len(self.proposals)


class Scheduler:
    """The queue, the running batch and their blocks."""

    def __init__(
        self,
        pool: BlockPool,
        *,
        max_batch: int,
        prefill_chunk: int,
        cost: StepCost,
        copy_block: Callable[[int, int], None],
    ) -> None:
        self.pool = pool
        self._copy_block = copy_block
        self.max_batch = max_batch
        self.prefill_chunk = prefill_chunk
        self.running: list[Sequence] = []  # oldest first
        self.waiting = 0  # sequences that have not begun; other threads read it
        self.preemptions = 0
        self._cost = cost
        self._resumed: deque[Sequence] = deque()  # preempted, or branched off without room
        self._waiting: OrderedDict[str, deque[Sequence]] = OrderedDict()  # by owner, next first

    @property
    def idle(self) -> bool:
        return not (self.running or self._resumed or self._waiting)

    def add(self, sequence: Sequence) -> None:
        """Queue a new sequence behind its owner's others."""
        self._waiting.setdefault(sequence.request.owner, deque()).append(sequence)
        self.waiting += 1

    def remove(self, sequence: Sequence) -> None:
        """Forget a sequence, wherever it is; its blocks are free at once."""
        if sequence in self.running:
            self.running.remove(sequence)
        elif sequence in self._resumed:
            self._resumed.remove(sequence)
        else:
            owner = sequence.request.owner
            if sequence in self._waiting.get(owner, ()):
                self._waiting[owner].remove(sequence)
                self.waiting -= 1
                if not self._waiting[owner]:
                    del self._waiting[owner]
        self._release(sequence)

    def schedule(self) -> list[Work]:
        """The next step's work; [] if there is none."""
        works: dict[Sequence, Work] = {}
        self._schedule_decodes(works)
        self._schedule_prompts(works)
        return list(works.values())

    def computed(self, sequence: Sequence, count: int) -> None:
        """The first `count` tokens are in the KV cache and final: index the blocks they fill."""
        size = self.pool.block_size
        first = sequence.computed // size
        sequence.computed = count
        if count // size > first:
            self._extend_keys(sequence, count // size)
            for i in range(first, count // size):
                self.pool.register(sequence.blocks[i], sequence.keys[i])

    def fork(self, parent: Sequence, child: Sequence) -> None:
        """Let `child`, a copy of `parent`, have what is computed of the prompt.

        Without room it waits at the front, and finds the full blocks in the prefix index.
        """
        child.begun = True
        full, partial = divmod(parent.computed, self.pool.block_size)
        if len(self.running) < self.max_batch:
            table = self._table(parent.blocks[:full], int(partial > 0), apart=True)
            if table is not None:
                if partial:
                    self._copy_block(parent.blocks[full], table[full])
                child.blocks = table
                child.keys = parent.keys[:full]
                child.computed = parent.computed
                self.running.append(child)
                return
        self._resumed.append(child)

    # Decoding

    def _schedule_decodes(self, works: dict[Sequence, Work]) -> None:
        decoding = [s for s in self.running if s.remaining == 1]
        prefilling = len(decoding) < len(self.running) or self._resumed or self._waiting
        for sequence in decoding:
            if not sequence.blocks:  # preempted for an older one, just now
                continue
            if not self._grow(sequence, works):
                continue
            proposals = [] if prefilling else self._proposals(sequence, len(decoding))
            works[sequence] = Work(
                sequence=sequence,
                chunk=Chunk(
                    token_ids=[sequence.tokens[-1], *proposals],
                    start=sequence.computed,
                    blocks=sequence.blocks,
                    logits=1 + len(proposals),
                ),
                proposals=proposals,
            )

    def _proposals(self, sequence: Sequence, decoding: int) -> list[int]:
        """What speculation proposes; no block of anybody else's is taken for it."""
        if sequence.drafter is None:
            return []
        room = sequence.limit - 1 - len(sequence.tokens)
        proposals = sequence.drafter.propose(
            sequence.tokens, self._cost, decoding=decoding, room=room
        )
        if proposals and sequence.matcher is not None:
            left = sequence.limit - len(sequence.tokens)
            proposals = proposals[: sequence.matcher.valid(proposals, left)]
        wanted = self.pool.blocks_for(len(sequence.tokens) + len(proposals))
        missing = wanted - len(sequence.blocks)
        if missing > 0:
            if self.pool.available < missing + len(self.running):
                return []
            sequence.blocks += self.pool.allocate(missing, after=sequence.blocks[-1]) or []
        return proposals

    # Prompts

    def _schedule_prompts(self, works: dict[Sequence, Work]) -> None:
        budget = self.prefill_chunk
        prompts = [s for s in self.running if s.remaining > 1]
        shares: dict[Sequence, int] = {}
        if prompts:
            shares[prompts[0]] = min(prompts[0].remaining, budget // 2)
            budget -= shares[prompts[0]]
        prompts += self._admit(prompts, budget)
        for sequence in sorted(prompts, key=lambda s: s.remaining):
            share = shares.get(sequence, 0)
            more = min(sequence.remaining - share, budget)
            budget -= more
            if share + more:
                self._add_chunk(sequence, share + more, works)

    def _add_chunk(self, sequence: Sequence, share: int, works: dict[Sequence, Work]) -> None:
        start = sequence.computed
        logprobs = sequence.request.prompt_logprobs
        wants = logprobs is not None and len(logprobs) < sequence.prompt_length
        if logprobs is not None and wants:
            unasked = len(logprobs) - 1 - start  # before the first whose successor is scored
            wants = unasked <= 0
            share = min(share, PROMPT_LOGPROB_ROWS if wants else unasked)
        end = start + share
        works[sequence] = Work(
            sequence=sequence,
            chunk=Chunk(
                token_ids=sequence.tokens[start:end],
                start=start,
                blocks=sequence.blocks,
                logits=share if wants else int(end == len(sequence.tokens)),
            ),
        )

    # Admission

    def _admit(self, prompts: list[Sequence], budget: int) -> list[Sequence]:
        """Begin what waits, as long as it would get a share of this step's budget."""
        admitted: list[Sequence] = []
        while len(self.running) < self.max_batch:
            sequence = self._next_waiting()
            if sequence is None:
                break
            length = len(sequence.tokens)
            shorter = (s.remaining for s in (*prompts, *admitted) if s.remaining <= length)
            if sum(shorter) >= budget or not self._place(sequence):
                break
            if self._resumed and self._resumed[0] is sequence:
                self._resumed.popleft()
            else:
                self._take_from_queue(sequence)
            self.running.append(sequence)
            admitted.append(sequence)
        return admitted

    def _next_waiting(self) -> Sequence | None:
        if self._resumed:
            return self._resumed[0]
        return next(iter(self._waiting.values()))[0] if self._waiting else None

    def _take_from_queue(self, sequence: Sequence) -> None:
        """Take an owner's first, and send the owner to the end of the line."""
        owner = sequence.request.owner
        queue = self._waiting.pop(owner)
        queue.popleft()
        self.waiting -= 1
        if queue:
            self._waiting[owner] = queue

    def _place(self, sequence: Sequence) -> bool:
        """Give a sequence the cached blocks of its prefix, and new ones for the rest of its
        tokens.  False, with nothing changed, if that leaves the running ones no room to grow."""
        shared = self._cached_prefix(sequence)
        wanted = self.pool.blocks_for(len(sequence.tokens)) - len(shared)
        table = self._table(shared, wanted, keep=len(self.running))
        if table is None:
            return False
        sequence.blocks = table
        sequence.computed = len(shared) * self.pool.block_size
        if not sequence.begun:
            sequence.begun = True
            sequence.request.cached_tokens = sequence.computed
        return True

    def _cached_prefix(self, sequence: Sequence) -> list[int]:
        """Blocks that hold the beginning of this sequence; at least one token stays to be run,
        for its logits, and every one whose own log-probability is still wanted."""
        last = len(sequence.tokens) - 1
        known = sequence.request.prompt_logprobs
        if known is not None and len(known) < sequence.prompt_length:
            last = len(known) - 1
        found: list[int] = []
        for i in range(last // self.pool.block_size):
            self._extend_keys(sequence, i + 1)
            block = self.pool.lookup(sequence.keys[i])
            if block is None:
                break
            found.append(block)
        return found

    def _extend_keys(self, sequence: Sequence, count: int) -> None:
        size = self.pool.block_size
        keys = sequence.keys
        while len(keys) < count:
            parent = keys[-1] if keys else self.pool.root(sequence.request.cache_salt)
            start = len(keys) * size
            keys.append(self.pool.key_of(parent, sequence.tokens[start : start + size]))

    # Blocks

    def _table(
        self, shared: list[int], more: int, *, keep: int = 0, apart: bool = False
    ) -> list[int] | None:
        """A table that begins with what `shared` holds, and `more` new blocks.

        The shared blocks themselves; or copies, where the new ones could not lie behind them and
        there is plenty of room: a copy is paid once, a table in pieces at every token.  `apart`:
        another sequence is about to grow behind them.  None, with nothing changed, if fewer than
        `keep` blocks would be left.
        """
        pool = self.pool
        for block in shared:
            pool.share(block)
        if shared and (apart or not pool.has_room_behind(shared)):
            own = len(shared) + more
            if pool.available - own >= max(keep, pool.num_blocks // 2):
                copies = pool.allocate(own, after=None)
                for source, target in zip(shared, copies or (), strict=False):
                    self._copy_block(source, target)
                pool.release(shared)
                return copies
        if pool.available >= more + keep:
            added = pool.allocate(more, after=shared[-1] if shared and not apart else None)
            if added is not None:
                return shared + added
        pool.release(shared)
        return None

    def _grow(self, sequence: Sequence, works: dict[Sequence, Work]) -> bool:
        """Blocks for all its tokens, preempting the youngest while there are none; False if that
        was the sequence itself."""
        missing = self.pool.blocks_for(len(sequence.tokens)) - len(sequence.blocks)
        if missing <= 0:
            return True
        while True:
            added = self.pool.allocate(missing, after=sequence.blocks[-1])
            if added is not None:
                sequence.blocks.extend(added)
                return True
            youngest = self.running[-1]
            self._preempt(youngest, works)
            if youngest is sequence:
                return False

    def _preempt(self, sequence: Sequence, works: dict[Sequence, Work]) -> None:
        self.preemptions += 1
        works.pop(sequence, None)
        self.running.remove(sequence)
        self._release(sequence)
        self._resumed.appendleft(sequence)

    def _release(self, sequence: Sequence) -> None:
        self.pool.release(sequence.blocks)
        sequence.blocks = []
        sequence.computed = 0
