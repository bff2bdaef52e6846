"""The engine's laws on the real default model: the same words, come what may."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from fireside.engine.float_runner import FloatRunner
from fireside.engine.load import load_text_model
from fireside.engine.native.runner import NativeRunner
from fireside.engine.params import SamplingParams
from fireside.engine.runner import Chunk, Runner
from fireside.engine.text import TextModel
from fireside.hub import LocalModel
from fireside.messages import Message
from fireside.settings import Settings

GREEDY = SamplingParams(temperature=0.0, max_tokens=24, ignore_eos=True)
QUESTIONS = [
    "Name three colours.",
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "Count from one to ten.",
    "Repeat after me: the cat sat on the mat, the cat sat on the mat, the cat sat on the mat.",
    "Hello!",
    "Explain photosynthesis to a child.",
    "What is 17 + 25?",
    "Give me a recipe for pancakes.",
    "Who wrote Hamlet?",
    "Translate 'good morning' into French.",
    "List the planets of the solar system. " * 12,
    "Why is the sky blue?",
    "Tell me a joke.",
    "What do bees do in winter?",
    "Write a haiku about rain.",
]


@pytest.fixture(scope="module")
def load(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`with load(kv_cache_mib=50) as model`: the default model under these settings."""
    home = tmp_path_factory.mktemp("home")
    local = LocalModel(name="smollm2:135m", path=smollm2_path, format="gguf")

    @contextmanager
    def loading(**changes: Any) -> Iterator[TextModel]:
        plain = {"home": home, "threads": 1, "speculative": False, "kv_cache_mib": 400}
        model = load_text_model(local, Settings(**{**plain, **changes}))
        try:
            yield model
        finally:
            model.engine.stop()

    return loading


@pytest.fixture(scope="module")
def model(load: Any) -> Iterator[TextModel]:
    with load() as loaded:
        yield loaded


def prompts(model: TextModel) -> list[list[int]]:
    return [model.tokenizer.render([Message(role="user", content=q)]).ids for q in QUESTIONS]


def answers(
    model: TextModel, asked: list[list[int]], params: SamplingParams = GREEDY, owner: str = ""
) -> list[str]:
    """All at once."""
    going = [model.generate(ids, params, owner=owner) for ids in asked]
    return ["".join(event.text for event in generation) for generation in going]


@pytest.fixture(scope="module")
def alone(model: TextModel) -> list[str]:
    """Each answer by itself, with nothing in the cache."""
    return [answers(model, [ids], owner=f"alone {n}")[0] for n, ids in enumerate(prompts(model))]


def test_batched_is_single(model: TextModel, alone: list[str]) -> None:
    assert answers(model, prompts(model), owner="batched") == alone


def test_in_pytorch_batched_is_single_too(load: Any) -> None:
    with load(native=False) as model:
        asked = prompts(model)[:6]
        alone = [answers(model, [ids], owner=f"alone {n}")[0] for n, ids in enumerate(asked)]
        assert answers(model, asked, owner="batched") == alone


def test_cached_is_uncached(model: TextModel, alone: list[str]) -> None:
    longest = max(range(len(QUESTIONS)), key=lambda n: len(QUESTIONS[n]))
    ids = prompts(model)[longest]
    for _ in range(2):
        generation = model.generate(ids, GREEDY, owner="cached")
        assert "".join(event.text for event in generation) == alone[longest]
    assert generation.usage.cached_tokens > 60


def test_a_second_turn_is_what_it_would_be_afresh(model: TextModel) -> None:
    params = SamplingParams(temperature=0.0, max_tokens=40)
    talk = [Message(role="user", content=QUESTIONS[6])]
    first = answers(model, [model.tokenizer.render(talk).ids], params, owner="turns")[0]
    talk += [
        Message(role="assistant", content=first),
        Message(role="user", content="And now the other way round."),
    ]
    second = model.tokenizer.render(talk).ids
    generation = model.generate(second, GREEDY, owner="turns")
    continued = "".join(event.text for event in generation)
    assert generation.usage.cached_tokens >= 64
    assert continued == answers(model, [second], owner="afresh")[0]


@pytest.mark.parametrize("prefill_chunk", [16, 100])
def test_chunked_is_whole(load: Any, alone: list[str], prefill_chunk: int) -> None:
    with load(prefill_chunk=prefill_chunk) as model:
        assert answers(model, prompts(model)) == alone


def test_speculative_is_plain(load: Any, model: TextModel) -> None:
    params = SamplingParams(temperature=0.0, max_tokens=48, ignore_eos=True)
    asked = [prompts(model)[n] for n in (4, 3, 11, 14)]
    plain = answers(model, asked, params, owner="plain")
    with load(speculative=True) as speculative:
        # As if rows cost nothing, so that it does speculate whatever this machine measures.
        speculative.engine._cost.observe = lambda rows, seconds: None
        assert [answers(speculative, [ids], params)[0] for ids in asked] == plain
        assert answers(speculative, asked, params, owner="together") == plain
        assert speculative.engine.stats().accepted_tokens > 10


def test_preempted_is_not_preempted(load: Any, model: TextModel) -> None:
    """1024 tokens: sixteen answers and their questions want more."""
    params = SamplingParams(temperature=0.0, max_tokens=40, ignore_eos=True)
    expected = answers(model, prompts(model), params, owner="room")
    bytes_per_number = 2 if isinstance(model.engine.runner, NativeRunner) else 4
    mib = -(-1024 * 2 * 30 * 3 * 64 * bytes_per_number // (1 << 20))
    with load(kv_cache_mib=mib) as tight:
        assert answers(tight, prompts(model), params) == expected
        assert tight.engine.stats().preemptions > 0


def test_seeds_reproduce_in_any_company(model: TextModel) -> None:
    params = SamplingParams(temperature=1.0, seed=7, max_tokens=24, ignore_eos=True)
    ids = prompts(model)[:6]
    single = [answers(model, [one], params, owner="seeds")[0] for one in ids]
    assert answers(model, ids, params, owner="seeds together") == single
    other = SamplingParams(temperature=1.0, seed=8, max_tokens=24, ignore_eos=True)
    assert answers(model, ids[:1], other, owner="seeds")[0] != single[0]


def perplexity(runner: Runner, ids: list[int]) -> float:
    blocks = list(range(-(-len(ids) // runner.block_size)))
    logits = runner.run([Chunk(token_ids=ids, start=0, blocks=blocks, logits=len(ids))])
    losses = torch.nn.functional.cross_entropy(torch.from_numpy(logits[:-1]), torch.tensor(ids[1:]))
    return math.exp(losses.item())


def test_8_bits_read_as_well_as_float32(model: TextModel, load: Any, shared_data: Path) -> None:
    """Perplexity at most 1.01 times that of float32 from the same file, on either runner."""
    play = (shared_data / "tinyshakespeare.txt").read_text(encoding="utf-8")
    spec = (shared_data / "openai_openapi.yaml").read_text(encoding="utf-8")
    news = (shared_data / "sst2_train.tsv").read_text(encoding="utf-8")
    texts = [text[20_000:21_600] for text in (play, spec, news)]
    ids = [model.tokenizer.encode(text)[:300] for text in texts]
    with load(precision="float32") as exact:
        assert isinstance(exact.engine.runner, FloatRunner)
        expected = [perplexity(exact.engine.runner, one) for one in ids]
    with load(native=False) as other:
        runners = (model.engine.runner, other.engine.runner)
        for runner in runners:
            ratios = [
                perplexity(runner, one) / best for one, best in zip(ids, expected, strict=True)
            ]
            assert math.prod(ratios) ** (1 / 3) < 1.01, (runner, ratios)
            assert max(ratios) < 1.03, (runner, ratios)
