"""Examples as tokens, by the tokenizer's own template: what is learned is what is served.

An answer's tokens are those that the renderer's loss mask marks; everything after the last of
them teaches nothing and is cut off.  What does not fit `length` is cut or left out, as asked, and
told of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice, takewhile
from typing import Literal

from fireside.data.examples import Chat, Example, Judged, Preference, Problem, Text
from fireside.data.texts import segments
from fireside.errors import BadRequest
from fireside.messages import Message
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.call_section import as_served
from fireside.tokenizer.call_syntax import Function
from fireside.tokenizer.rendered import Rendered

SEGMENT = 1 << 14
"""Characters of a document that one core tokenises at a time; the others do the next."""

TooLong = Literal["cut", "drop"]
# What stands after a document, by the names that models give it; else any token that ends.
_ENDS = (b"<|endoftext|>", b"<|end_of_text|>", b"</s>", b"<eos>", b"<|eot_id|>")


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """An example as tokens.

    parts: text and chat: all of it; preference: prompt, chosen, rejected; judged: prompt, answer;
        problem: prompt.
    learned: a chat's loss mask.
    flag: a judged answer's thumb.
    extra: what has no tokens: a problem's answer and messages, as JSON.
    cut: whether something at its end is missing.
    remark: what was rendered otherwise than it may be expected; "" where nothing was.
    """

    parts: tuple[Sequence[int], ...]
    learned: Sequence[bool] = ()
    bytes: int = 0
    flag: bool = False
    extra: str = ""
    cut: bool = False
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """An example that makes no tokens to learn from, and why."""

    reason: str
    what: str = ""


def end_of_text(tokenizer: Tokenizer) -> int | None:
    """The token that ends a document; None for a model that has none."""
    by_name = {tokenizer.token_bytes(number): number for number in sorted(tokenizer.eos_ids)}
    for name in _ENDS:
        if name in by_name:
            return by_name[name]
    return min(tokenizer.eos_ids, default=None)


def tokenise(
    examples: Sequence[Example], tokenizer: Tokenizer, *, length: int | None, too_long: TooLong
) -> Sequence[Tokens | Unfit]:
    """Each example's tokens, in order.

    length: tokens that a row holds; a chat may have one more, whose last is only predicted.
        Documents have no limit.
    """
    if examples and isinstance(examples[0], Text):
        return _documents([one.text for one in examples if isinstance(one, Text)], tokenizer)
    return [_one(example, tokenizer, length, too_long) for example in examples]


def _documents(texts: Sequence[str], tokenizer: Tokenizer) -> list[Tokens]:
    size = SEGMENT if _joins(tokenizer) else max(map(len, texts)) + 1
    pieces = [list(segments(text, size)) for text in texts]
    encoded = iter(tokenizer.encode_batch([piece for some in pieces for piece in some]))
    return [
        Tokens(
            parts=(list(chain.from_iterable(islice(encoded, len(some)))),),
            bytes=len(text.encode()),
        )
        for text, some in zip(texts, pieces, strict=True)
    ]


def _joins(tokenizer: Tokenizer) -> bool:
    """Whether ids of segments are the ids of the whole; SentencePiece puts a space before each."""
    whole, left, right = (tokenizer.encode(text) for text in ("a\nb c", "a\n", "b c"))
    return whole == left + right


def _one(
    example: Example, tokenizer: Tokenizer, length: int | None, too_long: TooLong
) -> Tokens | Unfit:
    try:
        match example:
            case Chat():
                return _fit_chat(_chat(example, tokenizer), length, too_long)
            case Preference():
                made = _preference(example, tokenizer)
            case Judged():
                made = _judged(example, tokenizer)
            case Problem():
                return _problem(example, tokenizer, length)
            case Text():
                raise AssertionError("texts are tokenised together")
    except BadRequest as error:
        return Unfit(reason="refused by the chat template", what=error.message)
    return _fit_answers(made, length, too_long)


def _chat(chat: Chat, tokenizer: Tokenizer) -> Tokens:
    rendered = _rendered(chat, chat.messages, chat.learned, tokenizer)
    mask = rendered.loss_mask
    end = _after_last(mask)
    return Tokens(parts=(rendered.ids[:end],), learned=mask[:end], remark=_remark(chat, rendered))


def _rendered(
    example: Chat | Preference | Judged,
    messages: tuple[Message, ...],
    learned: Sequence[bool] | None,
    tokenizer: Tokenizer,
) -> Rendered:
    """Messages with the functions of their example, as serving renders them."""
    served, tools = as_served(messages, _functions(example.tools), tokenizer.call_syntax)
    # A template that knows no functions has them in a system message, and may have got one for it.
    more = (False,) * (len(served) - len(messages))
    return tokenizer.render(
        served,
        tools=tools,
        add_generation_prompt=False,
        learned=None if learned is None else (*more, *learned),
        variables=example.variables or None,
    )


def _remark(chat: Chat, rendered: Rendered) -> str:
    """Templates of models that reason leave out what was thought before the last question."""
    hidden = (one.reasoning.strip() not in rendered.text for one in chat.messages)
    return "reasoning that the chat template leaves out, as in serving" if any(hidden) else ""


def _functions(tools: Sequence[Mapping[str, object]]) -> list[Function]:
    found = []
    for tool in tools:
        given = tool.get("function", tool)
        if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
            raise BadRequest("A tool of a chat is no function with a name.")
        found.append(
            Function(
                name=given["name"],
                description=given.get("description"),
                parameters=given.get("parameters"),
            )
        )
    return found


def _fit_chat(tokens: Tokens, length: int | None, too_long: TooLong) -> Tokens | Unfit:
    (ids,) = tokens.parts
    if not any(tokens.learned[1:]):
        return Unfit(reason="nothing to learn")
    if length is None or len(ids) <= length + 1:
        return tokens
    if too_long == "drop":
        return Unfit(reason="longer than a row")
    mask = tokens.learned[: length + 1]
    end = _after_last(mask)
    if not any(mask[1:]):
        return Unfit(reason="longer than a row", what="what is to be learned begins too late")
    return replace(tokens, parts=(ids[:end],), learned=mask[:end], cut=True)


def _after_last(mask: Sequence[bool]) -> int:
    return next((i for i in range(len(mask), 0, -1) if mask[i - 1]), 0)


def _answered(
    example: Preference | Judged, answer: Message, tokenizer: Tokenizer
) -> tuple[list[int], list[int]]:
    """Prompt and answer, split where the loss mask of the answer alone begins."""
    learned = [False] * len(example.prompt) + [True]
    rendered = _rendered(example, (*example.prompt, answer), learned, tokenizer)
    mask = rendered.loss_mask
    first = next((i for i, learned in enumerate(mask) if learned), len(mask))
    return rendered.ids[:first], rendered.ids[first : _after_last(mask)]


def _preference(example: Preference, tokenizer: Tokenizer) -> Tokens:
    prompt, chosen = _answered(example, example.chosen, tokenizer)
    other, rejected = _answered(example, example.rejected, tokenizer)
    # An answer's first characters may merge with the template's last: only what both renderings
    # begin with is the prompt.
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(prompt, other, strict=False))
    shared = sum(1 for _ in pairs)
    return Tokens(
        parts=(prompt[:shared], [*prompt[shared:], *chosen], [*other[shared:], *rejected])
    )


def _judged(example: Judged, tokenizer: Tokenizer) -> Tokens:
    return Tokens(parts=_answered(example, example.answer, tokenizer), flag=example.good)


def _fit_answers(tokens: Tokens, length: int | None, too_long: TooLong) -> Tokens | Unfit:
    """Answers are cut at their end; a prompt that leaves no room for one is too long."""
    prompt, *answers = tokens.parts
    if not all(answers):
        return Unfit(reason="nothing to learn")
    if len(answers) == 2 and list(answers[0]) == list(answers[1]):
        return Unfit(reason="nothing to learn", what="both answers are the same tokens")
    if length is None or len(prompt) + max(map(len, answers)) <= length:
        return tokens
    room = length - len(prompt)
    cut = [answer[: max(room, 0)] for answer in answers]
    if too_long == "drop" or room < 1 or (len(cut) == 2 and list(cut[0]) == list(cut[1])):
        return Unfit(reason="longer than a row")
    return Tokens(parts=(prompt, *cut), flag=tokens.flag, cut=True)


def _problem(example: Problem, tokenizer: Tokenizer, length: int | None) -> Tokens | Unfit:
    ids = tokenizer.render(
        example.prompt, add_generation_prompt=True, variables=example.variables or None
    ).ids
    if length is not None and len(ids) >= length:
        return Unfit(reason="longer than a row")
    messages = [asdict(message) for message in example.prompt]
    extra = json.dumps({"answer": example.answer, "messages": messages}, ensure_ascii=False)
    return Tokens(parts=(ids,), extra=extra)
