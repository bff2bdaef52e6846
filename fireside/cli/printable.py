"""Text that a model or a file wrote, made safe for a terminal.

An escape sequence in an answer could move the cursor, retitle the window, or rewrite what was
printed before.  Tab and newline stay; every other control character goes, and so do the two
characters that force the direction of writing and can make text read as another.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` without control characters.  Letter by letter, so a stream may be cut anywhere."""
    return UNSAFE.sub("", text)


def printable_json(value: Any) -> str:
    """JSON on one line; what a terminal would obey is escaped, as `\\u009b`, so nothing is lost."""
    text = json.dumps(value, ensure_ascii=False)
    return UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
