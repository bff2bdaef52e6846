"""What records mean: each format of the field, and each way in which one can be wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data import Chat, Judged, Kind, Origin, Preference, Problem, Source
from fireside.data.fields import Fields, Malformed
from fireside.data.formats import example_of
from fireside.data.nested import rows_of
from fireside.data.templates import columns_in, fill
from fireside.errors import BadRequest, FiresideError
from fireside.messages import Message, ToolCall

from .laws import LAW

ORIGIN = Origin(file="f", line=1)


def of(record: dict[str, Any], kind: Kind = "chat", **options: Any) -> Any:
    return example_of(Fields(record), kind, Source(path="f", **options), ORIGIN)


def said(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


ASK, ANSWER = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}
PAIR = [("user", "hi"), ("assistant", "ho")]


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [ASK, ANSWER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}, ANSWER]},
        {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]},
        {"conversation": [ASK, ANSWER]},
        {
            "turns": [
                {"speaker": "USER", "utterance": "hi"},
                {"speaker": "SYSTEM", "utterance": "ho"},
            ]
        },
        {"instruction": "hi", "input": "", "output": "ho"},
        {"prompt": "hi", "completion": "ho"},
        {"prompt": "hi", "response": "ho"},
        {"question": "hi", "answer": "ho"},
        {"prompt": [ASK], "completion": [ANSWER]},
        {
            "prompt": "Below is an instruction that describes a task. Write a response.\n\n"
            "### Instruction:\nhi\n\n### Response:\n",
            "response": "ho",
        },
    ],
)
def test_a_chat_in_every_format_of_the_field(record: dict[str, Any]) -> None:
    chat = of(record)
    assert isinstance(chat, Chat)
    assert said(chat.messages) == PAIR
    assert chat.learned is None


def test_alpacas_input_goes_below_the_instruction() -> None:
    chat = of({"instruction": "add", "input": "1 2", "output": "3", "system": "be brief"})
    assert said(chat.messages) == [
        ("system", "be brief"),
        ("user", "add\n\n1 2"),
        ("assistant", "3"),
    ]
    wrapped = (
        "Below is an instruction that describes a task, paired with an input. Write.\n\n"
        "### Instruction:\nadd\n\n### Input:\n1 2\n\n### Response:"
    )
    assert said(of({"prompt": wrapped, "response": "3"}).messages)[0] == ("user", "add\n\n1 2")


def test_openais_weights_tools_and_calls() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    record = {
        "messages": [
            {"role": "developer", "content": "be brief"},
            ASK,
            {"role": "assistant", "content": "wrong", "weight": 0},
            ASK,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
            {"role": "assistant", "content": "42", "weight": 1},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    chat = of(record)
    assert chat.learned == (False, False, False, False, True, False, True)
    assert chat.messages[0].role == "system"
    assert chat.messages[4].tool_calls == (ToolCall(id="c1", name="f", arguments='{"x": 1}'),)
    assert chat.messages[5].tool_call_id == "c1"
    assert len(chat.tools) == 1


def test_columns_by_template_and_labels_by_word() -> None:
    options = {"prompt": "Is {s} good?", "completion": "{n}", "labels": {"0": "no", "1": "yes"}}
    assert said(of({"s": "it", "n": "1"}, **options).messages) == [
        ("user", "Is it good?"),
        ("assistant", "yes"),
    ]
    assert said(of({"s": "it", "n": 0}, **options).messages)[1] == ("assistant", "no")
    with pytest.raises(Malformed, match="n is '7', and the labels are 0, 1"):
        of({"s": "it", "n": 7}, **options)


BAD_CHATS = [
    {"messages": []},
    {"messages": "hi"},
    {"messages": [ASK]},
    {"messages": [{"role": "wizard", "content": "x"}, ANSWER]},
    {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ANSWER]},
    {"messages": [ASK, ANSWER | {"weight": 0.5}]},
    {"messages": [ASK, {"role": "assistant", "function_call": {"arguments": "{}"}}]},
    {"messages": [ASK, 7]},
    {"messages": [ASK, ANSWER], "tools": "f"},
    {"conversations": []},
    {"conversations": [{"from": "human", "value": "hi"}]},
    {"conversations": [{"from": "human"}]},
    {"instruction": "hi"},
    {"instruction": 7, "output": "ho"},
    {"prompt": "hi", "completion": "  "},
    {"prompt": "", "completion": "ho"},
    {"prompt": "hi"},
    {"a": "hi", "b": "ho"},
    {},
]


@pytest.mark.parametrize("record", BAD_CHATS)
def test_what_is_no_chat_is_broken_in_one_line(record: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        of(record)
    assert "\n" not in str(caught.value)


TURN_FIELDS = """role content from value weight loss train mask tool_calls function function_call
name arguments type text id tool_call_id reasoning_content parameters"""
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["user", "assistant", "system", "tool", "human", "gpt", "function_call"])
    | st.sampled_from(['[{"role": "user", "content": "x"}]', "[]", "{}", "[1]", '{"name": "f"}']),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "from",
                    "value",
                    "weight",
                    "loss",
                    "train",
                    "mask",
                    "tool_calls",
                    "function",
                    "function_call",
                    "name",
                    "arguments",
                    "type",
                    "text",
                    "id",
                    "tool_call_id",
                    "reasoning_content",
                    "parameters",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
NAMES = """messages conversations prompt completion chosen rejected label text instruction
output tools input preferred_output non_preferred_output question answer system history context
functions chat_template_kwargs chosen_response rejected_response kto_tag segments input_ids images
completions message_tree_id"""
COLUMNS = st.sampled_from(NAMES.split())


@LAW
@given(st.dictionaries(COLUMNS, ANY, max_size=6), st.sampled_from(["text", "chat"]))
def test_any_record_is_an_example_or_broken(record: dict[str, Any], kind: Kind) -> None:
    for one in (kind, "preference", "judged", "problem"):
        fields, complaint = Fields(record), ""
        try:
            example_of(fields, one, Source(path="f"), ORIGIN)  # type: ignore[arg-type]
        except (Malformed, FiresideError) as error:
            complaint = str(error)
        assert "\n" not in complaint
        assert all("\n" not in unused.title for unused in fields.unused())


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "hi", "chosen": "ho", "rejected": "no"},
        {"prompt": [ASK], "chosen": [ANSWER], "rejected": [ANSWER | {"content": "no"}]},
        {"chosen": [ASK, ANSWER], "rejected": [ASK, ANSWER | {"content": "no"}]},
        {"prompt": "hi", "chosen": [ASK, ANSWER], "rejected": [ASK, ANSWER | {"content": "no"}]},
        {
            "input": {"messages": [ASK]},
            "preferred_output": [ANSWER],
            "non_preferred_output": [ANSWER | {"content": "no"}],
        },
    ],
)
def test_a_preference_in_every_format_of_the_field(record: dict[str, Any]) -> None:
    pair = of(record, "preference")
    assert isinstance(pair, Preference)
    assert said(pair.prompt) == PAIR[:1]
    assert (pair.chosen.content, pair.rejected.content) == ("ho", "no")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"prompt": "hi", "chosen": "ho"}, "no column 'rejected'"),
        ({"prompt": "hi", "chosen": "ho", "rejected": "ho"}, "the same"),
        ({"chosen": [ASK, ANSWER], "rejected": [ANSWER]}, "no common prompt"),
        (
            {"prompt": "hi", "chosen": [ASK], "rejected": "x"},
            "does not end with a turn of the assistant",
        ),
    ],
)
def test_what_is_no_preference_is_broken(record: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        of(record, "preference")


@pytest.mark.parametrize(
    ("label", "good"), [(True, True), (0, False), ("false", False), ("up", True)]
)
def test_a_judged_answer(label: object, good: bool) -> None:
    for record in (
        {"prompt": "hi", "completion": "ho", "label": label},
        {"messages": [ASK, ANSWER], "label": label},
    ):
        judged = of(record, "judged")
        assert isinstance(judged, Judged)
        assert (said((*judged.prompt, judged.answer)), judged.good) == (PAIR, good)
    with pytest.raises(Malformed, match="neither true nor false"):
        of({"prompt": "hi", "completion": "ho", "label": "maybe"}, "judged")


def test_a_problem_and_its_result() -> None:
    problem = of({"question": "1+1?", "answer": "One and one.\n#### 2"}, "problem")
    assert isinstance(problem, Problem)
    assert problem.answer == "2"
    assert of({"prompt": "1+1?", "answer": 2}, "problem").answer == "2"


def test_templates_hold_names_and_nothing_else() -> None:
    assert fill("{{{a}}} {b c}", {"a": 1, "b c": [1, "é"]}) == '{1} [1, "é"]'
    assert columns_in("{a} {{b}} {c}") == {"a", "c"}
    for wrong in ("{", "}", "{}", "{a", "a}"):
        with pytest.raises(BadRequest, match="names no column"):
            columns_in(wrong)
    with pytest.raises(Malformed, match=r"no column 'a\.__class__'"):
        fill("{a.__class__}", {"a": "x"})


@LAW
@given(st.text(max_size=20))
def test_escaped_text_is_its_own_template(text: str) -> None:
    assert fill(text.replace("{", "{{").replace("}", "}}"), {}) == text


def test_nestings_of_json() -> None:
    squad = [
        {
            "title": "t",
            "paragraphs": [
                {"context": "c", "qas": [{"question": "q", "answers": [{"text": "a"}]}]}
            ],
        }
    ]
    row = {"title": "t", "context": "c", "question": "q", "answer": "a"}
    assert rows_of({"data": squad}, "f") == [row]
    assert rows_of({"data": [{"a": 1}]}, "f") == [{"a": 1}]
    assert rows_of({"x": ["a", "b"]}, "f") == [
        {"name": "x", "text": "a"},
        {"name": "x", "text": "b"},
    ]
    for wrong in ({}, {"a": 1}, 7, "text", {"data": {}}):
        with pytest.raises(BadRequest):
            rows_of(wrong, "f")
