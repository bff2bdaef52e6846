"""The native core's angles are the model's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fireside.engine.native.rotary import rotary_table
from fireside.model.architecture import LinearScaling, Llama3Scaling, Rope
from fireside.model.positions import rotations

from .small_models import config_of

LLAMA3 = Llama3Scaling(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_context=8192)


@pytest.mark.parametrize("scaling", [None, LinearScaling(factor=4.0), LLAMA3])
def test_cosines_and_sines_are_those_of_the_transformer(scaling) -> None:
    config = replace(config_of("llama"), rope=Rope(theta=500_000.0, scaling=scaling))
    positions = torch.arange(200)[None]
    rotated = rotations(config, positions, torch.float32)[0]
    half = config.head_dim // 2
    theirs = torch.stack((rotated.cos[0, 0, :, :half], rotated.sin[0, 0, :, :half]), dim=-1)
    ours = rotary_table(config, 200)
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs.numpy()).max() < 3e-5  # an angle of 200 has no finer float32
