"""Excel workbooks, from the XML of their parts."""

from __future__ import annotations

from .corpus import STRICT, Case, package, relations, types

S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = (
    f'<styleSheet xmlns="{S}"><numFmts><numFmt numFmtId="164" formatCode="00000"/>'
    '<numFmt numFmtId="165" formatCode="[$-409]d\\-mmm\\-yy;@"/>'
    '<numFmt numFmtId="166" formatCode="&quot;days&quot; 0"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="9"/><xf numFmtId="164"/>'
    '<xf numFmtId="22"/><xf numFmtId="20"/><xf numFmtId="46"/><xf numFmtId="165"/>'
    '<xf numFmtId="166"/></cellXfs></styleSheet>'
)
STRINGS = (
    f'<sst xmlns="{S}"><si><t>oil lamp</t></si><si><r><t>rush </t></r><r><rPr><b/></rPr>'
    "<t>chair</t></r></si><si><t>東京</t><rPh sb='0' eb='2'><t>とうきょう</t></rPh></si>"
    "<si><t>two_x000D_\nlines</t></si></sst>"
)


def c(value: object, kind: str = "n", style: int = 0, at: str = "") -> str:
    place = f' r="{at}"' if at else ""
    if kind == "inlineStr":
        return f'<c{place} t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'
    return f'<c{place} t="{kind}" s="{style}"><v>{value}</v></c>'


def words(*values: str) -> str:
    return row(*(c(each, "inlineStr") for each in values))


def row(*cells: str, at: int | None = None) -> str:
    return f"<row{f' r={chr(34)}{at}{chr(34)}' if at else ''}>{''.join(cells)}</row>"


def sheet(*rows: str, before: str = "", after: str = "", space: str = S) -> str:
    data = f"<sheetData>{''.join(rows)}</sheetData>"
    return f'<worksheet xmlns="{space}" xmlns:r="{R}">{before}{data}{after}</worksheet>'


def book(
    *sheets: str, names: tuple[str, ...] = ("Stock", "Second", "Third"), states: tuple[str, ...] = (),
    properties: str = "", others: dict[str, str] | None = None, space: str = S, kinds: str = R,
    kind: str = "worksheet",
) -> bytes:  # fmt: skip
    rows = "".join(
        f'<sheet name="{names[i]}" sheetId="{i + 1}" r:id="r{i}"'
        f"{f' state={chr(34)}{states[i]}{chr(34)}' if i < len(states) else ''}/>"
        for i in range(len(sheets))
    )
    targets = {f"r{i}": (kind if i == 0 else "worksheet", f"s{i}.xml") for i in range(len(sheets))}
    targets |= {"rx": ("styles", "styles.xml"), "ry": ("sharedStrings", "/xl/strings.xml")}
    kinds_of_parts = {
        "xl/workbook.xml": "spreadsheetml.sheet.main",
        "xl/styles.xml": "spreadsheetml.styles",
        "xl/strings.xml": "spreadsheetml.sharedStrings",
    } | {
        f"xl/s{i}.xml": f"spreadsheetml.{kind if i == 0 else 'worksheet'}"
        for i in range(len(sheets))
    }
    return package(
        {
            "[Content_Types].xml": types(kinds_of_parts),
            "_rels/.rels": relations({"r1": ("officeDocument", "xl/workbook.xml")}, kinds),
            "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{kinds}">{properties}'
            f"<sheets>{rows}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(targets, kinds),
            "xl/styles.xml": STYLES,
            "xl/strings.xml": STRINGS,
        }
        | {f"xl/s{i}.xml": each for i, each in enumerate(sheets)}
        | (others or {})
    )


def case(name: str, text: str, *rows: str, unread: tuple[str, ...] = (), **how: str) -> Case:
    return Case(name, book(sheet(*rows, **how)), text, unread)


def formatted(code: str, value: object, shown: str) -> Case:
    """A number under a format of its own."""
    code = code.replace("<", "&lt;").replace('"', "&quot;")
    styles = (
        f'<styleSheet xmlns="{S}"><numFmts><numFmt numFmtId="200" formatCode="{code}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="200"/></cellXfs></styleSheet>'
    )
    content = book(sheet(HEAD, row(c(value, style=1))), others={"xl/styles.xml": styles})
    return Case(f"format {code} of {value}", content, f"item | price\nitem: {shown}")


HEAD = words("item", "price")
STRUCK = (
    f'<styleSheet xmlns="{S}"><fonts><font/><font><strike/></font></fonts>'
    '<cellXfs><xf fontId="0"/><xf fontId="1"/></cellXfs></styleSheet>'
)
DRAWN = {
    "xl/_rels/s0.xml.rels": relations({"d": ("drawing", "d.xml"), "c": ("comments", "c.xml")}),
    "xl/d.xml": '<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/'
    'spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><xdr:sp>'
    "<a:p><a:r><a:t>Counted in May</a:t></a:r></a:p></xdr:sp></xdr:wsDr>",
    "xl/_rels/d.xml.rels": relations({"i": ("image", "i.png"), "h": ("chart", "h.xml")}),
    "xl/c.xml": f'<comments xmlns="{S}"><comment/><comment/></comments>',
}

CASES = [
    *(formatted(*each) for each in (
        ('"$"#,##0.00', 1234.5, "$1234.5"), ("[$€-407] #,##0.00", 1234.5, "€ 1234.5"),
        ('#,##0.00 "kg"', 12, "12 kg"), ('0.0,," M"', 1500000, "1.5 M"), ("#,##0,", 1500000, "1500000"),
        ('0"°C"', -21.5, "-21.5°C"), ('"Q"0', 3, "Q3"), ("000-00-0000", 123456789, "123-45-6789"),
        ("(000) 000-0000", 2025550123, "(202) 555-0123"), ("000-00-0000", 6789, "000-00-6789"),
        ("##-##", 12345, "123-45"), ("# ?/?", 0.5, "0.5"), (";;;", 5, "5"), ('0.0 "%"', 12, "12 %"),
        ('"yes";"no";"none"', 0, "none"), ('"yes";"no";"none"', -1, "no"), ("[$USD] 0.00", 3, "USD 3"),
        ('_-* #,##0.00\\ "€"_-;-* #,##0.00\\ "€"_-', -3, "-3 €"), ("#,##0;(#,##0)", -5, "-5"),
        ("[<=100]0;d/m/yyyy", 50, "50"), ("[<=100]0;d/m/yyyy", 45352, "2024-03-01"),
        ("[Red]d/m/yyyy", 45352, "2024-03-01"), ('General"d"', 5, "5d"), ('0 "h"', 7, "7 h"),
        ("0", "12345678901234567890", "12345678901234567890"), ('"1/"0', 5, "1/5"), ("%0", 0.5, "%50"),
    )),
    Case("struck cell", book(sheet(HEAD, row(c("lamp", "inlineStr"), c(12, style=1))),
         others={"xl/styles.xml": STRUCK}), "item | price\nitem: lamp; price: ~~12~~"),
    case("struck and raised runs", "item | price\nitem: ~~10~~12; price: 10^6", HEAD,
         row('<c t="inlineStr"><is><r><rPr><strike/></rPr><t>10</t></r><r><t>12</t></r></is></c>',
         '<c t="inlineStr"><is><r><t>10</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>6</t>'
         "</r></is></c>")),
    case("formula whose value is no text", "item | price\nprice: 1", HEAD,
         row('<c t="str"><f>IF(TRUE,"","x")</f><v></v></c>', c(1))),
    case("dimension that says A1", "item | price\nitem: lamp; price: 12", HEAD,
         row(c("lamp", "inlineStr"), c(12)), before='<dimension ref="A1"/>'),
    case("dimension that says everything", "item | price", HEAD,
         before='<dimension ref="A1:XFD1048576"/>'),
    case("first and last cell", "first\nlast", row(c("first", "inlineStr", at="A1"), at=1),
         row(c("last", "inlineStr", at="XFD1048576"), at=1048576)),
    case("no places", "item | price\nitem: lamp; price: 12", HEAD,
         row(c("lamp", "inlineStr"), c(12))),
    case("places with gaps", "item | price\nitem: lamp\nprice: 3",
         row(c("item", "inlineStr", at="B2"), c("price", "inlineStr", at="D2"), at=2),
         row(c("lamp", "inlineStr", at="B5"), at=5), row(c(3, at="D9"), at=9)),
    case("shared strings", "item | in\nitem: oil lamp; in: rush chair", words("item", "in"),
         row(c(0, "s"), c(1, "s"))),
    case("readings of words", "city | n\ncity: 東京; n: 1", words("city", "n"), row(c(2, "s"), c(1))),
    case("escaped letters", "a | b\na: two\nlines; b: 1", words("a", "b"), row(c(3, "s"), c(1))),
    case("string that is not there", "a | b\nb: 1", words("a", "b"), row(c(99, "s"), c(1)),
         unread=("1 cell whose text",)),
    case("inline rich text", "ab | c", row('<c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is>'
         "</c>", c("c", "inlineStr"))),
    case("empty inline string", "item | price\nprice: 1", HEAD, row('<c t="inlineStr"/>', c(1))),
    case("date", "item | price\nitem: 2024-03-01", HEAD, row(c(45352, style=1))),
    case("date and time", "item | price\nitem: 2024-03-01 12:00:00", HEAD, row(c(45352.5, style=4))),
    case("time", "item | price\nitem: 18:00:00", HEAD, row(c(0.75, style=5))),
    case("hours beyond a day", "item | price\nitem: 36:00:00", HEAD, row(c(1.5, style=6))),
    case("date of a country", "item | price\nitem: 2024-03-01", HEAD, row(c(45352, style=7))),
    case("date that is none", "item | price\nitem: 99999999", HEAD, row(c(99999999, style=1))),
    case("date before March 1900", "item | price\nitem: 1900-01-01", HEAD, row(c(1, style=1))),
    Case("dates since 1904", book(sheet(HEAD, row(c(0, style=1))),
         properties='<workbookPr date1904="1"/>'), "item | price\nitem: 1904-01-01"),
    case("ISO date", "item | price\nitem: 2024-03-01", HEAD, row(c("2024-03-01T00:00:00", "d"))),
    case("literal text in a format", "item | price\nitem: days 7", HEAD, row(c(7, style=8))),
    case("percentage", "item | price\nitem: 12.5%", HEAD, row(c(0.125, style=2))),
    case("code with zeros", "item | price\nitem: 01234", HEAD, row(c(1234, style=3))),
    case("fraction", "item | price\nitem: 0.3", HEAD, row(c(0.30000000000000004))),
    case("power of ten", "item | price\nitem: 1200", HEAD, row(c("1.2E3"))),
    case("unknown style", "item | price\nitem: 5", HEAD, row(c(5, style=99))),
    case("truth and errors", "item | price\nitem: TRUE; price: #DIV/0!", HEAD,
         row(c(1, "b"), c("#DIV/0!", "e"))),
    case("formula with a value", "item | price\nitem: 9", HEAD, row("<c><f>SUM(A1:A3)</f><v>9</v></c>")),
    case("formula without a value", "item | price\nitem: =SUM(A1:A3)", HEAD,
         row("<c><f>SUM(A1:A3)</f></c>"), unread=("1 formula without",)),
    case("number that is none", "item | price\nitem: n/a; price: 2", HEAD, row(c("n/a"), c(2))),
    case("caption above the table", "Stock in May\nitem | price\nitem: lamp; price: 1",
         words("Stock in May"), HEAD, row(c("lamp", "inlineStr"), c(1))),
    case("merged caption", "Stock\nitem | price\nitem: lamp; price: 1",
         row(c("Stock", "inlineStr", at="A1"), '<c r="B1"/>', at=1), HEAD,
         row(c("lamp", "inlineStr"), c(1)), after='<mergeCells><mergeCell ref="A1:B1"/></mergeCells>'),
    case("merged rows", "kind | name\nkind: fruit; name: fig\nkind: fruit; name: pear",
         words("kind", "name"), row(c("fruit", "inlineStr", at="A2"), c("fig", "inlineStr", at="B2"),
         at=2), row(c("pear", "inlineStr", at="B3"), at=3),
         after='<mergeCells><mergeCell ref="A2:A3"/></mergeCells>'),
    case("merged names", "name | Q1 | Q1\nname: Ann; Q1: 1; Q1: 2",
         row(c("name", "inlineStr", at="A1"), c("Q1", "inlineStr", at="B1"), at=1),
         row(c("Ann", "inlineStr", at="A2"), c(1, at="B2"), c(2, at="C2"), at=2),
         after='<mergeCells><mergeCell ref="B1:C1"/></mergeCells>'),
    case("everything merged", "item | price\nitem: 1", HEAD, row(c(1)),
         after='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'),
    case("one column", "name\nname: Ann\nname: Bob", words("name"), words("Ann"), words("Bob")),
    case("empty name", "item | x\nitem: 1; 2; x: 3", words("item", "", "x"), row(c(1), c(2), c(3))),
    Case("two sheets", book(sheet(words("a", "b")), sheet(words("c", "d"))), "a | b\nc | d"),
    Case("hidden sheet", book(sheet(words("a", "b")), states=("hidden",)), "a | b"),
    Case("very hidden sheet", book(sheet(HEAD), sheet(words("c")), states=("visible", "veryHidden")),
         "item | price", ("sheet 'Second': it is hidden",)),
    Case("sheet that is a chart", book(sheet(), sheet(words("a", "b")), kind="chartsheet"), "a | b",
         ("sheet 'Stock': it is a chart",)),
    Case("sheet that is not there", book(sheet(HEAD), others={
         "xl/_rels/workbook.xml.rels": relations({"r0": ("worksheet", "gone.xml")})}), "",
         ("sheet 'Stock': it is not in the file",)),
    Case("broken sheet beside a sound one", book("no XML", sheet(words("a", "b"))), "a | b",
         ("sheet 'Stock'",)),
    Case("sheet broken in the middle", book(sheet(HEAD, row(c(1)), "<row><c><v>2</w></c>",
         row(c(3)))), "item | price\nitem: 1\nitem: 2\nitem: 3", ("sheet 'Stock'",)),
    Case("broken styles", book(sheet(HEAD, row(c(1))), others={"xl/styles.xml": "no"}),
         "item | price\nitem: 1", ("styles",)),
    Case("broken strings", book(sheet(HEAD, row(c(0, "s"), c(5))), others={"xl/strings.xml": "no"}),
         "item | price\nprice: 5", ("sharedStrings", "1 cell whose text")),
    Case("drawing with words", book(sheet(HEAD), others=DRAWN), "item | price\nCounted in May",
         ("1 chart", "1 picture", "2 comments")),
    Case("strict", book(sheet(HEAD, row(c(1)), space="http://purl.oclc.org/ooxml/spreadsheetml/main"),
         space="http://purl.oclc.org/ooxml/spreadsheetml/main", kinds=STRICT),
         "item | price\nitem: 1"),
    Case("prefixes", book(f'<x:worksheet xmlns:x="{S}"><x:sheetData><x:row><x:c t="inlineStr"><x:is>'
         "<x:t>a</x:t></x:is></x:c><x:c><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>"),
         "a | 1"),
]  # fmt: skip
