"""`adapter_model.safetensors`: PEFT's tensors to a `Delta` per linear, and back.

PEFT names tensors after the modules of `transformers`:

    base_model.model.<module>.lora_A.weight   (rank, in)
    base_model.model.<module>.lora_B.weight   (out, rank)
    base_model.model.<module>.lora_magnitude_vector   (out,)      with DoRA

GPT-2's q, k and v are one module there and three linears here.  One adapter of theirs becomes
three that begin with the same A; three of ours become one whose A are stacked and whose B is
block-diagonal.  The file's metadata says which, so that we read back what we wrote.

Refuses tensors of any other name, pickles, and shapes that do not fit the model.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from fireside.errors import Corrupt, NotFound, Unsupported
from fireside.hub.safetensors import SafetensorsFolder, read_header
from fireside.model.adapter_config import AdapterConfig
from fireside.model.architecture import ModelConfig
from fireside.model.families import FAMILIES
from fireside.model.lora import Delta
from fireside.model.weights import sources_for

TENSORS_NAME = "adapter_model.safetensors"
PREFIX = "base_model.model."
BLOCKS = "fireside.blocks"  # metadata: module -> the linears that its blocks belong to, as JSON
_KEY = re.compile(r"(.+)\.(lora_A|lora_B|lora_magnitude_vector)(?:\.weight)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLinear:
    """A linear as files have it: `parts` are our names of it, with their rows, in order."""

    name: str
    parts: Mapping[str, slice]
    columns: int

    @property
    def rows(self) -> int:
        return int(max(part.stop for part in self.parts.values()))


def stored_linears(config: ModelConfig, prefix: str) -> dict[str, StoredLinear]:
    """Every linear of the layers by the name that files of this model's family have for it."""
    shapes = config.shapes()
    rows: dict[str, dict[str, slice]] = defaultdict(dict)
    columns: dict[str, int] = {}
    for name, source in sources_for(config, FAMILIES[config.family].hf, prefix).items():
        module, _, kind = name.rpartition(".")
        if kind != "weight" or not module.endswith("_proj"):
            continue
        stored = source.name.removesuffix(".weight")
        begin = max((part.stop for part in rows[stored].values()), default=0)
        rows[stored][module] = slice(begin, begin + shapes[name][0])
        columns[stored] = shapes[name][1]
    return {
        stored: StoredLinear(name=stored, parts=parts, columns=columns[stored])
        for stored, parts in rows.items()
    }


def read_deltas(folder: Path, config: ModelConfig, adapter: AdapterConfig) -> dict[str, Delta]:
    """What the adapter does to each linear, by our names.

    Errors: NotFound, Corrupt, Unsupported.
    """
    path = folder / TENSORS_NAME
    if not path.is_file():
        if (folder / "adapter_model.bin").is_file():
            raise Unsupported(f"{folder.name} holds a pickle: save it as {TENSORS_NAME} with PEFT")
        raise NotFound(f"{TENSORS_NAME} is missing in {folder}: is it an adapter's folder?")
    file = SafetensorsFolder(folder, read_header(path))
    modules: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for key in file.keys():  # noqa: SIM118 - not a dict
        match = _KEY.fullmatch(key.removeprefix(PREFIX))
        if match is None:
            raise Unsupported(f"the adapter holds {key[:120]}: only LoRA on linears works")
        modules[match[1]][match[2]] = file.load(key)
    linears = _linears_named(config, modules)
    blocks = _blocks(path)
    found: dict[str, Delta] = {}
    for name, tensors in modules.items():
        whole = _checked(linears[name], tensors, adapter)
        found |= _parted(linears[name], whole, blocks.get(name, ()))
    return {name: found[name] for name in _in_order(config, found)}


def _linears_named(config: ModelConfig, names: Iterable[str]) -> dict[str, StoredLinear]:
    """The model's linears under the prefix that this file uses."""
    families = [stored_linears(config, prefix) for prefix in FAMILIES[config.family].prefixes]
    linears = next((found for found in families if set(names) <= set(found)), families[0])
    for name in names:
        if name not in linears:
            raise Unsupported(
                f"the adapter changes {name[:120]}, which is no linear of the layers of this "
                f"{config.family} model: was it made for another one?"
            )
    return linears


def _checked(linear: StoredLinear, tensors: Mapping[str, Tensor], adapter: AdapterConfig) -> Delta:
    missing = {"lora_A", "lora_B"} - set(tensors)
    if adapter.use_dora:
        missing |= {"lora_magnitude_vector"} - set(tensors)
    if missing:
        raise Corrupt(f"the adapter lacks {linear.name}.{min(missing)}: copy it again")
    if not adapter.use_dora and "lora_magnitude_vector" in tensors:
        raise Corrupt(f"the adapter has DoRA's magnitude of {linear.name}, but not use_dora")
    rank = adapter.rank(linear.name)
    wanted = {
        "lora_A": (rank, linear.columns),
        "lora_B": (linear.rows, rank),
        "lora_magnitude_vector": (linear.rows,),
    }
    for key, tensor in tensors.items():
        if tuple(tensor.shape) != wanted[key] or not tensor.is_floating_point():
            raise Corrupt(
                f"the adapter's {linear.name}.{key} has shape {tuple(tensor.shape)} where this "
                f"model and its rank want {wanted[key]}: was it made for another model?"
            )
    magnitude = tensors.get("lora_magnitude_vector")
    return Delta(
        a=tensors["lora_A"].float(),
        b=tensors["lora_B"].float(),
        alpha=adapter.alpha(linear.name),
        magnitude=None if magnitude is None else magnitude.float(),
    )


def _parted(linear: StoredLinear, whole: Delta, blocks: tuple[str, ...]) -> dict[str, Delta]:
    """A file's linear as ours."""
    names = blocks or tuple(linear.parts)
    if not set(names) <= set(linear.parts) or (blocks and whole.a.shape[0] % len(blocks)):
        raise Corrupt(f"the adapter's metadata does not fit {linear.name}: copy it again")
    rank = whole.a.shape[0] // len(names)
    found = {}
    for index, name in enumerate(names):
        block = slice(index * rank, (index + 1) * rank) if blocks else slice(None)
        rows = linear.parts[name]
        found[name] = Delta(
            a=whole.a[block].clone(),
            b=whole.b[rows, block].clone(),
            alpha=whole.alpha / len(names) if blocks else whole.alpha,
            magnitude=None if whole.magnitude is None else whole.magnitude[rows].clone(),
        )
    return found


def _blocks(path: Path) -> dict[str, tuple[str, ...]]:
    with safe_open(path, framework="pt") as file:
        text = (file.metadata() or {}).get(BLOCKS, "{}")
    try:
        return {str(name): tuple(map(str, parts)) for name, parts in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Corrupt(f"{TENSORS_NAME}: its metadata is no JSON: copy the adapter again") from None


def _in_order(config: ModelConfig, found: Mapping[str, Delta]) -> list[str]:
    modules = (name.rpartition(".")[0] for name in config.shapes())
    return [name for name in dict.fromkeys(modules) if name in found]


def joined(
    linear: StoredLinear, deltas: Mapping[str, Delta], weights: Mapping[str, Tensor]
) -> Delta:
    """Our linears as a file's one: A stacked, B block-diagonal.  A part without an adapter keeps
    its weight: rows of zeros, and with DoRA the magnitude that it has."""
    names = [name for name in linear.parts if name in deltas]
    if len(linear.parts) == 1:
        return deltas[names[0]]
    first = deltas[names[0]]
    b = torch.zeros(linear.rows, sum(deltas[name].a.shape[0] for name in names))
    magnitude = None
    if first.magnitude is not None:
        magnitude = torch.cat([weights[name].float().norm(dim=1) for name in linear.parts])
    begin = 0
    for name in names:
        delta, rows = deltas[name], linear.parts[name]
        rank = delta.a.shape[0]
        b[rows, begin : begin + rank] = delta.b.float().cpu()
        begin += rank
        if magnitude is not None and delta.magnitude is not None:
            magnitude[rows] = delta.magnitude.float().cpu()
    a = torch.cat([deltas[name].a.float().cpu() for name in names])
    alpha = first.alpha * len(names)  # over a rank that is as many times larger
    return Delta(a=a, b=b, alpha=alpha, magnitude=magnitude)
