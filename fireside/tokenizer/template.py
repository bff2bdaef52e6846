"""A model's chat template: messages in, one marked text out.

The template sees the true text of every message, as `Marked` strings that behave as any other, so
it may strip, split and test them; and what comes out still says which characters it wrote itself.
It refuses to repair: a template's own complaint becomes the caller's BadRequest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import jinja2
import jinja2.nodes

from fireside.errors import BadRequest, FiresideError
from fireside.messages import Message, Role
from fireside.tokenizer import provenance
from fireside.tokenizer.budget import Budget, OverBudget, spending
from fireside.tokenizer.provenance import INPUT, TEMPLATE, Marked
from fireside.tokenizer.sandbox import TemplateEnvironment

ROLES = frozenset(get_args(Role))
MAX_SOURCE = 1 << 18
REASONING = frozenset({"reasoning_content", "thinking", "reasoning"})
"""What templates call a message's reasoning: Qwen's and DeepSeek's, gpt-oss's, others'."""
THOUGHT_END = "</think>"
SECONDS = 2.0
"""CPU time of one rendering.  A thousand messages take SmolLM2's template a few hundredths."""


class ChatTemplate:
    """One compiled template.

    Args:
        source: the Jinja text.
        named: `bos_token`, `eos_token`, ... as the template may write them.

    takes_tools: whether the template looks at `tools`.
    takes_reasoning: whether it looks at a message's reasoning, under one of its names.

    Raises:
        BadRequest: the source is no valid template.
    """

    def __init__(self, source: str, named: Mapping[str, str]) -> None:
        if len(source) > MAX_SOURCE:
            raise BadRequest(f"The chat template is longer than {MAX_SOURCE:,} characters.")
        environment = TemplateEnvironment()
        try:
            tree = environment.parse(source)
            self.takes_tools = any(
                name.name == "tools" for name in tree.find_all(jinja2.nodes.Name)
            )
            self.takes_reasoning = not REASONING.isdisjoint(_field_names(tree))
            self._splits_thoughts = THOUGHT_END in source
            self._template = environment.from_string(tree)
        except (jinja2.TemplateError, SyntaxError, RecursionError, MemoryError) as error:
            raise BadRequest(f"The model's chat template is broken: {_line(error)}") from None
        self._named = {name: provenance.mark(text, TEMPLATE) for name, text in named.items()}

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, object]] | None = None,
        add_generation_prompt: bool = False,
        variables: Mapping[str, object] | None = None,
    ) -> Marked:
        """The chat as text.

        Raises:
            BadRequest: the template refuses these messages, fails, or goes past its bounds.
        """
        if not self.takes_reasoning and any(message.reasoning for message in messages):
            messages = [self._with_thought_inside(message) for message in messages]
        values: dict[str, Any] = {
            **self._named,
            **_marked(dict(variables or {}), INPUT),
            "messages": [_message(message, i) for i, message in enumerate(messages)],
            "tools": None if tools is None else _marked(list(tools), INPUT),
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
        }
        given = sum(len(message.content) + len(message.reasoning) for message in messages)
        budget = Budget(seconds=SECONDS, characters=(1 << 24) + 32 * given)
        try:
            with spending(budget):
                context = self._template.new_context(values)
                return TemplateEnvironment.joined(self._template.root_render_func(context))
        except FiresideError:
            raise
        except OverBudget as error:
            raise BadRequest(f"The model's chat template {error}; it was stopped.") from None
        except RecursionError:
            raise BadRequest("The model's chat template calls itself without end.") from None
        except jinja2.UndefinedError as error:
            raise BadRequest(f"The model's chat template failed: {_line(error)}") from None
        except jinja2.TemplateError as error:
            raise BadRequest(f"The model's chat template refuses: {_line(error)}") from None
        except Exception as error:  # whatever a template's own operations can raise
            raise BadRequest(f"The model's chat template failed: {_line(error)}") from None

    def _with_thought_inside(self, message: Message) -> Message:
        """The reasoning as the beginning of the content, where the template looks for it there."""
        if not self._splits_thoughts:
            raise BadRequest(
                "The messages have reasoning_content, and this model's chat template does not "
                "write it: put the reasoning into content, or take a model that reasons."
            )
        if not message.reasoning:
            return message
        thought = f"<think>\n{message.reasoning.strip()}\n{THOUGHT_END}\n\n"
        return replace(message, reasoning="", content=thought + message.content)

    def opening(
        self, messages: Sequence[Message], *, variables: Mapping[str, object] | None = None
    ) -> str:
        """What this template opens an assistant's turn with, after these messages.

        Empty where the template has no such thing, or does not want to be asked.
        """
        try:
            closed = self.render(messages, variables=variables)
            opened = self.render(messages, variables=variables, add_generation_prompt=True)
        except BadRequest:
            return ""
        return opened.removeprefix(closed) if opened.startswith(closed) else ""


def _field_names(tree: jinja2.nodes.Template) -> set[str]:
    """The fields that a template looks at: as attributes, or by their names as texts."""
    names = {node.attr for node in tree.find_all(jinja2.nodes.Getattr)}
    texts = (node.value for node in tree.find_all(jinja2.nodes.Const))
    return names | {text for text in texts if isinstance(text, str)}


def _line(error: BaseException) -> str:
    text = " ".join((str(error) or type(error).__name__).split())
    return text if len(text) <= 300 else text[:299] + "…"


def _message(message: Message, index: int) -> dict[str, Any]:
    """A message as templates know it: Hugging Face's shape of OpenAI's."""
    label = provenance.from_message(index)
    shape: dict[str, Any] = {
        # Templates build control tokens from the role (`<|user|>`), so the four known ones may.
        "role": provenance.mark(message.role, TEMPLATE if message.role in ROLES else label),
        "content": provenance.mark(message.content, label),
    }
    if message.name is not None:
        shape["name"] = provenance.mark(message.name, label)
    if message.reasoning:
        shape |= dict.fromkeys(REASONING, provenance.mark(message.reasoning, label))
    if message.tool_call_id is not None:
        shape["tool_call_id"] = provenance.mark(message.tool_call_id, label)
    if message.tool_calls:
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call.arguments)},
            }
            for call in message.tool_calls
        ]
        shape["tool_calls"] = _marked(calls, label)
    return shape


def _arguments(text: str) -> object:
    """Templates expect the arguments as an object; what is none stays text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _marked(value: Any, label: int) -> Any:
    """Plain JSON data with every text in it marked; anything else becomes its type's name."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return provenance.mark(value, label)
    if isinstance(value, Mapping):
        return {_marked(key, label): _marked(item, label) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item, label) for item in value]
    return provenance.mark(f"<{type(value).__name__}>", label)
