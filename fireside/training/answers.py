"""How likely a model finds given answers to given prompts: what DPO, KTO and GRPO are made of.

Rows are padded on the right only.  Attention is causal, so no real token sees the padding, and
the plain causal kernel does, without a mask.  Only answer tokens go through the head, in chunks
(`cross_entropy.token_logprobs`).

Shapes: R rows (one prompt with one answer), T tokens, N answer tokens of all rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from fireside.errors import BadRequest
from fireside.model.lora import without_adapters
from fireside.model.transformer import Transformer
from fireside.training.cross_entropy import token_logprobs

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
    """Answers as a rectangle.

    ids: what the model reads.  places: where, in the flattened [R T], an answer token is
    predicted; targets: which; rows: whose it is.
    """

    ids: Int[Tensor, "R T"]
    places: Int[Tensor, " N"]
    targets: Int[Tensor, " N"]
    rows: Int[Tensor, " N"]

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Rows:
        width = max(answer.length for answer in answers) - 1
        ids = torch.zeros(len(answers), width, dtype=torch.long)
        places, targets, rows = [], [], []
        for row, one in enumerate(answers):
            if not one.prompt or not one.answer:
                raise BadRequest("an example has an empty prompt or answer: leave it out")
            whole = torch.tensor([*one.prompt, *one.answer])
            ids[row, : len(whole) - 1] = whole[:-1]
            begin = row * width + len(one.prompt) - 1
            places.append(torch.arange(begin, begin + len(one.answer)))
            targets.append(whole[len(one.prompt) :])
            rows.append(torch.full((len(one.answer),), row))
        return cls(
            ids=ids, places=torch.cat(places), targets=torch.cat(targets), rows=torch.cat(rows)
        )

    def to(self, device: torch.device) -> Rows:
        return Rows(
            ids=self.ids.to(device),
            places=self.places.to(device),
            targets=self.targets.to(device),
            rows=self.rows.to(device),
        )


def logprobs_of_tokens(
    model: Transformer, rows: Rows, *, temperature: float = 1.0
) -> Float[Tensor, " N"]:
    """log p of every answer token, when answers are drawn at `temperature`.

    Not for a model with a soft cap on its logits at any other temperature than 1.
    """
    rows = rows.to(model.model.embed_tokens.weight.device)
    hidden = model.hidden(rows.ids).flatten(0, 1).index_select(0, rows.places)
    if temperature != 1.0:
        assert model.config.logit_softcap is None
        hidden = hidden / temperature  # the head is linear
    return token_logprobs(hidden, model.head_weight, rows.targets, model.config.logit_softcap)


def logprobs_of_answers(model: Transformer, rows: Rows) -> Float[Tensor, " R"]:
    """log p of every whole answer: the sum over its tokens."""
    each = logprobs_of_tokens(model, rows)
    return each.new_zeros(len(rows.ids)).index_add(0, rows.rows.to(each.device), each)


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

    def __call__(self, answers: Iterable[Answer]) -> Float[Tensor, " R"]:
        return torch.tensor([self._known[answer.key] for answer in answers])


def _computed(
    model: Transformer, wanted: Mapping[bytes, Answer], rows: int, progress: Progress
) -> dict[bytes, float]:
    """In the order of length, so that little is padded."""
    found: dict[bytes, float] = {}
    training = model.training
    model.eval()
    with torch.no_grad(), without_adapters(model):
        for part in by_length(list(wanted.values()), rows, lambda answer: answer.length):
            values = logprobs_of_answers(model, Rows.of(part)).tolist()
            found |= {answer.key: value for answer, value in zip(part, values, strict=True)}
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
