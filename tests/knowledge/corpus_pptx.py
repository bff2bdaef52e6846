"""PowerPoint files, from the XML of their parts."""

from __future__ import annotations

from .corpus import STRICT, Case, package, relations, types

P = "http://schemas.openxmlformats.org/presentationml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPACES = (
    'xmlns:p="{p}" xmlns:r="{r}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:x="urn:unknown" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
)


LAYOUT = ("slideLayout", "../layout.xml")


def run(text: str) -> str:
    return f"<a:r><a:t>{text}</a:t></a:r>"


def styled(text: str, attributes: str, inside: str = "") -> str:
    return f"<a:r><a:rPr {attributes}>{inside}</a:rPr><a:t>{text}</a:t></a:r>"


def para(*inside: str) -> str:
    return f"<a:p>{''.join(inside)}</a:p>"


def shape(*texts: str, ph: str = "", named: str = "", tag: str = "p:sp") -> str:
    kind = f'<p:nvPr><p:ph type="{ph}"/></p:nvPr>' if ph else "<p:nvPr/>"
    body = "".join(each if each.startswith("<a:p>") else para(run(each)) for each in texts)
    return (
        f'<{tag}><p:nvSpPr><p:cNvPr id="2" name="s" {named}/>{kind}</p:nvSpPr><p:spPr/>'
        f"<p:txBody><a:bodyPr/>{body}</p:txBody></{tag}>"
    )


def table(*rows: str) -> str:
    return (
        "<p:graphicFrame><p:nvGraphicFramePr/><a:graphic><a:graphicData><a:tbl>"
        f"{''.join(rows)}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )


def tr(*cells: str) -> str:
    return f"<a:tr>{''.join(each if each.startswith('<a:tc') else cell(each) for each in cells)}</a:tr>"


def cell(text: str, attributes: str = "") -> str:
    return f"<a:tc {attributes}><a:txBody>{para(run(text)) if text else para()}</a:txBody></a:tc>"


def slide(*shapes: str, p: str = P, attributes: str = "", root: str = "sld") -> str:
    tree = f"<p:cSld><p:spTree><p:nvGrpSpPr/>{''.join(shapes)}</p:spTree></p:cSld>"
    return f"<p:{root} {SPACES.format(p=p, r=R)} {attributes}>{tree}</p:{root}>"


def show(*slides: str, others: dict[str, str] | None = None, p: str = P, kinds: str = R) -> bytes:
    ids = "".join(f'<p:sldId id="{256 + i}" r:id="r{i}"/>' for i in range(len(slides)))
    kinds_of_parts = {"ppt/presentation.xml": "presentationml.presentation.main"} | {
        f"ppt/slides/s{i}.xml": "presentationml.slide" for i in range(len(slides))
    }
    kinds_of_parts["ppt/layout.xml"] = "presentationml.slideLayout"
    return package(
        {
            "[Content_Types].xml": types(kinds_of_parts),
            "_rels/.rels": relations({"r1": ("officeDocument", "ppt/presentation.xml")}, kinds),
            "ppt/presentation.xml": f"<p:presentation {SPACES.format(p=p, r=kinds)}><p:sldIdLst>"
            f"{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(
                {f"r{i}": ("slide", f"slides/s{i}.xml") for i in range(len(slides))}, kinds
            ),
        }
        | {f"ppt/slides/s{i}.xml": each for i, each in enumerate(slides)}
        | {f"ppt/slides/_rels/s{i}.xml.rels": relations({"l": LAYOUT}) for i in range(len(slides))}
        | {"ppt/layout.xml": slide(root="sldLayout")}
        | (others or {})
    )


def case(name: str, text: str, *shapes: str, unread: tuple[str, ...] = ()) -> Case:
    return Case(name, show(slide(*shapes)), text, unread)


def beside(kind: str, content: str) -> dict[str, str]:
    return {
        "ppt/slides/_rels/s0.xml.rels": relations({"d": (kind, "../d.xml"), "l": LAYOUT}),
        "ppt/d.xml": content,
    }


def either(choice: str, fallback: str) -> str:
    return (
        f'<mc:AlternateContent><mc:Choice Requires="x">{choice}</mc:Choice>'
        f"<mc:Fallback>{fallback}</mc:Fallback></mc:AlternateContent>"
    )


NOTES = slide(shape("Ask the bank", ph="body"), shape("3", ph="sldNum"), root="notes")
ART = (
    "<dgm:dataModel xmlns:dgm='http://schemas.openxmlformats.org/drawingml/2006/diagram' "
    "xmlns:a='http://schemas.openxmlformats.org/drawingml/2006/main'><dgm:pt><dgm:t><a:p><a:r>"
    "<a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>"
)
FRAME = "<p:graphicFrame><a:graphic><a:graphicData>{}</a:graphicData></a:graphic></p:graphicFrame>"
STRICT_P = "http://purl.oclc.org/ooxml/presentationml/main"

CASES = [
    case("struck out", "Price ~~10~~12\n~~5~~\n12", shape(para(run("Price "),
         styled("10", 'strike="sngStrike"'), run("12")), para(styled("5", 'strike="dblStrike"')),
         para(styled("1", 'strike="noStrike"'), run("2")))),
    case("raised and lowered", "10^6 V, H2O, 1st, 106", shape(para(run("10"), styled("6",
         'baseline="30000"'), run(" V, H"), styled("2", 'baseline="-25000"'), run("O, 1"),
         styled("st", 'baseline="30%"'), run(", 10"), styled("6", 'baseline="0"')))),
    case("letter of a symbol font", "✓ done", shape(para(styled("\uf0fc", "", '<a:sym typeface='
         '"Wingdings"/>'), run(" done")))),
    case("fraction beside its picture", "1/2", shape(para(either(
         "<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den>"
         "</m:f></m:oMath>", run("one half"))))),
    case("power", "x^2", shape(para("<m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r>"
         "<m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath>"))),
    Case("comments of today", show(slide(shape("a")), others=beside("comments",
         '<n:cmLst xmlns:n="http://schemas.microsoft.com/office/powerpoint/2018/8/main"><n:cm/>'
         "<n:cm/></n:cmLst>")), "a", ("2 comments",)),
    case("title and body", "Plan\nBuild", shape("Plan", ph="title"), shape("Build", ph="body")),
    case("unknown shape with words", "odd", "<x:shape><p:txBody>" + para(run("odd"))
         + "</p:txBody></x:shape>"),
    case("unknown shape beside a sound one", "sound", '<x:thing r="1"/>', shape("sound")),
    case("shape without properties", "bare", "<p:sp><p:txBody>" + para(run("bare"))
         + "</p:txBody></p:sp>"),
    case("placeholder without a type", "text", "<p:sp><p:nvSpPr><p:cNvPr id='1' name=''/><p:nvPr>"
         "<p:ph idx='1'/></p:nvPr></p:nvSpPr><p:txBody>" + para(run("text")) + "</p:txBody></p:sp>"),
    case("run without text", "ab", shape(para(run("a"), "<a:r><a:rPr/></a:r>", run("b")))),
    case("group", "in", f"<p:grpSp><p:nvGrpSpPr/>{shape('in')}</p:grpSp>"),
    case("group in a group", "in", f"<p:grpSp><p:grpSp>{shape('in')}</p:grpSp></p:grpSp>"),
    case("connector with words", "to", shape("to", tag="p:cxnSp")),
    case("two paragraphs", "a\nb", shape("a", "b")),
    case("break within a line", "a\nb", shape(para(run("a"), "<a:br/>", run("b")))),
    case("field", "May", shape(para("<a:fld type='datetime1'><a:t>May</a:t></a:fld>"))),
    case("number of the slide", "a", shape("a"), shape("7", ph="sldNum")),
    case("footer", "a\nDraft", shape("a"), shape("Draft", ph="ftr")),
    case("table", "n | m\nn: 1; m: 2", table(tr("n", "m"), tr("1", "2"))),
    case("table in a group", "n | m", f"<p:grpSp>{table(tr('n', 'm'))}</p:grpSp>"),
    case("merged cells", "a | b | c\na: 1; c: 3", table(tr("a", "b", "c"), tr(
         cell("1", 'gridSpan="2"'), cell("", 'hMerge="1"'), "3"))),
    case("cells merged downwards", "k | v\nk: x; v: 1\nk: x; v: 2", table(tr("k", "v"), tr(
         cell("x", 'rowSpan="2"'), "1"), tr(cell("", 'vMerge="1"'), "2"))),
    case("choice and what stands for it", "new", either(shape("new"), shape("old"))),
    case("choice without words", "old", either("<p:pic/>", shape("old")), unread=("1 picture",)),
    case("formula", "x", shape(para("<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>"))),
    case("hidden shape", "seen", shape("seen"), shape("no", named='hidden="1"'),
         unread=("1 paragraph of a hidden shape",)),
    case("hidden group", "seen", shape("seen"), "<p:grpSp><p:nvGrpSpPr><p:cNvPr id='1' name='' "
         f"hidden='1'/></p:nvGrpSpPr>{shape('no')}</p:grpSp>", unread=("1 paragraph",)),
    case("picture and chart", "a", shape("a"), "<p:pic/><p:pic/>", FRAME.format("<c:chart/>"),
         unread=("2 pictures", "1 chart")),
    case("embedded object", "a", shape("a"), FRAME.format("<p:oleObj/>"),
         unread=("1 embedded object",)),
    case("broken XML goes on", "a\nb  c\nd", shape("a"), shape("b & c"), shape("d"),
         unread=("slide 1",)),
    case("letters that XML escapes", "R&D <b>",
         shape("R&amp;D &lt;b&gt;")),
    Case("notes", show(slide(shape("a")), others=beside("notesSlide", NOTES)), "a\nAsk the bank"),
    Case("damaged notes", show(slide(shape("a")), others=beside("notesSlide", "no")), "a",
         ("slide 1: The part 'ppt/d.xml'",)),
    Case("SmartArt", show(slide(shape("a"), FRAME.format('<dgm:relIds r:dm="d"/>')),
         others=beside("diagramData", ART)), "a\nPlan"),
    Case("comments", show(slide(shape("a")), others=beside("comments", f'<p:cmLst xmlns:p="{P}">'
         "<p:cm/></p:cmLst>")), "a", ("1 comment",)),
    Case("order of the show", show(slide(shape("one")), slide(shape("two"))), "one\n\ntwo"),
    Case("hidden slide", show(slide(shape("one"), attributes='show="0"'), slide(shape("two"))),
         "one\n\ntwo"),
    Case("bad slide between sound ones", show(slide(shape("one")), "no XML", slide(shape("three"))),
         "one\n\nthree", ("slide 2",)),
    Case("slide that is not there", show(slide(shape("one")), others={
         "ppt/_rels/presentation.xml.rels": relations({"rx": ("slide", "s.xml")})}), "",
         ("slide 1: it is not in the file",)),
    Case("slide without words", show(slide(), slide(shape("two"))), "two"),
    Case("strict", show(slide(shape("one"), p=STRICT_P), p=STRICT_P, kinds=STRICT), "one"),
]  # fmt: skip
