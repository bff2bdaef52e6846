"""A model's weights under one naming and in one layout, whatever the file calls and keeps them.

`open_weights` reads headers only and checks every shape against the config, so a lying file fails
in one line before anything is allocated; `load` then reads one tensor.  It refuses files that lack
a weight, and files that hold one nobody asked for: a tensor left unread (a bias, an attention sink)
would make the model silently wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from fireside.errors import Corrupt, Unsupported
from fireside.model.architecture import ModelConfig
from fireside.model.config_gguf import config_from_gguf
from fireside.model.config_hf import config_from_hf, read_json
from fireside.model.families import FAMILIES
from fireside.model.names import Source

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from fireside.hub import LocalModel
    from fireside.hub.gguf import GGUFTensor

FLOATS = ("torch.float32", "torch.bfloat16", "torch.float16", "torch.float64")
_LAYER = re.compile(r"model\.layers\.(\d+)\.")


class TensorFile(Protocol):
    """Tensors by the file's own names."""

    def keys(self) -> Iterable[str]: ...

    def shape(self, name: str) -> tuple[int, ...]: ...

    def load(self, name: str) -> Tensor: ...


class GGUFTensors:
    """A `TensorFile` of dequantised float32 tensors."""

    def __init__(self, tensors: Mapping[str, GGUFTensor]) -> None:
        self.tensors = tensors

    def keys(self) -> Iterable[str]:
        return self.tensors.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.tensors[name].shape)

    def load(self, name: str) -> Tensor:
        import torch  # the native core opens files and loads no tensor: 1.5 s less at its start

        return torch.from_numpy(self.tensors[name].dequantize())


class Weights:
    """One model's weights by canonical name (`names.py` says which those are).

    Args:
        config: what the model should look like.
        file: the tensors.
        sources: canonical name -> where `file` keeps it.
        ignored: patterns of names that the file may hold besides.
    """

    def __init__(
        self,
        config: ModelConfig,
        file: TensorFile,
        sources: Mapping[str, Source],
        ignored: Iterable[str] = (),
    ) -> None:
        self.config = config
        self._file = file
        self._shapes = config.shapes()
        self._sources = sources
        self._check(re.compile("|".join(ignored) or r"(?!)"))

    def names(self) -> tuple[str, ...]:
        return tuple(self._shapes)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._shapes[name]

    def load(self, name: str, dtype: torch.dtype | Literal["float32"] = "float32") -> Tensor:
        """One tensor in canonical layout.  Writing to it does not reach the file."""
        source = self._sources[name]
        tensor = self._file.load(source.name)
        if str(tensor.dtype) not in FLOATS:
            raise Unsupported(
                f"{source.name} is stored as {tensor.dtype}, which Fireside does not read"
            )
        if source.transposed:
            tensor = tensor.t()
        if source.part:
            start, stop = _rows_of_part(self.config, source.part)
            tensor = tensor[start:stop]
        if source.interleaved:
            tensor = tensor[self._half_layout(tensor.shape[0])]
        if source.shift:
            tensor = tensor.float() - source.shift
        return (tensor.float() if dtype == "float32" else tensor.to(dtype)).contiguous()

    def raw(self, name: str) -> GGUFTensor | None:
        """The file's own (quantised) tensor, where the whole of it is this weight; else None.

        Its rows may stand in another order: canonical row r is raw row `row_order(name)[r]`.
        """
        source = self._sources[name]
        if not isinstance(self._file, GGUFTensors) or source.part or source.shift:
            return None
        return self._file.tensors[source.name]

    def row_order(self, name: str) -> npt.NDArray[np.int64] | None:
        """Which row of `raw(name)` is each canonical row; None where they are the same."""
        source = self._sources[name]
        return self._half_layout(self._shapes[name][0]) if source.interleaved else None

    def _half_layout(self, rows: int) -> npt.NDArray[np.int64]:
        """Row numbers that bring neighbouring rotary pairs to first half, second half."""
        pairs = np.arange(rows).reshape(-1, self.config.head_dim // 2, 2)
        return pairs.swapaxes(1, 2).reshape(rows)

    def _check(self, ignored: re.Pattern[str]) -> None:
        there = set(self._file.keys())
        for name, expected in self._shapes.items():
            if name not in self._sources:
                raise Unsupported(f"a {self.config.family} file has no place for {name}")
            source = self._sources[name]
            if source.name not in there:
                raise Corrupt(f"the file lacks {source.name}: download the model again")
            found = self._file.shape(source.name)
            wanted = self._stored_shape(source, expected)
            if found != wanted:
                raise Corrupt(
                    f"{source.name} has shape {found}, but the config says {wanted}: "
                    "download the model again"
                )
        unread = there - {self._sources[name].name for name in self._shapes}
        for name in sorted(unread):
            if not ignored.fullmatch(name):
                raise Unsupported(f"the file holds {name}, which its config does not account for")

    def _stored_shape(self, source: Source, shape: tuple[int, ...]) -> tuple[int, ...]:
        if source.part:
            shape = (_rows_of_part(self.config, "v")[1], *shape[1:])
        return shape[::-1] if source.transposed else shape


def _rows_of_part(config: ModelConfig, part: str) -> tuple[int, int]:
    """Where q, k or v begins and ends among the rows of the fused tensor."""
    query, key = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
    return {"q": (0, query), "k": (query, query + key), "v": (query + key, query + 2 * key)}[part]


def sources_for(
    config: ModelConfig, table: Mapping[str, Source], prefix: str = ""
) -> dict[str, Source]:
    """`table` with its layers and prefix written out, for every weight of this model."""
    found = {}
    for name in config.shapes():
        layer = _LAYER.match(name)
        number = layer.group(1) if layer else ""
        template = name.replace(f"layers.{number}.", "layers.{i}.", 1) if layer else name
        if template in table:
            source = table[template]
            stored = source.name.replace("{i}", number).replace("{p}", prefix)
            found[name] = replace(source, name=stored)
    return found


HEADS = ("lm_head.weight", "language_model.lm_head.weight")
"""The head's name in a Hugging Face file; the second one in those of pictures and text."""


def weights_from_hf(config: ModelConfig, file: TensorFile) -> Weights:
    """Weights that stand under Hugging Face's names.

    A head of its own counts, whatever the config says of a shared one, as in transformers: the
    config of the result says which it is.
    """
    family = FAMILIES[config.family]
    there = set(file.keys())
    marks = [family.hf[name].name for name in ("model.embed_tokens.weight", "model.norm.weight")]
    prefix = next(
        (p for p in family.prefixes if any(mark.replace("{p}", p) in there for mark in marks)),
        family.prefixes[0],
    )
    embedding = marks[0].replace("{p}", prefix)
    head = next((name for name in HEADS if name in there), None)
    ignored = list(family.ignored)
    if config.tied_head and head is not None:
        if embedding in there and not _are_equal(file, embedding, head):
            config = replace(config, tied_head=False)
        else:
            ignored.append(re.escape(head))
    sources = sources_for(config, family.hf, prefix)
    if head is not None and not config.tied_head:
        sources["lm_head.weight"] = Source(head)
    elif head is not None and embedding not in there:
        sources["model.embed_tokens.weight"] = Source(head)  # the one that is there serves both
    return Weights(config, file, sources, ignored)


def _are_equal(file: TensorFile, first: str, second: str) -> bool:
    """Whether two matrices hold the same numbers; only equal ones are read to the end."""
    if file.shape(first) != file.shape(second):
        return False
    one, other = file.load(first), file.load(second)
    rows = 4096
    return all(
        one[at : at + rows].float().equal(other[at : at + rows].float())
        for at in range(0, one.shape[0], rows)
    )


def open_weights(local: LocalModel) -> Weights:
    """The weights of a model on disk, its adapters added.  Maps the files; reads no weight yet.

    Errors: Unsupported, Corrupt.
    """
    weights = open_base(local)
    if local.adapters:
        from fireside.model.adapters import AdaptedWeights

        for folder in local.adapters:
            weights = AdaptedWeights(weights, folder)
    return weights


def open_base(local: LocalModel) -> Weights:
    """The weights of a model on disk without its adapters.

    Errors: Unsupported, Corrupt.
    """
    if local.format == "gguf":
        from fireside.hub.gguf import open_gguf

        file = open_gguf(local.path)
        config = config_from_gguf(file.metadata, file.tensors)
        family = FAMILIES[config.family]
        sources = sources_for(config, family.gguf)
        return Weights(config, GGUFTensors(file.tensors), sources, family.ignored)
    from fireside.hub.safetensors import open_safetensors

    config = config_from_hf(read_json(local.path / "config.json"))
    return weights_from_hf(config, open_safetensors(local.path))
