"""What a file is, by its first bytes; its name must not contradict them."""

from __future__ import annotations

import mmap
import zipfile
import zlib
from pathlib import Path
from typing import Final, Literal

from fireside.errors import Corrupt, Unsupported

Kind = Literal["pdf", "docx", "pptx", "xlsx", "html", "markdown", "table", "tabbed", "text"]

NAMES: Final[dict[str, Kind]] = {
    ".pdf": "pdf", ".docx": "docx", ".pptx": "pptx", ".xlsx": "xlsx", ".xlsm": "xlsx",
    ".docm": "docx", ".pptm": "pptx", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".md": "markdown", ".markdown": "markdown", ".mdx": "markdown", ".csv": "table",
    ".tsv": "tabbed", ".tab": "tabbed", ".txt": "text", ".xltx": "xlsx", ".xltm": "xlsx",
    ".dotx": "docx", ".dotm": "docx", ".ppsx": "pptx", ".ppsm": "pptx", ".potx": "pptx",
}  # fmt: skip
WRITTEN: Final = frozenset({"html", "markdown", "table", "tabbed", "text"})
CALLED: Final[dict[str, str]] = {
    "pdf": "a PDF", "docx": "a Word document", "pptx": "a PowerPoint file",
    "xlsx": "an Excel workbook", "html": "HTML", "markdown": "text", "table": "text",
    "tabbed": "text",
    "text": "text",
}  # fmt: skip
INSIDE: Final[tuple[tuple[str, bytes, Kind], ...]] = (
    ("word/document.xml", b"wordprocessingml.document.main", "docx"),
    ("ppt/presentation.xml", b"presentationml.presentation.main", "pptx"),
    ("xl/workbook.xml", b"spreadsheetml.sheet.main", "xlsx"),
)
"""By the usual name of the main part, or by its type in the list of types."""
MOST_ENTRIES: Final = 20_000
FOREIGN: Final[dict[bytes, str]] = {
    b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"GIF8": "a GIF image",
    b"\x1f\x8b": "a gzip archive", b"7z\xbc\xaf": "a 7-Zip archive", b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 archive", b"\xfd7zXZ": "an xz archive", b"\x7fELF": "a program",
    b"MZ": "a program", b"SQLite format 3": "an SQLite database", b"ID3": "an MP3 recording",
    b"OggS": "a recording", b"RIFF": "a recording, a film or an image", b"{\\rtf": "an RTF file",
    b"GGUF": "a GGUF model", b"%!PS": "a PostScript file", b"PAR1": "a Parquet file",
    b"II*\0": "a TIFF image", b"MM\0*": "a TIFF image", b"BM": "a BMP image",
    b"ITSF": "a CHM book", b"AT&TFORM": "a DjVu book", b"wOFF": "a font", b"wOF2": "a font",
    b"\xfbk\xd0": "an archive of web pages",
}  # fmt: skip
WORDS: Final = frozenset({b"MZ", b"BM"})
"""Of these, what a text may begin with too."""
# Text by its bytes, and of a form that a reader of plain text would get wrong.
UNREAD_SUFFIXES: Final[dict[str, str]] = {
    ".eml": "an e-mail", ".mht": "an archived web page", ".mhtml": "an archived web page",
    ".rtf": "an RTF file", ".fodt": "a flat OpenDocument file", ".fods": "a flat OpenDocument file",
    ".ps": "a PostScript file",
}  # fmt: skip
PACKED: Final[dict[bytes, str]] = {
    b"application/vnd.oasis.opendocument.text": "an OpenDocument text",
    b"application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument sheet",
    b"application/vnd.oasis.opendocument.presentation": "an OpenDocument presentation",
    b"application/epub+zip": "an EPUB book",
}
"""By the member `mimetype` of a ZIP archive."""
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HTML_BEGINS: Final = (b"<!doctype html", b"<html")
READS: Final = "PDF, DOCX, PPTX, XLSX, HTML, Markdown, CSV and text"


def kind_of(path: Path, suffix: str) -> Kind:
    """
    suffix: of the file's name, in small letters; "" for one that says nothing.

    Raises:
        Corrupt: empty, encrypted, damaged, or not what its name says.
        Unsupported: nothing that we read.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise Corrupt("The file is empty.")
    kind = _by_bytes(path, head)
    named = NAMES.get(suffix)
    if kind == "text" and suffix in UNREAD_SUFFIXES:
        raise Unsupported(f"The file is {UNREAD_SUFFIXES[suffix]}; what is read: {READS}.")
    if named is None or named == kind:
        return kind
    if named in WRITTEN and kind == "text":
        return named
    if named in WRITTEN and kind == "html":
        return "text" if named != "html" else "html"  # source code that shows HTML is text
    raise Corrupt(
        f"The name says {CALLED[named]}, but the content is {CALLED[kind]}: "
        "upload the right file, or give it its right name."
    )


def _by_bytes(path: Path, head: bytes) -> Kind:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _inside(path)
    if head.startswith(OLE):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as all_:
            is_encrypted = all_.find("EncryptedPackage".encode("utf-16-le")) >= 0
        if is_encrypted:
            raise Corrupt("The document is encrypted: save it without a password.")
        raise Unsupported("An Office file from before 2007: save it as DOCX, PPTX or XLSX.")
    for magic, called in FOREIGN.items():
        if head.startswith(magic) and not (magic in WORDS and b"\0" not in head):
            raise Unsupported(f"The file is {called}; what is read: {READS}.")
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begins.startswith(HTML_BEGINS) or (begins.startswith(b"<?xml") and b"<html" in begins):
        return "html"
    return "text"


def _inside(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()[:MOST_ENTRIES]
            names = {e.filename.replace("\\", "/").lstrip("/").lower(): e for e in entries}
            types = _start(archive, names.get("[content_types].xml"), 2**20)
            mimetype = _start(archive, names.get("mimetype"), 100).strip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Corrupt("The file is damaged or cut short: upload it again.") from None
    for name, content_type, kind in INSIDE:
        if name in names or content_type in types:
            return kind
    if "xl/workbook.bin" in names:
        raise Unsupported("The file is a binary Excel workbook: save it as XLSX.")
    if mimetype in PACKED:
        raise Unsupported(f"The file is {PACKED[mimetype]}; what is read: {READS}.")
    raise Unsupported(f"The file is a ZIP archive: unpack it.  What is read: {READS}.")


def _start(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | None, size: int) -> bytes:
    """The first bytes of a part; none of one that is not there or is damaged."""
    if entry is None:
        return b""
    try:
        with archive.open(entry) as part:
            return part.read(size)
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError, zlib.error):
        return b""
