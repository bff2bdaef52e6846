"""Texts that tokenizers stumble over, and enough ordinary ones to train small ones on."""

from __future__ import annotations

import argparse
import inspect
import textwrap

ENGLISH = [
    "Hello, world! It's the cat's pyjamas, isn't it? They'LL say WE'VE done it.",
    "The year 1984, 3.14159, 1,000,000 and 007; call +44 20 7946 0958 at 12:30.",
    "A naïve café owner's résumé — “quoted”, ‘single’, dash–dash—dash…",
]
CHINESE = [
    "你好，世界！今天天气很好，我们去公园散步吧。",
    "混合 English 和中文，数字123，标点：“引号”、书名号《红楼梦》。",
    "日本語のテキスト、한국어 텍스트, Русский текст, ไทย, हिन्दी, العربية",
]
CODE = [
    "def f(x: int) -> str:\n    return f'{x!r}' if x else \"\"\n\tclass A(B):  # ...\n    pass\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] * 0xFF; } // done\r\n#include <stdio.h>\r\n",
    '{"key": ["value", 1, null, true], "path": "C:\\\\dir\\\\file.txt"}',
]
EMOJI = ["👋🏽 family 👨‍👩‍👧‍👦 flag 🇨🇭 keycap 1️⃣ heart ❤️ text ❤︎", "🙂🙃🫠 ½ ² ⅷ ① ﬁ Å Å"]
WHITESPACE = [
    "",
    " ",
    "  ",
    "\n",
    "\n\n\n",
    " \n ",
    "\t\t",
    "a  b   c    d",
    "  leading",
    "trailing  ",
    "x\u00a0y\u2003z\u200bw\u3000v\ufeffu",
    "a\r\nb\rc\vd\fe\u2028f\u2029g",
    "    1  22   333\n  4",
    "\x00\x01\x7f\x80 null",
]
MARKUP = ["<b>bold</b> <|not_a_token|> <s>strike</s> [INST] </think> <table>", "▁lower ▁one▁eighth"]
TEXTS = [*ENGLISH, *CHINESE, *CODE, *EMOJI, *WHITESPACE, *MARKUP]


def training_text() -> list[str]:
    """A few thousand lines of code and prose that every Python has."""
    source = inspect.getsource(argparse) + inspect.getsource(textwrap)
    return [line for line in source.splitlines() if line.strip()] + [*TEXTS] * 5
