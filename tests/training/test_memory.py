from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fireside.errors import Unavailable
from fireside.model.architecture import ModelConfig, Rope
from fireside.model.lora import LoraConfig, adapter_parameters, inject
from fireside.model.transformer import Transformer
from fireside.training import memory, resolve
from fireside.training.cross_entropy import linear_cross_entropy
from fireside.training.memory import Workload, check, estimate, parameters, rows_that_fit

LLAMA = ModelConfig(
    family="llama", vocab_size=97, width=32, num_layers=3, num_heads=4, num_kv_heads=2,
    head_dim=8, mlp_width=64, context=64, rope=Rope(),
)  # fmt: skip
GPT2 = ModelConfig(
    family="gpt2", vocab_size=97, width=32, num_layers=2, num_heads=4, num_kv_heads=4,
    head_dim=8, mlp_width=128, context=64, norm="layernorm", activation="gelu_tanh",
    gated_mlp=False, positions="learned", attention_bias=True, output_bias=True, mlp_bias=True,
)  # fmt: skip
QWEN3 = replace(LLAMA, family="qwen3", qk_norm=True)


def kept(config: ModelConfig, rows: int, length: int, *, checkpointing: bool = False) -> int:
    """Bytes that autograd keeps of a forward pass, counted by its own hooks; weights left out."""
    model = Transformer.fresh(config).train()
    model.model.activation_checkpointing = checkpointing
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    seen: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(config.vocab_size, (rows, length))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        hidden = model.hidden(ids)
        loss = linear_cross_entropy(hidden.flatten(0, 1), model.head_weight, ids.flatten())
    assert loss.requires_grad
    return sum(seen.values())


@pytest.mark.parametrize("config", [LLAMA, GPT2, QWEN3], ids=lambda c: c.family)
@pytest.mark.parametrize(("rows", "length"), [(1, 32), (4, 64)])
def test_activations_are_what_autograd_keeps(config: ModelConfig, rows: int, length: int) -> None:
    load = Workload(rows=rows, length=length, trained=parameters(config))
    assert estimate(config, load).activations == pytest.approx(kept(config, rows, length), rel=0.35)


def test_checkpointing_saves_what_the_estimate_says() -> None:
    deep = replace(LLAMA, num_layers=12)
    load = Workload(rows=4, length=64, trained=parameters(deep))
    less = estimate(deep, replace(load, checkpointing=True)).activations
    assert less < 0.4 * estimate(deep, load).activations
    # The hooks see what stays between the layers; the estimate adds the one layer at work.
    assert kept(deep, 4, 64, checkpointing=True) <= less


@pytest.mark.parametrize("config", [LLAMA, GPT2], ids=lambda c: c.family)
def test_parameters_are_the_models(config: ModelConfig) -> None:
    assert parameters(config) == sum(p.numel() for p in Transformer(config).parameters())


@pytest.mark.parametrize("targets", [(), ("q_proj", "v_proj"), ("down_proj",)])
def test_an_adapters_parameters_are_counted_before_it_is_made(targets: tuple[str, ...]) -> None:
    model = Transformer.fresh(LLAMA)
    inject(model, LoraConfig(rank=4, targets=targets))
    made = sum(p.numel() for p in adapter_parameters(model).values())
    assert resolve.adapter_parameters(LLAMA, 4, targets) == made


def test_the_parts_are_the_whole() -> None:
    need = estimate(LLAMA, Workload(rows=2, length=16, trained=parameters(LLAMA), ema=True))
    assert need.total == (
        need.weights + need.gradients + need.optimiser + need.activations + need.logits
    )
    assert need.weights == need.gradients == 4 * parameters(LLAMA)
    assert need.optimiser == 12 * parameters(LLAMA)
    assert str(need).startswith("1 MiB (weights")


def test_rows_are_as_many_as_fit() -> None:
    load = Workload(rows=1, length=64, trained=parameters(LLAMA))
    room = estimate(LLAMA, replace(load, rows=8)).total
    assert rows_that_fit(LLAMA, load, room, most=64) == 8
    assert rows_that_fit(LLAMA, load, room, most=4) == 4
    assert rows_that_fit(LLAMA, load, 0, most=4) == 1


def room_for(load: Workload) -> int:
    return estimate(LLAMA, load).total


FULL = Workload(rows=8, length=64, trained=parameters(LLAMA))
ONE = replace(FULL, rows=1, checkpointing=True)


@pytest.mark.parametrize(
    ("room", "said"),
    [
        (room_for(replace(FULL, rows=2)), "batch.rows = 2 would fit"),
        (room_for(ONE), "run.activation_checkpointing = true with batch.rows = 1 would fit"),
        (room_for(replace(ONE, trained=parameters(LLAMA) // 50)), "--lora with run.activation"),
        (1000, "a model of 0.0 million parameters would fit"),
    ],
)
def test_too_big_says_what_would_fit(room: int, said: str) -> None:
    with pytest.raises(Unavailable) as caught:
        check(LLAMA, FULL, room, tuning=True)
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_what_fits_is_only_reckoned() -> None:
    assert check(LLAMA, FULL, room_for(FULL), tuning=False) == estimate(LLAMA, FULL)


def test_a_container_allows_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "max").write_text("1000\n")
    (tmp_path / "now").write_text("400\n")
    monkeypatch.setattr(memory, "_CGROUP", ((tmp_path / "max", tmp_path / "now"),))
    assert memory.available(torch.device("cpu")) == 600
    (tmp_path / "max").write_text("max\n")
    assert memory.available(torch.device("cpu")) > 600
