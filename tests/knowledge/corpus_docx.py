"""Word documents, from the XML of their parts."""

from __future__ import annotations

from .corpus import STRICT, Case, package, relations, types

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SPACES = (
    'xmlns:w="{w}" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
STYLES = """<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Chapter"><w:name w:val="Chapter"/>
<w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/>
<w:rPr><w:vanish/></w:rPr></w:style></w:styles>"""


def t(text: str) -> str:
    return f'<w:t xml:space="preserve">{text}</w:t>'


def r(text: str, properties: str = "") -> str:
    return f"<w:r>{f'<w:rPr>{properties}</w:rPr>' if properties else ''}{t(text)}</w:r>"


def p(*runs: str, properties: str = "") -> str:
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{''.join(runs)}</w:p>"


def tr(*cells: str) -> str:
    return f"<w:tr>{''.join(tc(each) for each in cells)}</w:tr>"


def tc(text: str, properties: str = "") -> str:
    body = text if text.startswith("<w:") else p(r(text))
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{body}</w:tc>"


def tbl(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid>{''.join(rows)}</w:tbl>"


def ins(*inside: str, tag: str = "ins") -> str:
    return f'<w:{tag} w:id="1" w:author="x">{"".join(inside)}</w:{tag}>'


def gone(text: str) -> str:
    return f'<w:del w:id="2" w:author="x"><w:r><w:delText>{text}</w:delText></w:r></w:del>'


def sdt(*inside: str) -> str:
    content = f"<w:sdtContent>{''.join(inside)}</w:sdtContent>"
    return f'<w:sdt><w:sdtPr><w:alias w:val="Name of it"/></w:sdtPr>{content}</w:sdt>'


def box(text: str, *, old: str | None = None) -> str:
    new = f"<wps:txbx><w:txbxContent>{p(r(text))}</w:txbxContent></wps:txbx>"
    fallback = f"<v:textbox><w:txbxContent>{p(r(old or text))}</w:txbxContent></v:textbox>"
    return (
        f'<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>{new}</w:drawing>'
        f"</mc:Choice><mc:Fallback><w:pict><v:shape>{fallback}</v:shape></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r>"
    )


def field(code: str, result: str) -> str:
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f"<w:r><w:instrText> {code} </w:instrText></w:r>"
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        f'{r(result)}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def document(body: str, w: str = W) -> str:
    return f"<w:document {SPACES.format(w=w)}><w:body>{body}<w:sectPr/></w:body></w:document>"


def part(root: str, inside: str) -> str:
    return f"<w:{root} {SPACES.format(w=W)}>{inside}</w:{root}>"


def made(
    body: str, parts: dict[str, tuple[str, str]] | None = None, main: str = "word/document.xml",
    w: str = W,
) -> bytes:  # fmt: skip
    """parts: kind and content by name, beside the body and the styles."""
    others = {"styles.xml": ("styles", STYLES)} | (parts or {})
    folder, _, name = main.rpartition("/")
    return package(
        {
            "[Content_Types].xml": types(
                {
                    main: "wordprocessingml.document.main",
                    f"{folder}/styles.xml": "wordprocessingml.styles",
                }
            ),
            "_rels/.rels": relations({"r1": ("officeDocument", main)}),
            main: document(body, w),
            f"{folder}/_rels/{name}.rels": relations(
                {f"r{i}": (kind, name) for i, (name, (kind, _)) in enumerate(others.items())}
            ),
        }
        | {f"{folder}/{name}": content for name, (_, content) in others.items()}
    )


SPAN, MERGED = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>'
NOTE = '<w:r><w:footnoteReference w:id="2"/></w:r>'
FOOTNOTES = part(
    "footnotes",
    f'<w:footnote w:type="separator" w:id="-1">{p(r("-"))}</w:footnote>'
    f'<w:footnote w:id="2">{p(r("Paid in May."))}</w:footnote>',
)
HEADER = part("hdr", p(r("Boathouse Ltd")) + p(field("PAGE", "1")))


def case(name: str, body: str, text: str, *unread: str, **how: object) -> Case:
    return Case(name, made(body, **how), text, unread)  # type: ignore[arg-type]


def mr(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def formula(inside: str) -> str:
    return p(f"<m:oMath>{inside}</m:oMath>")


def e(text: str, tag: str = "e") -> str:
    return f"<m:{tag}>{mr(text)}</m:{tag}>"


CASES = [
    case("struck figures", p(r("Price "), r("1", "<w:strike/>"), r("0", "<w:dstrike/>"), r("12"))
         + p(r("3", '<w:strike w:val="0"/>'), r("4")) + p(r("5", "<w:strike/>")),
         "Price ~~10~~12\n\n34\n\n~~5~~"),
    case("a root", formula(f"<m:rad><m:deg/>{e('2')}</m:rad>{mr(',')}<m:rad>{e('3', 'deg')}{e('8')}"
         "</m:rad>"), "√(2),√[3](8)"),
    case("a sum", formula('<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>' + e("0", "sub")
         + e("9", "sup") + e("5") + "</m:nary>"), "∑_0^9 5"),
    case("an integral", formula("<m:nary>" + e("0", "sub") + e("5") + "</m:nary>"), "∫_0 5"),
    case("brackets", formula(f"<m:d>{e('1')}{e('2')}</m:d>" + '<m:d><m:dPr><m:begChr m:val="["/>'
         '<m:sepChr m:val=";"/><m:endChr m:val="]"/></m:dPr>' + e("3") + e("4") + "</m:d>"),
         "(1|2)[3;4]"),
    case("a matrix", formula(f"<m:m><m:mr>{e('1')}{e('2')}</m:mr><m:mr>{e('3')}{e('4')}</m:mr></m:m>"),
         "[1, 2; 3, 4]"),
    case("equations below each other", formula(f"<m:eqArr>{e('1')}{e('2')}</m:eqArr>"), "1; 2"),
    case("a limit", formula(f"<m:limLow>{e('lim')}{e('0', 'lim')}</m:limLow>"), "lim_0"),
    case("raised before", formula(f"<m:sPre>{e('2', 'sub')}{e('4', 'sup')}{e('1')}</m:sPre>"),
         "_2^4 1"),
    case("a linked document", '<w:subDoc r:id="r9"/>' + p(r("x")), "x", "1 linked document"),
    case("a raised figure", p(r("10"), r("6", '<w:vertAlign w:val="superscript"/>'), r(" V, 1"),
         r("st", '<w:vertAlign w:val="superscript"/>')), "10^6 V, 1st"),
    case("content control around a paragraph", sdt(p(r("Rent 731"))), "Rent 731"),
    case("content control within a line", p(r("To "), sdt(r("Ann")), r(" only")), "To Ann only"),
    case("content control in a content control", sdt(sdt(p(r("deep")))), "deep"),
    case("content control around a table", sdt(tbl(tr("a", "b"))), "a | b"),
    case("content control around a row", tbl(tr("n", "m"), sdt(tr("1", "2"))), "n | m\nn: 1; m: 2"),
    case("content control around a cell", tbl(f"<w:tr>{sdt(tc('a'))}{tc('b')}</w:tr>"), "a | b"),
    case("content control in a cell", tbl(tr(sdt(p(r("in"))), "b")), "in | b"),
    case("insertion", p(r("Notice: "), ins(r("eleven weeks"))), "Notice: eleven weeks"),
    case("deletion", p(r("Notice: "), gone("four days"), r("none")), "Notice: none"),
    case("insertion within a link", p("<w:hyperlink>", ins(r("there")), "</w:hyperlink>"), "there"),
    case("inserted table row", tbl(tr("a", "b"), "<w:tr><w:trPr><w:ins w:id='1'/></w:trPr>"
         + tc("1") + tc("2") + "</w:tr>"), "a | b\na: 1; b: 2"),
    case("deleted table row", tbl(tr("a", "b"), "<w:tr><w:trPr><w:del w:id='1'/></w:trPr>"
         + tc("1") + tc("2") + "</w:tr>"), "a | b"),
    case("moved text", p(ins(r("gone"), tag="moveFrom"), r("x ")) + p(ins(r("here"), tag="moveTo")),
         "x \n\nhere"),
    case("deleted end of a paragraph", p(r("one "), properties="<w:rPr><w:del w:id='1'/></w:rPr>")
         + p(r("line")), "one line"),
    case("what properties were before", p("<w:r><w:rPr><w:b/><w:rPrChange w:id='1'><w:rPr>"
         "<w:vanish/></w:rPr></w:rPrChange></w:rPr>" + t("seen") + "</w:r>"), "seen"),
    case("text box once", p(r("Body"), box("Keys in the shed")), "Body\n\nKeys in the shed"),
    case("text box of old Word", p(f"<w:r><w:pict><v:shape><v:textbox><w:txbxContent>{p(r('old'))}"
         "</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"), "old"),
    case("text box in a table", tbl(tr(p(r("a"), box("b")), "c")), "a\nb | c"),
    case("choice without words", p("<w:r><mc:AlternateContent><mc:Choice Requires='x'><w:drawing/>"
         f"</mc:Choice><mc:Fallback>{t('instead')}</mc:Fallback></mc:AlternateContent></w:r>"),
         "instead"),
    case("smart tag", p(r("Place: "), f"<w:smartTag>{r('Zutphen')}</w:smartTag>"), "Place: Zutphen"),
    case("custom XML around a paragraph", f"<w:customXml>{p(r('inside'))}</w:customXml>", "inside"),
    case("table in a table", tbl(tr(p(r("Money")) + tbl(tr("Deposit", "1462")))),
         "Money\nDeposit | 1462"),
    case("merged cells", tbl(tr("a", "b", "c"), f"<w:tr>{tc('1', SPAN)}"
         f"{tc('3')}</w:tr>"), "a | b | c\na: 1; c: 3"),
    case("cells merged downwards", tbl(tr("k", "v"),
         f"<w:tr>{tc('fruit', MERGED)}{tc('fig')}</w:tr>",
         f"<w:tr>{tc('<w:p/>', '<w:vMerge/>')}{tc('pear')}</w:tr>"),
         "k | v\nk: fruit; v: fig\nk: fruit; v: pear"),
    case("row that begins later", tbl(tr("a", "b"), "<w:tr><w:trPr><w:gridBefore w:val='1'/>"
         f"</w:trPr>{tc('2')}</w:tr>"), "a | b\nb: 2"),
    case("footnote", p(r("Sum 12"), NOTE, r(" due")), "Sum 12 due\n\nFootnote: Paid in May.",
         parts={"footnotes.xml": ("footnotes", FOOTNOTES)}),
    case("header with a page number", p(r("Text")), "Text\n\nBoathouse Ltd\n\n1",
         parts={"header1.xml": ("header", HEADER)}),
    case("two headers that say the same", p(r("Text")), "Text\n\nBoathouse Ltd\n\n1",
         parts={"header1.xml": ("header", HEADER), "header2.xml": ("header", HEADER)}),
    case("comments", p(r("Text")), "Text", "2 comments", parts={"comments.xml": ("comments",
         part("comments", "<w:comment w:id='1'/><w:comment w:id='2'/>"))}),
    case("result of a field", p(r("See "), field("REF x", "page 9")), "See page 9"),
    case("field in a field's code", p(field("IF " + field("X", "no"), "yes")), "yes"),
    case("field without a result", p(r("a"), '<w:r><w:fldChar w:fldCharType="begin"/></w:r>')
         + p(r("b")), "a\n\nb"),
    case("simple field", p(f"<w:fldSimple w:instr='DATE'>{r('May')}</w:fldSimple>"), "May"),
    case("box that is ticked", p('<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox>'
         '<w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>',
         '<w:r><w:fldChar w:fldCharType="end"/></w:r>', r(" paid")), "☒ paid"),
    case("choice of a list", p('<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList>'
         '<w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList>'
         '</w:ffData></w:fldChar></w:r>', '<w:r><w:fldChar w:fldCharType="end"/></w:r>'), "blue"),
    case("symbols", p('<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>', r(" done "),
         '<w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>'), "✓ done α"),
    case("breaks and tabs", p("<w:r>" + t("a") + "<w:tab/>" + t("b") + "<w:br/>" + t("c")
         + "<w:noBreakHyphen/>" + t("d") + "</w:r>"), "a\tb\nc-d"),
    case("tab stops are no tabs", p(r("a"), properties="<w:tabs><w:tab w:pos='9'/></w:tabs>"), "a"),
    case("hidden text", p(r("seen"), r("hidden", "<w:vanish/>")), "seen", "1 run of hidden text"),
    case("text that is not hidden", p(r("seen", '<w:vanish w:val="0"/>')), "seen"),
    case("text hidden by its style", p(r("seen"), r("no", '<w:rStyle w:val="Secret"/>')), "seen",
         "1 run of hidden text"),
    case("formula", p("<m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b"
         "</m:t></m:r></m:den></m:f></m:oMath>"), "a/b"),
    case("reading aids", p("<w:r><w:ruby><w:rt>" + r("kan") + "</w:rt><w:rubyBase>" + r("漢")
         + "</w:rubyBase></w:ruby></w:r>"), "(kan)漢"),
    case("picture and chart", p(r("x"), "<w:r><w:drawing><pic:pic/></w:drawing></w:r>",
         '<w:r><w:drawing><c:chart r:id="r9"/></w:drawing></w:r>'), "x", "1 picture", "1 chart"),
    case("SmartArt", p(r("x"), '<w:r><w:drawing><dgm:relIds r:dm="r1"/></w:drawing></w:r>'),
         "x\n\nPlan\nBuild", parts={"data1.xml": ("diagramData", "<dgm:dataModel xmlns:dgm='http:"
         "//schemas.openxmlformats.org/drawingml/2006/diagram' xmlns:a='http://schemas.openxmlformats"
         ".org/drawingml/2006/main'><a:p><a:r><a:t>Plan</a:t></a:r></a:p><a:p><a:r><a:t>Build</a:t>"
         "</a:r></a:p></dgm:dataModel>")}),
    case("embedded file", p(r("x")) + '<w:altChunk r:id="r9"/>', "x", "1 embedded file"),
    case("main part of another name", p(r("x")), "x", main="word/document2.xml"),
    case("strict", p(r("x")), "x", w="http://purl.oclc.org/ooxml/wordprocessingml/main"),
    case("broken XML goes on", p(r("before")) + p(r("a & b")) + p(r("after")),
         "before\n\na  b\n\nafter", "is broken"),
    case("text in no paragraph", r("stray") + p(r("x")), "strayx"),
    Case("backslashes in the archive", package({"word\\document.xml": document(p(r("x")))}), "x"),
    Case("strict relations", package({"_rels/.rels": relations(
        {"r1": ("officeDocument", "/word/main.xml")}, STRICT), "[Content_Types].xml":
        "wordprocessingml.document.main+xml", "word/main.xml": document(p(r("x")))}), "x"),
    Case("damaged footnotes", made(p(r("x")), {"footnotes.xml": ("footnotes", "no XML")}), "x",
         ("word/footnotes.xml",)),
]  # fmt: skip

HEADINGS = made(
    p(r("One"), properties='<w:pStyle w:val="berschrift1"/>')
    + p(r("a"))
    + p(r("Two"), properties='<w:pStyle w:val="Chapter"/>')
    + p(r("Three"), properties='<w:outlineLvl w:val="1"/>')
    + p(r("b"))
)
