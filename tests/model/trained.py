"""Small models that know one rhyme by heart, so that greedy text has margins and is no noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from fireside.hub.local import LocalModel, locate
from fireside.model.architecture import ModelConfig, Rope
from fireside.model.export_hf import special_ids, write_tokenizer
from fireside.model.save import save_model
from fireside.model.tokenizer import load_tokenizer
from fireside.model.transformer import Transformer
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.training import train_tokenizer

RHYME = """This is the house that Jack built.
This is the malt that lay in the house that Jack built.
This is the rat that ate the malt that lay in the house that Jack built.
This is the cat, that killed the rat, that ate the malt that lay in the house that Jack built.
This is the dog that worried the cat; it's 12 years old & barks "wuff" at 3:45 in the café.
"""
PROMPTS = ("This is the rat", "that killed", "it's 12 years", " worried the")
STEPS = 150
SHAPE: dict[str, Any] = {
    "width": 64,
    "num_layers": 2,
    "num_heads": 4,
    "head_dim": 16,
    "mlp_width": 128,
    "context": 96,
}
SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {
        **SHAPE,
        "num_kv_heads": 4,
        "norm": "layernorm",
        "activation": "gelu_tanh",
        "gated_mlp": False,
        "positions": "learned",
        "attention_bias": True,
        "output_bias": True,
        "mlp_bias": True,
    },
    "llama": {**SHAPE, "num_kv_heads": 2, "rope": Rope(), "tied_head": False},
}


def trained(family: str, folder: Path) -> LocalModel:
    """A model of the family in a Hugging Face folder, its tokenizer with it."""
    made = train_tokenizer([RHYME * 4], 320, folder / "tokenizer", context=SHAPE["context"])
    tokenizer = Tokenizer.from_folder(made.folder)
    config = ModelConfig(family=family, vocab_size=made.vocab_size, **SHAPES[family])
    model = Transformer.fresh(config)
    with torch.enable_grad():
        learn(model, torch.tensor(tokenizer.encode(RHYME)))
    save_model(model.eval(), folder / "model", extra=special_ids(tokenizer))
    source = LocalModel(name="", path=folder, format="hf", tokenizer=made.folder)
    write_tokenizer(source, folder / "model")
    return locate(str(folder / "model"), folder)


def learn(model: Transformer, text: torch.Tensor, steps: int = STEPS) -> None:
    dice = torch.Generator().manual_seed(0)
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=3e-3, weight_decay=0.01)
    for _ in range(steps):
        starts = torch.randint(0, len(text) - 65, (8,), generator=dice).tolist()
        rows = torch.stack([text[start : start + 65] for start in starts])
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def greedy(model: Any, ids: list[int], length: int, eos_ids: frozenset[int]) -> list[int]:
    """What a model says, the likeliest token each time, to `length` ids in all."""
    ids = list(ids)
    with torch.no_grad():
        while len(ids) < length:
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
            if ids[-1] in eos_ids:
                break
    return ids


def tokenizer_of(local: LocalModel) -> Tokenizer:
    return load_tokenizer(local)
