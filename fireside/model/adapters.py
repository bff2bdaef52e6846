"""Adapters on disk, in PEFT's format: ours load in PEFT, and PEFT's load here.

An adapter's folder holds `adapter_config.json` and `adapter_model.safetensors`.  `AdaptedWeights`
are a base's `Weights` with the adapter added as they are read, for serving.

It refuses, by name, what would change the numbers and what we do not have (`adapter_config.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import Tensor

from fireside.errors import Conflict, NotFound
from fireside.model.adapter_config import (
    CONFIG_NAME,
    config_json,
    read_adapter_config,
)
from fireside.model.adapter_tensors import (
    BLOCKS,
    PREFIX,
    TENSORS_NAME,
    StoredLinear,
    joined,
    read_deltas,
    stored_linears,
)
from fireside.model.families import FAMILIES
from fireside.model.lora import Delta, LoraConfig, adapters, freeze, put
from fireside.model.save import appears_whole
from fireside.model.transformer import Transformer
from fireside.model.weights import Weights, sources_for

if TYPE_CHECKING:
    from fireside.hub.gguf import GGUFTensor


def is_adapter(folder: Path) -> bool:
    return (Path(folder) / CONFIG_NAME).is_file()


def adapter_base(folder: Path) -> str:
    """The name of the model that an adapter was made for.

    Errors: NotFound if it does not say; Corrupt, Unsupported.
    """
    base = read_adapter_config(Path(folder)).base_model_name_or_path
    if not base:
        raise NotFound(f"{folder} does not say which model it adapts: name the base yourself")
    return base


def save_adapter(
    model: Transformer, folder: Path, *, base: str, extra: Mapping[str, str] | None = None
) -> None:
    """Write the model's adapter as PEFT does.  The folder appears whole or not at all.

    base: the name of the model that it adapts.
    extra: facts for the tensors' metadata, such as the run and the step.
    Errors: Conflict if the folder is there and not empty, or the model has no adapter.
    """
    ours = adapters(model)
    if not ours:
        raise Conflict("this model has no adapter: save the model itself")
    prefix = FAMILIES[model.config.family].prefixes[0]
    linears = stored_linears(model.config, prefix)
    deltas = {name: part.delta for name, part in ours.items()}
    weights = {name: parameter.detach().cpu() for name, parameter in _weights(model).items()}
    adapted = {
        name: joined(linear, deltas, {part: weights[part] for part in linear.parts})
        for name, linear in linears.items()
        if any(part in deltas for part in linear.parts)
    }
    dropout = max(part.dropout for part in ours.values())
    config = _config(model, linears, adapted, base=base, dropout=dropout)
    metadata = {"format": "pt", **(extra or {}), BLOCKS: _blocks(linears, adapted, deltas)}
    with appears_whole(Path(folder)) as unfinished:
        save_file(_tensors(adapted), unfinished / TENSORS_NAME, metadata=metadata)
        text = json.dumps(config, indent=2, ensure_ascii=False)
        (unfinished / CONFIG_NAME).write_text(text + "\n", encoding="utf-8")


def load_adapter(model: Transformer, folder: Path) -> LoraConfig:
    """Put a saved adapter on the model, or its values into the adapter that the model has.

    Errors: Conflict if the model's own adapter is of another shape; NotFound, Corrupt, Unsupported.
    """
    adapter = read_adapter_config(Path(folder))
    deltas = read_deltas(Path(folder), model.config, adapter)
    there = adapters(model)
    if there:
        _fill(model, deltas, folder)
    else:
        for name, delta in deltas.items():
            put(model, name, _on(delta, _device(model)), dropout=adapter.lora_dropout)
        freeze(model)
    last = dict.fromkeys(name.rpartition(".")[2] for name in deltas)
    rank = Counter(delta.a.shape[0] for delta in deltas.values()).most_common(1)[0][0]
    alpha = next(iter(deltas.values())).alpha
    return LoraConfig(
        rank=rank,
        alpha=alpha,
        dropout=adapter.lora_dropout,
        targets=tuple(last),
        dora=adapter.use_dora,
    )


class AdaptedWeights(Weights):
    """A base's weights with an adapter added to each as it is read.

    What the adapter changes has no `raw`: the file's quantised tensor is no longer the weight.
    """

    def __init__(self, weights: Weights, folder: Path) -> None:
        self.config = weights.config
        self._base = weights
        adapter = read_adapter_config(Path(folder))
        deltas = read_deltas(Path(folder), weights.config, adapter)
        self._deltas = {f"{name}.weight": delta for name, delta in deltas.items()}

    def names(self) -> tuple[str, ...]:
        return self._base.names()

    def shape(self, name: str) -> tuple[int, ...]:
        return self._base.shape(name)

    def load(self, name: str, dtype: torch.dtype | Literal["float32"] = "float32") -> Tensor:
        delta = self._deltas.get(name)
        if delta is None:
            return self._base.load(name, dtype)
        sum_ = delta.added_to(self._base.load(name))
        return sum_ if dtype == "float32" else sum_.to(dtype)

    def raw(self, name: str) -> GGUFTensor | None:
        return None if name in self._deltas else self._base.raw(name)

    def row_order(self, name: str) -> npt.NDArray[np.int64] | None:
        return self._base.row_order(name)


def _fill(model: Transformer, deltas: Mapping[str, Delta], folder: Path) -> None:
    there = adapters(model)
    shapes = {name: _shape(part.delta) for name, part in there.items()}
    if shapes != {name: _shape(delta) for name, delta in deltas.items()}:
        raise Conflict(f"{folder} holds an adapter of another shape than this model's")
    with torch.no_grad():
        for name, part in there.items():
            delta = deltas[name]
            part.lora_a.copy_(delta.a)
            part.lora_b.copy_(delta.b)
            if part.magnitude is not None and delta.magnitude is not None:
                part.magnitude.copy_(delta.magnitude)


def _shape(delta: Delta) -> tuple[object, ...]:
    return tuple(delta.a.shape), tuple(delta.b.shape), delta.alpha, delta.magnitude is None


def _on(delta: Delta, device: torch.device) -> Delta:
    return Delta(
        a=delta.a.to(device),
        b=delta.b.to(device),
        alpha=delta.alpha,
        magnitude=None if delta.magnitude is None else delta.magnitude.to(device),
    )


def _device(model: Transformer) -> torch.device:
    return model.model.embed_tokens.weight.device


def _weights(model: Transformer) -> dict[str, Tensor]:
    return {name.removesuffix(".weight"): value for name, value in model.named_parameters()}


def _tensors(adapted: Mapping[str, Delta]) -> dict[str, Tensor]:
    found = {}
    for name, delta in adapted.items():
        found[f"{PREFIX}{name}.lora_A.weight"] = delta.a.cpu().contiguous()
        found[f"{PREFIX}{name}.lora_B.weight"] = delta.b.cpu().contiguous()
        if delta.magnitude is not None:
            found[f"{PREFIX}{name}.lora_magnitude_vector"] = delta.magnitude.cpu().contiguous()
    return found


def _blocks(
    linears: Mapping[str, StoredLinear], adapted: Iterable[str], deltas: Mapping[str, Delta]
) -> str:
    fused = {
        name: [part for part in linears[name].parts if part in deltas]
        for name in adapted
        if len(linears[name].parts) > 1
    }
    return json.dumps(fused)


def _config(
    model: Transformer,
    linears: Mapping[str, StoredLinear],
    adapted: Mapping[str, Delta],
    *,
    base: str,
    dropout: float,
) -> dict[str, object]:
    """adapter_config.json: the most common rank and alpha, and a pattern for every other."""
    ranks = {name: delta.a.shape[0] for name, delta in adapted.items()}
    alphas = {name: delta.alpha for name, delta in adapted.items()}
    rank = Counter(ranks.values()).most_common(1)[0][0]
    alpha = Counter(alphas.values()).most_common(1)[0][0]
    table = FAMILIES[model.config.family].hf
    prefix = FAMILIES[model.config.family].prefixes[0]
    stored = {s.name: s for s in sources_for(model.config, table, prefix).values()}
    return config_json(
        base=base,
        rank=rank,
        alpha=alpha,
        dropout=dropout,
        dora=any(delta.magnitude is not None for delta in adapted.values()),
        targets=_shortest(adapted, linears),
        transposed=any(stored[f"{name}.weight"].transposed for name in adapted),
        ranks={name: value for name, value in ranks.items() if value != rank},
        alphas={name: value for name, value in alphas.items() if value != alpha},
    )


def _shortest(adapted: Iterable[str], linears: Iterable[str]) -> list[str]:
    """Names for PEFT: an ending where it means adapted linears only, else the whole name.

    Example: GPT-2's `c_proj` ends both the attention and the MLP.
    """
    adapted, others = set(adapted), set(linears) - set(adapted)
    found: dict[str, None] = {}
    for name in sorted(adapted):
        ending = name.rpartition(".")[2]
        ambiguous = any(other.rpartition(".")[2] == ending for other in others)
        found[name if ambiguous else ending] = None
    return list(found)
