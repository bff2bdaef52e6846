"""PDF files, object by object."""

from __future__ import annotations

import zlib

from .corpus import Case

HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def stream(content: bytes, more: bytes = b"", *, packed: bool = False) -> bytes:
    if packed:
        content, more = zlib.compress(content), more + b" /Filter /FlateDecode"
    size = str(len(content)).encode()
    return b"<< /Length " + size + more + b" >>\nstream\n" + content + b"\nendstream"


def file(objects: dict[int, bytes], trailer: bytes = b"", *, table: bool = True) -> bytes:
    """table: False leaves out the list of places, as a file that was cut has none."""
    out, places = b"%PDF-1.4\n", {}
    for number, body in objects.items():
        places[number] = len(out)
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    if not table:
        return out + b"trailer << /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"
    size = max(objects) + 1
    start = len(out)
    out += f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    for number in range(1, size):
        out += f"{places.get(number, 0):010d} 00000 {'n' if number in places else 'f'} \n".encode()
    out += f"trailer << /Size {size} /Root 1 0 R ".encode() + trailer + b" >>\nstartxref\n"
    return out + str(start).encode() + b"\n%%EOF\n"


def made(
    *contents: bytes, font: bytes = HELVETICA, page: bytes = b"", root: bytes = b"",
    more: dict[int, bytes] | None = None, packed: bool = False, table: bool = True,
) -> bytes:  # fmt: skip
    """A page for each content stream.  page: further members of each.  more: objects from 50 on."""
    kids = b" ".join(f"{10 + 2 * i} 0 R".encode() for i in range(len(contents)))
    count = str(len(contents)).encode()
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R " + root + b" >>",
        2: b"<< /Type /Pages /Kids [" + kids + b"] /Count " + count
        + b" /Resources << /Font << /F1 3 0 R >> /XObject << /X1 51 0 R >> >> >>",
        3: font,
    }  # fmt: skip
    for i, content in enumerate(contents):
        objects[10 + 2 * i] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
            + f"{11 + 2 * i} 0 R ".encode() + page + b" >>"
        )  # fmt: skip
        objects[11 + 2 * i] = stream(content, packed=packed)
    return file(objects | (more or {}), table=table)


def line(text: bytes, at: bytes = b"72 720 Td") -> bytes:
    return b"BT /F1 12 Tf " + at + b" (" + text + b") Tj ET"


def shown(operators: bytes) -> bytes:
    return b"BT /F1 12 Tf 14 TL 72 720 Td " + operators + b" ET"


def cmap(pairs: dict[str, str], digits: int = 2) -> bytes:
    rows = "\n".join(
        f"<{code}> <{value.encode('utf-16-be').hex()}>" for code, value in pairs.items()
    )
    return stream(
        f"/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange "
        f"<{'0' * digits}> <{'F' * digits}> endcodespacerange {len(pairs)} beginbfchar\n{rows}\n"
        "endbfchar endcmap end end".encode()
    )


def simple(more: bytes) -> bytes:
    return b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica " + more + b" >>"


WIDE = (
    b"<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [60 0 R] "
)
DESCENDANT = (
    b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) "
    b"/Ordering (Identity) /Supplement 0 >> /DW 1000 >>"
)
WIDGET = b"<< /Type /Annot /Subtype /Widget /Rect [0 0 9 9] "
ANNOTS = b"/Annots [50 0 R]"
ONE = line(b"One")


def case(name: str, content: bytes, text: str, *unread: str, **how: object) -> Case:
    return Case(name, made(content, **how), text, unread)  # type: ignore[arg-type]


CASES = [
    case("a line", ONE, "One"),
    case("packed", ONE, "One", packed=True),
    Case("two pages", made(ONE, line(b"Two")), "One\n\nTwo"),
    case("page turned by 90", ONE, "One", page=b"/Rotate 90"),
    case("page turned by 180", ONE, "One", page=b"/Rotate 180"),
    case("page turned by 270", ONE, "One", page=b"/Rotate 270"),
    case("text turned upwards", b"BT /F1 12 Tf 0 1 -1 0 72 72 Tm (Up) Tj ET", "Up"),
    case("two lines", shown(b"(One) Tj 0 -14 Td (Two) Tj"), "One\nTwo"),
    case("next line", shown(b"(One) Tj T* (Two) Tj"), "One\nTwo"),
    case("next line and show", shown(b"(One) Tj (Two) '"), "One\nTwo"),
    case("next line, spaced", shown(b"(One) Tj 0 0 (Two) \""), "One\nTwo"),
    case("kerned letters", shown(b"[(Wa) 70 (ter)] TJ"), "Water"),
    case("gaps that are spaces", shown(b"[(One) -600 (Two)] TJ"), "One Two"),
    case("hexadecimal", shown(b"<4F6E65> Tj"), "One"),
    case("escapes", shown(b"(a \\(b\\) \\\\ \\101) Tj"), "a (b) \\ A"),
    case("string over two lines", shown(b"(a\\\nb) Tj"), "ab"),
    case("raised figure", shown(b"(10) Tj /F1 8 Tf 14 5 Td (6) Tj /F1 12 Tf 5 -5 Td ( units) Tj"),
         "10^6 units"),
    case("raised figure of a later line", shown(b"(One) Tj T* (x) Tj /F1 8 Tf 6 4 Td (2) Tj "
         b"/F1 12 Tf 5 -4 Td (+ y) Tj"), "One\nx^2+ y"),
    case("raised figure in a scaled page", b".75 0 0 -.75 0 792 cm BT /F1 16 Tf 1 0 0 -1 96 96 Tm "
         b"(note) Tj /F1 13 Tf 1 0 0 -1 122 90 Tm (-3) Tj ET", "note^-3"),
    case("lowered figure", shown(b"(H) Tj /F1 8 Tf 9 -3 Td (2) Tj /F1 12 Tf 5 3 Td (O) Tj"), "H2O"),
    case("raised letters", shown(b"(1) Tj /F1 8 Tf 7 5 Td (st) Tj"), "1st"),
    case("small figure at the beginning of a line", shown(b"(One) Tj /F1 8 Tf 0 -14 Td (2) Tj"),
         "One\n2"),
    case("row of a table", shown(b"(Plum) Tj 90 0 Td (1.20) Tj 90 0 Td (30) Tj -180 -14 Td (Fig) Tj"),
         "Plum 1.20 30\nFig"),
    case("two texts on a line", line(b"One") + line(b"Two", b"172 720 Td"), "One\nTwo"),
    Case("several streams", made(ONE, more={50: stream(line(b"Two", b"72 700 Td"))}).replace(
         b"/Contents 11 0 R", b"/Contents [11 0 R 50 0 R]"), "One\nTwo"),
    case("text in a form", b"/X1 Do", "Inside", more={51: stream(line(b"Inside"),
         b" /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>")}),
    case("inline image", b"BI /W 1 /H 1 /BPC 8 /CS /G ID x EI " + ONE, "One"),
    case("text that is not drawn, as OCR leaves it", shown(b"3 Tr (Scanned) Tj"), "Scanned"),
    case("Windows letters", shown(b"(caf\\351 \\200) Tj"), "café €",
         font=simple(b"/Encoding /WinAnsiEncoding")),
    case("Macintosh letters", shown(b"(caf\\216) Tj"), "café",
         font=simple(b"/Encoding /MacRomanEncoding")),
    case("letters by their names", shown(b"(\\001\\002) Tj"), "éß",
         font=simple(b"/Encoding << /Differences [1 /eacute /germandbls] >>")),
    case("letters by a map", shown(b"<0102> Tj"), "東京", font=simple(b"/ToUnicode 52 0 R"),
         more={52: cmap({"01": "東", "02": "京"})}),
    case("ligature by a map", shown(b"<01> Tj (ne) Tj"), "fine", font=simple(b"/ToUnicode 52 0 R"),
         more={52: cmap({"01": "fi"})}),
    case("wide letters by a map", shown(b"<00010002> Tj"), "Ж中", font=WIDE + b"/ToUnicode 52 0 R >>",
         more={52: cmap({"0001": "Ж", "0002": "中"}, 4), 60: DESCENDANT}),
    case("letter beyond 16 bits", shown(b"<01> Tj"), "😀", font=simple(b"/ToUnicode 52 0 R"),
         more={52: cmap({"01": "😀"})}),
    case("form that was filled", ONE, "One\nName: Ann", page=ANNOTS,
         more={50: WIDGET + b"/FT /Tx /T (Name) /V (Ann) >>"}),
    case("field above its widget", ONE, "One\nName: Ann", page=ANNOTS,
         more={50: WIDGET + b"/Parent 53 0 R >>", 53: b"<< /FT /Tx /T (Name) /V (Ann) >>"}),
    case("choice in a form", ONE, "One\nColour: red, blue", page=ANNOTS,
         more={50: WIDGET + b"/FT /Ch /T (Colour) /V [(red) (blue)] >>"}),
    case("box with a cross", ONE, "One\nAgree: ☒", page=ANNOTS,
         more={50: WIDGET + b"/FT /Btn /T (Agree) /V /Yes /AS /Yes >>"}),
    case("empty box", ONE, "One\nAgree: ☐", page=ANNOTS,
         more={50: WIDGET + b"/FT /Btn /T (Agree) /AS /Off >>"}),
    case("button", ONE, "One", page=ANNOTS,
         more={50: WIDGET + b"/FT /Btn /Ff 65536 /T (Send) >>"}),
    case("a reader's comment", ONE, "One", "1 comment", page=ANNOTS,
         more={50: b"<< /Subtype /Text /Contents (Why?) >>"}),
    case("a reader's strike", ONE, "One", "1 struck passage", page=ANNOTS,
         more={50: b"<< /Subtype /StrikeOut /Rect [72 718 100 730] >>"}),
    case("hidden field", ONE, "One", page=ANNOTS,
         more={50: WIDGET + b"/F 2 /FT /Tx /T (Name) /V (no) >>"}),
    case("text written on the page", ONE, "One\nNote", page=ANNOTS,
         more={50: b"<< /Subtype /FreeText /Contents (Note) >>"}),
    Case("page without text", made(ONE, b"", b"", line(b"Four")), "One\n\nFour",
         ("pages 2-3: no text",)),
    Case("damaged page between sound ones", made(ONE, line(b"Two"), line(b"Three")).replace(
         b"/Contents 13 0 R", b"/Contents (nothing)"), "One\n\nThree", ("page 2",)),
    case("attached file", ONE, "One", "1 attached file", root=b"/Names << /EmbeddedFiles << /Names "
         b"[(a.txt) << /Type /Filespec /F (a.txt) /UF (a.txt) /EF << /F 54 0 R >> >>] >> >>",
         more={54: stream(b"text")}),
    case("dynamic form", ONE, "One", "a dynamic form", root=b"/AcroForm << /XFA [] /Fields [] >>"),
    case("no list of places", ONE, "One", table=False),
    Case("wrong list of places", made(ONE).replace(b"startxref\n", b"startxref\n9"), "One"),
    Case("letters before the file", b"junk\n" + made(ONE), "One"),
    Case("letters after the file", made(ONE) + b"\njunk", "One"),
    case("font that is not there", b"BT /F9 12 Tf 72 720 Td (One) Tj ET", "���",
         "page 1: its font"),
    case("font without a map", shown(b"<0001000200030004> Tj"), "\x01\x02\x03\x04", "page 1: its font",
         font=WIDE + b">>", more={60: DESCENDANT}),
]  # fmt: skip
