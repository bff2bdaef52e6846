"""Rules for single tokens are refused by name; what only recommends a way to sample is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fireside.errors import Corrupt, Unsupported
from fireside.model.generation_config import (
    IGNORED,
    TOKEN_RULES,
    recommended_sampling,
    refuse_token_rules,
)


@pytest.mark.parametrize("rule", TOKEN_RULES)
def test_a_rule_is_named(rule: str, tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps({rule: [[7]]}))
    with pytest.raises(Unsupported, match=rule) as caught:
        refuse_token_rules(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {},
        {"suppress_tokens": None, "bad_words_ids": [], "sequence_bias": {}},
        {"do_sample": True, "temperature": 0.7, "repetition_penalty": 1.1, "eos_token_id": [1, 2]},
    ],
)
def test_the_rest_is_left_alone(fields: dict[str, Any] | None, tmp_path: Path) -> None:
    if fields is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(fields))
    refuse_token_rules(tmp_path)


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text("[")
    with pytest.raises(Corrupt):
        refuse_token_rules(tmp_path)


def test_its_sampling_is_followed(tmp_path: Path) -> None:
    fields = {
        "do_sample": True, "temperature": 0.6, "top_p": 0.95, "top_k": 20,
        "repetition_penalty": 1.05, "max_length": 20, "pad_token_id": 0,
    }  # fmt: skip
    (tmp_path / "generation_config.json").write_text(json.dumps(fields))
    assert recommended_sampling(tmp_path) == {
        "temperature": 0.6, "top_p": 0.95, "top_k": 20, "repetition_penalty": 1.05,
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, True, "0.7", -1, 1e9, float("nan"), [0.7]])
def test_a_value_that_makes_no_sense_counts_as_absent(value: Any, tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps({"temperature": value}))
    assert recommended_sampling(tmp_path) == {}
    assert recommended_sampling(tmp_path / "none") == {}


@pytest.mark.parametrize("name", IGNORED)
def test_what_is_ignored_is_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps({name: IGNORED[name]}))
    recommended_sampling(tmp_path)
    assert not caplog.records
    (tmp_path / "generation_config.json").write_text(json.dumps({name: 3}))
    recommended_sampling(tmp_path)
    assert f"ignored: {name} = 3." in caplog.text
