"""Persona files: what they say, and what is said of their mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.persona import (
    DEFAULT,
    Persona,
    Personas,
    Sampling,
    Unreadable,
    parse,
    read,
)
from fireside.errors import BadRequest, NotFound

GOOD = """
name = "clerk"
instructions = "Be brief."

[sampling]
temperature = 0.2
"""


def test_a_file_is_a_persona(tmp_path: Path) -> None:
    persona = parse(GOOD, origin="clerk.toml")
    assert (persona.name, persona.instructions) == ("clerk", "Be brief.")
    assert persona.sampling.under({}) == {"temperature": 0.2}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, (60, 300)),
        ({"max_tokens": None}, (60, 300)),
        ({"max_tokens": 20}, (20, 20)),  # who wants less gets less
        ({"max_tokens": 100}, (60, 100)),
        ({"min_tokens": 90, "max_tokens": 20}, (90, 20)),  # which is refused later, by name
    ],
)
def test_what_is_asked_stands_above_the_persona(
    asked: dict[str, Any], found: tuple[int, int]
) -> None:
    sampling = Sampling(temperature=0.2, min_tokens=60, max_tokens=300)
    values = sampling.under({"temperature": 0.5, **asked})
    assert (values["min_tokens"], values["max_tokens"]) == found
    assert values["temperature"] == 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("instrctions = 'x'", "p.toml, line 1: there is no key 'instrctions': did you mean "
         "'instructions'?"),
        ("name = 'a'\n\n[sampling]\n# why\ntemprature = 0.5", "p.toml, line 5: there is no key "
         "'sampling.temprature': did you mean 'sampling.temperature'?"),
        ("sampling.temperature = 9.5", "p.toml, line 1: sampling.temperature: Input should be "
         "less than or equal to 2."),
        ("[sampling]\nmax_tokens = 5\nmin_tokens = 9", "p.toml, line 3: sampling.min_tokens: "
         "min_tokens must not be more than max_tokens."),
        ("name = 'a'\nlanguage = 7", "p.toml, line 2: language: Input should be a valid string."),
        ("[sampling\n", "p.toml is not valid TOML:"),
        ("a = " + "[" * 3000 + "]" * 3000, "p.toml is nested too deeply."),
        ("[task]\nkind = 'summarize'", "p.toml, line 2: task.kind: Input should be 'chat', "
         "'summarise', 'translate', 'write' or 'classify'; did you mean 'summarise'?"),
        ("name = 'No Spaces'", "p.toml, line 1: name: String should match pattern"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(text, origin="p.toml")
    assert caught.value.message.startswith(said)
    assert "\n" not in caught.value.message


@given(st.text(max_size=200))
def test_any_text_is_a_persona_or_a_bad_request(text: str) -> None:
    found: Persona | None = None
    try:
        found = parse(text, origin="any.toml")
    except BadRequest as error:
        said = error.message
    assert found is not None or said.startswith("any.toml")


def test_a_file_gives_its_name(tmp_path: Path) -> None:
    (tmp_path / "clerk.toml").write_text("instructions = 'x'")
    assert read(tmp_path / "clerk.toml").name == "clerk"
    personas = Personas(tmp_path)
    assert personas.get("clerk").instructions == "x"
    assert personas.get("default") is DEFAULT
    with pytest.raises(NotFound, match=r"There is no persona 'clark'. Near: clerk"):
        personas.get("clark")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRequest, match=r"a\.toml is not text in UTF-8"):
        read(tmp_path / "a.toml")
    with pytest.raises(NotFound):
        read(tmp_path / "none.toml")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfdescription = 'x'")
    assert read(tmp_path / "a.toml").description == "x"


def test_the_list_goes_on_past_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "dir.toml").mkdir()
    (tmp_path / "gone.toml").symlink_to("nowhere")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    (tmp_path / "typo.toml").write_text("nme = 'a'")
    (tmp_path / "whole.toml").write_text("description = 'x'")
    personas = Personas(tmp_path)
    problems = {e.name: e.problem for e in personas.listed if isinstance(e, Unreadable)}
    assert [*problems] == ["dir", "gone", "loop", "typo"]
    assert "Is a directory" in problems["dir"]
    assert "no persona file" in problems["gone"]
    assert problems["loop"] == "loop.toml cannot be read: Too many levels of symbolic links."
    assert "did you mean 'name'" in problems["typo"]
    assert {*personas.names} - {*personas.readable} == {*problems}
    with pytest.raises(BadRequest, match=r"loop\.toml cannot be read"):
        personas.get("loop")


def test_every_shipped_persona_reads() -> None:
    personas = Personas()
    for name in personas.names:
        assert personas.get(name).name == name


def test_nobody_leaves_the_folder(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "secret.toml").write_text("name = 'a'")
    with pytest.raises(NotFound):
        Personas(tmp_path / "p").get("../secret")
