"""What people write by mistake, and files that are not quite what they seem."""

from __future__ import annotations

import json

from . import Case

Q, A = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}
TWO = [["user: hi", "assistant*: ho"]]
CHAT = '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}'
TURNS = '[{""from"": ""human"", ""value"": ""hi""}, {""from"": ""gpt"", ""value"": ""ho""}]'

CASES = [
    Case(
        name="messages and conversations",
        rows=[{"messages": [Q, A], "conversations": [Q, A]}],
        refused="the row is two formats at once, with messages and conversations",
    ),
    Case(
        name="messages and conversations, of which one is chosen",
        rows=[{"messages": [Q, A], "conversations": [Q, A]}],
        source={"format": "openai"},
        read=TWO,
        unused={"conversations": 1},
    ),
    Case(
        name="messages and an instruction",
        rows=[{"messages": [Q, A], "instruction": "Say hi.", "output": "hi"}],
        refused="two formats at once, with messages and instruction",
    ),
    Case(
        name="two prompts",
        rows=[{"prompt": "hi", "question": "he", "answer": "ho"}],
        refused="prompt and question both have a value",
    ),
    Case(
        name="two answers",
        rows=[{"question": "hi", "answer": "ho", "response": "hm"}],
        refused="response and answer both have a value",
    ),
    Case(
        name="the same answer twice",
        rows=[{"prompt": "hi", "answer": "ho", "response": "ho"}],
        read=TWO,
    ),
    Case(
        name="an unknown role",
        rows=[{"messages": [{"role": "wizard", "content": "x"}, A]}],
        refused="messages[0] has the role 'wizard', which is unknown",
    ),
    Case(
        name="no role",
        rows=[{"messages": [{"content": "x"}, A]}],
        refused="messages[0] has no role",
    ),
    Case(
        name="two roles in one turn",
        rows=[{"messages": [{"role": "user", "from": "gpt", "content": "x"}, A]}],
        refused="messages[0] has two roles, user and gpt",
    ),
    Case(
        name="two texts in one turn",
        rows=[{"messages": [{"role": "user", "content": "x", "value": "y"}, A]}],
        refused="messages[0].content and messages[0].value both have a value",
    ),
    Case(
        name="an empty answer",
        rows=[{"messages": [Q, A, Q, {"role": "assistant", "content": ""}]}],
        refused="messages[3] is an empty answer",
    ),
    Case(
        name="an empty answer that is not learned",
        rows=[{"messages": [Q, {"role": "assistant", "content": "", "weight": 0}, Q, A]}],
        read=[["user: hi", "assistant: ", "user: hi", "assistant*: ho"]],
    ),
    Case(
        name="an empty completion",
        rows=[{"prompt": "hi", "completion": " "}],
        refused="the answer is empty",
    ),
    Case(
        name="an empty prompt", rows=[{"prompt": "", "completion": "ho"}], refused="prompt is empty"
    ),
    Case(
        name="nobody answers",
        rows=[{"messages": [Q]}],
        refused="messages has no turn of the assistant",
    ),
    Case(name="messages that are empty", rows=[{"messages": []}], refused="messages is empty"),
    Case(
        name="messages that are null",
        rows=[{"messages": None}],
        refused="messages is nothing, not a list",
    ),
    Case(
        name="messages that are a number",
        rows=[{"messages": 7}],
        refused="messages is a number, not a list",
    ),
    Case(
        name="a turn that is a text",
        rows=[{"messages": ["hi", "ho"]}],
        refused="messages[0] is a text, not an object",
    ),
    Case(
        name="a number for a text",
        rows=[{"messages": [{"role": "user", "content": 5}, A]}],
        refused="messages[0].content is a number, not a text",
    ),
    Case(
        name="a number for a prompt",
        rows=[{"prompt": 5, "completion": "ho"}],
        refused="prompt is a number, not a text",
    ),
    Case(
        name="a number for an answer",
        rows=[{"question": "6 * 7?", "answer": 42}],
        refused="answer is a number, not a text",
    ),
    Case(
        name="a number for an answer, by templates",
        rows=[{"question": "6 * 7?", "answer": 42}],
        source={"prompt": "{question}", "completion": "{answer}"},
        read=[["user: 6 * 7?", "assistant*: 42"]],
    ),
    Case(
        name="a system that is a list",
        rows=[{"messages": [Q, A], "system": ["x"]}],
        refused="system is a list, not a text",
    ),
    Case(
        name="tools that are words",
        rows=[{"messages": [Q, A], "tools": "search, read"}],
        refused="tools is a text that is no JSON",
    ),
    Case(
        name="a tool that is a number",
        rows=[{"messages": [Q, A], "tools": [7]}],
        refused="tools[0] is a number, not an object",
    ),
    Case(
        name="a tool without a name",
        rows=[{"messages": [Q, A], "tools": [{"type": "function"}]}],
        refused="tools[0] is a function without a name",
    ),
    Case(
        name="preferences as chats",
        rows=[{"prompt": "hi", "chosen": "ho", "rejected": "hm"}],
        refused="these are preferences, which --method dpo learns",
    ),
    Case(
        name="two formats in one file",
        rows=[{"messages": [Q, A]}, {"instruction": "hi", "output": "ho"}, {"messages": [Q, A]}],
        read=TWO * 3,
        remarks={"alpaca, in a file that began as openai": 1},
    ),
    Case(
        name="fields that nobody reads",
        rows=[
            {"messages": [Q | {"mood": "calm"}, A | {"mood": ""}], "source": "web", "lang": None}
        ],
        read=TWO,
        unused={"messages[].mood": 1, "source": 1},
    ),
    Case(
        name="a key twice",
        text='{"messages": [], "messages": []}\n',
        refused="this is not JSON (the key 'messages' stands twice in one object)",
    ),
    Case(name="a mark of the byte order", text=b"\xef\xbb\xbf" + CHAT.encode() + b"\n", read=TWO),
    Case(name="lines of Windows", text=f"{CHAT}\r\n\r\n{CHAT}\r\n", read=TWO * 2),
    Case(name="no end of line at the end", text=CHAT, read=TWO),
    Case(
        name="messages as a text of JSON",
        rows=[{"messages": json.dumps([Q, A])}],
        read=TWO,
    ),
    Case(
        name="messages in Python's notation",
        rows=[{"messages": "[{'role': 'user', 'content': 'hi'}]"}],
        refused="messages is a text that is no JSON (Python's own notation is none)",
    ),
    Case(
        name="CSV with turns",
        suffix=".csv",
        text=f'id,conversations,system\n1,"{TURNS}",Be kind.\n',
        read=[["system: Be kind.", *TWO[0]]],
        unused={"id": 1},
    ),
    Case(
        name="CSV with empty cells",
        suffix=".csv",
        text="instruction,input,output,history\r\nhi,,ho,\r\n",
        read=TWO,
    ),
    Case(
        name="CSV with the same column twice",
        suffix=".csv",
        text="prompt,completion,prompt\nhi,ho,he\n",
        refused=":1: two columns have the name 'prompt'",
    ),
    Case(
        name="CSV with semicolons",
        suffix=".csv",
        text="prompt;completion\nhi;ho\n",
        refused="there is no column 'prompt', only prompt;completion",
    ),
    Case(
        name="TSV of preferences",
        kind="preference",
        suffix=".tsv",
        text="system\tprompt\tchosen\trejected\nRhyme.\thi\tho\thm\n",
        read=[["system: Rhyme.", "user: hi", "chosen: ho", "rejected: hm"]],
    ),
    Case(
        name="TSV of judged answers",
        kind="judged",
        suffix=".tsv",
        text="prompt\tcompletion\tlabel\nhi\tho\tTrue\nhi\thm\t0\n",
        read=[["user: hi", "good: ho"], ["user: hi", "bad: hm"]],
    ),
    Case(
        name="JSON, whose complaints have the line of the record",
        suffix=".json",
        text='[\n  {"prompt": "hi",\n   "completion": "ho"},\n  {"prompt": "hi"}\n]\n',
        refused=".json:4: there is no column 'completion'",
    ),
    Case(
        name="Parquet with JSON in a column of text",
        suffix=".parquet",
        rows=[
            {
                "conversations": json.dumps([Q, A]),
                "tools": '[{"name": "f"}]',
            }
        ],
        read=TWO,
        tools=[["f"]],
    ),
]
