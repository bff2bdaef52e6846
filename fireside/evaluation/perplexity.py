"""How well is a text foretold?  Bits per byte, and perplexity per token.

A text is read in windows as long as the model's (at most 1,024 tokens, unless the task says): the
first is conditioned on the start token, each further one on one token of the last, and the last
one is moved left to be whole (lm-evaluation-harness's rolling windows).  Every token is foretold
exactly once.

Bits per byte compare models of different vocabularies; perplexities do not.  For the standard
error, and to compare two models on the same items, the text is parted at line ends into pieces of
about a thousand bytes; a token counts for the piece in which it begins.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fireside.errors import BadRequest
from fireside.evaluation.evaluated import Evaluated
from fireside.evaluation.loglikelihood import Advance, Question, loglikelihoods
from fireside.evaluation.outcome import Outcome
from fireside.evaluation.prompts import Drawn
from fireside.evaluation.scores import exponential, mean_score
from fireside.evaluation.tasks import Task

PIECE_BYTES = 1000
WINDOW = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of a text: how long it is, and what it cost to foretell."""

    bytes: int
    tokens: int
    nats: float


def ask_perplexity(
    model: Evaluated,
    task: Task,
    drawn: Drawn,
    *,
    limit: int | None = None,
    advance: Advance | None = None,
) -> Outcome:
    """limit: so many pieces of a single text; of a file of texts, `drawn` has so many texts."""
    texts = [row.text(task.text) for row in drawn.items]
    if len(drawn.everything) == 1:
        texts = [_first_pieces(_part(texts[0], task.part), limit)]
    pieces = measure(model, texts, window=task.window, advance=advance)
    if not pieces:
        raise BadRequest(f"Task {task.name}: there is no text in {drawn.items[0].file}.")
    bits = [piece.nats / math.log(2) / piece.bytes for piece in pieces]
    nats = [piece.nats / max(1, piece.tokens) for piece in pieces]
    per_byte = mean_score(
        task.name, "bits_per_byte", bits, [piece.bytes for piece in pieces], higher_is_better=False
    )
    weights = [max(1, piece.tokens) for piece in pieces]
    per_token = mean_score(task.name, "nats", nats, weights)
    read = sum(piece.bytes for piece in pieces)
    tokens = sum(piece.tokens for piece in pieces)
    return Outcome(
        scores=(per_byte, exponential(per_token, "perplexity")),
        notes=(f"{read:,} bytes, {tokens:,} tokens, in {len(pieces):,} pieces",),
        details={"bits": bits},
    )


def measure(
    model: Evaluated,
    texts: Sequence[str],
    *,
    window: int = 0,
    advance: Advance | None = None,
) -> list[Piece]:
    """What each piece of each text cost."""
    window = min(window or WINDOW, model.window)
    encoded = [model.tokenizer.encode(text) for text in texts]
    windows = [list(rolling(ids, model.start_id, window)) for ids in encoded]
    flat = [question for questions in windows for question, _ in questions]
    found = iter(loglikelihoods(model.model, flat, advance=advance))
    pieces: list[Piece] = []
    for text, ids, questions in zip(texts, encoded, windows, strict=True):
        logprobs = [one for _, kept in questions for one in next(found).logprobs[-kept:]]
        sizes = [len(model.tokenizer.token_bytes(number)) for number in ids]
        pieces += _by_piece(text, sizes, logprobs)
    return pieces


def rolling(ids: Sequence[int], start: int, window: int) -> Iterator[tuple[Question, int]]:
    """Windows that foretell every token once: a question, and how many of its tokens count."""
    if not ids:
        return
    first = min(window, len(ids))
    yield Question((start,), tuple(ids[:first])), first
    done = first
    while done < len(ids):
        count = min(window, len(ids) - done)
        end = done + count
        begin = end - window - 1
        split = end - count
        yield Question(tuple(ids[begin:split]), tuple(ids[split:end])), count
        done = end


def _by_piece(text: str, sizes: Sequence[int], logprobs: Sequence[float]) -> Iterator[Piece]:
    ends = _piece_ends(text)
    nats, tokens = [0.0] * len(ends), [0] * len(ends)
    at = 0
    for size, logprob in zip(sizes, logprobs, strict=True):
        piece = min(bisect.bisect_right(ends, at), len(ends) - 1)
        nats[piece] -= logprob
        tokens[piece] += 1
        at += size
    begin = 0
    for end, cost, count in zip(ends, nats, tokens, strict=True):
        yield Piece(bytes=end - begin, tokens=count, nats=cost)
        begin = end


def _piece_ends(text: str) -> list[int]:
    """Where each piece ends, in bytes: at the first line end after PIECE_BYTES."""
    ends, at, begin = [], 0, 0
    for line in text.splitlines(keepends=True):
        at += len(line.encode())
        if at - begin >= PIECE_BYTES:
            ends.append(at)
            begin = at
    if at > begin:
        ends.append(at)
    return ends


def _first_pieces(text: str, limit: int | None) -> str:
    if limit is None:
        return text
    ends = _piece_ends(text)
    return text.encode()[: ends[min(limit, len(ends)) - 1]].decode() if ends else text


def _part(text: str, part: Sequence[float]) -> str:
    """From one share of the text to another, from and to whole lines."""
    begin, end = (round(share * len(text)) for share in part)
    if begin:
        begin = text.find("\n", begin) + 1 or begin
    return text[begin:end]
