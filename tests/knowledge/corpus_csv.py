"""Tables in text.  Where the delimiter is not said it is found."""

from __future__ import annotations

from .corpus import Case


def case(name: str, text: str, out: str, *unread: str, encoding: str = "utf-8") -> Case:
    return Case(name, text.encode(encoding), out, unread)


CASES = [
    case("plain", "id,name\n1,Ann\n2,Bob\n", "id | name\nid: 1; name: Ann\nid: 2; name: Bob"),
    case("of an old program", "name;street\nMüller;Königsstraße 5\nGroß;Äußere Weg 3\n",
         "name | street\nname: Müller; street: Königsstraße 5\nname: Groß; street: Äußere Weg 3",
         "taken for Windows-1252", encoding="cp1252"),
    case("doubled quotes", 'id,said\n1,"He said ""yes, sir"" twice"\n2,no\n',
         'id | said\nid: 1; said: He said "yes, sir" twice\nid: 2; said: no'),
    case("only doubled quotes", 'id,said\n1,""""\n2,""\n', 'id | said\nid: 1; said: "\nid: 2'),
    case("delimiter in quotes", 'a,b\n"x,y",z\n', "a | b\na: x,y; b: z"),
    case("line end in quotes", 'a,b\n"two\nlines",z\n', "a | b\na: two\nlines; b: z"),
    case("empty line in quotes", 'a,b\n"two\n\nlines",z\n', "a | b\na: two\n\nlines; b: z"),
    case("semicolons", "a;b\n1;2\n", "a | b\na: 1; b: 2"),
    case("semicolons and decimal commas", "name;price\nlamp;1,50\nchair;2,75\n",
         "name | price\nname: lamp; price: 1,50\nname: chair; price: 2,75"),
    case("tabs", "a\tb\n1\t2\n", "a | b\na: 1; b: 2"),
    case("bars", "a|b\n1|2\n", "a | b\na: 1; b: 2"),
    case("commas within tabs", "a\tb\nx, y\t2\nz, w\t3\n", "a | b\na: x, y; b: 2\na: z, w; b: 3"),
    case("sentences with commas and semicolons", "id,text\n1,a; b\n2,c; d; e\n",
         "id | text\nid: 1; text: a; b\nid: 2; text: c; d; e"),
    case("Excel's own delimiter line", "sep=;\na;b\n1,5;2\n", "a | b\na: 1,5; b: 2"),
    case("Windows line ends", "a,b\r\n1,2\r\n", "a | b\na: 1; b: 2"),
    case("old Macintosh line ends", "a,b\r1,2\r", "a | b\na: 1; b: 2"),
    case("no last line end", "a,b\n1,2", "a | b\na: 1; b: 2"),
    case("mark at the start", "a,b\n1,2\n", "a | b\na: 1; b: 2", encoding="utf-8-sig"),
    case("mark and quotes at the start", '"a","b"\n1,2\n', "a | b\na: 1; b: 2",
         encoding="utf-8-sig"),
    case("UTF-16", "a,b\n1,é\n", "a | b\na: 1; b: é", encoding="utf-16"),
    case("UTF-16 without a mark", "a\tb\nname\tplace\n", "a | b\na: name; b: place",
         encoding="utf-16-le"),
    case("short rows", "a,b,c\n1\n2,3\n", "a | b | c\na: 1\na: 2; b: 3"),
    case("long rows", "a,b\n1,2,3\n", "a | b\na: 1; b: 2; 3"),
    case("names that are the same", "name,name\nAnn,Bob\n", "name | name\nname: Ann; name: Bob"),
    case("empty name", "a,,c\n1,2,3\n", "a | c\na: 1; 2; c: 3"),
    case("empty values", "a,b,c\n,2,\n,,\n", "a | b | c\nb: 2"),
    case("empty lines", "\n\na,b\n\n1,2\n", "a | b\na: 1; b: 2"),
    case("spaces around values", "a, b\n 1 ,  2\n", "a | b\na: 1; b: 2"),
    case("spaces before quotes", 'a, b\n1, "x, y"\n', "a | b\na: 1; b: x, y"),
    case("quote within a value", 'size,n\n5" pipe,1\n6" pipe,2\n',
         'size | n\nsize: 5" pipe; n: 1\nsize: 6" pipe; n: 2'),
    case("text after a quoted value", 'a,b\n"x"y,2\n', "a | b\na: xy; b: 2"),
    case("quote that is not closed", 'a,b\n"x,1\ny,2\n', 'a | b\na: "x; b: 1\na: y; b: 2',
         "line 2"),
    case("quotes escaped by a backslash", 'id,said\n1,"He said \\"yes, sir\\" twice"\n2,"no, no"\n',
         'id | said\nid: 1; said: He said "yes, sir" twice\nid: 2; said: no, no'),
    case("backslash at the end of a value", 'path,n\n"C:\\",1\n"D:\\",2\n',
         "path | n\npath: C:\\; n: 1\npath: D:\\; n: 2"),
    case("one column", "name\nAnn\nBob\n", "name\nname: Ann\nname: Bob"),
    case("one column with commas in quotes", 'name\n"Ann, Bob"\n"Cy, Di"\n',
         "name\nname: Ann, Bob\nname: Cy, Di"),
    case("caption above the table", "Stock in May\na,b\n1,2\n3,4\n",
         "Stock in May\na | b\na: 1; b: 2\na: 3; b: 4"),
    case("names alone", "a,b,c\n", "a | b | c"),
    case("other scripts", "名前,年齢\n花子,30\n", "名前 | 年齢\n名前: 花子; 年齢: 30"),
    case("line separator within a value", "a,b\nx\u2028y,2\n", "a | b\na: x\u2028y; b: 2"),
    case("zeros and long numbers", "id,n\n00123,12345678901234567890\n",
         "id | n\nid: 00123; n: 12345678901234567890"),
]  # fmt: skip
