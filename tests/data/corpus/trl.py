"""The formats that TRL documents in dataset_formats."""

from __future__ import annotations

import json

from . import Case

Q, A = {"role": "user", "content": "The sky?"}, {"role": "assistant", "content": "Blue."}
B = {"role": "assistant", "content": "Green."}
TWO = [["user: The sky?", "assistant*: Blue."]]
PAIR = [["user: The sky?", "chosen: Blue.", "rejected: Green."]]
LIGHT = {
    "type": "function",
    "function": {
        "name": "control_light",
        "description": "Controls the lights in a room.",
        "parameters": {
            "type": "object",
            "properties": {"room": {"type": "string"}, "state": {"type": "string"}},
            "required": ["room", "state"],
        },
        "return": {"type": "string"},
    },
}
CALLED = {
    "role": "assistant",
    "tool_calls": [
        {"type": "function", "function": {"name": "control_light", "arguments": {"room": "loft"}}}
    ],
}
SWITCHED = [
    {"role": "user", "content": "Light!"},
    CALLED,
    {"role": "tool", "name": "control_light", "content": "on"},
    {"role": "assistant", "content": "Done!"},
]
SWITCHING = [
    "user: Light!",
    'assistant*:  -> control_light {"room": "loft"}',
    "tool control_light: on",
    "assistant*: Done!",
]

CASES = [
    Case(
        name="language modelling",
        kind="text",
        rows=[{"text": "The sky is blue."}],
        read=[["The sky is blue."]],
    ),
    Case(name="language modelling, conversational", rows=[{"messages": [Q, A]}], read=TWO),
    Case(
        name="language modelling, as chats",
        rows=[{"text": "The sky is blue."}],
        refused="no column 'prompt', only text",
    ),
    Case(
        name="prompt-only",
        rows=[{"prompt": "The sky?"}],
        refused="there is no column 'completion', only prompt",
    ),
    Case(
        name="prompt-only, as problems",
        kind="problem",
        rows=[{"prompt": [Q]}],
        refused="there is no column 'answer'",
    ),
    Case(name="prompt-completion", rows=[{"prompt": "The sky?", "completion": "Blue."}], read=TWO),
    Case(
        name="prompt-completion, conversational",
        rows=[{"prompt": [Q], "completion": [A]}],
        read=TWO,
    ),
    Case(
        name="prompt-completion, of which the completion alone is learned",
        rows=[{"prompt": [Q, B, Q], "completion": [A]}],
        read=[["user: The sky?", "assistant: Green.", "user: The sky?", "assistant*: Blue."]],
    ),
    Case(
        name="prompt-completion with a call in the completion",
        rows=[{"prompt": SWITCHED[:1], "completion": SWITCHED[1:], "tools": [LIGHT]}],
        read=[SWITCHING],
        tools=[["control_light"]],
        unused={"tools[].function.return": 1},
    ),
    Case(
        name="preference",
        kind="preference",
        rows=[{"prompt": "The sky?", "chosen": "Blue.", "rejected": "Green."}],
        read=PAIR,
    ),
    Case(
        name="preference, conversational",
        kind="preference",
        rows=[{"prompt": [Q], "chosen": [A], "rejected": [B]}],
        read=PAIR,
    ),
    Case(
        name="preference, conversational with an implicit prompt",
        kind="preference",
        rows=[{"chosen": [Q, A], "rejected": [Q, B]}],
        read=PAIR,
    ),
    Case(
        name="preference with an implicit prompt, as texts",
        kind="preference",
        rows=[{"chosen": "The sky is blue.", "rejected": "The sky is green."}],
        refused="there is no prompt, neither by itself nor as turns",
    ),
    Case(
        name="preference whose chats are whole, and whose prompt is the last question",
        kind="preference",
        rows=[{"prompt": "The sky?", "chosen": [Q, B, Q, A], "rejected": [Q, B, Q, B]}],
        read=[
            [
                "user: The sky?",
                "assistant: Green.",
                "user: The sky?",
                "chosen: Blue.",
                "rejected: Green.",
            ]
        ],
    ),
    Case(
        name="preference whose prompt is none of the turns",
        kind="preference",
        rows=[{"prompt": "The sea?", "chosen": [Q, A], "rejected": [Q, B]}],
        refused="prompt is no turn of the chats in chosen and rejected",
    ),
    Case(
        name="preference whose chats part before the last turn",
        kind="preference",
        rows=[{"chosen": [Q, A, Q, A], "rejected": [Q, B, Q, B]}],
        refused="chosen and rejected begin differently",
    ),
    Case(
        name="preference with several worse answers",
        kind="preference",
        rows=[{"prompt": "The sky?", "chosen": "Blue.", "rejected": ["Green.", "Red."]}],
        refused="rejected[0] is a text, not an object",
    ),
    Case(
        name="preference with answers of several turns",
        kind="preference",
        rows=[
            {
                "prompt": SWITCHED[:1],
                "chosen": SWITCHED[1:],
                "rejected": [*SWITCHED[1:-1], {"role": "assistant", "content": "No."}],
                "tools": [LIGHT],
            }
        ],
        read=[
            [
                "user: Light!",
                'assistant:  -> control_light {"room": "loft"}',
                "tool control_light: on",
                "chosen: Done!",
                "rejected: No.",
            ]
        ],
        tools=[["control_light"]],
        unused={"tools[].function.return": 1},
    ),
    Case(
        name="unpaired preference",
        kind="judged",
        rows=[
            {"prompt": "The sky?", "completion": "Blue.", "label": True},
            {"prompt": [Q], "completion": [B], "label": False},
        ],
        read=[["user: The sky?", "good: Blue."], ["user: The sky?", "bad: Green."]],
    ),
    Case(
        name="stepwise supervision",
        kind="judged",
        rows=[{"prompt": "9.8?", "completions": ["0.8"], "labels": [True]}],
        refused="the column 'completions' is not read",
    ),
    Case(
        name="tools, as a list and as a text",
        rows=[
            {"messages": SWITCHED, "tools": [LIGHT]},
            {"messages": SWITCHED, "tools": json.dumps([LIGHT])},
        ],
        read=[SWITCHING] * 2,
        tools=[["control_light"]] * 2,
        unused={"tools[].function.return": 2},
    ),
    Case(
        name="Parquet, which fills absent fields with nulls",
        suffix=".parquet",
        rows=[
            {"messages": SWITCHED, "tools": [LIGHT], "split": "a"},
            {
                "messages": [Q, A],
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "f",
                            "parameters": {
                                "type": "object",
                                "properties": {"x": {"type": "string", "enum": ["a"]}},
                            },
                        },
                    }
                ],
                "split": None,
            },
        ],
        read=[SWITCHING, TWO[0]],
        tools=[["control_light"], ["f"]],
        unused={"tools[].function.return": 1, "split": 1},
    ),
    Case(
        name="Harmony's thinking",
        rows=[
            {
                "messages": [
                    {"role": "developer", "content": "Be kind."},
                    Q,
                    A | {"thinking": "Look up."},
                ]
            }
        ],
        read=[["system: Be kind.", "user: The sky?", "assistant*: (Look up.) Blue."]],
    ),
    Case(
        name="chat_template_kwargs",
        rows=[{"messages": [Q, A], "chat_template_kwargs": {"enable_thinking": False}}],
        read=TWO,
    ),
    Case(
        name="chat_template_kwargs that would replace the chat",
        rows=[{"messages": [Q, A], "chat_template_kwargs": {"messages": []}}],
        refused="chat_template_kwargs sets messages",
    ),
    Case(
        name="images",
        rows=[{"prompt": [Q], "completion": [A], "images": ["sky.png"]}],
        refused="the column 'images' is not read",
    ),
    Case(
        name="images that are absent",
        rows=[
            {"prompt": [Q], "completion": [A], "images": None},
            {"prompt": [Q], "completion": [A], "image": []},
        ],
        read=TWO * 2,
    ),
]
