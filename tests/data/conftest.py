"""A small tokenizer made here, and prepared data of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

from fireside.data import Prepared, Source, prepare
from fireside.tokenizer import Tokenizer

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PROSE = [
    "the quick brown fox jumps over the lazy dog\n\n\nand then, well, it sleeps. ",
    "1984 and 3.14159; naïve café — “quoted” 你好，世界 👋🏽\r\n\ttabs  and   spaces\n",
    "def f(x):\n    return x + 1\n\n\n",
]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A byte-level BPE of 400 tokens with ChatML."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=397,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(PROSE * 3, trainer)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    backend.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    folder = tmp_path_factory.mktemp("tokenizer")
    backend.save(str(folder / "tokenizer.json"))
    named = {"eos_token": "<|im_end|>", "chat_template": CHATML}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    return Tokenizer.from_folder(folder)


@pytest.fixture
def prepared_texts(tmp_path: Path, tokenizer: Tokenizer) -> Callable[..., Prepared]:
    """Prepares documents, one list per source."""

    def make(*sources: Sequence[str], weights: Sequence[float] = (), **options: Any) -> Prepared:
        named = []
        for i, documents in enumerate(sources):
            path = tmp_path / f"source-{i}.jsonl"
            lines = [json.dumps({"text": text}) for text in documents]
            path.write_text("\n".join(lines) + "\n")
            named.append(Source(path=str(path), weight=weights[i] if weights else None))
        return prepare(named, tokenizer, "text", tmp_path / "prepared", **options)

    return make


@pytest.fixture
def prepared_chats(tmp_path: Path, tokenizer: Tokenizer) -> Callable[..., Prepared]:
    """Prepares pairs of question and answer."""

    def make(pairs: Sequence[tuple[str, str]], **options: Any) -> Prepared:
        path = tmp_path / "chats.jsonl"
        lines = [json.dumps({"prompt": ask, "completion": answer}) for ask, answer in pairs]
        path.write_text("\n".join(lines) + "\n")
        return prepare(
            [Source(path=str(path))], tokenizer, "chat", tmp_path / "prepared", **options
        )

    return make


def documents(count: int, seed: int = 0) -> list[str]:
    """Different texts of different lengths."""
    random = np.random.default_rng(seed)
    words = " ".join(PROSE).split()
    return [
        f"{seed}.{i} " + " ".join(random.choice(words, size=random.integers(1, 40)))
        for i in range(count)
    ]
