"""A step whose requests were all cancelled ends at the next layer, and spoils nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fireside.engine.engine import Engine
from fireside.engine.float_runner import FloatRunner
from fireside.engine.int8 import round_weights
from fireside.engine.int8_runner import Int8Runner
from fireside.engine.params import SamplingParams
from fireside.engine.request import Request
from fireside.engine.runner import Runner

from .small_models import config_of, model_like, random_ids, weights_of

PARAMS = SamplingParams(max_tokens=4, temperature=0.0)


def float_runner() -> Runner:
    return FloatRunner(model_like(config_of("llama", num_layers=6)), num_blocks=64, block_size=8)


def int8_runner() -> Runner:
    config = config_of("llama", num_layers=6)
    return Int8Runner(round_weights(weights_of(config)), num_blocks=16, block_size=32)


class Layers:
    """Cancels at the third layer of the first step, and counts the layers that are asked for."""

    def __init__(self, engine: Engine, cancel: Callable[[], None]) -> None:
        self.asked = 0
        self._is_abandoned = engine._is_abandoned
        self._cancel = cancel
        engine.runner.abandoned = self

    def __call__(self) -> bool:
        self.asked += 1
        if self.asked == 3:
            self._cancel()
        return self._is_abandoned()


def said(request: Request) -> list[int]:
    return [token for step in request for token in step.token_ids]


@pytest.mark.parametrize("made", [float_runner, int8_runner])
def test_a_cancelled_step_ends_at_the_next_layer(made: Callable[[], Runner]) -> None:
    ids = random_ids(60)
    engine = Engine(made(), speculative=False)
    plain = engine.submit(ids, PARAMS)
    while engine.step():
        pass
    expected = said(plain)
    engine = Engine(made(), speculative=False)
    gone = engine.submit(ids, PARAMS)
    layers = Layers(engine, gone.cancel)
    engine.step()
    assert layers.asked == 3
    again = engine.submit(ids, PARAMS)  # the same prompt, whose first run was broken off
    while engine.step():
        pass
    assert [step.finish_reason for step in gone] == ["cancelled"]
    assert said(again) == expected
    assert engine.stats().used_blocks == 0


@pytest.mark.parametrize("made", [float_runner, int8_runner])
def test_a_step_that_somebody_waits_for_goes_on(made: Callable[[], Runner]) -> None:
    engine = Engine(made(), speculative=False)
    gone, stays = engine.submit(random_ids(30), PARAMS), engine.submit(random_ids(31), PARAMS)
    Layers(engine, gone.cancel)
    while engine.step():
        pass
    assert len(said(stays)) == PARAMS.max_tokens


def test_an_engine_with_a_thread_hears_of_it() -> None:
    engine = Engine(float_runner(), speculative=False)
    begun = threading.Event()
    request = engine.submit(random_ids(60), PARAMS)
    layers = Layers(engine, lambda: (request.cancel(), begun.set()))  # type: ignore[arg-type,func-returns-value]
    engine.start()
    try:
        assert begun.wait(300)
        assert [step.finish_reason for step in request] == ["cancelled"]
        assert layers.asked == 3
    finally:
        engine.stop()
