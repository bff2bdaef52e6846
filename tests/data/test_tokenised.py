"""Examples as tokens: one renderer for learning and serving, and only answers are learned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from fireside.data import Chat, Example, Judged, Origin, Preference, Problem, Text
from fireside.data.tokenised import Tokens, Unfit, end_of_text, tokenise
from fireside.engine.calling import calling_for
from fireside.messages import Message, Role, ToolCall
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.call_syntax import Function
from tests.conftest import REPOSITORY

from .laws import LAW

ORIGIN = Origin(file="f", line=1)
WORDS = st.text(alphabet="ab \n<|>imend_.é", min_size=1, max_size=30).filter(str.strip)


def message(role: Role, content: str) -> Message:
    return Message(role=role, content=content)


def one(example: Example, tokenizer: Tokenizer, **options: Any) -> Any:
    (made,) = tokenise([example], tokenizer, **{"length": None, "too_long": "cut"} | options)
    return made


def chat(*contents: str, learned: tuple[bool, ...] | None = None) -> Chat:
    messages = tuple(
        message("assistant" if i % 2 else "user", text) for i, text in enumerate(contents)
    )
    return Chat(messages=messages, origin=ORIGIN, learned=learned)


def learned_text(tokens: Tokens, tokenizer: Tokenizer) -> str:
    (ids,) = tokens.parts
    kept = [number for number, learn in zip(ids, tokens.learned, strict=True) if learn]
    return tokenizer.decode(kept, skip_special=False)


@LAW
@given(st.lists(st.text(max_size=80), min_size=1, max_size=6))
def test_many_texts_are_encoded_as_one_by_one(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


def test_a_text_never_becomes_a_control_token(tokenizer: Tokenizer) -> None:
    made = one(Text(text="a<|im_end|>b", origin=ORIGIN), tokenizer)
    assert not set(made.parts[0]) & tokenizer.special_ids
    assert made.bytes == 12


@LAW
@given(st.lists(WORDS, min_size=2, max_size=6))
def test_a_chats_ids_are_the_serving_rendering_and_its_answers_are_learned(
    tokenizer: Tokenizer, contents: list[str]
) -> None:
    example = chat(*contents)
    made = one(example, tokenizer)
    whole = tokenizer.render(example.messages, add_generation_prompt=False)
    (ids,) = made.parts
    assert ids == whole.ids[: len(ids)]
    assert made.learned == whole.loss_mask[: len(ids)]
    assert made.learned[-1], "nothing is kept after what is learned"
    assert not any(whole.loss_mask[len(ids) :])
    answers = [text for i, text in enumerate(contents) if i % 2]
    assert learned_text(made, tokenizer) == "".join(f"{text}<|im_end|>" for text in answers)


def test_a_message_of_weight_0_is_read_and_not_learned(tokenizer: Tokenizer) -> None:
    example = chat("q1", "wrong", "q2", "right", learned=(False, False, False, True))
    made = one(example, tokenizer)
    assert learned_text(made, tokenizer) == "right<|im_end|>"
    assert "wrong" in tokenizer.decode(made.parts[0])


def test_weights_hold_with_a_template_that_marks_answers_itself(tmp_path: Any) -> None:
    import json

    import tokenizers
    from tokenizers import models, pre_tokenizers

    backend = tokenizers.Tokenizer(
        models.BPE({c: i for i, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, [])
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    backend.save(str(tmp_path / "tokenizer.json"))
    template = (
        "{% for m in messages %}[{{ m['role'] }}]{% if m['role'] == 'assistant' %}"
        "{% generation %}{{ m['content'] }};{% endgeneration %}{% else %}{{ m['content'] }}"
        "{% endif %}{% endfor %}"
    )
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert learned_text(one(chat("a", "b", "c", "d"), tokenizer), tokenizer) == "b;d;"
    second = chat("a", "b", "c", "d", learned=(False, False, False, True))
    assert learned_text(one(second, tokenizer), tokenizer) == "d;"


def test_a_chat_with_nothing_to_learn_is_dropped(tokenizer: Tokenizer) -> None:
    made = one(chat("q", "a", learned=(False, False)), tokenizer)
    assert made == Unfit(reason="nothing to learn")


@LAW
@given(
    WORDS, st.text(alphabet="ab c", min_size=1, max_size=200).filter(str.strip), st.integers(2, 90)
)
def test_what_is_longer_than_a_row_is_cut_and_says_so_or_dropped(
    tokenizer: Tokenizer, ask: str, answer: str, length: int
) -> None:
    example = chat(ask, answer)
    whole = one(example, tokenizer)
    cut = one(example, tokenizer, length=length)
    dropped = one(example, tokenizer, length=length, too_long="drop")
    if len(whole.parts[0]) <= length + 1:
        assert cut == dropped == whole
        return
    assert dropped == Unfit(reason="longer than a row")
    if isinstance(cut, Tokens):
        assert cut.cut
        assert len(cut.parts[0]) <= length + 1
        assert cut.parts[0] == whole.parts[0][: len(cut.parts[0])]
        assert cut.learned[-1]
    else:
        assert cut.reason == "longer than a row"
        assert not any(whole.learned[1 : length + 1])


def ids(parts: Sequence[Sequence[int]]) -> list[int]:
    return [number for part in parts for number in part]


@LAW
@given(WORDS, WORDS, WORDS)
def test_both_answers_of_a_preference_go_on_with_one_rendering_of_the_prompt(
    tokenizer: Tokenizer, ask: str, chosen: str, rejected: str
) -> None:
    prompt = (message("user", ask),)
    pair = Preference(
        prompt=prompt,
        chosen=message("assistant", chosen),
        rejected=message("assistant", rejected),
        origin=ORIGIN,
    )
    made = one(pair, tokenizer)
    if chosen == rejected:
        assert made.reason == "nothing to learn"
        return
    shared, first, second = made.parts
    for answer, part in ((pair.chosen, first), (pair.rejected, second)):
        rendered = tokenizer.render((*prompt, answer), add_generation_prompt=False)
        assert ids([shared, part]) == rendered.ids[: len(shared) + len(part)]
        assert tokenizer.decode(part, skip_special=False).endswith("<|im_end|>")
    opening = tokenizer.render(prompt, add_generation_prompt=True).ids
    assert shared == opening[: len(shared)]


def test_earlier_answers_in_a_prompt_are_no_part_of_the_answer(tokenizer: Tokenizer) -> None:
    prompt = chat("q1", "a1", "q2").messages
    judged = Judged(prompt=prompt, answer=message("assistant", "a2"), good=False, origin=ORIGIN)
    made = one(judged, tokenizer)
    assert tokenizer.decode(made.parts[1], skip_special=False) == "a2<|im_end|>"
    assert list(made.parts[0]) == tokenizer.render(prompt, add_generation_prompt=True).ids
    assert made.flag is False


def test_answers_are_cut_to_the_row_and_prompts_never(tokenizer: Tokenizer) -> None:
    judged = Judged(
        prompt=(message("user", "q"),),
        answer=message("assistant", "a " * 50),
        good=True,
        origin=ORIGIN,
    )
    whole = one(judged, tokenizer)
    prompt = len(whole.parts[0])
    cut = one(judged, tokenizer, length=prompt + 5)
    assert (len(cut.parts[0]), len(cut.parts[1]), cut.cut, cut.flag) == (prompt, 5, True, True)
    assert one(judged, tokenizer, length=prompt).reason == "longer than a row"
    assert one(judged, tokenizer, length=prompt + 5, too_long="drop").reason == "longer than a row"


def test_a_problems_prompt_ends_with_the_opening_of_the_answer(tokenizer: Tokenizer) -> None:
    prompt = (message("user", "1+1?"),)
    made = one(Problem(prompt=prompt, answer="2", origin=ORIGIN), tokenizer)
    assert list(made.parts[0]) == tokenizer.render(prompt, add_generation_prompt=True).ids
    assert '"2"' in made.extra


def test_the_end_of_a_text_is_the_end_of_texts_not_of_turns(tokenizer: Tokenizer) -> None:
    assert tokenizer.token_bytes(end_of_text(tokenizer) or 0) == b"<|endoftext|>"


def test_what_a_template_refuses_is_dropped_with_its_words(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fireside.errors import BadRequest

    def refuse(*_: object, **__: object) -> None:
        raise BadRequest("Roles must alternate.")

    monkeypatch.setattr(Tokenizer, "render", refuse)
    made = one(chat("q", "a"), tokenizer)
    assert made == Unfit(reason="refused by the chat template", what="Roles must alternate.")


def spaced_tokenizer(folder: Any) -> Tokenizer:
    """One that puts a space before every text, as SentencePiece does."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    backend = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=120, show_progress=False, special_tokens=["<unk>", "</s>"]
    )
    backend.train_from_iterator(["a line of words\nand another 12\n\n"], trainer)
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "</s>", "unk_token": "<unk>"}')
    return Tokenizer.from_folder(folder)


def test_a_long_documents_ids_are_those_of_the_whole_whatever_the_tokenizer(
    tokenizer: Tokenizer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fireside.data.tokenised.SEGMENT", 60)
    text = "a line of words\nand another 12\n\n\n  and words a line\n" * 20
    for one_of_them in (tokenizer, spaced_tokenizer(tmp_path)):
        made = one(Text(text=text, origin=ORIGIN), one_of_them)
        assert made.parts[0] == one_of_them.encode(text)


def test_shakespeare_in_segments_is_shakespeare(smollm2_path: Any, shared_data: Any) -> None:
    from fireside.hub.gguf import open_gguf

    real = Tokenizer.from_gguf(open_gguf(smollm2_path).metadata)
    text = (shared_data / "tinyshakespeare.txt").read_text()[:400_000]
    assert one(Text(text=text, origin=ORIGIN), real).parts[0] == real.encode(text)


WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
AS_TOOL = {"type": "function", "function": {**WEATHER, "strict": True}}
TEMPLATES = REPOSITORY / "tests" / "tokenizer" / "templates"
FAMILIES = ["chatml", "qwen2_5", "llama3_2", "mistral"]


def of_family(folder: Path, family: str) -> Tokenizer:
    """A tokenizer of bytes with a family's own template."""
    backend = tokenizers.Tokenizer(
        models.BPE({c: i for i, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, [])
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    special = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|eot_id|>"]
    backend.add_special_tokens([tokenizers.AddedToken(one, special=True) for one in special])
    backend.save(str(folder / "tokenizer.json"))
    template = (TEMPLATES / f"{family}.jinja").read_text()
    config = {"chat_template": template, "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return Tokenizer.from_folder(folder)


@pytest.mark.parametrize("family", FAMILIES)
def test_functions_calls_and_results_are_learned_as_they_are_served(
    tmp_path: Path, family: str
) -> None:
    """Also by a template that knows none of them: they were left out of training once."""
    tokenizer = of_family(tmp_path, family)
    call = ToolCall(id="call_0123456789", name="weather", arguments='{"city": "Oslo"}')
    asked = (message("user", "Weather in Oslo?"),)
    history = (
        *asked,
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content="rain", tool_call_id=call.id, name="weather"),
    )
    said = Chat(messages=(*history, message("assistant", "Rain.")), tools=(AS_TOOL,), origin=ORIGIN)
    made = one(said, tokenizer)
    calling = calling_for(tokenizer, [Function(**WEATHER)])
    for shown in (asked, history):
        prompt = calling.render(tokenizer, shown).ids
        assert list(made.parts[0][: len(prompt)]) == prompt
        assert not made.learned[len(prompt) - 1]
        assert made.learned[len(prompt)]
    learned = learned_text(made, tokenizer)
    assert '"city": "Oslo"' in learned
    assert "Rain." in learned
    assert "The weather of a city" not in learned


def test_weights_stay_with_their_messages_where_functions_take_a_message(tmp_path: Path) -> None:
    tokenizer = of_family(tmp_path, "chatml")
    example = chat("q1", "wrong", "q2", "right", learned=(False, False, False, True))
    system = message("system", "Be brief.")
    with_system = replace(
        example, messages=(system, *example.messages), learned=(False, *(example.learned or ()))
    )
    for each in (example, with_system):
        made = one(replace(each, tools=(AS_TOOL,)), tokenizer)
        assert learned_text(made, tokenizer) == "right<|im_end|>"


def test_a_tool_without_a_name_is_dropped_and_says_why(tokenizer: Tokenizer) -> None:
    made = one(replace(chat("q", "a"), tools=({"type": "web"},)), tokenizer)
    assert isinstance(made, Unfit)
    assert "no function with a name" in made.what
