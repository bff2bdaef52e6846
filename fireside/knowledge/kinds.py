"""What a file is, told by its first bytes; its name may only agree.

It refuses, each with one line: empty files, files whose name says another kind than their bytes
(an error page saved as .pdf), what holds no text that we can read.
"""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePath
from typing import Final, Literal

from fireside.errors import Corrupt, Unsupported

Kind = Literal["pdf", "docx", "pptx", "xlsx", "html", "markdown", "table", "text"]

NAMES: Final[dict[str, Kind]] = {
    ".pdf": "pdf", ".docx": "docx", ".pptx": "pptx", ".xlsx": "xlsx", ".xlsm": "xlsx",
    ".docm": "docx", ".pptm": "pptx", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".md": "markdown", ".markdown": "markdown", ".mdx": "markdown", ".csv": "table",
    ".tsv": "table", ".txt": "text",
}  # fmt: skip
WRITTEN: Final = frozenset({"html", "markdown", "table", "text"})
CALLED: Final[dict[str, str]] = {
    "pdf": "a PDF", "docx": "a Word document", "pptx": "a PowerPoint file",
    "xlsx": "an Excel workbook", "html": "HTML", "markdown": "text", "table": "text",
    "text": "text",
}  # fmt: skip
INSIDE: Final[dict[str, Kind]] = {
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
    "xl/workbook.xml": "xlsx",
}
FOREIGN: Final[dict[bytes, str]] = {
    b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"GIF8": "a GIF image",
    b"\x1f\x8b": "a gzip archive", b"7z\xbc\xaf": "a 7-Zip archive", b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 archive", b"\xfd7zXZ": "an xz archive", b"\x7fELF": "a program",
    b"MZ": "a program", b"SQLite format 3": "an SQLite database", b"ID3": "an MP3 recording",
    b"OggS": "a recording", b"RIFF": "a recording, a film or an image", b"{\\rtf": "an RTF file",
    b"GGUF": "a GGUF model", b"%!PS": "a PostScript file", b"PAR1": "a Parquet file",
}  # fmt: skip
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HTML_BEGINS: Final = (b"<!doctype html", b"<html")
READS: Final = "PDF, DOCX, PPTX, XLSX, HTML, Markdown, CSV and text"


def kind_of(path: Path, filename: str) -> Kind:
    """
    Raises:
        Corrupt: empty, encrypted, damaged, or not what its name says.
        Unsupported: nothing that we read.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise Corrupt("The file is empty.")
    found = _by_bytes(path, head)
    named = NAMES.get(PurePath(filename).suffix.lower())
    if named is None or named == found:
        return found
    if named in WRITTEN and found == "text":
        return named
    if named in WRITTEN and found == "html":
        return "text" if named != "html" else "html"  # source code that shows HTML is text
    raise Corrupt(
        f"The name says {CALLED[named]}, but the content is {CALLED[found]}: "
        "upload the right file, or give it its right name."
    )


def _by_bytes(path: Path, head: bytes) -> Kind:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _inside(path)
    if head.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise Corrupt("The document is encrypted: save it without a password.")
        raise Unsupported("An Office file from before 2007: save it as DOCX, PPTX or XLSX.")
    for magic, called in FOREIGN.items():
        if head.startswith(magic) and not (magic == b"MZ" and b"\0" not in head):
            raise Unsupported(f"The file is {called}; what is read: {READS}.")
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begins.startswith(HTML_BEGINS) or (begins.startswith(b"<?xml") and b"<html" in begins):
        return "html"
    return "text"


def _inside(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Corrupt("The file is damaged or cut short: upload it again.") from None
    for name, kind in INSIDE.items():
        if name in names:
            return kind
    raise Unsupported(f"The file is a ZIP archive: unpack it.  What is read: {READS}.")
