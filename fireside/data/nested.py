"""JSON documents that nest their records, unfolded into rows.

    [{...}, {...}]                          as it is
    {"data": [...]}                         likewise
    {"data": [{"paragraphs": [...]}]}       SQuAD's: title, context, question, answer
    {"name": ["text", ...], ...}            rows of `name` and `text`

Refuses any other nesting, by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fireside.errors import BadRequest


def rows_of(value: Any, name: str) -> list[Any]:
    """The records of a JSON document.

    Raises:
        BadRequest: there are none that we know how to find.
    """
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if isinstance(value, list):
        if value and all(isinstance(one, dict) and "paragraphs" in one for one in value):
            return list(_squad(value, name))
        return value
    if isinstance(value, dict) and value and all(_texts(one) for one in value.values()):
        return [{"name": key, "text": text} for key, texts in value.items() for text in texts]
    raise BadRequest(
        f"{name} holds no list of records: make it a JSON array of objects, or JSON Lines."
    )


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _squad(articles: list[Mapping[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    answers = question.get("answers") or [{"text": ""}]
                    yield {
                        "title": article.get("title", ""),
                        "context": paragraph["context"],
                        "question": question["question"],
                        "answer": answers[0]["text"],
                    }
    except (KeyError, TypeError, IndexError, AttributeError):
        raise BadRequest(f"{name} looks like SQuAD and breaks its form: mend it.") from None
