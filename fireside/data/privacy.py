"""Personal data out of texts: what has a recognisable form is replaced by its kind.

The forms are those of `personal.py`, which the assistant's own privacy looks for too.  Names of
people and places have no form, and are not found; nothing is fetched, and no language model used.
"""

from __future__ import annotations

from dataclasses import replace

from fireside.data.examples import Chat, Example, Judged, Preference, Problem, Text
from fireside.data.forms import apart, load_forms
from fireside.data.personal import personal_spans
from fireside.data.plain_text import PlainText
from fireside.messages import Message


class Redactor:
    """Replaces personal data, e.g. by <EMAIL_ADDRESS>."""

    def __init__(self) -> None:
        load_forms()  # a second and more, which is better paid before the first text

    def text(self, text: str) -> str:
        plain = PlainText.of(text)
        for span in reversed(apart(list(personal_spans(plain.text)))):
            start, end = plain.as_written(span.start, span.end)
            text = f"{text[:start]}<{span.entity}>{text[end:]}"
        return text

    def _message(self, message: Message) -> Message:
        calls = tuple(
            replace(call, arguments=self.text(call.arguments)) for call in message.tool_calls
        )
        return replace(
            message,
            content=self.text(message.content),
            reasoning=self.text(message.reasoning),
            tool_calls=calls,
        )

    def _messages(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return tuple(self._message(message) for message in messages)

    def example(self, example: Example) -> Example:
        """The example without personal data; the very same where it has none."""
        changed: Example
        match example:
            case Text(text=text):
                changed = replace(example, text=self.text(text))
            case Chat(messages=messages):
                changed = replace(example, messages=self._messages(messages))
            case Preference(prompt=prompt, chosen=chosen, rejected=rejected):
                changed = replace(
                    example,
                    prompt=self._messages(prompt),
                    chosen=self._message(chosen),
                    rejected=self._message(rejected),
                )
            case Judged(prompt=prompt, answer=answer):
                changed = replace(
                    example, prompt=self._messages(prompt), answer=self._message(answer)
                )
            case Problem(prompt=prompt, answer=result):
                changed = replace(example, prompt=self._messages(prompt), answer=self.text(result))
        return example if changed == example else changed
