"""Preferences and rewards as jobs: the other two methods, from file to model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fireside.server.tuning.jobs import shown
from fireside.storage import Store

from .tuning_base import House, install, lines, until

GRADER = {
    "type": "multi", "name": "m", "calculate_output": "0.5 * like + 0.5 * said",
    "graders": {
        "like": {
            "type": "text_similarity", "name": "like", "input": "{{sample.output_text}}",
            "reference": "{{item.wanted}}", "evaluation_metric": "fuzzy_match",
        },
        "said": {
            "type": "string_check", "name": "said", "input": "{{sample.output_json.a}}",
            "reference": "{{item.wanted}}", "operation": "eq",
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("home")
    install(home / "models", tmp_path_factory.mktemp("base"))
    with Store.open(home / "fireside.db") as store:
        yield House(home, store)


def jsonl(*records: object) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def problems(count: int, **more: object) -> bytes:
    asked = [{"role": "user", "content": "say"}]
    return jsonl(*({"messages": asked, "wanted": "### 1"} | more for _ in range(count)))


def pair(number: int, **more: object) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": f"q{number}"}], **more},
        "preferred_output": [{"role": "assistant", "content": "yes"}],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    }


def rewarded(**hyper: object) -> dict[str, Any]:
    part = {"grader": GRADER, "hyperparameters": {"compute_multiplier": 0.25, **hyper}}
    return {"type": "reinforcement", "reinforcement": part}


def test_rewards_by_a_grader(house: House) -> None:
    held = house.file(problems(2))
    job = house.job(
        problems(10), method=rewarded(n_epochs=1, eval_interval=1), validation_file=held
    )
    until(house.foreman(), lambda: house.now(job).status in ("succeeded", "failed"))
    done = shown(house.now(job))
    assert done["status"] == "succeeded", done["error"]
    told = [event.body["data"] for event in house.events(job)]
    rewards = [data["train_reward_mean"] for data in told if "train_reward_mean" in data]
    assert rewards
    assert all(0 <= reward <= 1 for reward in rewards)
    assert any("valid_reward_mean" in data for data in told)
    assert done["method"]["reinforcement"]["grader"] == GRADER


def test_preferences(house: House) -> None:
    job = house.job(
        jsonl(*map(pair, range(10))),
        method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.3, "batch_size": 5}}},
    )
    until(house.foreman(), lambda: house.now(job).status in ("succeeded", "failed"))
    done = shown(house.now(job))
    assert done["status"] == "succeeded", done["error"]
    assert done["hyperparameters"]["n_epochs"] == 1
    assert len(house.steps(job)) == 2


@pytest.mark.parametrize(
    ("data", "method", "said"),
    [
        (problems(9) + b'\n{"messages": []}', rewarded(), "Line 10: messages is empty"),
        (problems(10).replace(b'"wanted"', b'"w"'), rewarded(), "Line 1: {{item.wanted}}"),
        (problems(10, tools=[{}]), rewarded(), "tools are not supported"),
        (lines(10), rewarded(), "the last turn is the assistant's"),
        (jsonl(pair(0, tools=[{}])), {"type": "dpo"}, "input.tools[0] is a function without"),
        (jsonl(pair(0) | {"preferred_output": "yes"}), {"type": "dpo"}, "preferred_output"),
        (lines(10), {"type": "dpo"}, "unknown field 'messages'"),
    ],
)  # fmt: skip
def test_lines_that_are_wrong(house: House, data: bytes, method: Any, said: str) -> None:
    job = house.job(data, method=method)
    house.foreman()._intake.check(job)
    failed = shown(house.now(job))
    assert failed["status"] == "failed"
    assert said in failed["error"]["message"]
