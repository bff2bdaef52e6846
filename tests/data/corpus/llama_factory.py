"""The formats that LLaMA-Factory documents in data/README.md, and its demonstration files."""

from __future__ import annotations

import json

from . import Case

TIDES = {
    "name": "tide_table",
    "description": "Tides of a port",
    "parameters": {"type": "object", "properties": {"port": {"type": "string"}}},
}
CALL = {"name": "tide_table", "arguments": {"port": "Veere"}}
ASKED = {"from": "human", "value": "High water at Veere?"}
CALLED = {"from": "function_call", "value": json.dumps(CALL)}
SEEN = {"from": "observation", "value": "13:40"}
TOLD = {"from": "gpt", "value": "At 13:40."}
ROUND = [
    "user: High water at Veere?",
    'assistant*:  -> tide_table {"port": "Veere"}',
    "tool: 13:40",
    "assistant*: At 13:40.",
]
BETTER, WORSE = {"from": "gpt", "value": "A barge is large."}, {"from": "gpt", "value": "A boat."}
BARGE = {"from": "human", "value": "What is a barge?"}

CASES = [
    Case(
        name="alpaca",
        rows=[{"instruction": "Add.", "input": "1 2", "output": "3"}],
        read=[["user: Add.\n\n1 2", "assistant*: 3"]],
    ),
    Case(
        name="alpaca without input",
        rows=[
            {"instruction": "Say hi.", "output": "hi"},
            {"instruction": "Say ho.", "input": "", "output": "ho", "system": "", "history": []},
            {"instruction": "Say he.", "input": None, "output": "he", "system": None},
        ],
        read=[
            ["user: Say hi.", "assistant*: hi"],
            ["user: Say ho.", "assistant*: ho"],
            ["user: Say he.", "assistant*: he"],
        ],
    ),
    Case(
        name="alpaca with system and history, which is learned too",
        rows=[
            {
                "instruction": "And a punt?",
                "input": "",
                "output": "Poled along.",
                "system": "Answer in rhyme.",
                "history": [["What is a barge?", "A flat boat."], ["And a sloop?", "One mast."]],
            }
        ],
        read=[
            [
                "system: Answer in rhyme.",
                "user: What is a barge?",
                "assistant*: A flat boat.",
                "user: And a sloop?",
                "assistant*: One mast.",
                "user: And a punt?",
                "assistant*: Poled along.",
            ]
        ],
    ),
    Case(
        name="alpaca whose history is a text of JSON",
        rows=[
            {"instruction": "And a punt?", "output": "Poled.", "history": '[["A barge?", "Flat."]]'}
        ],
        read=[["user: A barge?", "assistant*: Flat.", "user: And a punt?", "assistant*: Poled."]],
    ),
    Case(
        name="alpaca with half a round in its history",
        rows=[{"instruction": "And a punt?", "output": "Poled.", "history": [["A barge?"]]}],
        refused="history[0] is no round of a question and an answer",
    ),
    Case(
        name="alpaca with its history as turns",
        rows=[{"instruction": "A punt?", "output": "Poled.", "history": "a barge, a sloop"}],
        refused="history is a text that is no JSON",
    ),
    Case(
        name="alpaca with thoughts in its output",
        rows=[{"instruction": "Add 1 2.", "output": "<think>1 + 2</think>3"}],
        read=[["user: Add 1 2.", "assistant*: <think>1 + 2</think>3"]],
    ),
    Case(
        name="alpaca with the whole wording beside it",
        rows=[{"instruction": "Add.", "input": "1 2", "output": "3", "text": "Below is an ..."}],
        read=[["user: Add.\n\n1 2", "assistant*: 3"]],
        unused={"text": 1},
    ),
    Case(
        name="alpaca with tools",
        rows=[{"instruction": "When?", "output": "Which port?", "tools": json.dumps([TIDES])}],
        read=[["user: When?", "assistant*: Which port?"]],
        tools=[["tide_table"]],
    ),
    Case(
        name="documents",
        kind="text",
        rows=[{"text": "one", "meta": {"lang": "en"}}, {"text": "two"}],
        read=[["one"], ["two"]],
        unused={"meta": 1},
    ),
    Case(
        name="alpaca preferences",
        kind="preference",
        rows=[
            {"instruction": "A barge?", "input": "Be short.", "chosen": "Flat.", "rejected": "?"}
        ],
        read=[["user: A barge?\n\nBe short.", "chosen: Flat.", "rejected: ?"]],
    ),
    Case(
        name="alpaca preferences with system and history",
        kind="preference",
        rows=[
            {
                "instruction": "And a punt?",
                "system": "Rhyme.",
                "history": [["A barge?", "Flat."]],
                "chosen": "Poled.",
                "rejected": "No.",
            }
        ],
        read=[
            [
                "system: Rhyme.",
                "user: A barge?",
                "assistant: Flat.",
                "user: And a punt?",
                "chosen: Poled.",
                "rejected: No.",
            ]
        ],
    ),
    Case(
        name="alpaca KTO",
        kind="judged",
        rows=[
            {"instruction": "A barge?", "input": "", "output": "Flat.", "kto_tag": True},
            {"instruction": "A barge?", "input": "", "output": "No.", "kto_tag": False},
        ],
        read=[["user: A barge?", "good: Flat."], ["user: A barge?", "bad: No."]],
    ),
    Case(
        name="KTO with two tags that differ",
        kind="judged",
        rows=[{"instruction": "A barge?", "output": "Flat.", "kto_tag": True, "label": False}],
        refused="label and kto_tag both have a value",
    ),
    Case(
        name="alpaca with images",
        rows=[{"instruction": "What is it?", "output": "A barge.", "images": ["barge.png"]}],
        refused="the column 'images' is not read: only text can be learned",
    ),
    Case(
        name="sharegpt with a call",
        rows=[
            {
                "conversations": [ASKED, CALLED, SEEN, TOLD],
                "system": "You know the tides.",
                "tools": json.dumps([TIDES]),
            }
        ],
        read=[["system: You know the tides.", *ROUND]],
        tools=[["tide_table"]],
    ),
    Case(
        name="sharegpt with tools as a list, and no call",
        rows=[{"conversations": [ASKED, TOLD], "tools": [TIDES]}],
        read=[["user: High water at Veere?", "assistant*: At 13:40."]],
        tools=[["tide_table"]],
    ),
    Case(
        name="sharegpt with empty columns",
        rows=[{"conversations": [ASKED, TOLD], "system": "", "tools": ""}],
        read=[["user: High water at Veere?", "assistant*: At 13:40."]],
    ),
    Case(
        name="sharegpt with several calls at once, and a thought before them",
        rows=[
            {
                "conversations": [
                    ASKED,
                    {
                        "from": "function_call",
                        "value": f"<think>Both.</think>\n{json.dumps([CALL] * 2)}",
                    },
                    SEEN,
                    TOLD,
                ],
                "tools": [TIDES],
            }
        ],
        read=[
            [
                "user: High water at Veere?",
                "assistant*: <think>Both.</think>"
                ' -> tide_table {"port": "Veere"} -> tide_table {"port": "Veere"}',
                "tool: 13:40",
                "assistant*: At 13:40.",
            ]
        ],
        tools=[["tide_table"]],
    ),
    Case(
        name="sharegpt with a call that is none",
        rows=[{"conversations": [ASKED, {"from": "function_call", "value": "tide_table(Veere)"}]}],
        refused="conversations[1].value is a text that is no JSON",
    ),
    Case(
        name="sharegpt with a system turn and the same column",
        rows=[
            {
                "conversations": [{"from": "system", "value": "Rhyme."}, ASKED, TOLD],
                "system": "Rhyme.",
            }
        ],
        read=[["system: Rhyme.", "user: High water at Veere?", "assistant*: At 13:40."]],
    ),
    Case(
        name="sharegpt with two system messages",
        rows=[
            {
                "conversations": [{"from": "system", "value": "Rhyme."}, ASKED, TOLD],
                "system": "Be dry.",
            }
        ],
        refused="system differs from the system message that the turns begin with",
    ),
    Case(
        name="sharegpt out of order, which is read as it stands and remarked",
        rows=[{"conversations": [ASKED, ASKED, TOLD, BARGE]}],
        read=[
            [
                "user: High water at Veere?",
                "user: High water at Veere?",
                "assistant*: At 13:40.",
                "user: What is a barge?",
            ]
        ],
        remarks={
            "two turns of the user after one another": 1,
            "conversations ends with a turn that nobody answers": 1,
        },
    ),
    Case(
        name="sharegpt with a result before its call",
        rows=[{"conversations": [SEEN, CALLED, TOLD]}],
        refused="conversations[0] is the result of a function, and no call stands before it",
    ),
    Case(
        name="sharegpt with a custom tag",
        rows=[{"conversations": [{"from": "mensch", "value": "Hallo."}, TOLD]}],
        refused="conversations[0] has the role 'mensch', which is unknown",
    ),
    Case(
        name="sharegpt preferences",
        kind="preference",
        rows=[{"conversations": [ASKED, TOLD, BARGE], "chosen": BETTER, "rejected": WORSE}],
        read=[
            [
                "user: High water at Veere?",
                "assistant: At 13:40.",
                "user: What is a barge?",
                "chosen: A barge is large.",
                "rejected: A boat.",
            ]
        ],
    ),
    Case(
        name="sharegpt preferences with system and tools",
        kind="preference",
        rows=[
            {
                "conversations": [BARGE],
                "chosen": BETTER,
                "rejected": WORSE,
                "system": "Rhyme.",
                "tools": json.dumps([TIDES]),
            }
        ],
        read=[
            [
                "system: Rhyme.",
                "user: What is a barge?",
                "chosen: A barge is large.",
                "rejected: A boat.",
            ]
        ],
        tools=[["tide_table"]],
    ),
    Case(
        name="sharegpt preferences with an answer of the wrong side",
        kind="preference",
        rows=[{"conversations": [BARGE], "chosen": BARGE, "rejected": WORSE}],
        refused="chosen does not end with a turn of the assistant",
    ),
    Case(
        name="sharegpt KTO",
        kind="judged",
        rows=[{"conversations": [BARGE, BETTER], "kto_tag": True}],
        read=[["user: What is a barge?", "good: A barge is large."]],
    ),
    Case(
        name="KTO of the demonstration, with messages and label",
        kind="judged",
        rows=[
            {
                "messages": [
                    {"role": "user", "content": "A barge?"},
                    {"role": "assistant", "content": "No."},
                ],
                "label": False,
            }
        ],
        read=[["user: A barge?", "bad: No."]],
    ),
    Case(
        name="sharegpt with sounds",
        rows=[{"conversations": [ASKED, TOLD], "audios": ["bell.wav"]}],
        refused="the column 'audios' is not read",
    ),
    Case(
        name="openai, with a developer's message",
        rows=[
            {
                "messages": [
                    {"role": "developer", "content": "Rhyme."},
                    {"role": "user", "content": "A barge?"},
                    {"role": "assistant", "content": "Large."},
                ]
            }
        ],
        read=[["system: Rhyme.", "user: A barge?", "assistant*: Large."]],
    ),
    Case(
        name="v1: parts and weights of turns",
        rows=[
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "value": "hi"}],
                        "loss_weight": 0.0,
                    },
                    {
                        "role": "assistant",
                        "content": [{"type": "text", "value": "ho"}],
                        "loss_weight": 0.0,
                    },
                    {
                        "role": "user",
                        "content": [{"type": "text", "value": "hm"}],
                        "loss_weight": 0.0,
                    },
                    {
                        "role": "assistant",
                        "content": [{"type": "text", "value": "ha"}],
                        "loss_weight": 1.0,
                    },
                ]
            }
        ],
        read=[["user: hi", "assistant: ho", "user: hm", "assistant*: ha"]],
    ),
    Case(
        name="v1: reasoning and calls as parts",
        rows=[
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "value": "Tides?"}]},
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "reasoning", "value": "Look it up."},
                            {"type": "tool_call", "value": json.dumps(CALL)},
                        ],
                    },
                    {"role": "tool", "content": [{"type": "text", "value": "13:40"}]},
                    {"role": "assistant", "content": [{"type": "text", "value": "At 13:40."}]},
                ],
                "tools": json.dumps([{"type": "function", "function": TIDES}]),
            }
        ],
        read=[
            [
                "user: Tides?",
                'assistant*: (Look it up.)  -> tide_table {"port": "Veere"}',
                "tool: 13:40",
                "assistant*: At 13:40.",
            ]
        ],
        tools=[["tide_table"]],
    ),
    Case(
        name="v1: a fraction of a weight",
        rows=[
            {
                "messages": [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": "ho", "loss_weight": 0.5},
                ]
            }
        ],
        refused="messages[1].loss_weight is '0.5': a turn's weight is 0 or 1",
    ),
    Case(
        name="v1: preferences",
        kind="preference",
        rows=[
            {
                f"{side}_messages": [
                    {
                        "role": "system",
                        "content": [{"type": "text", "value": "Be long."}],
                        "loss_weight": 0.0,
                    },
                    {
                        "role": "user",
                        "content": [{"type": "text", "value": "A barge?"}],
                        "loss_weight": 0.0,
                    },
                    {
                        "role": "assistant",
                        "content": [{"type": "text", "value": text}],
                        "loss_weight": 1.0,
                    },
                ]
                for side, text in (("chosen", "Flat."), ("rejected", "No."))
            }
        ],
        read=[["system: Be long.", "user: A barge?", "chosen: Flat.", "rejected: No."]],
    ),
    Case(
        name="v1: an image among the parts",
        rows=[
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "value": "1.jpg"}]},
                    {"role": "assistant", "content": "A barge."},
                ]
            }
        ],
        refused="messages[0].content[0] is of the type 'image_url', and only text is learned",
    ),
]
