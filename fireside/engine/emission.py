"""After the run: sample what was computed, keep what is final, end what is finished, tell.

Everything here happens in the engine's thread, between two runs; it decides nothing about blocks or
order, which are the scheduler's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from fireside.engine.logprobs import TokenLogprob, token_logprob
from fireside.engine.mailbox import Wakes
from fireside.engine.request import FinishReason, Request, Sequence, Step
from fireside.engine.runner import Runner
from fireside.engine.sampler import NOTHING, Row, sample
from fireside.engine.scheduler import Scheduler, Work
from fireside.engine.speculation import accepted_length
from fireside.engine.stats import Counts
from fireside.errors import BadSchema, FiresideError


@dataclass(slots=True, kw_only=True)
class Choice:
    """What sampling chose for one sequence: one id per row, and which rows of the step."""

    sequence: Sequence
    ids: list[int]
    proposals: list[int]
    logprobs: list[TokenLogprob] | None


class Emission:
    """Turns a step's logits into each request's next tokens.

    Args:
        open_requests: the engine's own table of unfinished sequences; an ended one is taken out.
    """

    def __init__(
        self,
        runner: Runner,
        scheduler: Scheduler,
        *,
        open_requests: dict[Request, list[Sequence]],
        wakes: Wakes,
        counts: Counts,
    ) -> None:
        self._runner = runner
        self._scheduler = scheduler
        self._open = open_requests
        self._wakes = wakes
        self._counts = counts
        self.request_seconds = 1.0

    def sample(self, works: list[Work], logits: Float32[np.ndarray, "N V"]) -> list[Choice]:
        """One id for each row whose logits are for sampling."""
        picked: list[int] = []  # rows of `logits`
        rows: list[Row] = []
        sampled: list[tuple[Sequence, list[int]]] = []
        end = 0
        for work in works:
            sequence, chunk = work.sequence, work.chunk
            start, end = end, end + chunk.logits
            final = len(chunk.token_ids) - len(work.proposals)
            self._scheduler.computed(sequence, chunk.start + final)
            if chunk.logits > 1 + len(work.proposals) or sequence.remaining:
                self._note_prompt_logprobs(work, logits[start:end])
            if sequence.remaining:
                continue
            if sequence.position == 0 and sequence.index == 0:
                self._counts.cached_tokens += sequence.request.cached_tokens
            for candidate in (sequence, *self._branches(sequence)):
                try:
                    rows.extend(_rows(candidate, work.proposals))
                except BadSchema as error:  # a grammar that proves too complex on the way
                    self.fail([candidate], error)
                    break
                sampled.append((candidate, work.proposals))
                picked.extend(range(end - 1 - len(work.proposals), end))
        if picked != list(range(len(logits))):
            logits = logits[picked]
        raw = _raw_rows(logits, rows)
        ids = sample(logits, rows)
        choices: list[Choice] = []
        first = 0
        for sequence, proposals in sampled:
            last = first + len(proposals) + 1
            choices.append(
                Choice(
                    sequence=sequence,
                    ids=ids[first:last],
                    proposals=proposals,
                    logprobs=_logprobs(sequence, raw, ids, first, last),
                )
            )
            first = last
        return choices

    def emit(self, choices: Iterable[Choice]) -> None:
        """Append the tokens that count, end what ends with them, and tell the callers."""
        for choice in choices:
            sequence = choice.sequence
            if sequence.finish_reason is not None:  # a sibling's failure ended it
                continue
            accepted = accepted_length(choice.proposals, choice.ids)
            if choice.proposals and sequence.drafter is not None:
                sequence.drafter.observe(len(choice.proposals), accepted)
                self._counts.proposed_tokens += len(choice.proposals)
                self._counts.accepted_tokens += accepted
            try:
                kept, reason = _append(sequence, choice.ids[: accepted + 1])
            except FiresideError as error:
                self.fail([sequence], error)
                continue
            if accepted:
                self._scheduler.computed(sequence, len(sequence.tokens) - 1)
            self._counts.generated_tokens += len(kept)
            logprobs = None if choice.logprobs is None else tuple(choice.logprobs[: len(kept)])
            self.end(sequence, reason, tuple(kept), logprobs)

    def end(
        self,
        sequence: Sequence,
        reason: FinishReason | None,
        token_ids: tuple[int, ...] = (),
        logprobs: tuple[TokenLogprob, ...] | None = None,
    ) -> None:
        """Tell of a sequence's tokens and, with a reason, of its end: its blocks are free then."""
        request = sequence.request
        if reason is not None:
            self._scheduler.remove(sequence)
            sequence.finish_reason = reason
            self._open[request].remove(sequence)
            if not self._open[request]:
                del self._open[request]
                seconds = time.monotonic() - request.submitted_at
                self.request_seconds += 0.1 * (seconds - self.request_seconds)
        step = Step(
            index=sequence.index, token_ids=token_ids, logprobs=logprobs, finish_reason=reason
        )
        request.emit(step, self._wakes)
        if reason is not None:  # it ends before its candidates have branched off
            for index in range(1, sequence.forks + 1):
                request.emit(Step(index=index, token_ids=(), finish_reason=reason), self._wakes)

    def refuse(self, request: Request, error: FiresideError) -> None:
        """The request itself is at fault: its iteration raises this."""
        for sequence in self._open.pop(request):
            self._scheduler.remove(sequence)
            sequence.finish_reason = "error"
        request.emit(error, self._wakes)

    def fail(self, sequences: Iterable[Sequence], error: Exception) -> None:
        """End the requests of these sequences with an error; the engine goes on."""
        for sequence in sequences:
            request = sequence.request
            if request in self._open and request.error is None:
                request.error = (
                    error
                    if isinstance(error, FiresideError)
                    else FiresideError(f"The model failed ({error}): ask again, and see the log.")
                )
            for other in list(self._open.get(request, ())):
                self.end(other, "error")

    def _branches(self, sequence: Sequence) -> list[Sequence]:
        """The prompt is computed: the other candidates branch off and share its blocks."""
        children = [sequence.branch(index) for index in range(1, sequence.forks + 1)]
        sequence.forks = 0
        for child in children:
            self._scheduler.fork(sequence, child)
        self._open[sequence.request].extend(children)
        return children

    def _note_prompt_logprobs(self, work: Work, logits: Float32[np.ndarray, "T V"]) -> None:
        known = work.sequence.request.prompt_logprobs
        alternatives = work.sequence.request.params.prompt_logprobs
        if known is None or alternatives is None or not len(logits):
            return
        tokens = work.sequence.tokens
        first = work.chunk.start + len(work.chunk.token_ids) - len(logits)
        for offset, row in enumerate(logits):
            after = first + offset + 1
            if len(known) <= after < work.sequence.prompt_length:
                known.append(token_logprob(row, tokens[after], alternatives))


def _append(sequence: Sequence, ids: list[int]) -> tuple[list[int], FinishReason | None]:
    """Append tokens until one of them ends the sequence; those appended, and why it ended."""
    for count, token_id in enumerate(ids, start=1):
        if token_id == NOTHING:
            raise FiresideError(
                "The model left no token to choose: its weights may be bad, or masks exclude all."
            )
        sequence.tokens.append(token_id)
        if sequence.sampler.penalties is not None:
            sequence.sampler.penalties.push(token_id)
        if token_id in sequence.request.stop_ids:
            is_cut = sequence.matcher is not None and sequence.matcher.was_cut
            return ids[:count], "length" if is_cut else "stop"
        if sequence.matcher is not None:
            sequence.matcher.advance(token_id)
            if sequence.matcher.complete:
                return ids[:count], "length" if sequence.matcher.was_cut else "stop"
        if len(sequence.tokens) >= sequence.limit:
            return ids[:count], "length"
    return ids, None


def _rows(sequence: Sequence, proposals: list[int]) -> Iterable[Row]:
    position = sequence.position
    if not proposals and sequence.matcher is None:
        return (Row(sampler=sequence.sampler, position=position),)
    room = sequence.limit - len(sequence.tokens)
    masks = None if sequence.matcher is None else sequence.matcher.masks(proposals, room)
    return [
        Row(
            sampler=sequence.sampler,
            position=position + offset,
            assumed=proposals[offset] if offset < len(proposals) else None,
            allowed=None if masks is None else masks[offset],
        )
        for offset in range(len(proposals) + 1)
    ]


def _raw_rows(
    logits: Float32[np.ndarray, "N V"], rows: list[Row]
) -> dict[int, Float32[np.ndarray, "V"]]:
    """Copies of the rows whose log-probabilities are wanted, before sampling changes them."""
    wanted = [i for i, row in enumerate(rows) if row.sampler.params.logprobs is not None]
    return {i: logits[i].copy() for i in wanted}


def _logprobs(
    sequence: Sequence,
    raw: dict[int, Float32[np.ndarray, "V"]],
    ids: list[int],
    first: int,
    last: int,
) -> list[TokenLogprob] | None:
    alternatives = sequence.request.params.logprobs
    if alternatives is None or NOTHING in ids[first:last]:
        return None
    return [token_logprob(raw[i], ids[i], alternatives) for i in range(first, last)]
