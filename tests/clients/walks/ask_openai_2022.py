"""`openai` 0.28: the completion of 2022, whose model followed instructions."""

from __future__ import annotations

import os

import openai
from checks import check, run_all

openai.api_base = os.environ["OPENAI_BASE_URL"]
QUESTIONS = (
    "What is the capital of France?",
    "Name three colours.",
    "Write one sentence about the sea.",
    "What is 2 plus 2?",
)


@check("openai 0.28 answers a bare question")
def _() -> None:
    assert openai.__version__.startswith("0.28")
    for engine in ("text-davinci-002", "text-davinci-003", "gpt-3.5-turbo-instruct"):
        for question in QUESTIONS:
            answer = openai.Completion.create(engine=engine, prompt=question, max_tokens=16)
            assert answer.choices[0].text.strip(), (engine, question)


@check("openai 0.28 stream")
def _() -> None:
    pieces = openai.Completion.create(
        engine="text-davinci-002", prompt=QUESTIONS[0], max_tokens=16, stream=True
    )
    assert "".join(each.choices[0].text for each in pieces).strip()


@check("openai 0.28 chat")
def _() -> None:
    answer = openai.ChatCompletion.create(
        model="gpt-3.5-turbo", messages=[{"role": "user", "content": QUESTIONS[0]}], max_tokens=16
    )
    assert answer.choices[0].message.content


run_all()
