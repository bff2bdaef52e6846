"""What is a yes to "is that right?", and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.language.assent import assent

SAID = {
    "yes": ["y", "yess", "Yes, that's right", "ok", "sounds good", "no problem", "why not?", "👍",
            "nothing to change, all right", "go for it", "是的", "没问题", "好的"],
    "no": ["n", "no no no", "that's wrong", "not right", "I don't think so", "of course not",
           "isn’t correct", "please don't", "stop", "👎", "不对", "untrue"],
    "mixed": ["yes, no", "no, yes", "ok but no", "yes, if it is free", "yes?", "sure, maybe",
              "right, except the day", "yes please don't"],
    "none": ["", "???", "thank you", "blue", "AB-1234", "\x00"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [(text, said) for said, texts in SAID.items() for text in texts]
)
def test_what_is_said(text: str, said: str) -> None:
    assert assent(text) == said
    assert assent(text.upper()) == said


@given(st.sampled_from(SAID["yes"]), st.sampled_from([t for t in SAID["no"] if t != "n"]))
def test_a_yes_beside_a_no_is_never_a_yes(yes: str, no: str) -> None:
    assert assent(f"{yes}. {no}") != "yes"
    assert assent(f"{no}, {yes}") != "yes"
