"""Tasks whose answers can be verified, for GRPO: a question, and the result alone."""

from __future__ import annotations

from fireside.data import chats
from fireside.data.fields import Fields, Malformed, kind_of
from fireside.data.functions import functions_in
from fireside.data.turns import Turn

RESULTS = ("answer", "solution", "ground_truth", "completion", "response", "output")
FINAL = "####"
"""What GSM8K puts before the result."""


def problem_in(fields: Fields) -> tuple[list[Turn], str]:
    """What is asked, and the result.

    Raises:
        Malformed: one of them is not there, or there is nothing left to answer.
    """
    if functions_in(fields):
        raise Malformed("problems with tools are not read: nothing would run the calls")
    if fields.record.get("messages") is not None:
        turns = chats.with_system(chats.turns_in(fields, "messages"), fields)
        chats.check_prompt(fields, turns)
    else:
        turns = chats.prompt_in(fields)
    if turns[-1].message.role == "assistant":
        raise Malformed("the last turn is the assistant's: there is nothing left to answer")
    name = next((one for one in RESULTS if fields.has(one)), None)
    if name is None:
        raise Malformed(chats.no_column(fields, "answer"))
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Malformed(f"{name} is {kind_of(value)}, not a text or a number")
    return turns, result_of(str(value))


def result_of(answer: str) -> str:
    """What follows the last `####`, or all of it."""
    result = answer.rpartition(FINAL)[2].strip()
    if not result:
        raise Malformed("the answer is empty")
    return result
