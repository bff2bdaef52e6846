"""Agreement with lm-evaluation-harness on the same items: likelihoods, accuracies, bits."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fireside.evaluation import Evaluated, evaluate, select
from fireside.evaluation.loglikelihood import loglikelihoods
from fireside.evaluation.perplexity import measure

from .conftest import TEXT, WINDOW, choice_rows

pytest.importorskip("lm_eval")
# Its own deprecations, and those of what it imports.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def harness(tiny_folder: Path) -> Any:
    import transformers
    from lm_eval.models.huggingface import HFLM

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return HFLM(pretrained=str(tiny_folder), device="cpu", dtype="float32", batch_size=4)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "mine.jsonl"
    long = {"prompt": "x " * WINDOW + "Answer:", "choices": ["the sun", "a"], "gold": 0}
    path.write_text("".join(json.dumps(row) + "\n" for row in [*choice_rows(40), long]))
    return path


@pytest.fixture(scope="module")
def theirs(harness: Any, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What lm-evaluation-harness says of a task over a local file."""
    import datasets
    import lm_eval

    before = datasets.config.HF_DATASETS_CACHE
    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("cache")
    try:
        return lm_eval.simple_evaluate(
            model=harness,
            tasks=[
                {
                    "task": "mine",
                    "dataset_path": "json",
                    "dataset_kwargs": {
                        "data_files": {"test": str(rows)},
                        "cache_dir": str(tmp_path_factory.mktemp("cache")),
                    },
                    "test_split": "test",
                    "output_type": "multiple_choice",
                    "doc_to_text": "{{prompt}}",
                    "doc_to_choice": "{{choices}}",
                    "doc_to_target": "gold",
                    "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
                }
            ],
            bootstrap_iters=10,
        )
    finally:
        datasets.config.HF_DATASETS_CACHE = before


def test_the_same_accuracies_and_errors(tiny: Evaluated, theirs: Any, rows: Path) -> None:
    found = {score.metric: score for score in evaluate(tiny, select([], rows)).scores()}
    expected = theirs["results"]["mine"]
    for ours, name in (("accuracy", "acc"), ("accuracy_norm", "acc_norm")):
        assert found[ours].value == pytest.approx(expected[f"{name},none"], abs=1e-12)
        assert found[ours].stderr == pytest.approx(expected[f"{name}_stderr,none"], abs=1e-9)


def test_the_same_likelihoods_item_by_item(tiny: Evaluated, theirs: Any) -> None:
    for sample in theirs["samples"]["mine"]:
        doc = sample["doc"]
        asked = [tiny.question(doc["prompt"], f" {choice}") for choice in doc["choices"]]
        for ours, (total, greedy) in zip(
            loglikelihoods(tiny.model, asked), sample["filtered_resps"], strict=True
        ):
            assert ours.total == pytest.approx(float(total), abs=1e-3)
            assert ours.greedy == (str(greedy) == "True")


@pytest.mark.parametrize("context", ["", "The old dog ", "It was\n", TEXT[1]])
def test_the_same_borders(tiny: Evaluated, harness: Any, context: str) -> None:
    from lm_eval.api.instance import Instance

    pairs = [(context, answer) for answer in ("the sun", " the sun", " 42, 1,000", "\nx")]
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=0) for pair in pairs
    ]
    ours = loglikelihoods(tiny.model, [tiny.question(*pair) for pair in pairs])
    for (total, greedy), one in zip(harness.loglikelihood(requests), ours, strict=True):
        assert one.total == pytest.approx(total, abs=1e-3)
        assert one.greedy == greedy


@pytest.mark.parametrize("length", [3, 40, 300])
def test_the_same_bits_per_byte(
    tiny: Evaluated, harness: Any, length: int, write: Callable[..., Path]
) -> None:
    from lm_eval.api.instance import Instance

    text = " ".join(TEXT[i % 4] for i in range(length))
    request = Instance(request_type="loglikelihood_rolling", doc={}, arguments=(text,), idx=0)
    (expected,) = harness.loglikelihood_rolling([request], disable_tqdm=True)
    pieces = measure(tiny, [text])
    assert -sum(piece.nats for piece in pieces) == pytest.approx(expected, rel=1e-5)
    found = evaluate(tiny, select([], write("text.txt", text))).evaluations[0].headline
    assert found.value == pytest.approx(-expected / math.log(2) / len(text.encode()), rel=1e-5)
