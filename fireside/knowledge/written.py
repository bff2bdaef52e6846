"""Text files to blocks: plain text and code, Markdown.

UTF-8 and UTF-16, as OpenAI has it, and with a note Windows-1252 where nothing else is likely;
guessing on would fill a store with wrong letters in silence.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Sequence

from fireside.errors import Corrupt, Unsupported
from fireside.knowledge.documents import Block
from fireside.knowledge.windows_text import is_windows_text

BOMS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def decoded(raw: bytes) -> tuple[str, bool]:
    """The text, and whether it was taken for Windows-1252.

    Raises:
        Corrupt: another encoding.  Unsupported: not text at all.
    """
    encoding = next((name for bom, name in BOMS.items() if raw.startswith(bom)), None)
    marked = encoding is not None
    encoding = encoding or _without_bom(raw[:4096])
    is_old = False
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if not marked and _is_binary(raw[:4096].decode("latin-1")):
            raise Unsupported("The file holds no text that can be read.") from None
        is_old = not marked and encoding == "utf-8" and is_windows_text(raw)
        if not is_old:
            raise Corrupt(
                f"The text is not valid {encoding.removesuffix('-sig').upper()} "
                f"(byte {error.start}): save it as UTF-8."
            ) from None
        text = raw.decode("cp1252")
    if "\0" in text or _is_binary(text[:4096]):
        raise Unsupported("The file holds no text that can be read.")
    if not text.strip():
        raise Corrupt("The file holds nothing but white space.")
    return text, is_old


def decoded_page(raw: bytes) -> tuple[str, bool]:
    """HTML in the encoding that its first lines name, as browsers have it, or else UTF-8, or else
    Windows-1252; and whether some of it was no text in that encoding.

    Raises:
        Corrupt: nothing but white space.
    """
    if any(raw.startswith(bom) for bom in BOMS) or _without_bom(raw[:4096]) != "utf-8":
        return decoded(raw)[0], False
    name = _named_encoding(raw[:4096].lower())
    try:
        text = raw.decode(name or "utf-8")
    except UnicodeDecodeError:
        text = raw.decode(name or "cp1252", "replace")
        return text, name is not None or "\ufffd" in text
    if not text.strip():
        raise Corrupt("The file holds nothing but white space.")
    return text, False


def _named_encoding(head: bytes) -> str | None:
    """Of `<meta charset>` or `<?xml encoding?>`."""
    for word in (b"charset", b"encoding"):
        after = head.partition(word)[2].lstrip()
        if after.startswith(b"="):
            name = after[1:61].lstrip(b" \t\"'")
            for end in b"\"' \t\r\n;>/?":
                name = name.partition(bytes([end]))[0]
            try:
                found = codecs.lookup(name.decode("ascii", "replace"))
            except LookupError:
                continue
            if found._is_text_encoding:
                # As the standard of the web has it: who says Latin-1 means Windows-1252.
                latin = found.name in ("iso8859-1", "ascii")
                wide = found.name.startswith(("utf-16", "utf-32"))
                return "cp1252" if latin else "utf-8" if wide else found.name
    return None


def _without_bom(head: bytes) -> str:
    """UTF-16 of Western text shows by a zero in every second byte."""
    zeros = [head[start::2].count(0) for start in (0, 1)]
    if max(zeros) * 2 > len(head) // 2 and min(zeros) * 8 < max(zeros):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return "utf-8"


def _is_binary(text: str) -> bool:
    if "\0" in text:
        return True
    controls = sum(1 for each in text if ord(each) < 32 and each not in "\t\n\r\f\v\x1b\b")
    return controls * 10 > len(text)


def plain(text: str) -> list[Block]:
    return [Block(text=text)]


def markdown(text: str) -> list[Block]:
    """A block for each heading with what follows it; headings inside code are none."""
    blocks: list[Block] = []
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""

    def end() -> None:
        if lines:
            section = tuple(title for _, title in path)
            blocks.append(Block(text="".join(lines), section=section))
            lines.clear()

    for line in io.StringIO(text, newline=""):
        bare = line.rstrip("\r\n")
        mark = FENCE.match(bare)
        if mark and not fence and mark[1][0] == "`" and "`" in bare[mark.end() :]:
            mark = None  # code within a line
        heading = None if fence else _heading(bare)
        under = None if fence or mark else UNDERLINE.match(bare)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not bare.strip().strip(fence[0]):
            fence = ""
        if heading:
            end()
            _enter(path, *heading)
        elif under and lines and lines[-1].strip() and _alone(lines):
            above = lines.pop()
            end()
            _enter(path, 1 if under[1][0] == "=" else 2, above.strip())
            lines.append(above)
        lines.append(line)
    end()
    return blocks


def _heading(line: str) -> tuple[int, str] | None:
    """The level and the title of `## Title ##`.  By hand: a pattern would try every way to share
    a run of spaces between its parts."""
    marks = line.lstrip(" ")
    level = len(marks) - len(marks.lstrip("#"))
    after = marks[level:]
    if len(line) - len(marks) > 3 or not 1 <= level <= 6 or after[:1] not in (" ", "\t"):
        return None
    title = after.strip(" \t")
    without = title.rstrip("#")
    if not without or without[-1] in " \t":  # `# C#` is about C#
        title = without.rstrip(" \t")
    return level, title


def _alone(lines: Sequence[str]) -> bool:
    """Whether the last line is a paragraph of its own, as the line over an underline must be."""
    return not lines[-1].lstrip().startswith(("|", "-", "*", "+", ">", "#")) and (
        len(lines) == 1 or not lines[-2].strip() or _heading(lines[-2].rstrip("\r\n")) is not None
    )


def _enter(path: list[tuple[int, str]], level: int, title: str) -> None:
    while path and path[-1][0] >= level:
        path.pop()
    if title.strip():
        path.append((level, title.strip()))
