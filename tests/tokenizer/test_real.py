"""The families' own tokenizers and templates: ids, text and chats equal those of transformers.

Where our rule is another one on purpose, a test of its own says so:
- text that a person, a tool or a document brought in never becomes a control token;
- transformers builds Llama 2's tokenizer anew from its class, and gives a text that begins with a
  space one space less; we read the file, as SentencePiece and llama.cpp do;
- bytes that are no UTF-8 become U+FFFD where they stand; the library's ByteFallback spoils the
  sound bytes beside them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend

from fireside.errors import BadRequest, Unsupported
from fireside.messages import Message
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.folder import vocabulary_from_folder
from fireside.tokenizer.write_gguf import gguf_metadata

from . import real
from .chats import CHATS, TOOLS, as_transformers, assistant, system, tool, user
from .corpus import TEXTS

TALKING = sorted(real.ARCHIVES.keys() - {"llama2"})
FAMILIES = sorted(real.ARCHIVES.keys() - {"qwen2_5"})  # whose vocabulary is Qwen 3's
HARD = [
    "def f():\n    if x:\n        return {\n            'a': 1,\n        }\n\treturn\t\tNone\n",
    *("a" + " " * n + "b" for n in (2, 3, 4, 7, 15, 16, 17, 33, 90)),
    *("\n" * n + "x" for n in (2, 3, 5, 31, 40)),
    " \n \n\t\n  x  \r\n\r\n",
    "   leading, and trailing   ",
    "▁ ▁▁ a▁b ▁",
    "e\u0301 é n\u0303 ñ \u1e9b\u0323 Å \u212b ﬁ 가 \u1100\u1161",
    "שלום \u200fעברית\u200e العربية \u202eabc\u202c",
    "👩‍👩‍👧 👨🏿‍🚒 🏳️‍🌈 🇨🇭🇩 ☺️ 🧑‍🦽‍➡️",
    "ที่นี่ नमस्ते தமிழ் 漢字かな交じり文 한국어 𠮷野家 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "\x07\x1b[31m\x7f\x85\u2028\ufeff\u00ad\u200b",
    "x" * 500 + " " + "Donaudampfschifffahrt" * 12,
    "<0x41> <0xE2><0x82> <unused5> [multimodal] <2mass>",
    "0 00 000 0000 12345678901234567890 1,000.50 ²½Ⅷ①",
    "don't DON'T I'LL we'Re l'été 'S 's",
    *(chr(point) for point in (0x378, 0xE000, 0x10FFFF, 0xFFFE, 0x1F9FF)),
    *(bytes([byte]).decode("latin-1") for byte in range(256)),
]


@cache
def pair(name: str) -> tuple[Tokenizer, Any]:
    from transformers import AutoTokenizer

    folder = real.folder_of(name)
    return Tokenizer.from_folder(folder), AutoTokenizer.from_pretrained(folder)


def begins_otherwise(name: str, text: str) -> bool:
    """Whether a stretch between Llama 2's control tokens begins with a space."""
    return name == "llama2" and bool(re.search(r"(^|<s>|</s>|<unk>)[ ▁]", text))


def check(name: str, text: str) -> None:
    """Encoding, decoding, and a stream of every prefix."""
    ours, theirs = pair(name)
    ids = ours.encode(text, special=True)
    if not begins_otherwise(name, text):
        assert ids == theirs.encode(text, add_special_tokens=False), text
    for skip in (True, False):
        whole = theirs.decode(ids, skip_special_tokens=skip)
        assert ours.decode(ids, skip_special=skip) == whole, text
        stream, shown = ours.detokenizer(skip_special=skip), ""
        for one in ids:
            shown += stream.push([one])
            assert whole.startswith(shown), text
        assert shown + stream.finish() == whole


@pytest.mark.parametrize("name", FAMILIES)
def test_hard_texts(name: str) -> None:
    ours, _ = pair(name)
    for text in (*TEXTS, *HARD):
        check(name, text)
    for text in (*TEXTS, *HARD[:30]):
        spelled = ours.decode(ours.encode(text), skip_special=False)
        if "▁" not in text and name not in ("qwen2_5", "qwen3", "command_r_plus"):  # which compose
            assert spelled == text


PARTS = st.sampled_from(
    [" ", "   ", "\n", "\n    ", "\t", "a", "Ab", "1", "é", "e\u0301", "中", "🙂", "\u200d", "▁",
     "'s", "<|im_end|>", "<eos>", "</s>", "<think>", "[INST]", "<|", "|>", "<0x0A>", "\ufffd"]
)  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
@given(st.lists(PARTS, max_size=12).map("".join) | st.text(max_size=30))
@settings(deadline=None, max_examples=25)
def test_any_text(name: str, text: str) -> None:
    check(name, text)


@pytest.mark.parametrize("name", FAMILIES)
def test_each_token_by_itself(name: str) -> None:
    """A sample of the vocabulary, and every token that is not made by merging."""
    ours, theirs = pair(name)
    added = sorted(theirs.added_tokens_decoder)
    assert ours.vocab_size == len(theirs)
    for one in (*range(0, ours.vocab_size, 97), *range(400), *added[:: 1 + len(added) // 500]):
        assert ours.decode([one], skip_special=False) == theirs.decode([one]), one


@pytest.mark.parametrize("name", FAMILIES)
def test_what_goes_before_a_text(name: str) -> None:
    ours, theirs = pair(name)
    assert ours.frame(ours.encode("Hello")) == theirs.encode("Hello")
    named = theirs.special_tokens_map  # the class may know more than the files say
    for key, number in ours.named_ids.items():
        assert number == theirs.convert_tokens_to_ids(named[key])


def test_llama2_keeps_the_space_that_a_text_begins_with() -> None:
    ours, theirs = pair("llama2")
    own = Backend.from_file(str(real.folder_of("llama2") / "tokenizer.json"))
    for text in (" Hello", "    return x", "  "):
        ids = ours.encode(text)
        assert ids == own.encode(text, add_special_tokens=False).ids
        assert ours.decode(ids) == text
        assert theirs.decode(theirs.encode(text, add_special_tokens=False)) == text[1:]


@pytest.mark.parametrize("name", ["gemma3", "llama2"])
def test_half_a_character_spoils_nothing_beside_it(name: str) -> None:
    ours, theirs = pair(name)
    newline, half = (theirs.convert_tokens_to_ids(one) for one in ("<0x0A>", "<0xE2>"))
    assert ours.decode([newline, half, newline]) == "\n\ufffd\n"
    assert theirs.decode([newline, half, newline]) == "\ufffd\ufffd\ufffd"


# -- chats -----------------------------------------------------------------------------------

COHERE_TOOL = {
    "name": "tide",
    "description": "When the tide comes in.",
    "parameter_definitions": {
        "port": {"type": "str", "description": "Where", "required": True},
        "day": {"type": "int", "description": "When", "required": False},
    },
}
THOUGHTS = [
    system("Think."),
    user("2+2?"),
    Message(role="assistant", content="4", reasoning="two and two"),
    user("And 3+3?"),
]
ALL_CHATS = {
    **CHATS,
    "code": [user("Indent:\n\n    x = 1\n\t\ty\n"), assistant("```py\n    x = 1\n```\n")],
    "call at the end": [*CHATS["tools"][:2]],
    "result at the end": [system("S"), *CHATS["tools"][:2], tool("  3 °C\n")],
}


def rendered(name: str, tools: Any) -> Iterator[tuple[str, Any, Any]]:
    import jinja2

    ours, theirs = pair(name)
    if tools and name == "command_r_plus":
        tools = [COHERE_TOOL]  # its `tool_use` template knows Cohere's own shape only
    for label, chat in ALL_CHATS.items():
        for generate in (True, False):
            options: dict[str, Any] = {"tools": tools, "add_generation_prompt": generate}
            try:
                wanted = theirs.apply_chat_template(
                    as_transformers(chat), return_dict=False, **options
                )
            except (jinja2.TemplateError, TypeError):
                with pytest.raises(BadRequest):
                    ours.render(chat, **options)
                continue
            yield label, ours.render(chat, **options), wanted


@pytest.mark.parametrize("tools", [None, TOOLS], ids=["plain", "with tools"])
@pytest.mark.parametrize("name", TALKING)
def test_chats(name: str, tools: Any) -> None:
    ours, _ = pair(name)
    labels = set()
    for label, got, wanted in rendered(name, tools):
        assert ours.encode(got.text, special=True) == wanted, label
        # Our rule: the person's own `<tool_response>`, which Qwen 3 has a token for, is text.
        assert (got.ids == wanted) != (label == "pretends" and name == "qwen3"), label
        labels.add(label)
    assert len(labels) >= 6


@pytest.mark.parametrize("name", TALKING)
def test_a_person_who_spells_control_tokens_writes_text(name: str) -> None:
    """All of them, in each role; transformers lets each become one."""
    ours, theirs = pair(name)
    spelled = [theirs.added_tokens_decoder[one].content for one in sorted(ours.special_ids)]
    text = "x" + "".join(spelled[:12] + spelled[-12:]) + "y"
    plain = ours.render([user("x"), assistant("z"), user("y")])
    ids = ours.render([user(text), assistant("z"), user("y")]).ids
    count = [one for one in ids if one in ours.special_ids]
    assert count == [one for one in plain.ids if one in ours.special_ids]
    assert text in ours.decode(ids, skip_special=False)


@pytest.mark.parametrize("thinking", [True, False])
def test_thoughts_of_the_history(thinking: bool) -> None:
    ours, theirs = pair("qwen3")
    for chat in (THOUGHTS, THOUGHTS[:3]):
        theirs_chat = as_transformers(chat)
        theirs_chat[2]["reasoning_content"] = chat[2].reasoning
        wanted = theirs.apply_chat_template(
            theirs_chat, return_dict=False, add_generation_prompt=True, enable_thinking=thinking
        )
        assert ours.render(chat, variables={"enable_thinking": thinking}).ids == wanted


def test_a_thought_can_be_told_from_an_answer() -> None:
    """`<think>` is no special token in Qwen's file: it is seen, and text never becomes it."""
    ours, _ = pair("qwen3")
    ids = ours.encode("<think>\nhm\n</think>\n\nYes<|im_end|>", special=True)
    assert ours.decode(ids) == "<think>\nhm\n</think>\n\nYes"
    assert ours.special_ids.isdisjoint(ours.encode("<think>"))


@pytest.mark.parametrize("name", TALKING)
def test_training_learns_what_serving_would_write(name: str) -> None:
    """The loss mask's ids are those of the answers and their ends, in a prompt as it is served."""
    ours, _ = pair(name)
    chat = [user("  Hi\n"), assistant("Sure:\n    x = 1"), user("<eos>?"), assistant("Fine.")]
    whole = ours.render(chat, add_generation_prompt=False)
    learned = [one for one, learn in zip(whole.ids, whole.loss_mask, strict=True) if learn]
    text = ours.decode(learned, skip_special=False)
    assert text.startswith("Sure:\n    x = 1")
    assert "Fine." in text
    assert not any(other in text for other in ("Hi", "<eos>?"))
    ends = [one for one in learned if one in ours.eos_ids]
    assert len(ends) == (2 if whole.loss_mask.count(True) and ends else 0)
    served = ours.render(chat[:1]).ids
    assert whole.ids[: len(served)] == served


# -- GGUF ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["deepseek_v3", "mistral_nemo", "qwen3"])
def test_the_same_ids_through_a_gguf(name: str) -> None:
    vocabulary = vocabulary_from_folder(real.folder_of(name))
    ours, _ = pair(name)
    metadata = gguf_metadata(vocabulary, vocabulary.size + 3)
    back = Tokenizer.from_gguf(metadata | {"general.architecture": "llama"})
    for text in (*TEXTS, *HARD):
        ids = ours.encode(text, special=True)
        assert back.encode(text, special=True) == ids, text
        assert back.decode(ids) == ours.decode(ids)
    assert (back.special_ids, back.eos_ids) == (ours.special_ids, ours.eos_ids)
    assert back.render(CHATS["turns"]).ids == ours.render(CHATS["turns"]).ids


def test_pieces_are_no_gguf() -> None:
    vocabulary = vocabulary_from_folder(real.folder_of("llama2"))
    with pytest.raises(Unsupported, match="byte-level BPE"):
        gguf_metadata(vocabulary, vocabulary.size)
