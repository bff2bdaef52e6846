"""A trained head: text -> a calibrated probability for each label, from the embedding model.

    vector = the encoder's, with the head's small adapter (LoRA) where it has one
    logit  = weight · vector + bias
    p      = 1 / (1 + exp(-(slope · logit + shift)))          Platt scaling, fitted on held-out rows

A head is one safetensors file of at most 1 MB whose header says what it was trained on, by which
command, with which scores.  Texts longer than the embedding model's window are judged window by
window; what the windows say together is the caller's choice.  `fireside.training.heads` makes
heads; this file refuses to train, and to judge with another embedding model than the head's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.engine.embedding import Embedder
from fireside.errors import Corrupt, NotFound
from fireside.hub.safetensors import read_header
from fireside.model.lora import Delta

MOST_BYTES: Final = 1_000_000
SCALE: Final = 2.0  # of an adapter: alpha / rank, the same for every head
OVERLAP: Final = 32  # tokens that two windows share
_SAID: Final = ("name", "language", "base", "labels", "window")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """
    name: what it judges.  language: a BCP 47 tag, of what it was trained on.  base: the embedding
    model's name.  labels: one for each row of `weight`.  deltas: the adapter, by the linears' full
    names; empty: the plain embeddings.  window: tokens that are judged at once, near to what the
    head was trained on; 0: as many as the embedding model reads.  about: data, command, seed,
    scores; JSON values.
    """

    name: str
    language: str
    base: str
    labels: tuple[str, ...]
    weight: Float[Tensor, "labels D"]
    bias: Float[Tensor, " labels"]
    slope: Float[Tensor, " labels"]
    shift: Float[Tensor, " labels"]
    deltas: Mapping[str, Delta] = field(default_factory=dict)
    window: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)

    def logits(self, vectors: Float[Tensor, "B D"]) -> Float[Tensor, "B labels"]:
        return vectors @ self.weight.t() + self.bias

    def calibrated(self, logits: Float[Tensor, "B labels"]) -> Float[Tensor, "B labels"]:
        return torch.sigmoid(logits * self.slope + self.shift)


class Embeds(Protocol):
    """What makes the vectors: `Models.embedder`."""

    def embedder(self, name: str | None = None) -> Embedder: ...


class Judge:
    """A head at work.  Safe to use from many threads."""

    def __init__(self, head: Head, embedder: Embedder) -> None:
        self.head = head
        self._embedder = embedder.adapted(head.deltas) if head.deltas else embedder

    def probabilities(
        self,
        texts: Sequence[str],
        *,
        together: Literal["mean", "max"],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Float[Tensor, "B labels"]:
        """Of each text.  together: the mean or the largest of its windows' logits.

        Raises: Interrupted, Unavailable, as the embedder.
        """
        windows: list[list[int]] = []
        owner: list[int] = []
        for place, ids in enumerate(self._embedder.tokens(list(texts))):
            for window in split(ids, self.head.window or self._embedder.window):
                windows.append(window)
                owner.append(place)
        vectors, _ = self._embedder.embed(windows, cancelled=cancelled)
        logits = self.head.logits(vectors)  # W labels
        places = torch.tensor(owner)
        made = torch.stack(
            [
                logits[places == place].mean(0)
                if together == "mean"
                else logits[places == place].amax(0)
                for place in range(len(texts))
            ]
        )
        return self.head.calibrated(made)


def split(ids: Sequence[int], window: int) -> list[list[int]]:
    """Windows of at most `window` ids that share `OVERLAP`; an empty text has one, empty."""
    step = window - OVERLAP
    count = max(1, math.ceil((len(ids) - OVERLAP) / step))
    return [list(ids[k * step : k * step + window]) for k in range(count)]


def load_head(name: str, language: str = "en", folder: Path | None = None) -> Head:
    """A head of this package, or of `folder`, where one's own stand: `NAME-LANGUAGE.safetensors`.

    Raises:
        NotFound: there is none for this language; the line names the command that makes one.
        Corrupt: the file is no head.
    """
    file = f"{name}-{language.partition('-')[0].lower()}.safetensors"
    shipped = Path(str(files("fireside.safety") / "trained"))
    for place in (folder, shipped):
        if place is not None and (place / file).is_file():
            return read_head(place / file)
    raise NotFound(
        f"There is no head {name!r} for the language {language!r}: train one with "
        f"`python -m fireside.training.heads {name} --language {language}`."
    )


def read_head(path: Path) -> Head:
    """Raises Corrupt."""
    if path.stat().st_size > MOST_BYTES:
        raise Corrupt(f"{path.name} has more than {MOST_BYTES} bytes: it is no head.")
    read_header(path)
    try:
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {})["fireside"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        head = Head(
            name=said["name"],
            language=said["language"],
            base=said["base"],
            labels=tuple(said["labels"]),
            window=int(said["window"]),
            about=said["about"],
            deltas=_deltas(tensors),
            **{key: tensors[key] for key in ("weight", "bias", "slope", "shift")},
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Corrupt(f"{path.name} is no head of Fireside's ({error}).") from None
    if head.window and head.window <= OVERLAP:
        raise Corrupt(f"{path.name}: its window of {head.window} tokens is too narrow.")
    if head.weight.shape[0] != len(head.labels) or not all(map(_finite, tensors.values())):
        raise Corrupt(f"{path.name}: its labels and its numbers do not belong together.")
    return head


def write_head(path: Path, head: Head) -> None:
    """The adapter in float16, the head itself in float32.  The same head makes the same bytes."""
    from safetensors.torch import save_file

    tensors = {key: getattr(head, key).contiguous() for key in ("weight", "bias", "slope", "shift")}
    for name, delta in head.deltas.items():
        tensors[f"{name}.lora_a"] = delta.a.half().contiguous()
        tensors[f"{name}.lora_b"] = delta.b.half().contiguous()
    said = {key: getattr(head, key) for key in (*_SAID, "about")}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"fireside": json.dumps(said, sort_keys=True)})


def _deltas(tensors: Mapping[str, Tensor]) -> dict[str, Delta]:
    names = [name.removesuffix(".lora_a") for name in tensors if name.endswith(".lora_a")]
    return {
        name: Delta(a=a, b=tensors[f"{name}.lora_b"], alpha=SCALE * a.shape[0])
        for name in names
        for a in [tensors[f"{name}.lora_a"]]
    }


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())
