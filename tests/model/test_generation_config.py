"""Rules for single tokens are refused by name; what only recommends a way to sample is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fireside.errors import Corrupt, Unsupported
from fireside.model.generation_config import TOKEN_RULES, refuse_token_rules


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
