"""Columns of well-known data sets, as their cards document them."""

from __future__ import annotations

from . import Case

Q, A = {"role": "user", "content": "A barge?"}, {"role": "assistant", "content": "Flat."}
B = {"role": "assistant", "content": "No."}
TWO = [["user: A barge?", "assistant*: Flat."]]
PAIR = [["user: A barge?", "chosen: Flat.", "rejected: No."]]

CASES = [
    Case(
        name="ShareGPT",
        rows=[
            {
                "id": "x_0",
                "conversations": [
                    {"from": "human", "value": "A barge?"},
                    {"from": "gpt", "value": "Flat."},
                ],
            }
        ],
        read=TWO,
        unused={"id": 1},
    ),
    Case(
        name="SlimOrca: weights in ShareGPT",
        rows=[
            {
                "conversations": [
                    {"from": "system", "value": "Be short.", "weight": None},
                    {"from": "human", "value": "A barge?", "weight": 0},
                    {"from": "gpt", "value": "Flat.", "weight": 1},
                ]
            }
        ],
        read=[["system: Be short.", *TWO[0]]],
    ),
    Case(
        name="Dolly, whose context belongs to the instruction",
        rows=[
            {
                "instruction": "Sum it up.",
                "context": "A barge is flat.",
                "response": "Flat.",
                "category": "summarization",
            }
        ],
        read=[["user: Sum it up.\n\nA barge is flat.", "assistant*: Flat."]],
        unused={"category": 1},
    ),
    Case(
        name="an input and a context",
        rows=[{"instruction": "Sum.", "input": "a", "context": "b", "response": "c"}],
        refused="input and context both stand beside instruction",
    ),
    Case(
        name="OpenAssistant: rows of a tree",
        rows=[
            {
                "message_id": "1",
                "message_tree_id": "1",
                "parent_id": None,
                "text": "hi",
                "role": "prompter",
            }
        ],
        refused="the column 'message_tree_id' is not read: a row of a tree is no chat",
    ),
    Case(
        name="OpenAssistant: its roles",
        rows=[
            {
                "conversation": [
                    {"role": "prompter", "text": "A barge?"},
                    {"role": "assistant", "text": "Flat."},
                ]
            }
        ],
        read=TWO,
    ),
    Case(
        name="UltraChat: the prompt stands in the messages too",
        rows=[{"prompt": "A barge?", "prompt_id": "0f", "messages": [Q, A]}],
        read=TWO,
        unused={"prompt_id": 1},
    ),
    Case(
        name="a prompt that is none of the messages",
        rows=[{"prompt": "A punt?", "messages": [Q, A]}],
        refused="prompt is none of the turns",
    ),
    Case(
        name="UltraFeedback, binarized",
        kind="preference",
        rows=[
            {
                "prompt": "A barge?",
                "chosen": [Q, A],
                "rejected": [Q, B],
                "messages": [Q, A],
                "score_chosen": 8.0,
                "score_rejected": 3.5,
            }
        ],
        read=PAIR,
        unused={"score_chosen": 1, "score_rejected": 1},
    ),
    Case(
        name="UltraFeedback, binarized, as chats",
        rows=[{"prompt": "A barge?", "chosen": [Q, A], "rejected": [Q, B], "messages": [Q, A]}],
        read=TWO,
        unused={"chosen": 1, "rejected": 1},
    ),
    Case(
        name="UltraFeedback, several answers",
        kind="preference",
        rows=[{"instruction": "A barge?", "models": ["m"], "completions": [{"response": "Flat."}]}],
        refused="the column 'completions' is not read",
    ),
    Case(
        name="HH-RLHF: transcripts",
        kind="preference",
        rows=[
            {
                side: "\n\nHuman: A sloop?\n\nAssistant: One mast."
                f"\n\nHuman: A barge?\n\nAssistant: {answer}"
                for side, answer in (("chosen", "Flat."), ("rejected", "No."))
            }
        ],
        read=[
            [
                "user: A sloop?",
                "assistant: One mast.",
                "user: A barge?",
                "chosen: Flat.",
                "rejected: No.",
            ]
        ],
    ),
    Case(
        name="HH-RLHF: transcripts that part early",
        kind="preference",
        rows=[
            {
                "chosen": "\n\nHuman: A sloop?\n\nAssistant: One mast.",
                "rejected": "\n\nHuman: A punt?\n\nAssistant: Poled.",
            }
        ],
        refused="chosen and rejected begin differently",
    ),
    Case(
        name="HH-RLHF: a transcript that ends without an answer",
        kind="preference",
        rows=[
            {
                "chosen": "\n\nHuman: A sloop?\n\nAssistant:",
                "rejected": "\n\nHuman: A sloop?\n\nAssistant: No.",
            }
        ],
        refused="the answer is empty: chosen ends without one",
    ),
    Case(
        name="GSM8K",
        kind="problem",
        rows=[{"question": "2 + 2?", "answer": "Two and two.\n#### 4"}],
        read=[["user: 2 + 2?", "= 4"]],
    ),
    Case(
        name="SQuAD",
        suffix=".json",
        text='{"data": [{"title": "t", "paragraphs": [{"context": "A barge is flat.", "qas": '
        '[{"question": "A barge?", "answers": [{"text": "Flat."}]}]}]}]}',
        read=[["user: A barge is flat.\n\nA barge?", "assistant*: Flat."]],
        unused={"title": 1},
    ),
    Case(
        name="Schema-Guided Dialogue",
        rows=[
            {
                "turns": [
                    {"speaker": "USER", "utterance": "A barge?", "frames": [1]},
                    {"speaker": "SYSTEM", "utterance": "Flat."},
                ]
            }
        ],
        read=TWO,
        unused={"turns[].frames": 1},
    ),
    Case(
        name="Capybara, whose turns are pairs",
        rows=[{"source": "s", "conversation": [{"input": "A barge?", "output": "Flat."}]}],
        refused="conversation[0] has no role",
    ),
]
