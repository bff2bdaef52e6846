"""TOML files: a mistake is one line with its place and the nearest name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from fireside.errors import BadRequest, NotFound
from fireside.toml_files import parse_toml, read_text_file, read_toml_model, without_none


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid")
    weight: int = 1


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["chat", "summarise"] = "chat"
    rows: tuple[Row, ...] = ()
    by_name: dict[str, Row] = Field(default_factory=dict)


class File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    table: Table = Table()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nam = 'x'", "f.toml, line 1: there is no key 'nam': did you mean 'name'?"),
        ("name = 'x'\nweight = 3", "f.toml, line 2: there is no key 'weight': did you mean "
         "'table.rows.weight' or 'table.by_name.weight'?"),
        ("name = 'x'\nzzz = 1", "f.toml, line 2: there is no key 'zzz': known are name, table."),
        ("name = 'x'\n[table]\nkind = 'sumarise'", "f.toml, line 3: table.kind: Input should be "
         "'chat' or 'summarise'; did you mean 'summarise'?"),
        ("name = 'x'\n[table.by_name.a]\nwieght = 2", "f.toml, line 3: there is no key "
         "'table.by_name.a.wieght': did you mean 'table.by_name.a.weight'?"),
        ("[table]\nkind = 'chat'", "f.toml: name: Field required."),
        ("a = " + "[" * 3000 + "]" * 3000, "f.toml is nested too deeply."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_toml_model(text, File, origin="f.toml", param="file")
    assert caught.value.message == message
    assert caught.value.param == "file"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no persona file"):
        read_text_file(tmp_path / "none.toml", param="persona")
    with pytest.raises(BadRequest, match="cannot be read"):
        read_text_file(tmp_path, param="file")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(BadRequest, match=r"latin\.toml is not text in UTF-8"):
        read_text_file(path, param="file")
    path.write_bytes(b"\xef\xbb\xbfname = 'x'")
    assert read_text_file(path, param="file") == "name = 'x'"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(BadRequest, match=r"f\.toml is not valid TOML"):
            parse_toml(text, origin="f.toml", param="file")
    else:
        assert parse_toml(text, origin="f.toml", param="file") == expected


def test_none_is_left_out_at_any_depth() -> None:
    table = {"a": None, "b": {"c": None, "d": 1}, "rows": [{"e": None, "f": "x"}]}
    assert tomllib.loads(tomli_w.dumps(without_none(table))) == {
        "b": {"d": 1},
        "rows": [{"f": "x"}],
    }
