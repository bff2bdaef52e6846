"""LoRA and DoRA against PEFT on the same tensors, and the laws of merging."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fireside.errors import BadRequest, Conflict
from fireside.model.lora import (
    LoraConfig,
    LoraLinear,
    adapter_parameters,
    adapters,
    inject,
    merge,
    unmerge,
    without_adapters,
)
from fireside.model.save import hf_tensors
from fireside.model.transformer import Transformer

from .adapted import peft_of, randomised, stored_gradients
from .reference import ours, random_ids, reference

KINDS = [
    ("llama", ("q_proj", "v_proj")),
    ("llama", ()),
    ("llama-biases", ()),
    ("qwen3", ("o_proj", "down_proj")),
    ("gpt2", ("q_proj", "k_proj", "v_proj")),
    ("gpt2", ("v_proj",)),
    ("gpt2", ("o_proj", "up_proj")),
    ("gpt2", ()),
]


def adapted(case: str, folder: Path, **config: Any) -> Transformer:
    model = ours(reference(case), folder / "base")
    inject(model, LoraConfig(**{"rank": 4, "alpha": 6.0, **config}), seed=3)
    randomised(model)
    return model


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize(("case", "targets"), KINDS)
def test_logits_and_gradients_are_pefts(
    case: str, targets: tuple[str, ...], dora: bool, tmp_path: Path
) -> None:
    model = adapted(case, tmp_path, targets=targets, dora=dora)
    theirs = peft_of(model, reference(case), tmp_path / "adapter")
    ids = random_ids(2, 9)
    with torch.enable_grad():
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        logits = theirs(input_ids=ids[:, :-1]).logits
        F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
    torch.testing.assert_close(model(ids[:, :-1]), logits.detach(), atol=1e-5, rtol=1e-5)
    gradients = stored_gradients(model)
    found = {
        name.replace(".default", "").removesuffix(".weight"): parameter.grad
        for name, parameter in theirs.named_parameters()
        if parameter.requires_grad
    }
    assert set(found) == set(gradients)
    for name, gradient in gradients.items():
        torch.testing.assert_close(
            gradient, _blocks_only(name, found[name], gradients), atol=1e-5, rtol=1e-4
        )


def _blocks_only(name: str, theirs: Tensor, gradients: dict[str, Tensor]) -> Tensor:
    """PEFT's B of a fused linear also learns outside our blocks, where ours has no parameter."""
    ours_lacks = "c_attn" in name and not name.endswith("lora_A")
    return theirs * (gradients[name] != 0) if ours_lacks else theirs


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("case", ["llama-biases", "gpt2"])
def test_fresh_adapters_change_nothing(case: str, dora: bool, tmp_path: Path) -> None:
    model = ours(reference(case), tmp_path)
    ids = random_ids(2, 9)
    before = model(ids)
    inject(model, LoraConfig(rank=2, dora=dora))
    torch.testing.assert_close(model(ids), before, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("case", ["llama-biases", "gpt2"])
def test_merged_is_base_and_adapter_and_unmerge_gives_the_bits_back(
    case: str, dora: bool, dtype: torch.dtype, tmp_path: Path
) -> None:
    model = adapted(case, tmp_path, dora=dora).to(dtype)
    ids = random_ids(2, 9)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with without_adapters(model):
        base = model(ids)
    unmerged = model(ids)
    merge(model)
    if dtype == torch.float32:
        torch.testing.assert_close(model(ids), unmerged, atol=2e-5, rtol=1e-5)
    with without_adapters(model):
        assert torch.equal(model(ids), base)
    with pytest.raises(Conflict):
        merge(model)
    unmerge(model)
    assert all(torch.equal(model.state_dict()[name], old) for name, old in before.items())
    assert torch.equal(model(ids), unmerged)
    with pytest.raises(Conflict):
        unmerge(model)


def test_only_the_adapter_learns_and_the_seed_decides_it(tmp_path: Path) -> None:
    first, again = (ours(reference("llama"), tmp_path / str(i)) for i in range(2))
    inject(first, LoraConfig(rank=4, dora=True), seed=5)
    inject(again, LoraConfig(rank=4, dora=True), seed=5)
    learning = {name for name, p in first.named_parameters() if p.requires_grad}
    assert learning == set(adapter_parameters(first))
    assert len(adapters(first)) == 3 * 7
    for name, parameter in adapter_parameters(first).items():
        assert torch.equal(parameter, adapter_parameters(again)[name])
    other = ours(reference("llama"), tmp_path / "other")
    inject(other, LoraConfig(rank=4), seed=6)
    name = next(iter(adapter_parameters(other)))
    assert not torch.equal(adapter_parameters(first)[name], adapter_parameters(other)[name])


def test_the_model_keeps_its_names(tmp_path: Path) -> None:
    model = adapted("gpt2", tmp_path)
    assert set(hf_tensors(model.config, dict(model.named_parameters()))) == set(
        hf_tensors(model.config, dict(ours(reference("gpt2"), tmp_path / "x").named_parameters()))
    )


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_dropout_is_the_runs_own_and_only_in_training(dora: bool, tmp_path: Path) -> None:
    model = adapted("llama", tmp_path, dropout=0.5, dora=dora)
    ids = random_ids(1, 9)
    still = model(ids)
    assert torch.equal(model(ids), still)
    model.train()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = model(ids)
    assert not torch.equal(model(ids), first)
    torch.set_rng_state(state)
    assert torch.equal(model(ids), first)
    assert not torch.allclose(first, still)


def test_dropout_leaves_the_mean() -> None:
    """Of DoRA too: the base keeps every input, only the change is thinned."""
    torch.manual_seed(0)
    linear = torch.nn.Linear(8, 6)
    for dora in (False, True):
        part = _one(linear, dora=dora)
        x = torch.randn(3, 8)
        wanted = part.eval()(x)
        part.train()
        mean = torch.stack([part(x) for _ in range(4000)]).mean(0)
        torch.testing.assert_close(mean, wanted, atol=0.1, rtol=0.05)


def _one(linear: torch.nn.Linear, *, dora: bool) -> LoraLinear:
    from fireside.model.lora import Delta

    a, b = torch.randn(2, 8) * 0.3, torch.randn(6, 2) * 0.3
    magnitude = torch.rand(6) + 0.5 if dora else None
    return LoraLinear(linear, Delta(a=a, b=b, alpha=2.0, magnitude=magnitude), dropout=0.3)


def test_what_is_refused(tmp_path: Path) -> None:
    model = ours(reference("llama"), tmp_path)
    with pytest.raises(BadRequest, match="no linear 'lm_head'; they have down_proj, gate_proj"):
        inject(model, LoraConfig(targets=("lm_head",)))
    inject(model, LoraConfig(rank=1))
    with pytest.raises(Conflict, match="adapter already"):
        inject(model, LoraConfig(rank=1))
    for wrong in ({"rank": 0}, {"alpha": 0.0}, {"alpha": float("nan")}, {"dropout": 1.0}):
        with pytest.raises(BadRequest):
            LoraConfig(**wrong)


def test_checkpointed_activations_see_the_same_dropout(tmp_path: Path) -> None:
    model = adapted("llama", tmp_path, dropout=0.4).train()
    ids = random_ids(1, 9)
    gradients = []
    for checkpointed in (False, True):
        torch.manual_seed(2)
        model.zero_grad()
        with torch.enable_grad(), warnings.catch_warnings():
            x = model.model.embed_tokens(ids).requires_grad_()
            part = model.model.layers[0].mlp
            if checkpointed:
                from torch.utils.checkpoint import checkpoint

                x = checkpoint(part, x, use_reentrant=False)
            else:
                x = part(x)
            x.square().sum().backward()
        gradients.append(adapters(model)["model.layers.0.mlp.up_proj"].lora_b.grad)
    assert torch.equal(*gradients)
