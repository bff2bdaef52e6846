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
    "Who wrote Hamlet?",
    "How many days has a week?",
    "What is the opposite of hot?",
    "Which animal barks?",
    "Where do penguins live?",
    "When did the Second World War end?",
    "Why is the sky blue?",
    "What do bees make?",
    "Is ice cold?",
    "Can fish fly?",
    "Translate 'good morning' to French.",
    "Correct this sentence: she go to school.",
    "Write a short poem about rain.",
    "Explain gravity to a child.",
    "Give me a recipe for pancakes",
    "List the planets",
    "Tell me a joke",
    "What is photosynthesis",
    "How do I boil an egg",
    "best way to learn a language",
    "Suggest a name for a cat.",
    "What is the boiling point of water in Celsius?",
    "Who painted the Mona Lisa?",
    "Which is larger, the Earth or the Moon?",
    "Complete the sentence: Once upon a time",
    "Is 7 a prime number?",
    "What is a verb?",
    "Summarise: The cat sat on the mat and slept all day.",
    "Write an e-mail that asks for a day off.",
    "What should I wear when it snows?",
    "Name a country in Africa.",
    "Convert 10 miles to kilometres.",
    "Who are you?",
    "Hello!",
    "Thanks.",
    "?",
)
HOW_MANY = int(os.environ.get("QUESTIONS", "4"))


@check("openai 0.28 answers a bare question")
def _() -> None:
    """No more said than engine and prompt, so 16 tokens at temperature 1."""
    assert openai.__version__.startswith("0.28")
    for engine in ("text-davinci-002", "text-davinci-003", "gpt-3.5-turbo-instruct"):
        answers = {
            question: openai.Completion.create(engine=engine, prompt=question).choices[0].text
            for question in QUESTIONS[:HOW_MANY]
        }
        empty = [question for question, text in answers.items() if not text.strip()]
        assert not empty, (engine, empty)


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
