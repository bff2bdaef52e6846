"""A model in memory to a Hugging Face folder: `config.json` and `model.safetensors`.

The folder appears whole or not at all.  It refuses to write over anything, and to write a model
that its family's `config.json` cannot describe.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from fireside.errors import Conflict
from fireside.model.architecture import ModelConfig
from fireside.model.config_hf import config_to_hf
from fireside.model.families import FAMILIES
from fireside.model.transformer import Transformer
from fireside.model.weights import sources_for


def save_model(
    model: Transformer, folder: Path, *, extra: Mapping[str, object] | None = None
) -> None:
    """Write what `transformers` loads (our own family: what we load), in the weights' precision.

    extra: what config.json should say besides, such as `eos_token_id`: a model does not know it.
    Errors: Conflict if the folder is there and not empty, Unsupported if the family's config.json
    cannot say what this model is.
    """
    precision = str(next(model.parameters()).dtype).removeprefix("torch.")
    config = {**(extra or {}), **config_to_hf(model.config), "torch_dtype": precision}
    tensors = hf_tensors(model.config, dict(model.named_parameters()))
    with appears_whole(Path(folder)) as unfinished:
        save_file(tensors, unfinished / "model.safetensors", metadata={"format": "pt"})
        text = json.dumps(config, indent=2, ensure_ascii=False)
        (unfinished / "config.json").write_text(text + "\n", encoding="utf-8")


@contextmanager
def appears_whole(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` to write to, which takes its place when all went well.

    Errors: Conflict if the folder is there and not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty: name another folder, or remove it first")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)  # mkdtemp made it private
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def hf_tensors(config: ModelConfig, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Canonical tensors under Hugging Face's names and in its layout: `Weights.load` backwards."""
    family = FAMILIES[config.family]
    pieces: dict[str, list[Tensor]] = defaultdict(list)
    # Only GPT-2's q, k, v share a tensor: side by side, and in the order that shapes() has.
    for name, source in sources_for(config, family.hf, family.prefixes[0]).items():
        tensor = state[name].detach().cpu()
        pieces[source.name].append(tensor.t() if source.transposed else tensor)
    return {name: torch.cat(parts, dim=-1).contiguous() for name, parts in pieces.items()}
