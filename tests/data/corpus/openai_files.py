"""The formats of OpenAI's fine-tuning: supervised, preferences, reinforcement."""

from __future__ import annotations

from . import Case

Q, A = {"role": "user", "content": "The sky?"}, {"role": "assistant", "content": "Blue."}
B = {"role": "assistant", "content": "Green."}
TWO = [["user: The sky?", "assistant*: Blue."]]
PAIR = [["user: The sky?", "chosen: Blue.", "rejected: Green."]]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
TOOLS = [{"type": "function", "function": {"name": "f", "strict": True}}]

CASES = [
    Case(
        name="weights",
        rows=[{"messages": [Q, B | {"weight": 0}, Q, A | {"weight": 1}]}],
        read=[["user: The sky?", "assistant: Green.", "user: The sky?", "assistant*: Blue."]],
    ),
    Case(
        name="a weight of another kind",
        rows=[{"messages": [Q, A | {"weight": "heavy"}]}],
        refused="messages[1].weight is 'heavy': a turn's weight is 0 or 1",
    ),
    Case(
        name="tools and parallel calls",
        rows=[
            {
                "messages": [
                    Q,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [CALL, CALL | {"id": "c2"}],
                    },
                    {"role": "tool", "tool_call_id": "c1", "content": "1"},
                    {"role": "tool", "tool_call_id": "c2", "content": "2"},
                    A,
                ],
                "tools": TOOLS,
                "parallel_tool_calls": True,
            }
        ],
        read=[
            [
                "user: The sky?",
                'assistant*:  -> f {"x": 1} #c1 -> f {"x": 1} #c2',
                "tool #c1: 1",
                "tool #c2: 2",
                "assistant*: Blue.",
            ]
        ],
        tools=[["f"]],
        unused={"parallel_tool_calls": 1, "tools[].function.strict": 1},
    ),
    Case(
        name="a result of a call that nobody made",
        rows=[
            {
                "messages": [
                    Q,
                    {"role": "assistant", "tool_calls": [CALL]},
                    {"role": "tool", "tool_call_id": "c9", "content": "1"},
                ]
            }
        ],
        refused="messages[2] answers the call 'c9', which nobody made",
    ),
    Case(
        name="arguments that are no JSON",
        rows=[
            {
                "messages": [
                    Q,
                    {
                        "role": "assistant",
                        "tool_calls": [CALL | {"function": {"name": "f", "arguments": "{x: 1"}}],
                    },
                ]
            }
        ],
        refused="messages[1].tool_calls[0].function.arguments is a text that is no JSON",
    ),
    Case(
        name="functions, as until 2023",
        rows=[
            {
                "messages": [
                    Q,
                    {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
                    {"role": "function", "name": "f", "content": "1"},
                    A,
                ],
                "functions": [{"name": "f", "parameters": {"type": "object"}}],
            }
        ],
        read=[["user: The sky?", "assistant*:  -> f {}", "tool f: 1", "assistant*: Blue."]],
        tools=[["f"]],
    ),
    Case(
        name="a refusal",
        rows=[{"messages": [Q, {"role": "assistant", "content": None, "refusal": "No."}]}],
        refused="messages[1].refusal is not read: write it as content",
    ),
    Case(
        name="parts of a content",
        rows=[
            {
                "messages": [
                    Q
                    | {
                        "content": [
                            {"type": "text", "text": "The "},
                            {"type": "text", "text": "sky?"},
                        ]
                    },
                    A,
                ]
            }
        ],
        read=TWO,
    ),
    Case(
        name="an image among the parts",
        rows=[
            {"messages": [Q | {"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, A]}
        ],
        refused="messages[0].content[0] is of the type 'image_url'",
    ),
    Case(
        name="preference",
        kind="preference",
        rows=[
            {
                "input": {"messages": [Q], "tools": TOOLS, "parallel_tool_calls": False},
                "preferred_output": [A],
                "non_preferred_output": [B],
            }
        ],
        read=PAIR,
        tools=[["f"]],
        unused={"input.parallel_tool_calls": 1, "input.tools[].function.strict": 1},
    ),
    Case(
        name="preference without the other answer",
        kind="preference",
        rows=[{"input": {"messages": [Q]}, "preferred_output": [A]}],
        refused="there is no column 'rejected'",
    ),
    Case(
        name="reinforcement",
        kind="problem",
        rows=[{"messages": [Q], "answer": "Blue.", "difficulty": 3}],
        read=[["user: The sky?", "= Blue."]],
        unused={"difficulty": 1},
    ),
    Case(
        name="reinforcement that is answered already",
        kind="problem",
        rows=[{"messages": [Q, A], "answer": "Blue."}],
        refused="the last turn is the assistant's: there is nothing left to answer",
    ),
    Case(
        name="reinforcement with tools",
        kind="problem",
        rows=[{"messages": [Q], "answer": "Blue.", "tools": TOOLS}],
        refused="problems with tools are not read",
    ),
]
