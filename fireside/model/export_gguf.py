"""A model on disk to one GGUF file that llama.cpp runs: `Weights.load` backwards.

    f32   every weight as it is
    f16   matrices in half precision, vectors and positions in float32
    q8_0  matrices in blocks of 32 with one scale; rows that fill no blocks stay f16

Written by the `gguf` package, read back by our own reader before the file gets its name: a config
that GGUF cannot say is refused (`Unsupported`), never written wrong.  One tensor at a time.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fireside.errors import BadRequest, Unavailable, Unsupported
from fireside.hub.gguf import open_gguf
from fireside.hub.packages import training_packages
from fireside.model.architecture import LinearScaling, Llama3Scaling, ModelConfig
from fireside.model.config_gguf import config_from_gguf
from fireside.model.families import FAMILIES
from fireside.model.names import Source
from fireside.model.positions import frequencies
from fireside.model.save import appears_whole
from fireside.model.weights import Weights, open_weights, sources_for
from fireside.tokenizer.folder import vocabulary_from_folder
from fireside.tokenizer.write_gguf import gguf_metadata

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

    from fireside.hub import LocalModel

GGUFType = Literal["f32", "f16", "q8_0"]
# `general.file_type`, from llama.h.
_FILE_TYPES: dict[GGUFType, int] = {"f32": 0, "f16": 1, "q8_0": 7}
BLOCK = 32


def export_gguf(local: LocalModel, folder: Path, *, kind: GGUFType = "f16") -> Path:
    """Write one GGUF file into `folder`, which appears whole.  Returns the file.

    Raises:
        Conflict: the folder is not empty.
        Unsupported: a family, a feature or a tokenizer that GGUF has no words for.
        Corrupt: the model cannot be read.
        Unavailable: the package `gguf` is not installed.
    """
    if find_spec("gguf") is None:
        raise Unavailable(
            f"GGUF needs one more package, gguf. Install it with: {training_packages()}"
        )
    weights = open_weights(local)
    architecture = FAMILIES[weights.config.family].gguf_architecture
    if weights.config.family == "mistral":
        architecture = "llama"  # as llama.cpp's converter does
    if architecture is None:
        raise Unsupported(
            f"llama.cpp has no architecture for the {weights.config.family} family: "
            "export with --format hf."
        )
    name = local.own.stem if local.entry is None else local.entry.name.replace(":", "-")
    name = name if name != "model" else local.own.parent.name  # a run's result
    metadata: dict[str, Any] = {
        "general.type": "model",
        "general.name": name,
        "general.file_type": _FILE_TYPES[kind],
        **({"general.quantization_version": 2} if kind == "q8_0" else {}),
        **{f"{architecture}.{key}": value for key, value in _numbers(weights.config).items()},
        **_tokenizer_metadata(local, weights.config.vocab_size),
    }
    with appears_whole(folder) as unfinished:
        file = unfinished / f"{name}-{kind.upper()}.gguf"
        _write(file, architecture, metadata, weights, kind)
        _check(file, weights.config)
    return folder / file.name


def _tokenizer_metadata(local: LocalModel, rows: int) -> dict[str, Any]:
    if local.tokenizer is None and local.format == "gguf":
        metadata = open_gguf(local.path).metadata
        return {key: value for key, value in metadata.items() if key.startswith("tokenizer.")}
    return {**gguf_metadata(vocabulary_from_folder(local.tokenizer or local.path), rows)}


def _numbers(config: ModelConfig) -> dict[str, Any]:
    """The architecture's own keys."""
    eps = "layer_norm_epsilon" if config.norm == "layernorm" else "layer_norm_rms_epsilon"
    found: dict[str, Any] = {
        "context_length": config.context,
        "embedding_length": config.width,
        "block_count": config.num_layers,
        "feed_forward_length": config.mlp_width,
        "attention.head_count": config.num_heads,
        "attention.head_count_kv": config.num_kv_heads,
        "attention.key_length": config.head_dim,
        "attention.value_length": config.head_dim,
        f"attention.{eps}": config.norm_eps,
        "vocab_size": config.vocab_size,
    }
    if config.rope is not None:
        found["rope.dimension_count"] = config.head_dim
        found["rope.freq_base"] = config.rope.theta
        if config.rope.local_theta is not None:
            found["rope.freq_base_swa"] = config.rope.local_theta
        if isinstance(config.rope.scaling, LinearScaling):
            found["rope.scaling.type"] = "linear"
            found["rope.scaling.factor"] = config.rope.scaling.factor
    if config.sliding_window:
        found["attention.sliding_window"] = config.sliding_window
        every = [(layer + 1) % 6 != 0 for layer in range(config.num_layers)]
        if config.family == "gemma3" and list(config.sliding_layers) != every:
            found["attention.sliding_window_pattern"] = list(config.sliding_layers)
    if config.logit_softcap is not None:
        found["final_logit_softcapping"] = config.logit_softcap
    return found


# -- tensors ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Stored:
    """One tensor of the file: its canonical parts, under one another."""

    name: str
    parts: tuple[str, ...]
    shape: tuple[int, ...]
    source: Source

    def type(self, kind: GGUFType) -> GGMLQuantizationType:
        from gguf import GGMLQuantizationType

        # llama.cpp adds positions and norms in float32, and expects to find them so.
        if len(self.shape) == 1 or kind == "f32" or self.name == "position_embd.weight":
            return GGMLQuantizationType.F32
        whole = self.shape[-1] % BLOCK == 0
        return GGMLQuantizationType.Q8_0 if kind == "q8_0" and whole else GGMLQuantizationType.F16

    def load(self, weights: Weights) -> npt.NDArray[np.float32]:
        tensor = torch.cat([weights.load(part) for part in self.parts])
        if self.source.interleaved:
            tensor = neighbours(tensor, weights.config.head_dim)
        found: npt.NDArray[np.float32] = (tensor + self.source.shift).contiguous().numpy()
        return found


def neighbours(tensor: Tensor, head_dim: int) -> Tensor:
    """Rotary pairs of each head side by side, from first half with second half."""
    halves = tensor.view(-1, 2, head_dim // 2, *tensor.shape[1:])
    return halves.transpose(1, 2).reshape(tensor.shape)


def _stored(config: ModelConfig) -> Iterator[_Stored]:
    shapes = config.shapes()
    parts: dict[str, list[str]] = {}
    sources = sources_for(config, FAMILIES[config.family].gguf)
    for name in shapes:
        if name not in sources:
            raise Unsupported(f"GGUF has no place for {name}: export with --format hf.")
        parts.setdefault(sources[name].name, []).append(name)
    for name, names in parts.items():
        rows = sum(shapes[part][0] for part in names)
        shape = (rows, *shapes[names[0]][1:])
        yield _Stored(name=name, parts=tuple(names), shape=shape, source=sources[names[0]])


def _write(
    file: Path, architecture: str, metadata: Mapping[str, Any], weights: Weights, kind: GGUFType
) -> None:
    from gguf import GGUFWriter
    from gguf.quants import quant_shape_to_byte_shape

    stored = list(_stored(weights.config))
    factors = _rope_factors(weights.config)
    with closing(GGUFWriter(file, architecture)) as writer:
        for key, value in metadata.items():
            _put(writer, key, value)
        if factors is not None:
            shape, dtype = factors.shape, factors.dtype
            writer.add_tensor_info("rope_freqs.weight", shape, dtype, factors.nbytes)
        for one in stored:
            shape = quant_shape_to_byte_shape(one.shape, one.type(kind))
            size, type_ = math.prod(shape), one.type(kind)
            writer.add_tensor_info(one.name, shape, np.dtype(np.uint8), size, raw_dtype=type_)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors is not None:
            writer.write_tensor_data(factors)
        for one in stored:
            writer.write_tensor_data(_packed(one.name, one.load(weights), one.type(kind)))


def _packed(
    name: str, data: npt.NDArray[np.float32], type_: GGMLQuantizationType
) -> npt.NDArray[Any]:
    from gguf import quantize

    with np.errstate(over="ignore"):
        packed: npt.NDArray[Any] = quantize(data, type_)
    if packed.dtype == np.float16 and not np.isfinite(packed).all():
        raise BadRequest(
            f"{name} has numbers that half precision cannot hold: use --type f32.", param="type"
        )
    return packed


def _rope_factors(config: ModelConfig) -> npt.NDArray[np.float32] | None:
    """Llama 3's scaling is one divisor for each frequency."""
    if config.rope is None or not isinstance(config.rope.scaling, Llama3Scaling):
        return None
    plain = frequencies(dataclasses.replace(config.rope, scaling=None), config.head_dim)
    divisors: npt.NDArray[np.float32] = (plain / frequencies(config.rope, config.head_dim)).numpy()
    return divisors


def _put(writer: GGUFWriter, key: str, value: Any) -> None:
    from gguf import GGUFValueType

    if isinstance(value, list | np.ndarray):
        first = value[0] if len(value) else 0
        kind = GGUFValueType.get_type(first.item() if isinstance(first, np.generic) else first)
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        writer.add_key_value(key, plain, GGUFValueType.ARRAY, sub_type=kind)
    elif isinstance(value, int) and not isinstance(value, bool):
        writer.add_uint32(key, value)
    else:
        writer.add_key_value(key, value, GGUFValueType.get_type(value))


def _check(file: Path, config: ModelConfig) -> None:
    """The file, read back, describes the same model."""
    written = open_gguf(file)
    found = config_from_gguf(written.metadata, written.tensors)
    for item in dataclasses.fields(ModelConfig):
        said, wanted = getattr(found, item.name), getattr(config, item.name)
        # Without a window a mistral is a llama.
        if item.name != "family" and not _same(said, wanted):
            raise Unsupported(
                f"GGUF cannot say this model's {item.name} ({wanted}): export with --format hf."
            )


def _same(said: object, wanted: object) -> bool:
    if isinstance(said, float) and isinstance(wanted, float):
        return bool(np.isclose(said, wanted, rtol=1e-6, atol=0))  # GGUF's numbers are float32
    if dataclasses.is_dataclass(said) and type(said) is type(wanted):
        return all(
            _same(getattr(said, item.name), getattr(wanted, item.name))
            for item in dataclasses.fields(said)
        )
    return said == wanted
