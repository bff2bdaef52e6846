"""Named tensors to disk and back: in one file, or where ranks share them, in one file per rank.

Split tensors are written by PyTorch's distributed checkpoints (DCP), in safetensors: nothing is
gathered, so a model that fits no single machine can still be saved.  Any number of ranks reads
either form.  DCP's own format keeps its index as a pickle, so it is not used: whoever reads
pickles runs what is in them.

Shapes are checked by those who ask (`Optimiser.load`).  This file refuses to know what the tensors
mean, but for one thing: what comes after the last "/" of a name is the parameter they belong to.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fireside.errors import Corrupt
from fireside.hub.safetensors import read_header
from fireside.training.shards import is_split, split_like


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """`path` is a file's name; split tensors make a folder of that name without its ending.

    Where they are split every rank must call.  Errors: OSError, SafetensorError.
    """
    if any(is_split(tensor) for tensor in tensors.values()):
        _write_parts(path.with_suffix(""), tensors)
        return
    save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, path)


def read_tensors(path: Path, owners: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `write_tensors` wrote, split as the parameters that they belong to.

    Errors: Corrupt.
    """
    if path.with_suffix("").is_dir():
        return _read_parts(path.with_suffix(""), owners)
    if not path.exists():
        raise Corrupt(f"{path.parent} lacks {path.name}: use an older checkpoint")
    read_header(path)
    found: dict[str, Tensor] = load_file(path)
    return {name: _shared(value, _owner(name, owners)) for name, value in found.items()}


def there(path: Path) -> bool:
    """Whether either form of it is there."""
    return path.exists() or path.with_suffix("").is_dir()


def _write_parts(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    try:
        save({name: t.detach() for name, t in tensors.items()}, storage_writer=writer)
    except CheckpointException as error:  # no Exception of Python's, and many lines long
        why: BaseException = next(iter(error.failures.values()))[0]
        raise (why if isinstance(why, OSError) else OSError(str(why))) from None


def _read_parts(folder: Path, owners: Mapping[str, Tensor]) -> dict[str, Tensor]:
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    parts = sorted(folder.glob("*.safetensors"))
    for part in parts:
        read_header(part)
    reader = HuggingFaceStorageReader(str(folder))
    try:
        known = reader.read_metadata().state_dict_metadata
        lacking = next((name for name, entry in known.items() if not _complete(entry)), None)
        if lacking is not None:
            raise ValueError(f"parts of {lacking} are missing")
        found = {name: _empty(entry, _owner(name, owners)) for name, entry in known.items()}
        with warnings.catch_warnings():
            # One process reads alone what several wrote: meant so, and no reason to warn.
            warnings.filterwarnings("ignore", "torch.distributed is", UserWarning)
            load(found, storage_reader=reader)
    except (CheckpointException, KeyError, ValueError, AssertionError) as error:
        why = str(error).strip().partition("\n")[0]
        raise Corrupt(f"{folder} cannot be read ({why}): use an older checkpoint") from None
    if not found:
        raise Corrupt(f"{folder} is empty: use an older checkpoint")
    return found


def _owner(name: str, owners: Mapping[str, Tensor]) -> Tensor | None:
    return owners.get(name.rpartition("/")[2])


def _shared(value: Tensor, owner: Tensor | None) -> Tensor:
    if owner is None or value.shape != owner.shape:
        return value
    return split_like(value.to(owner.device), owner)


def _complete(entry: Any) -> bool:
    """Whether the parts make the whole: DCP would leave the rest as memory happens to be."""
    return bool(sum(math.prod(part.sizes) for part in entry.chunks) == math.prod(entry.size))


def _empty(entry: Any, owner: Tensor | None) -> Tensor:
    if owner is None or entry.size != owner.shape:
        return torch.empty(entry.size, dtype=entry.properties.dtype)
    return torch.empty_like(owner, dtype=entry.properties.dtype, requires_grad=False)
