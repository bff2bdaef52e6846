"""How likely a model finds given answers to given prompts: what DPO, KTO and GRPO are made of.

A prompt with several answers (a pair, a group) is computed once: the answers branch off behind it
(`Branches`).  Where every prompt has one, rows are padded on the right only: attention is causal,
so no real token sees the padding, and the plain causal kernel does.  Only answer tokens go through
the head, in chunks (`cross_entropy.token_logprobs`).

Shapes: R rows (a prompt and its answers), T tokens, A answers, N answer tokens of all rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from fireside.errors import BadRequest
from fireside.model.lora import without_adapters
from fireside.model.transformer import Transformer
from fireside.training.cross_entropy import token_logprobs

# Tokens of a row beyond which another answer begins a row of its own: attention within a row is
# dense, so its cost grows with the square.
MOST_SHARED = 512

Item = TypeVar("Item")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Token ids of a prompt and of one answer to it, with what ends the answer."""

    prompt: Sequence[int]
    answer: Sequence[int]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)

    @property
    def key(self) -> bytes:
        """The same for the same tokens, in every run."""
        ids = [len(self.prompt), *self.prompt, *self.answer]
        return hashlib.sha256(np.asarray(ids, dtype=np.int64).tobytes()).digest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Answers as a rectangle: a row is a prompt, and behind it all answers to it.

    ids: what the model reads.  positions, branches: of each token, its place in its sequence, and
    0 in the prompt, 1, 2 ... in the answers, -1 in padding; None where each row has one answer.
    places: where, in the flattened [R T], an answer token is predicted; targets: which; owners:
    whose it is, by number among the `count` answers.
    """

    ids: Int[Tensor, "R T"]
    positions: Int[Tensor, "R T"] | None
    branches: Int[Tensor, "R T"] | None
    places: Int[Tensor, " N"]
    targets: Int[Tensor, " N"]
    owners: Int[Tensor, " N"]
    count: int

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Rows:
        if not all(one.prompt and one.answer for one in answers):
            raise BadRequest("an example has an empty prompt or answer: leave it out")
        shared = _shared(answers)
        rows = [(prompt, [answers[n].answer for n in group]) for prompt, group in shared]
        width = max(len(prompt) + sum(len(a) - 1 for a in group) for prompt, group in rows)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        positions, branches = torch.zeros_like(ids), torch.full_like(ids, -1)
        places: list[Tensor] = []
        for row, (prompt, group) in enumerate(rows):
            end = len(prompt)
            ids[row, :end] = torch.tensor(prompt)
            positions[row, :end], branches[row, :end] = torch.arange(end), 0
            for branch, answer in enumerate(group, start=1):
                own = slice(end, end + len(answer) - 1)
                ids[row, own] = torch.tensor(answer[:-1], dtype=torch.long)
                positions[row, own] = torch.arange(len(prompt), len(prompt) + len(answer) - 1)
                branches[row, own] = branch
                after = torch.tensor([len(prompt) - 1, *range(own.start, own.stop)])
                places.append(row * width + after)
                end = own.stop
        order = [number for _, group in shared for number in group]
        sizes = torch.tensor([len(answers[number].answer) for number in order])
        alone = len(rows) == len(answers)
        return cls(
            ids=ids,
            positions=None if alone else positions,
            branches=None if alone else branches,
            places=torch.cat(places),
            targets=torch.tensor([token for n in order for token in answers[n].answer]),
            owners=torch.tensor(order).repeat_interleave(sizes),
            count=len(answers),
        )

    def to(self, device: torch.device) -> Rows:
        tensors: dict[str, Any] = {
            field.name: value.to(device)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **tensors)


def _shared(answers: Sequence[Answer]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Which answers, by number, stand in one row behind their prompt."""
    rows: list[tuple[tuple[int, ...], list[int]]] = []
    open_rows: dict[tuple[int, ...], tuple[int, int]] = {}  # prompt -> its row, and its length
    for number, one in enumerate(answers):
        prompt, more = tuple(one.prompt), len(one.answer) - 1
        row, length = open_rows.get(prompt, (-1, 0))
        if row < 0 or length + more > MOST_SHARED:
            row, length = len(rows), len(prompt)
            rows.append((prompt, []))
        rows[row][1].append(number)
        open_rows[prompt] = row, length + more
    return rows


class Branches:
    """The model's `KVCache` for rows of a prompt with several answers: each answer sees the prompt
    and itself, so the prompt is computed once."""

    def __init__(self, branches: Int[Tensor, "R T"], positions: Int[Tensor, "R T"]) -> None:
        mine, theirs = branches[:, :, None], branches[:, None, :]
        self._seen = ((theirs == 0) | (mine == theirs)).tril()
        self._distance = positions[:, :, None] - positions[:, None, :]

    def attend(
        self,
        layer: int,
        q: Float[Tensor, "R H T d"],
        k: Float[Tensor, "R K T d"],
        v: Float[Tensor, "R K T d"],
        *,
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "R H T d"]:
        seen = self._seen if window is None else self._seen & (self._distance < window)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=seen[:, None], scale=scale, enable_gqa=True
        )


def logprobs_of_tokens(
    model: Transformer, rows: Rows, *, temperature: float = 1.0
) -> Float[Tensor, " N"]:
    """log p of every answer token, when answers are drawn at `temperature`.

    Not for a model with a soft cap on its logits at any other temperature than 1.
    """
    rows = rows.to(model.model.embed_tokens.weight.device)
    if rows.branches is None or rows.positions is None:
        hidden = model.hidden(rows.ids)
    else:
        cache = Branches(rows.branches, rows.positions)
        hidden = model.hidden(rows.ids, positions=rows.positions, cache=cache)
    hidden = hidden.flatten(0, 1).index_select(0, rows.places)
    if temperature != 1.0:
        assert model.config.logit_softcap is None
        hidden = hidden / temperature  # the head is linear
    return token_logprobs(hidden, model.head_weight, rows.targets, model.config.logit_softcap)


def logprobs_of_answers(model: Transformer, rows: Rows) -> Float[Tensor, " A"]:
    """log p of every whole answer: the sum over its tokens."""
    each = logprobs_of_tokens(model, rows)
    return each.new_zeros(rows.count).index_add(0, rows.owners.to(each.device), each)


class Reference:
    """log p of answers under the model as it was before training: computed once, and kept.

    With an adapter that is the base, the adapter switched off; otherwise it must be asked for
    before the first step.  So no second model is ever in memory.  With a `path`, a resumed run
    reads the very numbers of the first one.
    """

    def __init__(self, known: Mapping[bytes, float]) -> None:
        self._known = dict(known)

    @classmethod
    def of(
        cls,
        model: Transformer,
        answers: Iterable[Answer],
        *,
        rows: int = 8,
        path: Path | None = None,
        writes: bool = True,
        progress: Progress = lambda done, total: None,
    ) -> Reference:
        """One forward pass over all `answers`, `rows` at a time, unless `path` knows them.

        writes: whether this process writes `path`; one of many ranks does.
        """
        wanted = {answer.key: answer for answer in answers}
        known = _read(path)
        if not wanted.keys() <= known.keys():
            known = _computed(model, wanted, rows, progress)
            if path is not None and writes:
                _write(path, known)
        return cls(known)

    def __call__(self, answers: Iterable[Answer]) -> Float[Tensor, " A"]:
        return torch.tensor([self._known[answer.key] for answer in answers])


def _computed(
    model: Transformer, wanted: Mapping[bytes, Answer], rows: int, progress: Progress
) -> dict[bytes, float]:
    """Answers to one prompt together, and in the order of length, so that little is padded."""
    prompts: dict[tuple[int, ...], list[Answer]] = {}
    for answer in wanted.values():
        prompts.setdefault(tuple(answer.prompt), []).append(answer)
    groups = [group[i : i + 2] for group in prompts.values() for i in range(0, len(group), 2)]
    found: dict[bytes, float] = {}
    training = model.training
    model.eval()
    with torch.no_grad(), without_adapters(model):
        for part in by_length(groups, -(-rows // 2), lambda group: sum(a.length for a in group)):
            answers = [answer for group in part for answer in group]
            values = logprobs_of_answers(model, Rows.of(answers)).tolist()
            found |= {answer.key: value for answer, value in zip(answers, values, strict=True)}
            progress(len(found), len(wanted))
    model.train(training)
    return found


def _read(path: Path | None) -> dict[bytes, float]:
    if path is None or not path.exists():
        return {}
    stored = load_file(path)
    keys = [bytes(row) for row in stored["keys"].tolist()]
    return dict(zip(keys, stored["logprobs"].tolist(), strict=True))


def _write(path: Path, known: Mapping[bytes, float]) -> None:
    keys = torch.tensor([list(key) for key in known], dtype=torch.uint8)
    values = torch.tensor(list(known.values()), dtype=torch.float64)
    beside = path.with_name(f".{path.name}.part")
    save_file({"keys": keys, "logprobs": values}, beside)
    beside.replace(path)


def by_length(
    items: Sequence[Item], size: int, length: Callable[[Item], int]
) -> Iterator[Sequence[Item]]:
    """All items, `size` at a time, each with others of about its length.

    Within one step the order is of no account: gradients add up.
    """
    ordered = sorted(items, key=length)
    for begin in range(0, len(ordered), size):
        yield ordered[begin : begin + size]
