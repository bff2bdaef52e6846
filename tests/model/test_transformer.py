"""The law of this room: our float32 logits are those of transformers, however we are asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from fireside.model.architecture import ModelConfig
from fireside.model.cache import DenseCache
from fireside.model.transformer import Transformer

from .reference import random_ids

Pair = tuple[Any, Transformer]
TOLERANCE = {"atol": 1e-4, "rtol": 0.0}
LENGTHS = (3, 17, 9, 1)


def test_whole_sequence(pair: Pair) -> None:
    theirs, model = pair
    ids = random_ids(3, 20)
    torch.testing.assert_close(model(ids), theirs(ids).logits, **TOLERANCE)


def test_token_by_token(pair: Pair) -> None:
    theirs, model = pair
    ids, cache = random_ids(2, 14), DenseCache()
    steps = [
        model(token, positions=cache.extend(torch.ones_like(token)), cache=cache)
        for token in ids.split(1, dim=1)
    ]
    torch.testing.assert_close(torch.cat(steps, dim=1), theirs(ids).logits, **TOLERANCE)


def test_in_chunks(pair: Pair) -> None:
    theirs, model = pair
    ids, cache = random_ids(1, 19), DenseCache()
    steps = [
        model(chunk, positions=cache.extend(torch.ones_like(chunk)), cache=cache)
        for chunk in ids.split([7, 1, 8, 3], dim=1)
    ]
    torch.testing.assert_close(torch.cat(steps, dim=1), theirs(ids).logits, **TOLERANCE)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_batch_is_each_alone(pair: Pair, side: str) -> None:
    theirs, model = pair
    rows = [random_ids(1, length, seed=length) for length in LENGTHS]
    ids, mask = _padded(rows, side)
    logits = model(ids, mask=mask)
    for row, whole, real in zip(rows, logits, mask, strict=True):
        torch.testing.assert_close(whole[real][None], theirs(row).logits, **TOLERANCE)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_batch_goes_on_with_a_cache(pair: Pair, side: str) -> None:
    theirs, model = pair
    rows = [random_ids(1, length, seed=length) for length in LENGTHS]
    more = random_ids(len(rows), 6, seed=99)
    ids, mask = _padded(rows, side)
    cache = DenseCache()
    model(ids, positions=cache.extend(mask), cache=cache)
    steps = [
        model(token, positions=cache.extend(torch.ones_like(token)), cache=cache)
        for token in more.split(1, dim=1)
    ]
    found = torch.cat(steps, dim=1)
    for i, row in enumerate(rows):
        expected = theirs(torch.cat((row, more[i : i + 1]), dim=1)).logits[:, row.shape[1] :]
        torch.testing.assert_close(found[i : i + 1], expected, **TOLERANCE)


def test_padding_of_transformers_agrees(pair: Pair) -> None:
    """The reference's own padded batch, positions counted from the first token."""
    theirs, model = pair
    ids, mask = _padded([random_ids(1, n, seed=n) for n in LENGTHS], "left")
    positions = (mask.long().cumsum(1) - 1).clamp_min(0)
    expected = theirs(ids, attention_mask=mask.long(), position_ids=positions).logits
    torch.testing.assert_close(model(ids, mask=mask)[mask], expected[mask], **TOLERANCE)


def test_far_positions(pair: Pair) -> None:
    """Where rope scalings and thetas tell: tokens thousands of positions apart."""
    theirs, model = pair
    ids = random_ids(2, 16)
    positions = (torch.arange(16) * (model.config.context // 16)).expand(2, -1)
    mask = torch.ones_like(ids)  # without it transformers takes each jump for a new document
    expected = theirs(ids, position_ids=positions, attention_mask=mask).logits
    torch.testing.assert_close(model(ids, positions=positions), expected, **TOLERANCE)


def test_logits_at_are_those_rows(pair: Pair) -> None:
    _, model = pair
    ids = random_ids(2, 8)
    rows = torch.tensor([7, 0, 15])
    torch.testing.assert_close(model(ids, logits_at=rows), model(ids).flatten(0, 1)[rows])


def test_parameters_are_those_that_the_config_names(pair: Pair) -> None:
    _, model = pair
    found = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    assert found == model.config.shapes()


@torch.enable_grad()
def test_gradients_are_those_of_transformers(pair: Pair) -> None:
    theirs, model = pair
    ids, targets = random_ids(2, 12), random_ids(2, 12, seed=5)
    grads = []
    for logits, network in ((theirs(ids).logits, theirs), (model(ids), model)):
        network.zero_grad()
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        grads.append(torch.stack([weight.grad.norm() for weight in network.parameters()]).norm())
        assert all(weight.grad is not None for weight in network.parameters())
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-4, atol=0.0)


@torch.enable_grad()
def test_padding_gives_finite_gradients(pair: Pair) -> None:
    _, model = pair
    ids, mask = _padded([random_ids(1, n, seed=n) for n in LENGTHS], "left")
    model.zero_grad()
    model(ids, mask=mask)[mask].logsumexp(-1).sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters())


def test_fresh_is_the_same_for_the_same_seed(pair: Pair) -> None:
    config = pair[1].config
    ids = random_ids(1, 5)
    first, again = Transformer.fresh(config, seed=3), Transformer.fresh(config, seed=3)
    assert torch.equal(first(ids), again(ids))
    assert not torch.equal(first(ids), Transformer.fresh(config, seed=4)(ids))


def test_fresh_knows_nothing() -> None:
    """Untrained logits are close to uniform, at any depth."""
    shape = {"vocab_size": 97, "width": 64, "num_heads": 4, "num_kv_heads": 2, "head_dim": 16}
    config = ModelConfig(
        family="fireside", num_layers=24, mlp_width=128, context=32, positions="learned", **shape
    )
    loss = torch.nn.functional.cross_entropy(
        Transformer.fresh(config)(random_ids(8, 32)).flatten(0, 1),
        random_ids(8, 32, seed=2).flatten(),
    )
    assert abs(loss.item() - torch.tensor(97.0).log().item()) < 0.1


def test_a_cache_wants_positions_and_no_mask() -> None:
    config = ModelConfig(
        family="fireside", vocab_size=9, width=4, num_layers=1, num_heads=1, num_kv_heads=1,
        head_dim=4, mlp_width=4, context=8, positions="sinusoidal",
    )  # fmt: skip
    model, ids = Transformer.fresh(config), torch.zeros(1, 2, dtype=torch.long)
    with pytest.raises(ValueError, match="positions"):
        model(ids, cache=DenseCache())
    with pytest.raises(ValueError, match="extend"):
        model(ids, positions=torch.zeros_like(ids), cache=DenseCache())


def _padded(rows: list[Tensor], side: str) -> tuple[Tensor, Tensor]:
    longest = max(row.shape[1] for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, row in enumerate(rows):
        where = slice(longest - row.shape[1], None) if side == "left" else slice(row.shape[1])
        ids[i, where], mask[i, where] = row[0], True
    return ids, mask
