"""Small documents of each kind, made by the libraries that people's programs resemble."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path


def docx(path: Path) -> Path:
    from docx import Document

    document = Document()
    document.add_heading("Handbook", 0)
    document.add_heading("Holidays", 1)
    document.add_paragraph("Everybody has thirty days of holiday.")
    document.add_heading("Overtime", 2)
    document.add_paragraph("Overtime is paid double.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        [*table.rows[0].cells, *table.rows[1].cells], ["Name", "Room", "Ann", "12"], strict=True
    ):
        cell.text = text
    document.save(str(path))
    return path


def pptx(path: Path) -> Path:
    from pptx import Presentation

    presentation = Presentation()
    for title, body in (("Plan", "Build a boat"), ("Costs", "Nine thousand")):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    presentation.slides[1].notes_slide.notes_text_frame.text = "Ask the bank."
    presentation.save(str(path))
    return path


def xlsx(path: Path) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "Staff"
    for row in (["Name", "Age"], ["Ann", 41], [None, None], ["Bob", 23]):
        sheet.append(row)
    book.create_sheet("Empty")
    book.save(path)
    return path


def pdf(path: Path, pages: tuple[str, ...] = ("The first page.", "The second page.")) -> Path:
    """By hand: no library of ours writes text into PDFs."""
    streams = [f"BT /F1 12 Tf 72 720 Td ({page}) Tj ET".encode() for page in pages]
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, stream in enumerate(streams):
        page = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * i} 0 R >>"
        )
        packed = zlib.compress(stream)
        head = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode()
        objects += [page.encode(), head + packed + b"\nendstream"]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    out += (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode()
    path.write_bytes(out)
    return path


def with_outline(path: Path) -> Path:
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=pdf(path, ("One.", "Two.", "Three.")))
    part = writer.add_outline_item(title="Part", page_number=0)
    writer.add_outline_item(title="Chapter", page_number=1, parent=part)
    writer.write(path)
    return path


def encrypted(path: Path, password: str, algorithm: str = "RC4-128") -> Path:
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=pdf(path))
    writer.encrypt(password, owner_password="owner", algorithm=algorithm)
    writer.write(path)
    return path


def bomb(path: Path, mebibytes: int = 64) -> Path:
    """A Word document in name, of one letter."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        for _ in range(mebibytes):
            part.write(b"a" * 2**20)
    return path


def with_entities(path: Path) -> Path:
    docx(path)
    laughs = (
        b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("word/laughs.xml", laughs)
    return path
