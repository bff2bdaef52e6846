"""docs/settings.md says what fireside/settings.py is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from fireside.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def rows() -> dict[str, list[str]]:
    lines = re.findall(r"^\| `(\w+)` \| `FIRESIDE.*$", PAGE.read_text(encoding="utf-8"), re.M)
    cells = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        parts = [part.strip() for part in line.strip("|").split(" | ")]
        if parts[0].strip("` ") in lines:
            cells[parts[0].strip("` ")] = parts[1:]
    return cells


def test_the_table_is_the_class() -> None:
    table = rows()
    assert list(table) == list(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        variable, values, default, words = table[name]
        assert variable == f"`FIRESIDE_{name.upper()}`"
        assert words == field.description
        if field.default is not PydanticUndefined:
            shown = (
                str(field.default).lower()
                if isinstance(field.default, bool)
                else str(field.default)
            )
            assert default == (f"`{shown}`" if shown else "empty")
        if get_origin(field.annotation) is Literal:
            assert values == ", ".join(f"`{value}`" for value in get_args(field.annotation))
        for bound in field.metadata:
            for limit in (getattr(bound, "ge", None), getattr(bound, "le", None)):
                assert limit is None or str(limit) in values
