"""What the native core is fed with: GGUF files of any types, safetensors, adapters, wrong files."""

from __future__ import annotations

from ctypes import CDLL
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
import transformers

from fireside.engine.native import choice
from fireside.engine.native.packed_weights import open_packed, packed_path
from fireside.engine.native.packing import KINDS, pack_model, why_not_packed
from fireside.engine.native.runner import NativeRunner
from fireside.errors import Corrupt
from fireside.hub import LocalModel
from fireside.model.adapters import save_adapter
from fireside.model.config import config_of
from fireside.model.load import load_model
from fireside.model.lora import LoraConfig, inject
from tests.model.adapted import randomised
from tests.model.gguf_file import write_gguf
from tests.model.reference import local

from .feeding import feed

pytestmark = pytest.mark.skipif(
    bool(choice.why_not_loaded()), reason="the native core is not built: python native/build.py"
)

SIZES: dict[str, Any] = {
    "vocab_size": 112, "num_hidden_layers": 2, "max_position_embeddings": 512, "hidden_size": 64,
    "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}  # fmt: skip
IDS = [n * 37 % 112 for n in range(60)]


@pytest.fixture(scope="module")
def library() -> CDLL:
    return choice.the_library()


def made(family: str = "Qwen2", **changes: Any) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**SIZES | changes)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.3 if weight.ndim > 1 else 0.5)
    return model


def logits(library: CDLL, model: LocalModel, folder: Path) -> torch.Tensor:
    config = config_of(model)
    packed = pack_model(library, model, folder / "packed.native")
    runner = NativeRunner(library, packed, config, num_blocks=24, threads=1)
    return feed(runner, IDS, [len(IDS)])


def assert_near(ours: torch.Tensor, model: LocalModel) -> None:
    with torch.inference_mode():
        theirs = load_model(model)(torch.tensor([IDS]))[0]
    cosines = torch.nn.functional.cosine_similarity(ours, theirs, dim=1)
    assert cosines.mean() > 0.99, cosines
    assert cosines.min() > 0.95, cosines


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "Gemma3Text"])
def test_safetensors_become_8_bits(library: CDLL, tmp_path: Path, family: str) -> None:
    changes = {"head_dim": 16, "sliding_window": 40} if family == "Gemma3Text" else {}
    made(family, **changes).save_pretrained(tmp_path / "folder")
    model = local(tmp_path / "folder")
    assert_near(logits(library, model, tmp_path), model)
    packed = open_packed(tmp_path / "packed.native")
    assert packed is not None
    assert {part.kind for part in packed.parts.values()} == {-1, KINDS["Q8_0"]}


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_other_types_become_8_bits(library: CDLL, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "model.gguf"
    write_gguf(made(), file, gguf.GGMLQuantizationType[kind])
    assert_near(logits(library, local(file), tmp_path), local(file))


def test_an_adapter_counts(library: CDLL, tmp_path: Path) -> None:
    """What it changes becomes 8 bits; the rest keeps the file's."""
    file = tmp_path / "model.gguf"
    write_gguf(made(), file, gguf.GGMLQuantizationType.Q5_0)
    base = load_model(local(file))
    inject(base, LoraConfig(rank=4, alpha=8.0, targets=("up_proj", "q_proj")), seed=3)
    randomised(base)
    save_adapter(base, tmp_path / "adapter", base="test")
    model = LocalModel(name="test", path=file, format="gguf", adapter=tmp_path / "adapter")
    assert_near(logits(library, model, tmp_path), model)
    packed = open_packed(tmp_path / "packed.native")
    assert packed is not None
    kinds = {name: part.kind for name, part in packed.parts.items() if name.startswith("0.")}
    changed = {name for name, kind in kinds.items() if kind == KINDS["Q8_0"]}
    assert changed == {"0.q", "0.gate_up"}
    assert kinds["0.down"] == KINDS["Q5_0"]


def test_a_packed_file_that_is_cut_or_damaged_is_none(library: CDLL, tmp_path: Path) -> None:
    file, path = tmp_path / "model.gguf", tmp_path / "whole.native"
    write_gguf(made(), file, gguf.GGMLQuantizationType.Q8_0)
    pack_model(library, local(file), path)
    content = path.read_bytes()
    cut = tmp_path / "cut.native"
    for length in (0, 10, 200, len(content) - 1):
        cut.write_bytes(content[:length])
        assert open_packed(cut) is None
    damaged = content.replace(b'"offset": 0', b'"offset": 9')
    assert damaged != content
    cut.write_bytes(damaged)
    assert open_packed(cut) is None, "the core would read beyond the end of it"
    assert open_packed(tmp_path / "none.native") is None


def test_where_it_cannot_be_kept_it_is_in_memory(
    library: CDLL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "model.gguf"
    write_gguf(made(), file, gguf.GGMLQuantizationType.Q8_0)
    expected = logits(library, local(file), tmp_path)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, where a folder must be")
    packed = pack_model(library, local(file), blocked / "packed.native")
    runner = NativeRunner(library, packed, config_of(local(file)), num_blocks=24, threads=1)
    assert torch.equal(feed(runner, IDS, [len(IDS)]), expected)
    assert "cannot be kept" in caplog.text


def test_a_newer_file_takes_the_place_of_the_older_one(library: CDLL, tmp_path: Path) -> None:
    file, other = tmp_path / "model.gguf", tmp_path / "other.gguf"
    cache = tmp_path / "cache"
    for each in (file, other):
        write_gguf(made(), each, gguf.GGMLQuantizationType.Q8_0)
        pack_model(library, local(each), packed_path(local(each), cache))
    (cache / "foreign.native").write_text("not ours to read")
    write_gguf(made(), file, gguf.GGMLQuantizationType.Q4_0)
    pack_model(library, local(file), packed_path(local(file), cache))
    assert sorted(cache.iterdir()) == sorted(
        packed_path(local(each), cache) for each in (file, other)
    )


def test_a_file_whose_sizes_contradict_each_other_is_refused(library: CDLL, tmp_path: Path) -> None:
    """The core trusts every size: it would read beyond the end of a matrix."""
    model, file = made(), tmp_path / "hostile.gguf"
    model.config.intermediate_size = 1024
    write_gguf(model, file, gguf.GGMLQuantizationType.Q8_0)
    with pytest.raises(Corrupt, match="has shape"):
        pack_model(library, local(file), tmp_path / "hostile.native")
    assert not list(tmp_path.glob("*.native*"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hidden_size": 512, "num_attention_heads": 32, "num_key_value_heads": 1}, "a size"),
        ({"vocab_size": 113}, "a size"),
        ({"hidden_size": 80}, "a size"),
    ],
)
def test_sizes_that_it_does_not_know(tmp_path: Path, changes: dict[str, int], reason: str) -> None:
    made(**changes).save_pretrained(tmp_path)
    assert reason in why_not_packed(config_of(local(tmp_path)))
