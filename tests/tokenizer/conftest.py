"""The tokenizers under test: the default model's, and small ones trained here for each family."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

from fireside.hub.gguf import open_gguf
from fireside.tokenizer import Tokenizer

from .corpus import training_text

TEMPLATES = Path(__file__).parent / "templates"
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


@dataclass(frozen=True, kw_only=True)
class Family:
    """How one family of models talks: its template's file and its control tokens."""

    template: str
    special: list[str]
    loose: list[str] = field(default_factory=list)
    named: dict[str, str]
    sentencepiece: bool = False


QWEN_LOOSE = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
FAMILIES = {
    "chatml": Family(
        template="chatml",
        special=CHATML,
        named={"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"},
    ),
    "qwen2_5": Family(
        template="qwen2_5",
        special=CHATML,
        loose=[*QWEN_LOOSE, "<|fim_prefix|>"],
        named={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    ),
    "qwen3": Family(
        template="qwen3",
        special=CHATML,
        loose=[*QWEN_LOOSE, "<think>", "</think>"],
        named={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    ),
    "llama3_2": Family(
        template="llama3_2",
        special=["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        named={"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    ),
    "gemma3": Family(
        template="gemma3",
        special=["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"],
        loose=["\n\n", "<table>", "▁▁"],
        named={"bos_token": "<bos>", "eos_token": "<end_of_turn>", "unk_token": "<unk>"},
        sentencepiece=True,
    ),
    "mistral": Family(
        template="mistral",
        special=[
            *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]"),
            *("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
        ],
        named={"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
        sentencepiece=True,
    ),
}


def ids(reference: Any, text: str, *, special: bool = False) -> list[int]:
    """What the library itself makes of a text, control tokens matched or not."""
    reference.encode_special_tokens = not special
    encoded: list[int] = reference.encode(text, add_special_tokens=False).ids
    return encoded


@pytest.fixture(scope="session")
def smollm2_metadata(smollm2_path: Path) -> dict[str, Any]:
    return dict(open_gguf(smollm2_path).metadata)


@pytest.fixture(scope="session")
def smollm2(smollm2_metadata: dict[str, Any]) -> Tokenizer:
    return Tokenizer.from_gguf(smollm2_metadata)


@dataclass(frozen=True)
class Spm:
    """A small SentencePiece BPE model, trained here."""

    pieces: list[str]
    scores: list[float]
    types: list[int]
    processor: Any

    def metadata(self, **changes: object) -> dict[str, object]:
        """The same model as a GGUF tells it."""
        return {
            "general.architecture": "llama",
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": self.pieces,
            "tokenizer.ggml.scores": self.scores,
            "tokenizer.ggml.token_type": self.types,
            "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.ggml.eos_token_id": 2,
            "tokenizer.ggml.unknown_token_id": 0,
        } | {f"tokenizer.ggml.{key}": value for key, value in changes.items()}


@pytest.fixture(scope="session")
def spm() -> Spm:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # SWIG's, at import
        import sentencepiece
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(training_text()),
        model_writer=model,
        model_type="bpe",
        vocab_size=900,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        minloglevel=2,
        num_threads=1,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = range(processor.get_piece_size())
    types = [
        3
        if processor.is_control(i)
        else 2
        if processor.is_unknown(i)
        else 6
        if processor.is_byte(i)
        else 1
        for i in ids
    ]
    return Spm(
        [processor.id_to_piece(i) for i in ids],
        [processor.get_score(i) for i in ids],
        types,
        processor,
    )


@pytest.fixture(scope="session")
def byte_level_json() -> str:
    """A byte-level BPE of 800 tokens, as tokenizer.json."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(training_text(), trainer)
    return tokenizer.to_str()


@pytest.fixture(scope="session")
def family_folder(
    tmp_path_factory: pytest.TempPathFactory, byte_level_json: str, request: pytest.FixtureRequest
) -> Callable[[str], Path]:
    """A Hugging Face folder for a family, built once."""
    made: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in made:
            family = FAMILIES[name]
            folder = tmp_path_factory.mktemp(name)
            if family.sentencepiece:
                tokenizer = _spm_backend(request.getfixturevalue("spm"), gemma=name == "gemma3")
            else:
                tokenizer = tokenizers.Tokenizer.from_str(byte_level_json)
            tokenizer.add_special_tokens(
                [AddedToken(text, special=True, normalized=False) for text in family.special]
            )
            tokenizer.add_tokens(
                [AddedToken(text, special=False, normalized=False) for text in family.loose]
            )
            tokenizer.save(str(folder / "tokenizer.json"))
            config = {"tokenizer_class": "PreTrainedTokenizerFast", **family.named}
            (folder / "tokenizer_config.json").write_text(json.dumps(config))
            template = (TEMPLATES / f"{family.template}.jinja").read_text(encoding="utf-8")
            (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
            made[name] = folder
        return made[name]

    return build


def _spm_backend(spm: Spm, *, gemma: bool) -> tokenizers.Tokenizer:
    from transformers import GemmaTokenizer, LlamaTokenizer
    from transformers.tokenization_utils_base import generate_merges

    vocab = {piece: i for i, piece in enumerate(spm.pieces)}
    merges = generate_merges(vocab, dict(zip(spm.pieces, spm.scores, strict=True)))
    kind = GemmaTokenizer if gemma else LlamaTokenizer
    backend = kind(vocab=vocab, merges=merges).backend_tokenizer
    return tokenizers.Tokenizer.from_str(backend.to_str())


@pytest.fixture(scope="session")
def pair(family_folder: Callable[[str], Path]) -> Callable[[str], tuple[Tokenizer, Any]]:
    """A family's tokenizer, and transformers' from the same folder."""
    from transformers import AutoTokenizer

    made: dict[str, tuple[Tokenizer, Any]] = {}

    def build(name: str) -> tuple[Tokenizer, Any]:
        if name not in made:
            folder = family_folder(name)
            made[name] = Tokenizer.from_folder(folder), AutoTokenizer.from_pretrained(folder)
        return made[name]

    return build
