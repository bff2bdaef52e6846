"""Pages.  What no reader sees must not come out, and what every reader sees must."""

from __future__ import annotations

from .corpus import Case


def case(name: str, body: str, text: str, *unread: str, head: str = "", raw: bytes = b"") -> Case:
    page = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
    return Case(name, raw or page.encode(), text, unread)


P = "<p>seen</p>"
CASES = [
    case("a raised figure", "<p>10<sup>6</sup> volts, 2<sup>-3</sup>, 1<sup>st</sup></p>",
         "10^6 volts, 2^-3, 1st"),
    case("lowered", "<p>H<sub>2</sub>O, 101<sub>2</sub></p>", "H2O, 101_2"),
    case("a fraction", "<p><math><mfrac><mn>731</mn><mn>12</mn></mfrac></math></p>", "731/12"),
    case("a power", "<math><msup> <mn>10</mn> <mn>6</mn> </msup></math>", "10 ^6"),
    case("fields apart", '<textarea>12</textarea><input value="34"><button>go</button>',
         "12 34 go"),
    case("a soft hyphen", "<p>cali&shy;fragil</p>", "califragil"),
    case("struck figures", "<p>Price <del>10</del><ins>12</ins>, was <s>20</s></p>",
         "Price ~~10~~ 12, was ~~20~~"),
    case("quoted", "<p>He said <q>yes</q>.</p>", 'He said "yes".'),
    case("roots", "<math><msqrt><mn>2</mn></msqrt><mo>,</mo><mroot><mn>8</mn><mn>3</mn></mroot></math>",
         "√(2),8^(1/3)"),
    case("over and under", "<math><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup><mo>=</mo>"
         "<munderover><mo>∑</mo><mn>0</mn><mn>9</mn></munderover></math>", "x_1^2=∑_0^9"),
    case("a matrix", "<math><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd>"
         "<mn>3</mn></mtd></mtr></mtable></math>", "[1, 2; 3]"),
    case("a heading of two lines", "<h1>Annual<br>Report</h1><p>seen</p>", "Annual Report\n\nseen"),
    case("shown as blocks", '<span style="display:block">one</span><b style="display: flex">two</b>',
         "one\n\ntwo"),
    case("a bar has no words", "<p>seen</p><progress value=3 max=10>30%</progress><meter>2</meter>",
         "seen"),
    case("what a button says", '<input type=submit value=Send>', "Send"),
    case("a shadow tree", P + "<div><template shadowrootmode=open><p>x</p></template></div>", "seen",
         "1 shadow tree"),
    case("no size, in other words", P + '<p style="opacity:0.0">no</p><p style="font:0/0 a">no</p>'
         '<p style="transform:scale(0)">no</p><p style="clip-path: inset(100%)">no</p>'
         '<p style="max-height:0;overflow:hidden">no</p><p style="scale:.0">no</p>', "seen"),
    case("no colour, in other words", P + '<p style="color:rgba(0,0,0,0)">no</p><p style="color:#fff0">'
         'no</p><p style="color:#FFFFFF;background:white">no</p>'
         '<p style="color:rgb(0 0 0 / 0%)">no</p>', "seen"),
    case("a closed popover", P + "<div popover>no</div>", "seen"),
    case("almost nothing is something", '<p style="opacity:0.05;max-height:0">seen</p><p style='
         '"color:#fffe;background:#ffe">seen</p><p style="clip-path:inset(10%);transform:scale(0.5)">'
         "seen</p>", "seen\n\nseen\n\nseen"),
    case("a menu shows what is chosen", "<p>Size <select><option>S<option selected>Medium<option>L"
         "</select>, <select multiple><option selected>a<option>b<option selected label=C>c</select></p>",
         "Size Medium , a, C"),
    case("a hidden menu", P + "<select hidden><option selected>no</select>", "seen"),
    case("a list that begins at five", "<ol start=5><li>five<li>six</ol>", "5. five\n6. six"),
    case("an item with its own number", "<ol><li>one<li value=7>seven<li>eight</ol>",
         "1. one\n7. seven\n8. eight"),
    case("a list backwards", "<ol reversed><li>c<li>b</ol>", "2. c\n1. b"),
    case("a list by letters", "<ol type=a><li>x<li>y<ol type=I start=9><li>z</ol></ol>",
         "a. x\nb. y\n\nIX. z"),
    case("paragraphs in a list", "<ol><li><p>one</p><li><p>two</p><p>more</p><li></ol><p>seen</p>",
         "1. one\n\n2. two\n\nmore\n\nseen"),
    case("a number that is none", "<ol start=many><li>one<li value=x>two</ol>", "1. one\n2. two"),
    case("hidden attribute", P + "<p hidden>no</p>", "seen"),
    case("hidden and not closed", "<p hidden>no<p>seen", "seen"),
    case("hidden=until-found", P + '<div hidden="until-found">no</div>', "seen"),
    case("display none", P + '<div style="display: none">no<p>no</p></div>', "seen"),
    case("display none, important", P + '<p style="COLOR:red;DISPLAY:NONE !important">no</p>',
         "seen"),
    case("important against a later declaration", P + '<p style="display:none !important;display:block">'
         "no</p>", "seen"),
    case("an important rule against a style", P + '<p class=x style="display:block">no</p>', "seen",
         head="<style>.x{display:none!important}</style>"),
    case("an important rule against a later one", P + "<p class=x>no</p>", "seen",
         head="<style>.x{visibility:hidden ! important} .x{visibility:visible}</style>"),
    case("an important style against an important rule", '<p class=x style="display:block!important">'
         "seen</p>", "seen", head="<style>.x{display:none!important}</style>"),
    case("an important rule that shows", '<p class=x style="display:none">seen</p>', "seen",
         head="<style>.x{display:block!important}</style>"),
    case("visibility hidden", P + '<p style="visibility:hidden">no</p>', "seen"),
    case("visible in hidden", '<p style="visibility:hidden">no <b style="visibility:visible">seen'
         "</b></p>", "seen"),
    case("no size", P + '<p style="font-size:0">no</p><p style="opacity:0">no</p>', "seen"),
    case("off the page", P + '<p style="position:absolute; left:-9999px">no</p><p style="text-indent:-9999px">no</p>', "seen"),
    case("cut down to nothing", P + '<p style="height:0;overflow:hidden">no</p><p style="position:absolute;clip:rect(0,0,0,0)">no</p>', "seen"),
    case("in the colour of its ground", P + '<p style="color:#fff;background:#fff">no</p><p style="color:transparent">no</p>', "seen"),
    case("moved a little", '<p style="position:relative;left:-9px;color:#fff;background:#000">seen</p>', "seen"),
    case("hidden by a class", P + '<p class="x y">no</p>', "seen",
         head="<style>.x { color: red; display: none } </style>"),
    case("hidden by a selector", P + '<div class=a><i id=b>no</i></div>', "seen",
         head="<style>/* .c{} */ .a > #b, .q {visibility:hidden}</style>"),
    case("shown by a later rule", '<p class="x y">seen</p>', "seen",
         head="<style>.x{display:none}.y{display:block}</style>"),
    case("hidden for printing only", P, "seen", head="<style>@media print{p{display:none}}</style>"
         "<style media=print>p{display:none}</style>"),
    case("hidden on hover only", P, "seen", head="<style>p:hover{display:none}</style>"),
    case("broken style sheet", P, "seen", head="<style>p{{{display:none;;}} .x[{ display:none</style>"),
    case("aria-hidden is drawn", P + '<span aria-hidden="true">***</span>', "seen\n***"),
    case("script, style, template", P + "<script>no()</script><style>no{}</style><template>no<b>no"
         "</b></template>", "seen"),
    case("noscript", P + "<div><noscript>no</noscript></div>", "seen"),
    case("comments", P + "<!-- no --><!-- <p>no</p> -->", "seen"),
    case("conditional comment", P + "<!--[if IE]><p>no</p><![endif]-->", "seen"),
    case("title and meta", P, "seen", head="<title>no</title><meta name=description content=no>"),
    case("head that is not closed", P, "seen", raw=b"<html><head><title>no</title><body><p>seen"),
    case("closed details are a click away", "<details><summary>More</summary><p>seen</p></details>",
         "More\n\nseen"),
    case("closed dialog", P + "<dialog>no</dialog><dialog open>yes</dialog>", "seen\n\nyes"),
    case("form", '<input type=hidden value=no><input value="Ann"><textarea>note</textarea><select>'
         "<option>no</select><button>Send</button>", "Ann note Send"),
    case("entities", "<p>a &amp; b &lt;c&gt; &eacute; &#x2014; &#65; &nbsp;d &unknown;</p>",
         "a & b <c> é — A d &unknown;"),
    case("entity without its end", "<p>AT&ampT &copy 2020</p>", "AT&T © 2020"),
    case("white space", "<p>a\n   b\t<b> c</b> <i>d</i>e</p>", "a b c de"),
    case("words in parts", "<p>un<b>break</b>able</p>", "unbreakable"),
    case("preformatted", "<pre>a\n  b\n</pre><p>c  d</p>", "a\n  b\n\nc d"),
    case("preformatted with breaks", "<pre><b>P1</b> = Y<br><b>P2</b> = 1</pre>", "P1 = Y\nP2 = 1"),
    case("breaks", "<p>a<br>b<br/>c</p>", "a\nb\nc"),
    case("text in no element", "body text<p>p</p>tail", "body text\n\np\ntail"),
    case("text around an inner block", "<div>Head <div><span>In</span></div> Tail</div>",
         "Head\n\nIn\nTail"),
    case("inline block", '<div>at $<div style="display:inline"><b>5.22</b></div> a share</div>',
         "at $5.22 a share"),
    case("lists", "<ul><li>a<li>b<ul><li>c</ul></ul>", "a\nb\n\nc"),
    case("table for layout", "<table><tr><td>Big<td>3</table>", "Big | 3"),
    case("table of data", "<table><tr><th>A<th>B<tr><td>1<td>2<tr><td>3<td>4</table>",
         "A | B\nA: 1; B: 2\nA: 3; B: 4"),
    case("table with all its parts", "<table><caption>Cap</caption><thead><tr><th>A</th><th>B</th>"
         "</tr></thead><tbody><tr><th>1</th><td>2</td></tr></tbody><tfoot><tr><td>3</td><td>4</td>"
         "</tr></tfoot></table>", "Cap\nA | B\nA: 1; B: 2\nA: 3; B: 4"),
    case("cells over columns and rows", "<table><tr><th>A<th colspan=2>B<tr><td rowspan=2>1<td>2<td>3"
         "<tr><td>4<td>5</table>", "A | B | B\nA: 1; B: 2; B: 3\nA: 1; B: 4; B: 5"),
    case("table in a table", "<table><tr><td>out<table><tr><th>A<th>B<tr><td>1<td>2</table></table>",
         "out\n\nA | B\nA: 1; B: 2"),
    case("hidden row", "<table><tr><th>A<th>B<tr hidden><td>no<td>no<tr><td>1<td>2</table>",
         "A | B\nA: 1; B: 2"),
    case("headings", "<h1>T <i>i</i></h1>a<h2></h2><h3>S</h3>b", "T i\n\na\n\nS\n\nb"),
    case("heading that is not closed", "<h1>T<p>a</p>", "T a"),
    case("broken nesting", "<b><p>a</b>b</p><i>c", "ab\nc"),
    case("deep nesting", "<i>" * 3000 + "deep", "deep"),
    case("insertions and deletions", "<ins><p>T2412</p></ins><del>old</del>", "T2412\n~~old~~"),
    case("pictures and films", P + "<img alt=no><svg><text>no</text></svg><video>no</video><iframe>"
         "no</iframe>", "seen", "2 pictures", "1 film", "1 embedded page"),
    case("reading aids", "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢(kan)"),
    case("formula", "<math><semantics><mi>x</mi><annotation>no</annotation></semantics></math>", "x"),
    case("encoding of its meta", "", "Straße",
         raw=b'<html><meta charset="iso-8859-1"><p>Stra\xdfe</p>'),
    case("encoding of an old meta", "", "Привет", raw=b'<html><meta http-equiv="Content-Type" '
         b'content="text/html; charset=koi8-r"><p>\xf0\xd2\xc9\xd7\xc5\xd4</p>'),
    case("encoding that is not said", "", "café “x”", raw=b"<html><p>caf\xe9 \x93x\x94</p>"),
    case("encoding that is wrong", "", "caf\ufffd", "letters",
         raw=b"<html><meta charset=utf-8><p>caf\xe9</p>"),
    case("UTF-16", "", "é", raw="<html><p>é</p></html>".encode("utf-16")),
    case("XHTML", "", "é", raw='<?xml version="1.0" encoding="UTF-8"?><html xmlns="x"><body><p>é</p>'
         "<script/></body></html>".encode()),
    case("CDATA and processing instructions", "<p>a<?php no ?>b</p>", "ab"),
]  # fmt: skip
