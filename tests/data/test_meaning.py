"""From a file to the loss: what a row says reaches the tokens, and what is flagged the mask."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data import IGNORE, PackedChats, Report, Source, prepare, read_examples
from fireside.data.tokenised import tokenise
from fireside.errors import BadRequest
from fireside.tokenizer import Tokenizer
from tests.conftest import REPOSITORY

from .laws import LAW
from .test_tokenised import of_family

FAMILIES = ["chatml", "qwen2_5", "qwen3", "llama3_2"]
TOOL = {"name": "tides", "description": "Tides of a port", "parameters": {"type": "object"}}
TEMPLATES = REPOSITORY / "tests" / "tokenizer" / "templates"


def written(folder: Path, rows: Sequence[dict[str, Any]]) -> list[Source]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [Source(path=str(path))]


def learned_in(row: dict[str, Any], tokenizer: Tokenizer, folder: Path) -> tuple[str, str]:
    """The whole of a prepared chat, and what a packed row of it learns."""
    rows = [row, {"messages": row.get("messages", row.get("conversations"))}]
    prepared = prepare(written(folder, rows[:1]), tokenizer, "chat", folder / "prepared")
    packed = PackedChats(prepared.train, length=2048, rows_per_step=1, rows_per_batch=1, seed=0)
    (batch,) = list(packed.once())
    targets = np.asarray(batch.targets)[0]
    whole = [int(one) for one in np.asarray(prepared.train.ids)]
    return (
        tokenizer.decode(whole, skip_special=False),
        tokenizer.decode([int(one) for one in targets if one != IGNORE], skip_special=False),
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("flag", ["weight", "loss", "train", "loss_mask"])
def test_the_mask_of_a_packed_row_covers_the_flagged_turns_and_nothing_else(
    tmp_path: Path, family: str, flag: str
) -> None:
    turns = [
        {"from": "system", "value": "SYSTEM"},
        {"from": "human", "value": "QUESTION1"},
        {"from": "gpt", "value": "ANSWER1", flag: 1},
        {"from": "human", "value": "QUESTION2", flag: 0},
        {"from": "gpt", "value": "ANSWER2", flag: 0},
        {"from": "human", "value": "QUESTION3", flag: None},
        {"from": "gpt", "value": "ANSWER3"},
    ]
    row = {"conversations": turns, "tools": [TOOL]}
    whole, learned = learned_in(row, of_family(tmp_path, family), tmp_path)
    for word in ("SYSTEM", "QUESTION1", "QUESTION2", "QUESTION3", "ANSWER2", "Tides of a port"):
        assert word in whole
        assert word not in learned
    assert learned.count("ANSWER1") == learned.count("ANSWER3") == 1


@LAW
@given(flags=st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=5))
def test_flags_choose_turns_and_change_no_token(tokenizer: Tokenizer, flags: list[Any]) -> None:
    messages: list[dict[str, Any]] = []
    for i, flag in enumerate(flags):
        messages.append({"role": "user", "content": f"q{i}"})
        messages.append({"role": "assistant", "content": f"a{i}", "weight": flag})
    plain = [{name: m[name] for name in ("role", "content")} for m in messages]
    flagged, free = (_tokens({"messages": each}, tokenizer) for each in (messages, plain))
    wanted = "".join(f"a{i}<|im_end|>" for i, flag in enumerate(flags) if flag != 0)
    if not wanted:
        assert not isinstance(flagged, tuple)
        return
    ids, mask = flagged
    assert ids == free[0][: len(ids)]
    kept = [one for one, learn in zip(ids, mask, strict=True) if learn]
    assert tokenizer.decode(kept, skip_special=False) == wanted


def _tokens(row: dict[str, Any], tokenizer: Tokenizer) -> Any:
    from fireside.data import Origin
    from fireside.data.fields import Fields
    from fireside.data.formats import example_of

    example = example_of(Fields(row), "chat", Source(path="f"), Origin(file="f", line=1))
    (made,) = tokenise([example], tokenizer, length=None, too_long="cut")
    return (list(made.parts[0]), list(made.learned)) if hasattr(made, "parts") else made


REASONED = {
    "messages": [
        {"role": "user", "content": "QUESTION1"},
        {"role": "assistant", "content": "ANSWER1", "reasoning_content": "THOUGHT1"},
        {"role": "user", "content": "QUESTION2"},
        {"role": "assistant", "content": "ANSWER2", "reasoning_content": "THOUGHT2"},
    ]
}


@pytest.mark.parametrize("by_field", [False, True])
def test_reasoning_is_learned_where_the_template_has_a_place_for_it(
    tmp_path: Path, by_field: bool
) -> None:
    """In the text, as templates of 2024 look for it, or in a field of its own."""
    tokenizer = of_family(tmp_path, "qwen3")
    if by_field:
        config = json.loads((tmp_path / "tokenizer_config.json").read_text())
        template = config["chat_template"]
        field = "{%- set thoughts = message.reasoning_content or '' %}"
        config["chat_template"] = template.replace("{%- set thoughts = '' %}", field)
        assert field in config["chat_template"]
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = Tokenizer.from_folder(tmp_path)
    whole, learned = learned_in(REASONED, tokenizer, tmp_path)
    assert "<think>\nTHOUGHT2\n</think>\n\nANSWER2<|im_end|>" in learned
    assert "ANSWER1" in learned
    assert "THOUGHT1" not in whole  # Qwen's template has it so, in serving too
    assert "QUESTION" not in learned


def test_reasoning_that_a_template_leaves_out_is_remarked(tmp_path: Path) -> None:
    tokenizer = of_family(tmp_path, "qwen3")
    prepared = prepare(written(tmp_path, [REASONED]), tokenizer, "chat", tmp_path / "prepared")
    [remark] = prepared.report.remarks
    assert remark == "reasoning that the chat template leaves out, as in serving"
    assert f"note: {remark}, 1 rows" in "\n".join(prepared.report.lines())


def test_reasoning_without_a_place_for_it_is_refused_by_name(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    with pytest.raises(BadRequest, match=r"reasoning_content.*does not write it"):
        prepare(written(tmp_path, [REASONED]), tokenizer, "chat", tmp_path / "prepared")


def test_variables_of_the_template_reach_it(tmp_path: Path) -> None:
    tokenizer = of_family(tmp_path, "qwen3")
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    row = {"messages": turns, "chat_template_kwargs": {"bos": "unknown to it"}}
    assert _tokens(row, tokenizer) == _tokens({"messages": turns}, tokenizer)
    bare = tmp_path / "bare"
    bare.mkdir()
    named = of_family(bare, "chatml")
    config = json.loads((bare / "tokenizer_config.json").read_text())
    config["chat_template"] += "{{ tail }}"
    (bare / "tokenizer_config.json").write_text(json.dumps(config))
    named = Tokenizer.from_folder(bare)
    example = next(
        iter(
            read_examples(
                written(tmp_path, [{"messages": turns, "chat_template_kwargs": {"tail": "T"}}]),
                "chat",
            )
        )
    )
    assert named.render(example.messages, variables=example.variables).text.count("T") == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pair_has_its_system_and_its_functions(tmp_path: Path, family: str) -> None:
    tokenizer = of_family(tmp_path, family)
    row = {
        "system": "SYSTEM", "question": "QUESTION", "chosen": "BETTER", "rejected": "WORSE",
        "tools": json.dumps([TOOL]),
    }  # fmt: skip
    [pair] = read_examples(written(tmp_path, [row]), "preference")
    (made,) = tokenise([pair], tokenizer, length=None, too_long="cut")
    prompt, chosen, rejected = (tokenizer.decode(part) for part in made.parts)  # type: ignore[union-attr]
    for word in ("SYSTEM", "QUESTION", "Tides of a port"):
        assert word in prompt
    assert "BETTER" in chosen
    assert "WORSE" in rejected


def test_a_report_tells_of_every_field_that_was_not_used(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    rows = [
        {"prompt": f"q{i}", "completion": f"a{i}", "source": "web"} | ({"lang": "en"} if i else {})
        for i in range(3)
    ]
    prepared = prepare(written(tmp_path, rows), tokenizer, "chat", tmp_path / "prepared")
    report = prepared.report
    assert {name: one.count for name, one in report.unused.items()} == {"source": 3, "lang": 2}
    assert report.unused["lang"].examples[0]["line"] == 2
    assert "not used: source, of 3 rows" in report.lines()[0]
    assert "not used: lang" in report.table()
    again = Report.from_json(json.loads((tmp_path / "prepared" / "report.json").read_text()))
    assert again == report


def test_a_file_with_a_new_field_in_each_row_does_not_fill_the_memory(tmp_path: Path) -> None:
    report = Report()
    rows = [{"text": "a", f"field{i}": 1} for i in range(1000)]
    assert len(list(read_examples(written(tmp_path, rows), "text", report=report))) == 1000
    assert len(report.unused) < 300
    assert sum(one.count for one in report.unused.values()) == 1000


def test_chats_that_differ_in_what_stands_beside_them_are_no_duplicates(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    two = [*turns, *turns]
    rows = [
        {"messages": two},
        {"messages": two, "tools": [TOOL]},
        {"messages": [*turns, turns[0], turns[1] | {"weight": 0}]},
        {"messages": two, "chat_template_kwargs": {"x": 1}},
    ]
    prepared = prepare(written(tmp_path, rows), tokenizer, "chat", tmp_path / "prepared")
    assert prepared.report.kept == 4


@pytest.mark.parametrize("column", ["reasoning_content", "thinking"])
def test_reasoning_in_a_column_beside_the_answer_is_the_answers(
    tmp_path: Path, column: str
) -> None:
    row = {"question": "Q", "answer": "A", column: "THOUGHT"}
    [chat] = read_examples(written(tmp_path, [row]), "chat")
    assert [(m.content, m.reasoning) for m in chat.messages] == [("Q", ""), ("A", "THOUGHT")]  # type: ignore[union-attr]
    [other] = read_examples(written(tmp_path, [row | {column: True}]), "chat")
    assert other.messages[1].reasoning == ""  # type: ignore[union-attr]  # a switch of somebody's
    twice = row | {"answer": [{"role": "assistant", "content": "A", "reasoning": "OTHER"}]}
    with pytest.raises(BadRequest, match="twice"):
        list(read_examples(written(tmp_path, [twice]), "chat"))


def test_a_thought_that_stands_as_an_answer_is_refused(tmp_path: Path) -> None:
    """gpt-oss's channels: learned as answers, they would be shown."""
    turns = [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "channel": "analysis", "content": "THOUGHT"},
        {"role": "assistant", "channel": "final", "content": "A"},
    ]
    with pytest.raises(BadRequest, match=r"messages\[1\]\.channel is 'analysis'"):
        list(read_examples(written(tmp_path, [{"messages": turns}]), "chat"))
    [chat] = read_examples(written(tmp_path, [{"messages": [turns[0], turns[2]]}]), "chat")
    assert [m.content for m in chat.messages] == ["Q", "A"]  # type: ignore[union-attr]
