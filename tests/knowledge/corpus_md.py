"""Markdown: nothing of the text is changed; what is expected here is the place of each part."""

from __future__ import annotations

Section = tuple[str, ...]


CASES: dict[str, tuple[str, list[Section]]] = {
    "one heading": ("# A\ntext\n", [("A",)]),
    "text before it": ("text\n# A\n", [(), ("A",)]),
    "levels": ("# A\n## B\n### C\n# D\n", [("A",), ("A", "B"), ("A", "B", "C"), ("D",)]),
    "a level that is left out": ("# A\n### C\n## B\n", [("A",), ("A", "C"), ("A", "B")]),
    "closing marks": ("# A ##\ntext", [("A",)]),
    "marks that belong to the title": ("# C#\ntext", [("C#",)]),
    "marks with spaces behind": ("# A #   \n", [("A",)]),
    "no space": ("#A\n", [()]),
    "seven marks": ("####### A\n", [()]),
    "six marks": ("###### A\n", [("A",)]),
    "three spaces": ("   # A\n", [("A",)]),
    "four spaces are code": ("    # A\n", [()]),
    "a tab after the marks": ("#\tA\n", [("A",)]),
    "an empty heading": ("# A\n## \ntext\n", [("A",), ("A",)]),
    "underlined with =": ("A\n===\ntext\n", [("A",)]),
    "underlined with -": ("A\n---\ntext\n", [("A",)]),
    "a rule": ("text\n\n---\n\nmore\n", [()]),
    "a rule under a list": ("- a\n---\n", [()]),
    "a table's line": ("| a |\n---\n", [()]),
    "front matter": ("---\ntitle: T\n---\n# A\n", [(), ("A",)]),
    "front matter of many lines": ("---\na: 1\nb: 2\n---\n# A\n", [(), ("A",)]),
    "code": ("```\n# no\n```\n# A\n", [(), ("A",)]),
    "code with a language": ("```sh\n# no\n```\n", [()]),
    "code in tildes": ("~~~\n# no\n```\n# no\n~~~\n# A\n", [(), ("A",)]),
    "longer marks around shorter": ("````\n```\n# no\n````\n# A\n", [(), ("A",)]),
    "code that is not closed": ("```\n# no\n", [()]),
    "marks of code within a line": ("``` a ``` b\n# A\n", [(), ("A",)]),
    "Windows line ends": ("# A\r\ntext\r\n# B\r\n", [("A",), ("B",)]),
    "old line ends": ("# A\rtext\r# B\r", [("A",), ("B",)]),
    "marks in the title": ("# **A** [b](c) `d`\n", [("**A** [b](c) `d`",)]),
    "HTML": ("# A\n<div hidden>as it stands</div>\n", [("A",)]),
    "quotation": ("> # A\ntext\n", [()]),
    "list": ("- # A\n", [()]),
    "two of one name": ("# A\n# A\n", [("A",), ("A",)]),
    "spaces without an end": ("# a" + " " * 20_000 + "x\n", [("a" + " " * 20_000 + "x",)]),
}
