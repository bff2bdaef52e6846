"""What we write as GGUF: read back it is the same model, and its bits are the `gguf` package's."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from fireside.errors import BadRequest, Conflict, Corrupt, NotFound, Unsupported
from fireside.hub.gguf import open_gguf
from fireside.hub.local import locate
from fireside.model.architecture import ModelConfig, Rope
from fireside.model.config import config_of
from fireside.model.export_gguf import export_gguf, neighbours
from fireside.model.load import load_model
from fireside.model.save import save_model
from fireside.model.tokenizer import load_tokenizer
from fireside.model.transformer import Transformer
from fireside.tokenizer.save import copy_tokenizer
from fireside.tokenizer.training import train_tokenizer

from .gguf_file import _permuted
from .reference import CASES, local, reference

VOCABULARY = 300


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer") / "t"
    train_tokenizer(["the cat sat on the mat, the cat sat on the hat. " * 50], 290, folder)
    return folder


@pytest.fixture(scope="module", params=sorted(CASES))
def folder(request: pytest.FixtureRequest, tokenizer: Path, tmp_path_factory: Any) -> Path:
    """A model of each family, as transformers saves it."""
    path: Path = tmp_path_factory.mktemp("model") / "m"
    reference(request.param, vocab_size=VOCABULARY).save_pretrained(path)
    copy_tokenizer(tokenizer, path)
    return path


def unexpressible(folder: Path) -> bool:
    """llama.cpp's GPT-2 knows one activation only, its Qwen no windows, its Gemma one scale."""
    config = config_of(local(folder))
    return (
        (config.family == "gpt2" and config.activation == "gelu")
        or (config.family in ("qwen2", "qwen3") and bool(config.sliding_layers))
        or (config.family == "gemma3" and config.attention_scale != config.head_dim**-0.5)
    )


def test_float32_comes_back_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    if unexpressible(folder):
        with pytest.raises(Unsupported, match="GGUF cannot say"):
            export_gguf(local(folder), tmp_path / "out", kind="f32")
        assert not (tmp_path / "out").exists()
        return
    model = load_model(local(folder))
    again = load_model(local(export_gguf(local(folder), tmp_path / "out", kind="f32")))
    assert dataclasses.replace(again.config, family=model.config.family).shapes() == (
        model.config.shapes()
    )
    for name, weight in model.state_dict().items():
        if "norm" in name and model.config.family == "gemma3":  # 1 + weight is stored
            torch.testing.assert_close(again.state_dict()[name], weight, atol=2e-7, rtol=0)
        else:
            assert torch.equal(again.state_dict()[name], weight), name


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
def test_our_reader_and_the_gguf_package_agree_to_the_bit(
    folder: Path, tmp_path: Path, kind: Any
) -> None:
    if unexpressible(folder):
        return
    path = export_gguf(local(folder), tmp_path / "out", kind=kind)
    ours, theirs = open_gguf(path), gguf.GGUFReader(path)
    assert set(ours.tensors) == {tensor.name for tensor in theirs.tensors}
    types = set()
    for tensor in theirs.tensors:
        mine = ours.tensors[tensor.name]
        wanted = gguf.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(mine.dequantize(), wanted.reshape(mine.shape))
        types.add(tensor.tensor_type.name)
    assert types == ({"F32", "F16"} if kind == "f16" else types & {"F32", "F16", "Q8_0"})
    assert kind == "f16" or "Q8_0" in types


def test_the_permutation_is_the_converters() -> None:
    tensor = torch.randn(24, 5)
    assert torch.equal(neighbours(tensor, 6), _permuted(tensor, 4))
    assert torch.equal(neighbours(tensor[:, 0], 6), _permuted(tensor[:, 0], 4))


def test_the_tokenizer_comes_back(tokenizer: Path, tmp_path: Path) -> None:
    reference("llama", vocab_size=VOCABULARY).save_pretrained(tmp_path / "m")
    copy_tokenizer(tokenizer, tmp_path / "m")
    path = export_gguf(local(tmp_path / "m"), tmp_path / "out")
    ours, again = load_tokenizer(local(tmp_path / "m")), load_tokenizer(local(path))
    for text in ("the cat, the hat", " a  b\n\n\té 你好 <|im_end|>", "12345 it's"):
        assert again.encode(text, special=True) == ours.encode(text, special=True)
    assert again.named_ids == ours.named_ids
    assert again.eos_ids == ours.eos_ids
    assert again.special_ids == ours.special_ids
    assert again.chat_template == ours.chat_template
    assert again.vocab_size == VOCABULARY  # filled up to the rows of the embedding
    metadata = open_gguf(path).metadata
    assert metadata["tokenizer.ggml.pre"] == "gpt-2"
    assert list(metadata["tokenizer.ggml.token_type"])[-1] == 5  # type: ignore[arg-type]
    assert metadata["tokenizer.ggml.add_bos_token"] is False


def test_the_folder_is_a_model(tokenizer: Path, tmp_path: Path) -> None:
    reference("gpt2", vocab_size=VOCABULARY).save_pretrained(tmp_path / "m")
    copy_tokenizer(tokenizer, tmp_path / "m")
    path = export_gguf(local(tmp_path / "m"), tmp_path / "out")
    assert path.name == "m-F16.gguf"
    assert locate(str(tmp_path / "out"), tmp_path).path == path


# -- bad input ----------------------------------------------------------------------------------


def small(folder: Path, tokenizer: Path | None, **changes: Any) -> Path:
    config = ModelConfig(
        **{
            "family": "llama",
            "vocab_size": VOCABULARY,
            "width": 32,
            "num_layers": 1,
            "num_heads": 2,
            "num_kv_heads": 2,
            "head_dim": 16,
            "mlp_width": 32,
            "context": 32,
            "rope": Rope(),
            **changes,
        }
    )
    save_model(Transformer.fresh(config), folder)
    if tokenizer:
        copy_tokenizer(tokenizer, folder)
    return folder


def test_our_own_family_has_no_place_in_gguf(tokenizer: Path, tmp_path: Path) -> None:
    folder = small(tmp_path / "m", tokenizer, family="fireside")
    with pytest.raises(Unsupported, match="--format hf"):
        export_gguf(local(folder), tmp_path / "out")


def test_a_tokenizer_that_does_not_fit_is_refused(tokenizer: Path, tmp_path: Path) -> None:
    folder = small(tmp_path / "m", tokenizer, vocab_size=265)
    with pytest.raises(Corrupt, match="only 265 rows"):
        export_gguf(local(folder), tmp_path / "out")


def test_a_model_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"tokenizer\.json"):
        export_gguf(local(small(tmp_path / "m", None)), tmp_path / "out")


def test_numbers_beyond_half_precision_are_refused(tokenizer: Path, tmp_path: Path) -> None:
    folder = small(tmp_path / "m", tokenizer)
    model = load_model(local(folder))
    with torch.no_grad():
        model.model.embed_tokens.weight[3, 4] = 1e6
    save_model(model, tmp_path / "large")
    copy_tokenizer(tokenizer, tmp_path / "large")
    with pytest.raises(BadRequest, match="--type f32"):
        export_gguf(local(tmp_path / "large"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_empty_is_refused(tokenizer: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(Conflict, match="not empty"):
        export_gguf(local(small(tmp_path / "m", tokenizer)), tmp_path / "out")
