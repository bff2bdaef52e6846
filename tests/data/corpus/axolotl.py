"""The formats that axolotl documents in docs/dataset-formats and docs/rlhf."""

from __future__ import annotations

import json

from . import Case

TOOL = {
    "type": "function",
    "function": {
        "name": "light",
        "description": "A light",
        "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}},
    },
}
HELLO = {"from": "human", "value": "Hello"}
Q, A = {"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}
B = {"role": "assistant", "content": "5"}
TWO = [["user: 2 + 2?", "assistant*: 4"]]
PAIR = [["user: 2 + 2?", "chosen: 4", "rejected: 5"]]
RHYMED = [["system: Rhyme.", *PAIR[0]]]


def plain(**columns: object) -> list[dict[str, object]]:
    return [columns]


CASES = [
    Case(name="chat_template", rows=[{"messages": [Q, A]}], read=TWO),
    Case(
        name="pygmalion",
        rows=[
            {"conversations": [{"role": "human", "value": "2 + 2?"}, {"role": "gpt", "value": "4"}]}
        ],
        read=TWO,
    ),
    Case(
        name="flags of turns: train",
        rows=[
            {
                "conversations": [
                    {"from": "system", "value": "You are kind.", "train": False},
                    {"from": "human", "value": "Hello", "train": False},
                    {"from": "assistant", "value": "Hm", "train": False},
                    {"from": "human", "value": "How are you?"},
                    {"from": "assistant", "value": "Well!", "train": True},
                    {"from": "human", "value": "And now?", "train": None},
                    {"from": "assistant", "value": "Still well."},
                ]
            }
        ],
        read=[
            [
                "system: You are kind.",
                "user: Hello",
                "assistant: Hm",
                "user: How are you?",
                "assistant*: Well!",
                "user: And now?",
                "assistant*: Still well.",
            ]
        ],
    ),
    Case(
        name="flags of turns: one of the user's to be learned",
        rows=[{"conversations": [HELLO | {"train": True}, {"from": "gpt", "value": "Hi"}]}],
        refused="conversations[0] is flagged to be learned and is no turn of the assistant",
    ),
    Case(
        name="flags of characters",
        rows=[
            {
                "conversations": [
                    HELLO,
                    {
                        "from": "gpt",
                        "value": "Hi there",
                        "train_detail": [{"begin_offset": 0, "end_offset": 1, "train": False}],
                    },
                ]
            }
        ],
        refused="conversations[1].train_detail learns parts of a turn",
    ),
    Case(
        name="flags of parts that differ",
        rows=[
            {
                "messages": [
                    Q,
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "text", "text": "Let me think", "train": False},
                            {"type": "text", "text": " 4", "train": True},
                        ],
                    },
                ]
            }
        ],
        refused="messages[1].content flags its parts differently",
    ),
    Case(
        name="flags of parts that agree",
        rows=[
            {
                "messages": [
                    Q,
                    {"role": "assistant", "content": [{"type": "text", "text": "5", "weight": 0}]},
                    Q,
                    {"role": "assistant", "content": [{"type": "text", "text": "4", "weight": 1}]},
                ]
            }
        ],
        read=[["user: 2 + 2?", "assistant: 5", "user: 2 + 2?", "assistant*: 4"]],
    ),
    Case(
        name="flags: mask, which means both",
        rows=[{"conversations": [HELLO, {"from": "gpt", "value": "Hi", "mask": True}]}],
        refused="conversations[1].mask means 'learn it' to some and 'leave it out' to others",
    ),
    Case(
        name="flags: two that differ",
        rows=[{"messages": [Q, A | {"weight": 1, "train": False}]}],
        refused="messages[1] is flagged twice, and differently: weight, train",
    ),
    Case(
        name="flags: loss, as ms-swift has it, and masked, as torchtune has it",
        rows=[
            {"messages": [Q, A | {"loss": False}, Q, A | {"loss": True}]},
            {"messages": [Q, A | {"masked": True}, Q, A | {"masked": False}]},
        ],
        read=[["user: 2 + 2?", "assistant: 4", "user: 2 + 2?", "assistant*: 4"]] * 2,
    ),
    Case(
        name="reasoning_content",
        rows=[{"messages": [Q, A | {"reasoning_content": "Two and two."}]}],
        read=[["user: 2 + 2?", "assistant*: (Two and two.) 4"]],
    ),
    Case(
        name="reasoning_content in parts",
        rows=[{"messages": [Q, A | {"reasoning_content": [{"type": "text", "text": "Hm."}]}]}],
        refused="messages[1].reasoning_content is a list of parts",
    ),
    Case(
        name="tools, with arguments as an object and as a text",
        rows=[
            {
                "tools": [TOOL],
                "messages": [
                    {"role": "user", "content": "Light!"},
                    {
                        "role": "assistant",
                        "tool_calls": [
                            {
                                "id": "c1",
                                "type": "function",
                                "function": {"name": "light", "arguments": arguments},
                            }
                        ],
                    },
                    {"role": "tool", "tool_call_id": "c1", "name": "light", "content": "on"},
                    {"role": "assistant", "content": "Done."},
                ],
            }
            for arguments in ({"on": True}, '{"on": true}')
        ],
        read=[
            [
                "user: Light!",
                'assistant*:  -> light {"on": true} #c1',
                "tool light #c1: on",
                "assistant*: Done.",
            ]
        ]
        * 2,
        tools=[["light"]] * 2,
    ),
    Case(
        name="tools whose parameters are a text of JSON",
        rows=[
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "light", "parameters": '{"type": "object"}'},
                    }
                ],
                "messages": [Q, A],
            }
        ],
        read=TWO,
        tools=[["light"]],
    ),
    Case(name="alpaca", rows=plain(instruction="2 + 2?", input="", output="4"), read=TWO),
    Case(
        name="jeopardy",
        rows=plain(question="2 + 2?", category="sums", answer="4"),
        read=TWO,
        unused={"category": 1},
    ),
    Case(name="oasst", rows=plain(INSTRUCTION="2 + 2?", RESPONSE="4"), read=TWO),
    Case(name="gpteacher", rows=plain(instruction="2 + 2?", input="", response="4"), read=TWO),
    Case(
        name="reflection",
        rows=plain(instruction="2 + 2?", output="5", reflection="Too much.", corrected="4"),
        refused="the column 'reflection' is not read",
    ),
    Case(
        name="explainchoice",
        rows=plain(question="2 + 2?", choices=["3", "4"], solution="B", explanation="It is."),
        refused="the column 'choices' is not read: say with templates",
    ),
    Case(
        name="choices by a template",
        rows=plain(question="2 + 2?", choices=["3", "4"], solution="B"),
        source={"prompt": "{question} {choices}", "completion": "{solution}"},
        read=[['user: 2 + 2? ["3", "4"]', "assistant*: B"]],
    ),
    Case(
        name="summarizetldr",
        rows=plain(article="Long.", summary="L."),
        refused="no column 'prompt'",
    ),
    Case(name="camel_ai", rows=plain(message_1="2 + 2?", message_2="4"), read=TWO),
    Case(
        name="open_orca",
        rows=plain(system_prompt="Rhyme.", question="2 + 2?", response="4", id="o.1"),
        read=[["system: Rhyme.", *TWO[0]]],
        unused={"id": 1},
    ),
    Case(
        name="context_qa",
        rows=plain(article="Two and two are four.", question="2 + 2?", answer="4"),
        read=[["user: Two and two are four.\n\n2 + 2?", "assistant*: 4"]],
    ),
    Case(
        name="context_qa, v2",
        rows=plain(context="Two and two are four.", question="2 + 2?", answer="4"),
        read=[["user: Two and two are four.\n\n2 + 2?", "assistant*: 4"]],
    ),
    Case(
        name="context_qa, without an answer",
        rows=plain(article="Two.", unanswerable_question="Why?"),
        refused="there is no column 'prompt'",
    ),
    Case(
        name="creative_acr",
        rows=plain(scores="3", critiques="Dull.", instruction="Write.", answer="A tale."),
        refused="the column 'critiques' is not read",
    ),
    Case(name="metharme", rows=plain(prompt="2 + 2?", generation="4"), read=TWO),
    Case(
        name="input_output",
        rows=[
            {"segments": [{"label": True, "text": "<s>Hello\n"}, {"label": False, "text": "hi"}]}
        ],
        refused="the column 'segments' is not read: axolotl's input_output rows",
    ),
    Case(
        name="pre-tokenised",
        rows=[{"input_ids": [271, 99], "attention_mask": [1, 1], "labels": [-100, 99]}],
        refused="the column 'input_ids' is not read: rows that are tokens already",
    ),
    Case(name="completion", kind="text", rows=plain(text="A tale."), read=[["A tale."]]),
    Case(
        name="stepwise supervision",
        rows=[{"prompt": "9.8 or 9.11?", "completions": ["0.8", "9.8"], "labels": [True, True]}],
        refused="the column 'completions' is not read: several answers or steps",
    ),
    Case(
        name="chatml.argilla",
        kind="preference",
        rows=plain(
            system="Rhyme.", instruction="2 + 2?", chosen_response="4", rejected_response="5"
        ),
        read=RHYMED,
    ),
    Case(
        name="chatml.argilla_chat",
        kind="preference",
        rows=[{"chosen": [Q, A], "rejected": [Q, B]}],
        read=PAIR,
    ),
    Case(
        name="chatml.icr",
        kind="preference",
        rows=plain(system="Rhyme.", input="2 + 2?", chosen="4", rejected="5"),
        read=RHYMED,
    ),
    Case(
        name="chatml.intel",
        kind="preference",
        rows=plain(system="Rhyme.", question="2 + 2?", chosen="4", rejected="5"),
        read=RHYMED,
    ),
    Case(
        name="chatml.prompt_pairs",
        kind="preference",
        rows=plain(system="Rhyme.", prompt="2 + 2?", chosen="4", rejected="5"),
        read=RHYMED,
    ),
    Case(
        name="chatml.ultra",
        kind="preference",
        rows=[{"system": "Rhyme.", "prompt": "2 + 2?", "chosen": [Q, A], "rejected": [Q, B]}],
        read=RHYMED,
    ),
    Case(
        name="chat_template.default, with dictionaries and with texts",
        kind="preference",
        rows=[
            {"messages": [Q], "chosen": A, "rejected": B},
            {"messages": [Q], "chosen": "4", "rejected": "5"},
            {"messages": [Q], "chosen": [A], "rejected": [B]},
        ],
        read=PAIR * 3,
    ),
    Case(
        name="zephyr.nectar",
        kind="preference",
        rows=[{"prompt": "2 + 2?", "answers": [{"answer": "4", "rank": 1}]}],
        refused="there is no column 'chosen', only prompt, answers",
    ),
    Case(
        name="bradley_terry",
        kind="preference",
        rows=plain(system="Rhyme.", input="2 + 2?", chosen="4", rejected="5", margin=0.5),
        read=RHYMED,
        unused={"margin": 1},
    ),
    Case(
        name="KTO, chatml.ultra",
        kind="judged",
        rows=plain(system="Rhyme.", prompt="2 + 2?", completion="4", label=True),
        read=[["system: Rhyme.", "user: 2 + 2?", "good: 4"]],
    ),
    Case(
        name="KTO, chatml.argilla without a label",
        kind="judged",
        rows=plain(instruction="2 + 2?", completion="4"),
        refused="there is no column 'label'",
    ),
    Case(
        name="KTO with a label in words",
        kind="judged",
        rows=plain(prompt="2 + 2?", completion="4", label="maybe"),
        refused="label is neither true nor false but 'maybe'",
    ),
    Case(
        name="GRPO",
        kind="problem",
        rows=plain(prompt=[Q], answer="4"),
        read=[["user: 2 + 2?", "= 4"]],
    ),
    Case(
        name="tools as the text of a list of texts",
        rows=[{"messages": [Q, A], "tools": json.dumps([json.dumps(TOOL)])}],
        read=TWO,
        tools=[["light"]],
    ),
]
