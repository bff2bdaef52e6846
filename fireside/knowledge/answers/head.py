"""The file of an answer head: safetensors of at most 1 MB, with what it was trained on and scores.

`python -m fireside.training.reading` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.errors import Corrupt, NotFound
from fireside.hub.safetensors import read_header
from fireside.knowledge.answers.matcher import Matcher

MOST_BYTES: Final = 1_000_000
MOST_WIDTH: Final = 8192
MATCHER: Final = "matcher."


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """
    language: a BCP 47 tag, of what it was trained on.  base: the embedding model's name.
    layers: of the embedding model, whose output the matcher reads.
    slopes, shift: the logistic of `reader.FEATURES` that says how likely an answer is right.
    about: data, licence, command, scores; JSON values.
    """

    language: str
    base: str
    layers: int
    matcher: Matcher
    slopes: Float[Tensor, " features"]
    shift: Float[Tensor, ""]
    about: Mapping[str, Any] = field(default_factory=dict)


def shipped_head() -> AnswerHead:
    """The head of this package."""
    folder = Path(str(files("fireside.knowledge.answers")))
    return read_answer_head(folder / "answers-en.safetensors")


def read_answer_head(path: Path) -> AnswerHead:
    """
    Raises:
        NotFound: there is no such file.
        Corrupt: it is no head.
    """
    if not path.is_file():
        raise NotFound(f"There is no answer head {path.name!r}.")
    if path.stat().st_size > MOST_BYTES:
        raise Corrupt(f"{path.name} has more than {MOST_BYTES} bytes: it is no head.")
    read_header(path)
    try:
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["fireside"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        if not all(bool(torch.isfinite(each).all()) for each in tensors.values()):
            raise ValueError("it holds numbers that are none")
        return AnswerHead(
            language=header["language"],
            base=header["base"],
            layers=int(header["layers"]),
            about=header["about"],
            slopes=tensors.pop("slopes"),
            shift=tensors.pop("shift"),
            matcher=_matcher(tensors),
        )
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        line = " ".join(str(error).split())[:200]
        raise Corrupt(f"{path.name} is no answer head of Fireside's ({line}).") from None


def _matcher(tensors: Mapping[str, Tensor]) -> Matcher:
    width = tensors[f"{MATCHER}norm.weight"].shape[0]
    if width > MOST_WIDTH:
        raise ValueError(f"vectors of {width} numbers")
    matcher = Matcher(width)
    matcher.load_state_dict({name.removeprefix(MATCHER): x for name, x in tensors.items()})
    return matcher.eval()


def write_answer_head(path: Path, head: AnswerHead) -> None:
    """The matcher in float16, the rest in float32.  The same head makes the same bytes."""
    from safetensors.torch import save_file

    state = head.matcher.state_dict()
    tensors = {f"{MATCHER}{name}": each.half().contiguous() for name, each in state.items()}
    tensors |= {"slopes": head.slopes.contiguous(), "shift": head.shift.contiguous()}
    header = {key: getattr(head, key) for key in ("language", "base", "layers", "about")}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"fireside": json.dumps(header, sort_keys=True)})
