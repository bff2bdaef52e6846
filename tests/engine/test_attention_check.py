"""The check at load finds what breaks the law, and takes the fastest shapes that keep it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from fireside.engine import attention_check
from fireside.engine.attention_check import choose_shapes
from fireside.engine.attention_shapes import CANDIDATES, FASTEST, AttentionShapes

from .small_models import config_of

CONFIG = config_of("llama", head_dim=64, num_heads=9, num_kv_heads=3)


def test_shapes_that_split_sums_elsewhere_are_found() -> None:
    """Whole vectors alone: between 192 and 512 keys PyTorch's products end elsewhere."""
    if not choose_shapes(CONFIG, 1).keeps_order:
        pytest.skip("no shapes keep the order on this processor")
    every_vector = AttentionShapes(key_lengths=tuple(range(16, 513, 16)), query_multiple=32)
    assert not choose_shapes(CONFIG, 1, (every_vector,)).keeps_order


def test_the_last_candidate_is_taken_without_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    attention_check._choose.cache_clear()
    monkeypatch.setattr(attention_check._Attention, "keeps_order", lambda self, shapes: False)
    checked = choose_shapes(CONFIG, 1)
    attention_check._choose.cache_clear()
    assert (checked.shapes, checked.keeps_order) == (CANDIDATES[-1], False)


def test_the_number_of_threads_is_as_before() -> None:
    before = torch.get_num_threads()
    attention_check._choose.cache_clear()
    choose_shapes(CONFIG, before + 1)
    assert torch.get_num_threads() == before


LAW = """
import random, sys
import torch
from tests.engine.test_int8_runner import runner_of, feed
from tests.engine.small_models import random_ids
torch.set_num_threads(1)
runner, ids = runner_of("SmolLM2-135M", num_blocks=24), random_ids(600)
whole = feed(runner, ids, [600])
same = [torch.equal(feed(runner, ids, cuts), whole) for cuts in ([520], [33] * 20, [129] * 5)]
print(runner.is_exact, runner.shapes.key_lengths, all(same))
"""


@pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="int8 needs VNNI")
@pytest.mark.parametrize("variable", ["COMPATIBLE", "AUTO,STRICT"])
def test_the_promise_holds_with_the_kernels_of_other_processors(variable: str) -> None:
    """MKL_CBWR stands in for processors of another maker: the fastest shapes fail under it."""
    done = subprocess.run(
        [sys.executable, "-c", LAW],
        env={**os.environ, "MKL_CBWR": variable},
        capture_output=True,
        text=True,
        check=True,
    )
    is_exact, *_, is_same = done.stdout.split()
    assert is_exact == is_same == "True" or is_exact == "False"


def test_speed_may_be_asked_for() -> None:
    assert choose_shapes(CONFIG, 1, (FASTEST,)).shapes == FASTEST
