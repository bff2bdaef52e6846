"""`lm-eval` over HTTP gives the scores of our own evaluation room, and the answers of our engine.

`tests/evaluation/test_lm_eval.py` has the same law without a server between.  The model is a small
random one, so that no score is a lucky one and the whole costs seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fireside.evaluation import Evaluated, evaluate, select
from fireside.messages import Message
from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from tests.evaluation.conftest import opened, write_model, write_tokenizer
from tests.server.serving import running

pytest.importorskip("lm_eval")
pytestmark = pytest.mark.filterwarnings("ignore")  # its own deprecations
ITEMS, LETTERS, TOKENS = 24, 160, 12  # the small model's window holds about 200 letters


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("small")
    write_model(made, write_tokenizer(made))
    return made


@pytest.fixture(scope="module")
def small(folder: Path) -> Evaluated:
    return opened(folder)


@pytest.fixture(scope="module")
def chosen(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A server opens no path that a client names, but the one that its settings name."""
    return Settings(model=str(folder), home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def models(chosen: Settings) -> Any:
    from fireside.engine.models import Models

    return Models(chosen)


@pytest.fixture(scope="module")
def url(models: Any, chosen: Settings) -> Iterator[str]:
    with (
        Store.open(chosen.database_path) as store,
        running(create_app(models, store, chosen)) as address,
    ):
        yield address


@pytest.fixture(scope="module")
def rows(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of ARC easy that the small model's window holds."""
    lines = (shared_data / "eval_arc_easy.jsonl").read_text().splitlines()
    found = []
    for row in map(json.loads, lines):
        prompt = f"{row['query']}\nAnswer:"
        if len(prompt) + max(map(len, row["choices"])) < LETTERS:
            found.append({"prompt": prompt, "choices": row["choices"], "gold": row["gold"]})
    path = tmp_path_factory.mktemp("rows") / "arc_easy.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in found[:ITEMS]))
    return path


def harness(kind: str, url: str, folder: Path, **more: Any) -> Any:
    from lm_eval.api.registry import get_model

    return get_model(kind)(
        base_url=url, model=str(folder), tokenizer=str(folder), max_length=256, **more
    )


def asked(model: Any, rows: Path, cache: Path, **task: Any) -> Any:
    import datasets
    import lm_eval

    files = {"data_files": {"test": str(rows)}, "cache_dir": str(cache)}
    whole = {
        "task": "arc", "dataset_path": "json", "dataset_kwargs": files, "test_split": "test",
        "doc_to_text": "{{prompt}}", **task,
    }  # fmt: skip
    before, datasets.config.HF_DATASETS_CACHE = datasets.config.HF_DATASETS_CACHE, cache
    try:
        return lm_eval.simple_evaluate(
            model=model, tasks=[whole], bootstrap_iters=0, apply_chat_template="chat" in task["tag"]
        )
    finally:
        datasets.config.HF_DATASETS_CACHE = before


def test_local_completions(
    url: str, folder: Path, small: Evaluated, rows: Path, tmp_path: Path
) -> None:
    model = harness(
        "local-completions", f"{url}/v1/completions", folder, tokenizer_backend="huggingface"
    )
    theirs = asked(
        model, rows, tmp_path, tag="likelihood", output_type="multiple_choice",
        doc_to_choice="{{choices}}", doc_to_target="gold",
        metric_list=[{"metric": "acc"}, {"metric": "acc_norm"}],
    )["results"]["arc"]  # fmt: skip
    ours = {score.metric: score.value for score in evaluate(small, select([], rows)).scores()}
    assert 0 < ours["accuracy"] < 1
    assert theirs["acc,none"] == pytest.approx(ours["accuracy"])
    assert theirs["acc_norm,none"] == pytest.approx(ours["accuracy_norm"])


def test_local_chat_completions(
    url: str, folder: Path, models: Any, rows: Path, tmp_path: Path
) -> None:
    from fireside.engine.params import SamplingParams

    model = harness("local-chat-completions", f"{url}/v1/chat/completions", folder)
    samples = asked(
        model, rows, tmp_path, tag="chat", output_type="generate_until",
        doc_to_target="{{choices[gold]}}", metric_list=[{"metric": "exact_match"}],
        generation_kwargs={"until": ["###"], "max_gen_toks": TOKENS, "do_sample": False},
    )["samples"]["arc"]  # fmt: skip
    assert len(samples) == ITEMS
    text = models.get(str(folder))
    params = SamplingParams(temperature=0.0, max_tokens=TOKENS)
    for sample in samples:
        said = [Message(role="user", content=sample["doc"]["prompt"])]
        events = text.generate(text.tokenizer.render(said).ids, params)
        assert sample["resps"][0][0] == "".join(event.text for event in events)
