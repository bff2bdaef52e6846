"""Chats as files have them: lists of turns, instructions with a history, transcripts.

What stands beside the turns belongs to the chat: the column of the system message, the history.
Turns in an order that cannot be are refused; an unusual order is read as it stands, and remarked.
"""

from __future__ import annotations

from collections.abc import Sequence

from fireside.data.fields import Fields, Malformed, kind_of, unfolded
from fireside.data.turns import SPEAKERS, Turn, turn_of
from fireside.messages import Message

SYSTEMS = ("system", "system_prompt", "system_message")
CONTEXTS = ("input", "context", "article")
INSTRUCTIONS = ("instruction", "INSTRUCTION")
PROMPTS = ("prompt", "question", "query", "message_1")
# Alpaca's own prompt, which data sets carry around an instruction that was plain before.
_WRAPPING = "Below is an instruction that describes a task"
_HUMAN, _ASSISTANT = "\n\nHuman:", "\n\nAssistant:"


def turns_in(fields: Fields, name: str) -> list[Turn]:
    """The turns of a column, in an order that can be.

    Raises:
        Malformed: there are none, or one is broken or out of its order.
    """
    turns = [turn_of(one) for one in fields.inner_list(name)]
    if not turns:
        raise Malformed(f"{fields.path(name)} is empty")
    return ordered(turns, fields, name)


def ordered(turns: list[Turn], fields: Fields, name: str) -> list[Turn]:
    """The same turns; a result that belongs to no call is refused."""
    asked: Message | None = None
    before = ""
    for i, turn in enumerate(turns):
        message, where = turn.message, f"{fields.path(name)}[{i}]"
        if message.role == "tool":
            _check_result(message, asked, where)
        else:
            asked = message if message.role == "assistant" else None
            if message.role == before != "system":
                fields.remark(f"two turns of the {before} after one another")
        if message.role == "assistant" and turn.learned is not False and _is_blank(message):
            raise Malformed(f"{where} is an empty answer")
        before = message.role
    return turns


def _check_result(result: Message, asked: Message | None, where: str) -> None:
    if asked is None:
        raise Malformed(f"{where} is the result of a function, and no call stands before it")
    ids = {call.id for call in asked.tool_calls}
    if result.tool_call_id and ids and "" not in ids and result.tool_call_id not in ids:
        raise Malformed(f"{where} answers the call {result.tool_call_id[:40]!r}, which nobody made")


def _is_blank(message: Message) -> bool:
    return not (message.content.strip() or message.tool_calls or message.reasoning)


def answered(turns: Sequence[Turn], fields: Fields, name: str) -> list[Turn]:
    """The same turns, of which one is the assistant's."""
    if not any(turn.message.role == "assistant" for turn in turns):
        raise Malformed(f"{fields.path(name)} has no turn of the assistant: nothing to learn")
    if turns[-1].message.role != "assistant":
        fields.remark(f"{fields.path(name)} ends with a turn that nobody answers")
    return list(turns)


def flags_of(turns: Sequence[Turn]) -> tuple[bool, ...] | None:
    """Per turn whether to learn it; None where no turn says so."""
    if all(turn.learned is None for turn in turns):
        return None
    return tuple(turn.message.role == "assistant" and turn.learned is not False for turn in turns)


def messages_of(turns: Sequence[Turn]) -> tuple[Message, ...]:
    return tuple(turn.message for turn in turns)


def with_system(turns: list[Turn], fields: Fields) -> list[Turn]:
    """The turns after the system message of a column of its own, where there is one.

    Raises:
        Malformed: the turns begin with another system message.
    """
    column = fields.choice(SYSTEMS)
    if column is None:
        return turns
    system = fields.text(column)
    if not turns or turns[0].message.role != "system":
        return [Turn(message=Message(role="system", content=system), learned=None), *turns]
    if turns[0].message.content.strip() != system.strip():
        raise Malformed(f"{column} differs from the system message that the turns begin with")
    return turns


def is_turns(value: object) -> bool:
    """Whether a value is turns, as a list, or as the JSON of one."""
    if isinstance(value, str):
        if not value.lstrip().startswith("[{"):
            return False
        try:
            value = unfolded(value, "")
        except Malformed:
            return False
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(one, dict) and not one.keys().isdisjoint(SPEAKERS) for one in value)
    )


def prompt_in(fields: Fields) -> list[Turn]:
    """What is asked: system, history, and the last question with what it is about.

    Raises:
        Malformed: there is no question, or more than one.
    """
    names = [name for name in (*INSTRUCTIONS, *PROMPTS) if fields.has(name)]
    name = fields.choice(names) or ("input" if fields.has("input") else None)
    if name is None:
        there = next((one for one in (*INSTRUCTIONS, *PROMPTS) if one in fields), None)
        raise Malformed(f"{there} is empty" if there else no_column(fields, "prompt"))
    history = _history(fields)
    value = fields.record[name]
    if isinstance(value, list | tuple) or is_turns(value):
        if history:
            raise Malformed(f"{name} is a chat already, and history is another one")
        return with_system(turns_in(fields, name), fields)
    asked = unwrapped(fields.text(name))
    if not asked.strip():
        raise Malformed(f"{name} is empty")
    question = Message(role="user", content=_about(fields, name, asked))
    return with_system([*history, Turn(message=question, learned=None)], fields)


def check_prompt(fields: Fields, turns: list[Turn]) -> None:
    """What else is asked beside the turns: the same as they ask, or the row is two at once."""
    if fields.has("history"):
        raise Malformed("history belongs to an instruction, and the row has turns")
    said = [turn.message.content.strip() for turn in turns if turn.message.role == "user"]
    for name in PROMPTS:
        if fields.has(name) and fields.text(name).strip() not in said:
            raise Malformed(f"{name} is none of the turns: keep one of them")


def _about(fields: Fields, name: str, asked: str) -> str:
    """The question with the text that it is about, each in a paragraph of its own."""
    about = [one for one in CONTEXTS if one != name and fields.has(one)]
    if not about:
        return asked
    if len(about) > 1:
        raise Malformed(f"{' and '.join(about)} both stand beside {name}: keep one of them")
    text = fields.text(about[0])
    follows = name in INSTRUCTIONS or about[0] == "input"
    return f"{asked}\n\n{text}" if follows else f"{text}\n\n{asked}"


def _history(fields: Fields) -> list[Turn]:
    """Alpaca's earlier rounds, [[question, answer], ...]; learned, as LLaMA-Factory documents."""
    if not fields.has("history"):
        return []
    rounds = unfolded(fields["history"], fields.path("history"))
    if not isinstance(rounds, list):
        raise Malformed(f"history is {kind_of(rounds)}, not a list of rounds")
    turns = []
    for i, one in enumerate(rounds):
        pair = list(one) if isinstance(one, list | tuple) else []
        if len(pair) != 2 or not all(isinstance(text, str) and text.strip() for text in pair):
            raise Malformed(f"history[{i}] is no round of a question and an answer")
        turns.append(Turn(message=Message(role="user", content=pair[0]), learned=None))
        turns.append(Turn(message=Message(role="assistant", content=pair[1]), learned=None))
    return turns


def answer_in(fields: Fields, name: str) -> list[Turn]:
    """An answer: a text, one turn, or turns of which the last is the assistant's.

    Raises:
        Malformed: it is none, or empty.
    """
    value = fields.record.get(name)
    if isinstance(value, list | tuple) or is_turns(value):
        turns = turns_in(fields, name)
    elif isinstance(value, dict):
        turns = ordered([turn_of(fields.inner(name))], fields, name)
    else:
        message = Message(role="assistant", content=fields.text(name))
        turns = [Turn(message=message, learned=None)]
    if turns[-1].message.role != "assistant":
        raise Malformed(f"{fields.path(name)} does not end with a turn of the assistant")
    if _is_blank(turns[-1].message):
        raise Malformed(f"the answer is empty: {fields.path(name)} holds none")
    return turns


def transcript(text: str) -> list[Turn] | None:
    """Anthropic's transcripts, "\\n\\nHuman: ...\\n\\nAssistant: ..."; None for any other text."""
    text = text.lstrip()
    if not text.startswith("Human:"):
        return None
    turns = []
    for part in ("\n\n" + text).split(_HUMAN)[1:]:
        question, *answers = part.split(_ASSISTANT)
        said = [Message(role="user", content=question.strip())]
        said += [Message(role="assistant", content=one.strip()) for one in answers]
        turns += [Turn(message=message, learned=None) for message in said]
    return turns


def unwrapped(prompt: str) -> str:
    """The instruction alone, where a prompt is Alpaca's whole wording.

    A chat model has its own template around the instruction; two around each other teach it to
    expect both.
    """
    if not prompt.lstrip().startswith(_WRAPPING):
        return prompt
    body, answer, after = prompt.partition("### Instruction:")[2].rpartition("### Response:")
    if not answer or after.strip():
        return prompt
    instruction, _, given = body.partition("\n### Input:")
    return "\n\n".join(part.strip() for part in (instruction, given) if part.strip())


def no_column(fields: Fields, name: str, advice: str = "name the columns with templates") -> str:
    """The complaint about a column that is not there."""
    there = " ".join(", ".join(str(one) for one in fields).split()) or "none"
    return f"there is no column {name!r}, only {there[:200]}: {advice}"
