"""The functions that a chat may call, from its column `tools`.

    [{"type": "function", "function": {"name", "description", "parameters"}}]    OpenAI's
    [{"name", "description", "parameters"}]                                      LLaMA-Factory's

or either as JSON text, whole or one by one; `functions` is OpenAI's older name of the column.
And TRL's column `chat_template_kwargs`, which the chat template is told besides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fireside.data.fields import Fields, Malformed, kind_of, unfolded

COLUMNS = ("tools", "functions")
OWN = frozenset({"messages", "tools", "documents", "add_generation_prompt"})


def functions_in(fields: Fields) -> tuple[Mapping[str, object], ...]:
    """The functions as OpenAI's `tools` have them; empty where there is no such column.

    Raises:
        Malformed: the column holds anything else.
    """
    column = fields.choice(COLUMNS)
    if column is None:
        return ()
    where = fields.path(column)
    given = unfolded(fields[column], where)
    listed = given if isinstance(given, list) else [given]
    tools = [unfolded(one, f"{where}[{i}]") for i, one in enumerate(listed)]
    return tuple(_function(one) for one in fields.wrapped(column, tools))


def _function(tool: Fields) -> Mapping[str, object]:
    if (tool.text("type") or "function") != "function":
        raise Malformed(f"{tool.where} is no function but {tool.text('type')[:40]!r}")
    inner = tool.inner("function") if tool.has("function") else tool
    name = inner.text("name").strip()
    if not name:
        raise Malformed(f"{tool.where} is a function without a name")
    function: dict[str, Any] = {"name": name}
    if inner.has("description"):
        function["description"] = inner.text("description")
    if inner.has("parameters"):
        parameters = unfolded(inner["parameters"], inner.path("parameters"))
        if not isinstance(parameters, Mapping):
            raise Malformed(
                f"{inner.path('parameters')} is {kind_of(parameters)}, not a JSON schema"
            )
        # Parquet has types that JSON has not: dates become texts.
        function["parameters"] = json.loads(json.dumps(parameters, default=str))
    return {"type": "function", "function": function}


def variables_in(fields: Fields) -> Mapping[str, object]:
    """Variables of the chat template, e.g. {"enable_thinking": False}.

    Raises:
        Malformed: the column is no object, or sets what belongs to the chat itself.
    """
    name = "chat_template_kwargs"
    if not fields.has(name):
        return {}
    given = unfolded(fields[name], name)
    if not isinstance(given, Mapping):
        raise Malformed(f"{name} is {kind_of(given)}, not an object")
    own = OWN & given.keys()
    if own:
        raise Malformed(f"{name} sets {min(own)}, which belongs to the chat itself")
    return dict(given)
