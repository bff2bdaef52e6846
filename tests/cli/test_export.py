"""`fireside models export` and `fireside tokenizer train`, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hub.small import install

from fireside.model.architecture import ModelConfig, Rope
from fireside.model.save import save_model
from fireside.model.transformer import Transformer
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.save import copy_tokenizer

Run = Callable[..., tuple[int, str, str]]
LINES = "the cat sat on the mat\nthe dog sat on the log\n"


@pytest.fixture
def model(run: Run, tmp_path: Path) -> Path:
    """A random llama with a tokenizer that the command learned."""
    (tmp_path / "lines.txt").write_text(LINES * 20)
    code, out, err = run(
        "tokenizer", "train", "--data", "lines.txt", "--vocab-size", "280", "--out", "tokenizer"
    )
    assert (code, err) == (0, "")
    assert out == "tokenizer: 280 ids from 920 characters\n"
    config = ModelConfig(
        family="llama",
        vocab_size=280,
        width=32,
        num_layers=1,
        num_heads=2,
        num_kv_heads=2,
        head_dim=16,
        mlp_width=32,
        context=32,
        rope=Rope(),
    )
    save_model(Transformer.fresh(config), tmp_path / "model")
    copy_tokenizer(tmp_path / "tokenizer", tmp_path / "model")
    return tmp_path / "model"


def test_hf_and_gguf_are_models_again(run: Run, model: Path) -> None:
    code, out, _ = run("models", "export", "model", "--format", "hf", "--out", "as-hf")
    assert (code, out) == (0, "as-hf\n")
    code, out, _ = run(
        "models", "export", "as-hf", "-f", "gguf", "-t", "q8_0", "-o", "as-gguf", "--json"
    )
    assert code == 0
    assert json.loads(out) == {
        "path": str(Path("as-gguf/as-hf-Q8_0.gguf")),
        "format": "gguf",
        "type": "q8_0",
    }
    facts = json.loads(run("models", "show", "as-gguf", "--json")[1])
    assert (facts["architecture"], facts["context"], facts["quantisation"]) == ("llama", 32, "Q8_0")
    assert facts["adapters"] == []


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("model", "--format", "hf", "--type", "q8_0", "--out", "o"), 2, "--type f32, f16"),
        (("model", "--format", "pickle", "--out", "o"), 2, "'gguf'"),
        (("model", "--format", "gguf", "--out", "model"), 1, "not empty"),
        (("absent", "--format", "gguf", "--out", "o"), 1, "no model"),
        (("model", "--format", "gguf"), 2, "--out"),
    ],
)
def test_wrong_usage_is_one_line(
    run: Run, model: Path, words: tuple[str, ...], code: int, line: str
) -> None:
    found, out, err = run("models", "export", *words)
    assert (found, out) == (code, "")
    assert line in err
    assert err.count("\n") == 1
    assert not Path("o").exists()


def test_embeddings_are_not_exported(run: Run, home: Path) -> None:
    install(home / "models", "minilm:l6", "minilm-l6")
    code, _, err = run("models", "export", "minilm:l6", "--format", "hf", "--out", "o")
    assert code == 2
    assert "only chat models" in err


def test_a_tokenizer_from_two_files_and_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LINES)
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": "more lines"}) + "\n")
    code, out, err = run(
        "tokenizer", "train", "-d", "a.txt", "-d", "b.jsonl", "-n", "5000", "-o", "t", "--json"
    )
    figures = json.loads(out)
    assert code == 0
    assert (figures["wanted"], figures["characters"], figures["whole"]) == (5000, 56, True)
    assert f"{figures['vocab_size']} ids only" in err
    assert Tokenizer.from_folder(tmp_path / "t").vocab_size == figures["vocab_size"]


@pytest.mark.parametrize(
    ("name", "text", "words", "code", "line"),
    [
        ("a.txt", "", (), 2, "empty"),
        ("a.txt", "one line", ("--vocab-size", "12"), 2, "too small"),
        ("b.txt", "one line", (), 1, "a.txt"),
    ],
)
def test_bad_data_is_one_line(
    run: Run, tmp_path: Path, name: str, text: str, words: tuple[str, ...], code: int, line: str
) -> None:
    (tmp_path / name).write_text(text)
    found, _, err = run("tokenizer", "train", "--data", "a.txt", "--out", "t", *words)
    assert found == code
    assert line in err
    assert err.count("\n") == 1
    assert not (tmp_path / "t").exists()
