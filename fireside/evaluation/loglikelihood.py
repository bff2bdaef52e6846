"""How likely is this continuation after that context?  The one question under most scores.

`loglikelihoods` answers many at once, in float32 sums over the model's logits: contexts that are
the same are computed once with all their continuations (`branches.py`), what all contexts begin
with is computed once for all, rows are batched by length, and only the places that predict a
continuation go through the head.

What is too long for the model's window loses its beginning, as in lm-evaluation-harness
(`(context + continuation)[-(window + 1):]`), and says so in `Likelihood.cut`.  The answers do not
depend on the order of the questions: batches are made of the sorted set.  Refuses to know text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fireside.errors import BadRequest
from fireside.evaluation.branches import CONTEXT, PADDING, Branches, Prefix
from fireside.model.transformer import Transformer

Ids = tuple[int, ...]
Advance = Callable[[int, int], None]
"""Hears of (tokens done, tokens in all)."""

TOKENS_PER_BATCH = 2048
KEYS_PER_BATCH = 16_384  # each row reads the common beginning, and attention copies it
PLACES_PER_HEAD = 256  # logits in memory at once: 256 × 49,152 floats are 50 MB
SHARED_BRANCHES = 256  # tokens of continuations that may stand beside any context
LEAST_PREFIX = 16  # shorter common beginnings cost more in mask than they save


@dataclass(frozen=True, slots=True)
class Question:
    """Both as ids; neither may be empty."""

    context: Ids
    continuation: Ids


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of one continuation.

    logprobs: of each of its tokens, in nats.
    greedy: whether each of them was the most likely one.
    cut: tokens of the context that did not fit.
    """

    logprobs: tuple[float, ...]
    greedy: bool
    cut: int = 0

    @property
    def total(self) -> float:
        return sum(self.logprobs)


@dataclass(slots=True)
class _Row:
    """A context with its continuations (by number of the question)."""

    context: Ids
    branches: list[tuple[int, Ids]]

    def __len__(self) -> int:
        return len(self.context) + sum(len(branch) - 1 for _, branch in self.branches)


def loglikelihoods(
    model: Transformer, questions: Sequence[Question], *, advance: Advance | None = None
) -> list[Likelihood]:
    """One answer per question, in their order.

    Errors: BadRequest for a continuation that alone exceeds the window.
    """
    window = model.config.context
    fitted = [_fit(question, window) for question in questions]
    rows = _rows([question for question, _ in fitted])
    found: list[Likelihood | None] = [None] * len(questions)
    if rows:
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                _answer(model, rows, fitted, found, advance)
        finally:
            model.train(was_training)
    return [one for one in found if one is not None]


def _answer(
    model: Transformer,
    rows: list[_Row],
    fitted: Sequence[tuple[Question, int]],
    found: list[Likelihood | None],
    advance: Advance | None,
) -> None:
    device = next(model.parameters()).device
    shared = _common(rows)
    prefix = (
        Prefix(model, torch.tensor(rows[0].context[:shared], device=device)) if shared else None
    )
    done, total = 0, sum(len(row) - shared for row in rows)
    for batch in _batches(rows, shared):
        for number, likelihood in _run(model, batch, prefix, device):
            found[number] = Likelihood(*likelihood, cut=fitted[number][1])
        done += sum(len(row) - shared for row in batch)
        if advance:
            advance(done, total)


def _fit(question: Question, window: int) -> tuple[Question, int]:
    """The question as far as it fits, and how many tokens were cut from its left."""
    context, continuation = question.context, question.continuation
    assert context, "a context is at least one token"
    assert continuation, "a continuation is at least one token"
    if len(continuation) > window:
        raise BadRequest(
            f"An answer of {len(continuation)} tokens exceeds the model's window of {window}: "
            "shorten it, or take a model with a longer window."
        )
    cut = max(0, len(context) + len(continuation) - (window + 1))
    return (Question(context[cut:], continuation) if cut else question), cut


def _rows(questions: Iterable[Question]) -> list[_Row]:
    """Questions by context, the longest row first: the first batch is the slowest and largest.

    Continuations share a row only as long as they are not more than the context that they save:
    attention over a row costs the square of its length.
    """
    by_context: defaultdict[Ids, list[tuple[Ids, int]]] = defaultdict(list)
    for number, question in enumerate(questions):
        by_context[question.context].append((question.continuation, number))
    rows = []
    for context, branches in by_context.items():
        most = len(context) + max(len(context), SHARED_BRANCHES)
        row = _Row(context, [])
        for branch, number in sorted(branches):
            if row.branches and len(row) + len(branch) - 1 > most:
                rows.append(row)
                row = _Row(context, [])
            row.branches.append((number, branch))
        rows.append(row)
    return sorted(rows, key=lambda row: (-len(row), row.context, row.branches[0][1]))


def _common(rows: Sequence[_Row]) -> int:
    """How many tokens all contexts begin with; at least one is left to each."""
    first, last = min(row.context for row in rows), max(row.context for row in rows)
    most = min(len(row.context) for row in rows) - 1
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), most)
    length = min(same, most)
    return length if len(rows) > 1 and length >= LEAST_PREFIX else 0


def _batches(rows: Sequence[_Row], shared: int) -> Iterator[list[_Row]]:
    batch: list[_Row] = []
    for row in rows:  # longest first, so the first of a batch says how wide it is
        count, width = len(batch) + 1, len(batch[0] if batch else row)
        full = count * (width - shared) > TOKENS_PER_BATCH or count * width > KEYS_PER_BATCH
        if batch and full:
            yield batch
            batch = []
        batch.append(row)
    yield batch


def _run(
    model: Transformer, batch: Sequence[_Row], prefix: Prefix | None, device: torch.device
) -> Iterator[tuple[int, tuple[tuple[float, ...], bool]]]:
    """Each question's number with its log-probabilities and whether they were greedy."""
    shared = prefix.length if prefix else 0
    width = max(len(row) for row in batch) - shared
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    branch = torch.full_like(ids, PADDING)
    positions = torch.zeros_like(ids)
    places: list[int] = []  # where in the flattened batch ...
    targets: list[int] = []  # ... which token was to come
    spans: list[tuple[int, int, int]] = []  # question, its first target, its last
    for r, row in enumerate(batch):
        own = len(row.context) - shared
        ids[r, :own] = torch.tensor(row.context[shared:])
        branch[r, :own] = CONTEXT
        positions[r, :own] = torch.arange(shared, shared + own)
        end = own
        for b, (number, continuation) in enumerate(row.branches, 1):
            fed = len(continuation) - 1
            ids[r, end : end + fed] = torch.tensor(continuation[:-1])
            branch[r, end : end + fed] = b
            positions[r, end : end + fed] = torch.arange(fed) + len(row.context)
            first = len(targets)
            places += [r * width + own - 1, *range(r * width + end, r * width + end + fed)]
            targets += continuation
            spans.append((number, first, len(targets)))
            end += fed
    lone = all(len(row.branches) == 1 for row in batch)
    if lone:  # one continuation goes on as the context would: nothing branches
        branch.clamp_(max=CONTEXT)
    positions, branch = positions.to(device), branch.to(device)
    hidden = model.hidden(
        ids.to(device), positions=positions, cache=Branches(positions, branch, prefix)
    ).flatten(0, 1)
    logprobs, greedy = _predict(model, hidden, places, targets)
    for number, begin, stop in spans:
        yield number, (tuple(logprobs[begin:stop]), all(greedy[begin:stop]))


def _predict(
    model: Transformer, hidden: Tensor, places: Sequence[int], targets: Sequence[int]
) -> tuple[list[float], list[bool]]:
    """The log-probability of each target at its place, and whether it was the likeliest."""
    device = hidden.device
    unique, inverse = torch.unique(torch.tensor(places, device=device), return_inverse=True)
    wanted = torch.tensor(targets, device=device)
    logprobs = torch.empty(len(targets), device=device)
    greedy = torch.empty(len(targets), dtype=torch.bool, device=device)
    for begin in range(0, len(unique), PLACES_PER_HEAD):
        chunk = unique[begin : begin + PLACES_PER_HEAD]
        logits = model.head(hidden[chunk]).float()  # N V
        here = ((inverse >= begin) & (inverse < begin + len(chunk))).nonzero()[:, 0]
        rows, tokens = inverse[here] - begin, wanted[here]
        logprobs[here] = logits[rows, tokens] - logits.logsumexp(dim=-1)[rows]
        greedy[here] = logits.argmax(dim=-1)[rows] == tokens
    return logprobs.tolist(), greedy.tolist()
