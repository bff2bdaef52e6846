from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest, NotFound
from fireside.toml_files import without_none
from fireside.training.config import TrainConfig, differences, fields_of, merged

from . import tiny

LEAST = {"run": {"out": "x"}, "data": {"sources": [{"path": "a.txt"}]}}

keys = st.text(min_size=1, max_size=8)
values = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
tables = st.recursive(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), values),
    lambda inner: st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        values | inner | st.lists(inner, min_size=1, max_size=2),
        max_size=4,
    ),
    max_leaves=8,
)


@given(tables)
def test_what_is_written_is_read_back(table: dict[str, Any]) -> None:
    assert tomllib.loads(tomli_w.dumps(without_none(table))) == table


def test_the_whole_config_comes_back(tmp_path: Path) -> None:
    config = tiny.config(
        tmp_path, lora=None, data={"sources": [{"path": "a", "labels": {"0": "bad\n\x7f"}}]}
    )
    assert TrainConfig.of(tomllib.loads(config.toml())) == config
    assert TrainConfig.of(config.plain()) == config


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"schedule": {"warmpu": 3}}, "no key 'schedule.warmpu': did you mean 'schedule.warmup'?"),
        ({"run": {"warmup": 3}}, "there is no key 'run.warmup': did you mean 'schedule.warmup'?"),
        ({"shedule": {}}, "there is no key 'shedule': did you mean 'schedule'?"),
        ({"data": {"sources": [{"path": "a", "wieght": 2}]}}, "you mean 'data.sources.weight'?"),
        ({"validate": {"evry": 1}}, "no key 'validate.evry': did you mean 'validate.every'?"),
        ({"zzz": 1}, "there is no key 'zzz': known are run, data"),
        ({"run": {"minutes": -1}}, "run.minutes: Input should be greater than 0"),
        ({"run": {"minutes": float("nan")}}, "run.minutes: Input should be a finite number"),
        ({"run": {"method": "sft"}}, "sft tunes a model: name it"),
        ({"run": {"method": "ppo"}}, "run.method: Input should be 'pretrain', 'sft'"),
        ({"run": {"base": "smollm2:135m"}}, "pretraining begins with nothing: leave run.base out"),
        ({"lora": {}}, "pretraining begins with nothing: leave lora out"),
        ({"run": {"minutes": 1}, "schedule": {"name": "cosine"}}, "use wsd with minutes"),
        ({"data": {"sources": []}}, "there is nothing to learn from"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        TrainConfig.of(merged(LEAST, wrong), origin="my.toml")
    assert caught.value.message.startswith("my.toml: ")
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    with pytest.raises(NotFound, match="There is no config file"):
        TrainConfig.read(path)
    path.write_text("[run\n")
    with pytest.raises(BadRequest, match="is not valid TOML"):
        TrainConfig.read(path)
    path.write_bytes(b"[run]\nout = '\xff'\n")
    with pytest.raises(BadRequest, match="is not text in UTF-8"):
        TrainConfig.read(path)


def test_options_stand_above_the_file_and_none_says_nothing() -> None:
    below = {"run": {"out": "a", "seed": 1}, "data": {"sources": [{"path": "x"}]}}
    above = {"run": {"out": "b", "seed": None}, "schedule": {"steps": 3}}
    assert merged(below, above) == {
        "run": {"out": "b", "seed": 1},
        "data": {"sources": [{"path": "x"}]},
        "schedule": {"steps": 3},
    }


def test_differences_are_named_from_both_sides() -> None:
    one = {"run": {"out": "a", "seed": 1}, "batch": {"rows": 2}}
    other = {"run": {"out": "a", "seed": 2}, "schedule": {"steps": 3}}
    assert differences(one, other) == ["run.seed", "batch.rows", "schedule.steps"]
    assert differences(one, one) == []


def test_every_field_is_in_the_docs() -> None:
    page = Path(__file__).parents[2] / "docs" / "training.md"
    text = page.read_text(encoding="utf-8")
    absent = [name for name in fields_of(TrainConfig) if f"`{name.rpartition('.')[2]}`" not in text]
    assert absent == []
