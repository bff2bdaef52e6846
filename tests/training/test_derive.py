from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.model.transformer import Transformer
from fireside.training.before import too_short
from fireside.training.calibrate import depth_for
from fireside.training.config import TrainConfig, merged
from fireside.training.derivation import Derivation, Measured
from fireside.training.derive import finetuning, pretraining
from fireside.training.memory import parameters
from fireside.training.schedules import Schedule
from fireside.training.sizes import (
    DEEPEST,
    architecture,
    best_depth,
    flops_per_token,
    shape,
    vocabulary,
)


def asked(**over: Any) -> TrainConfig:
    least = {"run": {"out": "x"}, "data": {"sources": [{"path": "a.txt"}]}}
    return TrainConfig.of(merged(least, over))


def sized(depth: int, **over: Any) -> Derivation:
    found = Derivation(asked(**over))
    shape(found, depth, 10**9)
    return found


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@given(depth=st.integers(1, DEEPEST))
def test_every_depth_makes_a_model(family: str, depth: int) -> None:
    found = sized(depth, model={"family": family})
    config = architecture(found.config, found.config.tokenizer.vocab_size or 0)
    assert config.num_layers == depth
    assert config.width == 64 * depth
    assert config.num_heads * config.head_dim == config.width
    assert config.context == found.config.data.length
    assert config.vocab_size % 64 == 0


def test_a_deeper_one_is_larger_in_everything() -> None:
    configs = [architecture(sized(d).config, sized(d).config.tokenizer.vocab_size or 0)
               for d in range(1, DEEPEST)]  # fmt: skip
    for name in ("width", "mlp_width", "context", "vocab_size"):
        values = [getattr(config, name) for config in configs]
        assert values == sorted(values)


def test_what_is_set_stays_and_is_not_explained() -> None:
    found = sized(4, model={"width": 96, "heads": 3}, tokenizer={"vocab_size": 500})
    part = found.config.model
    assert (part.layers, part.width, part.heads) == (4, 96, 3)
    assert found.config.tokenizer.vocab_size == 500
    said = " ".join(found.lines)
    assert "model.layers" in said
    assert "model.width" not in said
    assert "vocab_size" not in said


def test_deriving_twice_changes_nothing() -> None:
    once = sized(3)
    model = architecture(once.config, 512)
    known = Measured(tokens=100_000, tokens_per_second=1000.0, seconds=60.0)
    pretraining(once, model, known)
    again = Derivation(once.config)
    shape(again, 5, 10)
    pretraining(again, model, Measured(tokens=7, tokens_per_second=1.0, seconds=1.0))
    assert again.config == once.config


def test_a_small_corpus_makes_a_small_vocabulary() -> None:
    matrices = 10**8
    small, why = vocabulary(matrices, 768, 1_000_000)
    large, _ = vocabulary(matrices, 768, None)
    assert small == 2000 // 64 * 64
    assert "500 bytes" in why
    assert large > 5 * small
    assert vocabulary(1, 1, 1)[0] == 320


def test_flops_are_six_for_each_weight_of_a_product() -> None:
    config = architecture(sized(2).config, 512)
    matrices = sum(p.numel() for p in Transformer(config).parameters() if p.ndim == 2)
    vectors = parameters(config) - matrices
    assert flops_per_token(config, 0) == pytest.approx(6 * (matrices + vectors))
    more = flops_per_token(config, 100) - flops_per_token(config, 0)
    assert more == 6 * config.num_layers * 100 * config.width


def test_the_depth_whose_tokens_are_twenty_for_each_parameter() -> None:
    sizes = {d: float(d**3 * 50_000) for d in range(1, 9)}
    speed = 1e11
    # 6 N × 20 N = C, so N = sqrt(C / 120)
    seconds = 120 * sizes[5] ** 2 / speed
    assert best_depth(dict.fromkeys(sizes, speed), sizes, seconds) == 5
    assert best_depth(dict.fromkeys(sizes, speed), sizes, seconds / 1e6) == 1
    assert best_depth(dict.fromkeys(sizes, speed), sizes, seconds * 1e6) == 8


def test_of_a_small_text_eight_epochs_are_enough() -> None:
    sizes = {d: float(d**3 * 50_000) for d in range(1, 9)}
    speed, corpus = dict.fromkeys(sizes, 1e11), 1e6
    seconds = 6 * sizes[4] * 8 * corpus / 1e11
    assert best_depth(speed, sizes, seconds, corpus) == 4
    assert best_depth(speed, sizes, seconds, math.inf) < 4
    assert best_depth(speed, sizes, seconds * 1e6, corpus) == 5  # ten parameters per token
    assert best_depth(speed, sizes, seconds, 1.0) == 1
    assert best_depth(speed, sizes, seconds, 1e12) == best_depth(speed, sizes, seconds)


@pytest.mark.parametrize("seconds", [1.0, 60.0, 600.0, 36_000.0])
def test_more_time_never_makes_a_smaller_model(seconds: float) -> None:
    def model(depth: int) -> Any:
        return architecture(sized(depth).config, 1024)

    def measure(config: Any) -> float:
        return 5e10 / (6 * parameters(config))

    depth, speeds = depth_for(seconds, model, measure)
    deeper, _ = depth_for(seconds * 4, model, measure)
    assert deeper >= depth
    assert depth in speeds


def test_by_depth_the_steps_follow_from_the_model() -> None:
    found = sized(4)
    model = architecture(found.config, 1024)
    pretraining(found, model, Measured(tokens=10**9))
    course, batch = found.config.schedule, found.config.batch.tokens or 0
    assert (course.steps or 0) * batch == pytest.approx(20 * parameters(model), rel=0.01)
    assert batch % (found.config.data.length or 0) == 0
    assert any("Hoffmann et al. 2022" in line for line in found.lines)


def test_few_data_are_not_repeated_for_ever() -> None:
    found = sized(4)
    pretraining(found, architecture(found.config, 1024), Measured(tokens=100_000))
    seen = (found.config.schedule.steps or 0) * (found.config.batch.tokens or 0)
    assert seen == pytest.approx(16 * 100_000, rel=0.01)
    assert any("Muennighoff" in line for line in found.lines)


def test_by_the_clock_the_schedule_is_behind_it() -> None:
    found = sized(4, run={"out": "x", "minutes": 10})
    known = Measured(tokens=10**6, tokens_per_second=10_000.0, seconds=500.0)
    pretraining(found, architecture(found.config, 1024), known)
    course, batch = found.config.schedule, found.config.batch.tokens or 0
    expected = 10_000 * 500 / batch
    by_text = 8 * 10**6 / batch
    assert course.steps == pytest.approx(min(10 * expected, by_text), rel=0.05)
    assert course.decay == pytest.approx(0.4 * course.steps, abs=1)
    assert (course.warmup or 0) <= 0.06 * expected
    assert (found.config.validate_.every or 0) == math.ceil(round(expected) / 10)


def test_a_clock_with_time_to_spare_stops_after_eight_epochs() -> None:
    found = sized(4, run={"out": "x", "minutes": 10})
    known = Measured(tokens=10**6, tokens_per_second=1e5, seconds=500.0)
    pretraining(found, architecture(found.config, 1024), known)
    seen = (found.config.schedule.steps or 0) * (found.config.batch.tokens or 0)
    assert seen == pytest.approx(8e6, rel=0.01)
    assert found.config.optimiser.weight_decay == 1.0


@pytest.mark.parametrize("minutes", [None, 10.0])
def test_epochs_that_are_asked_for_are_made(minutes: float | None) -> None:
    found = sized(4, run={"out": "x", "minutes": minutes}, schedule={"epochs": 3})
    known = Measured(tokens=10**6, tokens_per_second=1e9, seconds=minutes and 60 * minutes)
    pretraining(found, architecture(found.config, 1024), known)
    seen = (found.config.schedule.steps or 0) * (found.config.batch.tokens or 0)
    assert seen == pytest.approx(3e6, rel=0.01)
    assert found.config.optimiser.weight_decay == 0.1


@given(
    tokens=st.integers(1, 10**10),
    speed=st.floats(0.01, 1e9),
    seconds=st.floats(0.01, 1e6) | st.none(),
)
def test_any_corpus_and_any_machine_give_a_schedule(
    tokens: int, speed: float, seconds: float | None
) -> None:
    found = sized(2)
    pretraining(
        found,
        architecture(found.config, 512),
        Measured(tokens=tokens, tokens_per_second=speed, seconds=seconds),
    )
    course = found.config.schedule
    assert course.steps is not None
    schedule = Schedule(
        steps=course.steps, name="wsd", warmup=course.warmup or 0, decay=course.decay
    )
    assert 0 < schedule.factor(0) <= 1
    assert schedule.factor(course.steps - 1) <= 1


@pytest.mark.parametrize("method", ["sft", "dpo", "kto", "grpo", "distill"])
@given(tokens=st.integers(1, 10**8), examples=st.integers(1, 10**6))
def test_any_tuning_has_steps(method: str, tokens: int, examples: int) -> None:
    found = Derivation(asked(run={"out": "x", "method": method, "base": "b"}, data={"length": 128}))
    model = architecture(sized(2).config, 512)
    finetuning(found, model, Measured(tokens=tokens, examples=examples))
    assert (found.config.schedule.steps or 0) >= 1
    assert (found.config.batch.tokens or 0) >= 1
    assert 0 < (found.config.optimiser.learning_rate or 0) < 1e-2


@pytest.mark.parametrize(("seconds", "length"), [(None, 256), (3600.0, 256), (60.0, 64)])
def test_short_chats_have_short_rows_where_time_is_short(
    seconds: float | None, length: int
) -> None:
    run = {"out": "x", "method": "sft", "base": "b"}
    found = Derivation(asked(run=run, data={"length": 1024}))
    known = Measured(
        tokens=100_000, examples=2000, longest=50, tokens_per_second=200.0, seconds=seconds
    )
    finetuning(found, architecture(sized(2).config, 512), known)
    assert found.config.batch.length == length


def test_a_time_that_is_too_short_is_said_before_it_is_spent() -> None:
    assert too_short(60.0, 1.0, 1000) == ""
    assert too_short(math.inf, 100.0, 1000) == ""
    assert too_short(5.0, 1.0, 5) == ""  # all that there is to do
    assert "about 3 steps, too few" in too_short(10.0, 3.0, 1000)
    assert "1 min 20 s more would make 30" in too_short(10.0, 3.0, 1000)
    assert "about 1 step, too few" in too_short(-1.0, 3.0, 1000)


def test_an_adapter_learns_ten_times_as_fast() -> None:
    model = architecture(sized(8).config, 512)
    rates = []
    for lora in (None, {}):
        run = {"out": "x", "method": "sft", "base": "b"}
        found = Derivation(asked(run=run, data={"length": 128}, lora=lora))
        finetuning(found, model, Measured(tokens=1000, examples=10))
        rates.append(found.config.optimiser.learning_rate or 0)
    assert rates[1] == pytest.approx(10 * rates[0])


@given(
    tokens=st.integers(1, 10**9), speed=st.floats(0.1, 1e7), seconds=st.floats(-10, 1e5) | st.none()
)
def test_looks_are_a_small_part_of_the_run(
    tokens: int, speed: float, seconds: float | None
) -> None:
    found = sized(2)
    known = Measured(tokens=tokens, tokens_per_second=speed, seconds=seconds)
    pretraining(found, architecture(found.config, 512), known)
    seen = found.config.validate_.tokens or 0
    assert seen >= 256
    if seconds is not None and seen > 256:
        assert 10 * seen / (3 * speed) <= 0.11 * max(1.0, seconds)
