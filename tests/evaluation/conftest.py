"""A small random model with its own tokenizer, in a folder that transformers reads too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fireside.evaluation import Evaluated
from fireside.hub import LocalModel
from fireside.model.architecture import ModelConfig, Rope
from fireside.model.load import load_model
from fireside.model.save import save_model
from fireside.model.transformer import Transformer
from fireside.tokenizer import Tokenizer

WINDOW = 256
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = [
    "Question: which of these is warm, the sun or the moon?\nAnswer: the sun",
    "The old dog slept by the fire, and nobody wanted to wake it before the morning.",
    "Customer: where is my card? Intent: card arrival. Sentiment: positive, negative, neutral.",
    "It was the best of times, it was the worst of times; 1, 2, 3, 42 and 1,000 of them.",
]


def write_tokenizer(folder: Path, *, template: str | None = CHATML) -> int:
    """A byte-level BPE of a few hundred ids; how many."""
    from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
    from tokenizers import Tokenizer as Backend

    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=340, show_progress=False, initial_alphabet=alphabet)
    backend.train_from_iterator(TEXT * 3, trainer)
    backend.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    backend.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|endoftext|>",
        "eos_token": "<|im_end|>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    return int(backend.get_vocab_size())


def write_model(folder: Path, vocab_size: int, *, seed: int = 0, **changes: Any) -> None:
    """A llama of three layers, with weights large enough to have opinions."""
    config = ModelConfig(
        **{
            "family": "llama",
            "vocab_size": vocab_size,
            "width": 48,
            "num_layers": 3,
            "num_heads": 4,
            "num_kv_heads": 2,
            "head_dim": 12,
            "mlp_width": 64,
            "context": WINDOW,
            "rope": Rope(theta=10_000.0),
            "tied_head": False,
            **changes,
        }
    )
    model = Transformer.fresh(config, seed=seed)
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=dice) * 0.2)
    made = folder / "made"
    save_model(model, made)
    for file in made.iterdir():
        file.rename(folder / file.name)
    made.rmdir()


def opened(folder: Path, name: str = "tiny") -> Evaluated:
    local = LocalModel(name=name, path=folder, format="hf")
    return Evaluated(load_model(local), Tokenizer.from_folder(folder), name=name)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_model(folder, write_tokenizer(folder))
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Evaluated:
    return opened(tiny_folder)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """Another model of the same tokenizer."""
    folder = tmp_path_factory.mktemp("other")
    write_model(folder, write_tokenizer(folder), seed=7)
    return opened(folder, "other")


@pytest.fixture
def uniform(tmp_path: Path) -> Evaluated:
    """A model to which every token is equally likely: its head is zero."""
    vocab_size = write_tokenizer(tmp_path)
    write_model(tmp_path, vocab_size)
    model = opened(tmp_path, "uniform")
    with torch.no_grad():
        model.model.lm_head.weight.zero_()
    return model


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A data file: rows as JSONL, or text as it is."""

    def write(name: str, rows: list[dict[str, object]] | str) -> Path:
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def choice_rows(count: int = 30) -> list[dict[str, object]]:
    """Questions with answers of different lengths, some of one token, some of the same prompt."""
    words = ["the sun", "the moon", "warm", "nobody", "the best of times", "42", "a card, it was"]
    return [
        {
            "prompt": f"Question: {TEXT[i % 4][: 10 + 7 * (i % 9)]}?\nAnswer:",
            "choices": [words[(i + j * (1 + i % 3)) % 7] + "." * j for j in range(2 + i % 3)],
            "gold": i % 2,
        }
        for i in range(count)
    ]
