"""A record's meaning: which columns are the prompt, the answer, the turns.

"auto" goes by the columns' names, which the field has settled: OpenAI's `messages`, ShareGPT's
`conversations`, Alpaca's `instruction` and `output`, TRL's `prompt`, `chosen`, `rejected`.
Templates of the source come before all of them.  A record that is two things at once, or lacks
what its kind needs, is broken, and the complaint names the columns.  docs/data.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fireside.data import chats, preferences
from fireside.data.chats import INSTRUCTIONS, PROMPTS, answer_in, flags_of, no_column
from fireside.data.examples import Chat, Example, Judged, Kind, Origin, Preference, Problem, Text
from fireside.data.fields import Fields, Malformed
from fireside.data.functions import functions_in, variables_in
from fireside.data.problems import problem_in, result_of
from fireside.data.source import Source
from fireside.data.templates import columns_in, fill
from fireside.data.turns import MEDIA, Turn
from fireside.messages import Message

TEXTS = ("text", "content")
ANSWERS = ("completion", "response", "answer", "output", "generation", "RESPONSE", "message_2")
THOUGHTS = ("reasoning_content", "thinking")
MESSAGES = "messages"
TURNS = ("conversations", "conversation", "turns", "dialog", "dialogue")
NEVER_READ: Mapping[str, str] = {
    **dict.fromkeys(MEDIA, "only text can be learned"),
    "segments": "axolotl's input_output rows bring their own control tokens; write messages",
    "input_ids": "rows that are tokens already are not read; give their texts",
    "message_tree_id": "a row of a tree is no chat; make each path of the tree a row of messages",
}
"""Columns that change what is learned, and cannot be read."""
NOT_READ_OF_QUESTIONS: Mapping[str, str] = {
    "completions": "several answers or steps to one prompt; make each a row of its own",
    "choices": "say with templates how a question shows its choices",
    "options": "say with templates how a question shows its choices",
    "reflection": "say with templates what is learned of an answer and its reflection",
    "corrected": "say with templates what is learned of an answer and its correction",
    "critiques": "say with templates what is learned of an answer and its critique",
}
"""The same, beside a question and its answer; beside turns they say nothing of them."""


def example_of(fields: Fields, kind: Kind, source: Source, origin: Origin) -> Example:
    """The example that a record is.

    Raises:
        Malformed: it is none of this kind.
    """
    if source.prompt is None and kind != "text":
        turns = any(_is_listed(fields, name) for name in (MESSAGES, *TURNS))
        refused = NEVER_READ if turns else {**NEVER_READ, **NOT_READ_OF_QUESTIONS}
        for name in filter(fields.has, refused):
            raise Malformed(f"the column {name!r} is not read: {refused[name]}")
    return _MAKERS[kind](fields, source, origin)


def template_columns(source: Source) -> frozenset[str]:
    """The columns that the source's templates name."""
    return columns_in(source.prompt or "") | columns_in(source.completion or "")


def _text(fields: Fields, source: Source, origin: Origin) -> Text:
    if source.prompt is not None:
        answer = _filled_answer(fields, source) if source.completion is not None else ""
        return Text(text=_filled(fields, source.prompt) + answer, origin=origin)
    for name in TEXTS:
        if isinstance(fields.record.get(name), str):
            return Text(text=fields.text(name), origin=origin)
    raise Malformed(no_column(fields, "text", "say what to read with a prompt template"))


def _chat(fields: Fields, source: Source, origin: Origin) -> Chat:
    turns, flags = _learned_turns(fields, source)
    asked = [turn.message.content for turn in turns if turn.message.role == "user"]
    if asked and not any(text.strip() for text in asked):
        raise Malformed("the prompt is empty")
    messages = chats.messages_of(turns)
    return Chat(messages=messages, learned=flags, origin=origin, **_beside(fields, source))


def _beside(fields: Fields, source: Source) -> dict[str, Any]:
    """What the chat template is told besides the turns; nothing, where templates say it all."""
    if source.prompt is not None:
        return {}
    return {"tools": functions_in(fields), "variables": variables_in(fields)}


def _learned_turns(fields: Fields, source: Source) -> tuple[list[Turn], tuple[bool, ...] | None]:
    """The turns of a chat, and which of them are learned."""
    if source.prompt is not None:
        fields.form = "templates"
        return _from_templates(fields, source), None
    fields.form = form = source.format if source.format != "auto" else _form(fields)
    if form in ("openai", "sharegpt"):
        column = MESSAGES if form == "openai" else _turns_column(fields)
        turns = chats.turns_in(fields, column)
        chats.check_prompt(fields, turns)
        turns = chats.with_system(chats.answered(turns, fields, column), fields)
        return turns, flags_of(turns)
    if form == "alpaca" and not any(fields.has(name) for name in INSTRUCTIONS):
        raise Malformed(no_column(fields, "instruction", "choose another format"))
    prompt = chats.prompt_in(fields)
    answer = _answer(fields)
    turns = [*prompt, *answer]
    answered = any(turn.message.role == "assistant" for turn in prompt)
    if form == "alpaca" or fields.has("history") or not answered:
        return turns, flags_of(turns)
    # TRL: of a prompt in turns and its completion, the completion alone is learned.
    flags = flags_of(answer) or tuple(one.message.role == "assistant" for one in answer)
    preferences.check_flags(prompt, [])
    return turns, (*(False for _ in prompt), *flags)


def _form(fields: Fields) -> str:
    """Which format the columns are.

    Raises:
        Malformed: two at once, or none.
    """
    answered = any(fields.has(name) for name in ANSWERS)
    forms = {
        "openai": MESSAGES if fields.has(MESSAGES) else None,
        "sharegpt": next((name for name in TURNS if _is_listed(fields, name)), None),
        "alpaca": next((name for name in INSTRUCTIONS if fields.has(name)), None),
        "pair": next((name for name in PROMPTS if fields.has(name) and answered), None),
    }
    found = {form: column for form, column in forms.items() if column is not None}
    if len(found) > 1:
        columns = " and ".join(found.values())
        raise Malformed(f"the row is two formats at once, with {columns}: choose one with --format")
    if found:
        return next(iter(found))
    if MESSAGES in fields.record:
        return "openai"
    if any(isinstance(fields.record.get(name), list | str) for name in TURNS[:2]):
        return "sharegpt"
    return "pair"


def _is_listed(fields: Fields, name: str) -> bool:
    value = fields.record.get(name)
    return fields.has(name) and (isinstance(value, list | tuple) or chats.is_turns(value))


def _turns_column(fields: Fields) -> str:
    column = fields.choice(name for name in TURNS if _is_listed(fields, name))
    column = column or next((name for name in TURNS if name in fields.record), None)
    if column is None:
        raise Malformed(no_column(fields, "conversations", "choose another format"))
    return column


def _preference(fields: Fields, source: Source, origin: Origin) -> Preference:
    asked: Fields = fields
    if isinstance(fields.record.get("input"), Mapping) and "preferred_output" in fields.record:
        fields.form, asked = "openai", fields.inner("input")
        prompt: list[Turn] | None = chats.turns_in(asked, MESSAGES)
    elif source.prompt is not None:
        fields.form = "templates"
        prompt = [_user_turn(_filled(fields, source.prompt))]
    else:
        fields.form, prompt = "pair", None
    before, chosen, rejected = preferences.pair_in(fields, prompt)
    return Preference(
        prompt=before,
        chosen=chosen,
        rejected=rejected,
        origin=origin,
        **_beside(asked, source),
    )


def _judged(fields: Fields, source: Source, origin: Origin) -> Judged:
    good = preferences.judgement_in(fields)
    turns, _ = _learned_turns(fields, source)
    *prompt, answer = turns
    if answer.message.role != "assistant" or not prompt:
        raise Malformed("the last turn is not an assistant's answer")
    preferences.check_flags(prompt, [answer])
    return Judged(
        prompt=chats.messages_of(prompt),
        answer=answer.message,
        good=good,
        origin=origin,
        **_beside(fields, source),
    )


def _problem(fields: Fields, source: Source, origin: Origin) -> Problem:
    if source.prompt is None:
        turns, result = problem_in(fields)
        return Problem(
            prompt=chats.messages_of(turns),
            answer=result,
            variables=variables_in(fields),
            origin=origin,
        )
    turns = _from_templates(fields, source)
    prompt, result = chats.messages_of(turns[:1]), result_of(turns[1].message.content)
    return Problem(prompt=prompt, answer=result, origin=origin)


def _answer(fields: Fields) -> list[Turn]:
    name = fields.choice(ANSWERS)
    if name is None:
        there = next((one for one in ANSWERS if one in fields), None)
        if there is not None:
            raise Malformed(f"the answer is empty: {there} holds none")
        advice = "name the columns with templates"
        if any(fields.has(one) for one in preferences.CHOSEN):
            advice = "these are preferences, which --method dpo learns"
        raise Malformed(no_column(fields, "completion", advice))
    return _with_thought(answer_in(fields, name), fields)


def _with_thought(answer: list[Turn], fields: Fields) -> list[Turn]:
    """The answer with the reasoning of a column of its own."""
    thought = next((one for one in THOUGHTS if isinstance(fields.record.get(one), str)), None)
    if thought is None or not fields.has(thought):
        return answer
    *before, last = answer
    if last.message.reasoning:
        raise Malformed(f"the answer has its reasoning twice: in its turn, and in {thought}")
    message = replace(last.message, reasoning=fields.text(thought))
    return [*before, replace(last, message=message)]


def _from_templates(fields: Fields, source: Source) -> list[Turn]:
    if source.completion is None:
        raise Malformed("the source has a prompt template and no completion template")
    assert source.prompt is not None
    prompt, answer = _filled(fields, source.prompt), _filled_answer(fields, source)
    if not answer.strip():
        raise Malformed("the answer is empty")
    if not prompt.strip():
        raise Malformed("the prompt is empty")
    return [
        _user_turn(prompt),
        Turn(message=Message(role="assistant", content=answer), learned=None),
    ]


def _user_turn(text: str) -> Turn:
    return Turn(message=Message(role="user", content=text), learned=None)


def _filled(fields: Fields, template: str) -> str:
    fields.use(columns_in(template))
    return fill(template, fields.record)


def _filled_answer(fields: Fields, source: Source) -> str:
    assert source.completion is not None
    fields.use(columns_in(source.completion))
    return fill(source.completion, fields.record, source.labels)


_MAKERS: Mapping[Kind, Callable[[Fields, Source, Origin], Example]] = {
    "text": _text,
    "chat": _chat,
    "preference": _preference,
    "judged": _judged,
    "problem": _problem,
}
