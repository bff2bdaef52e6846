"""What a server answered, as text for the model: texts, structured content, and what is left out.

Pictures, sound and files are named with their size, never dropped in silence.  It refuses to fetch
what an answer links to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from fireside.tools.outcome import Outcome

NAME: Final = 200  # letters of a name or an address that are shown


def outcome_of(result: CallToolResult) -> Outcome:
    """`isError` becomes an error; all of it is a stranger's text."""
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    shown = [_shown(block) for block in result.content]
    structured = result.structured_content
    if structured is not None and not any(_says(text, structured) for text in texts):
        shown.append(json.dumps(structured, ensure_ascii=False))
    text = "\n".join(shown)
    if result.is_error:
        return Outcome(error=text or "the tool failed and did not say why", untrusted=True)
    return Outcome(text=text or "[the tool gave no text]", data=structured, untrusted=True)


def _says(text: str, structured: Any) -> bool:
    """Servers repeat structured content as text, for clients that know no other; and Python's wrap
    what is no object in `result`."""
    alone = [structured]
    if isinstance(structured, dict) and [*structured] == ["result"]:
        alone.append(structured["result"])
    try:
        return text in alone or json.loads(text) in alone
    except (ValueError, RecursionError):
        return False


def _shown(block: object) -> str:
    match block:
        case TextContent(text=text):
            return text
        case ImageContent(mime_type=kind, data=data):
            return _left_out("a picture", kind, data)
        case AudioContent(mime_type=kind, data=data):
            return _left_out("sound", kind, data)
        case EmbeddedResource(resource=TextResourceContents(uri=uri, text=text)):
            return f"[{_line(str(uri))}]\n{text}"
        case EmbeddedResource(resource=BlobResourceContents(uri=uri, mime_type=kind, blob=data)):
            return _left_out(f"the file {_line(str(uri))}", kind, data)
        case ResourceLink(uri=uri, name=name):
            return f"[a link to {_line(name)}, {_line(str(uri))}: not fetched]"
    return f"[{type(block).__name__}: left out, its kind is not known]"


def _left_out(what: str, kind: str | None, encoded: str) -> str:
    return f"[{what} ({_line(kind or 'unknown kind')}, {len(encoded) * 3 // 4} bytes): left out]"


def _line(text: str) -> str:
    return "".join(_printable(text))[:NAME]


def _printable(text: str) -> Iterator[str]:
    for letter in text:
        yield letter if letter.isprintable() else " "
