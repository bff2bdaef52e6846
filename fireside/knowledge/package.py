"""An office file (Open Packaging Conventions, ECMA-376 part 2): its parts, how they are related,
and their XML as a stream of events.

Every part is read by itself: what is broken in one costs nothing of another.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from fireside.errors import Corrupt

MOST_ENTRIES = 20_000
MOST_UNPACKED = 400 * 2**20
MOST_RATIO = 200  # text of one letter packs a thousandfold; what people write, ten- to fiftyfold
SMALL = 2**20
PIECE = 2**16
XML = (".xml", ".rels", ".vml")

_OFFICE = "http://schemas.openxmlformats.org/"
_STRICT = "http://purl.oclc.org/ooxml/"
# Each of these names stands in the transitional and in the strict form of the standard.
PREFIXES: Mapping[str, str] = {
    f"{start}{name}{end}": prefix
    for prefix, name in {
        "w": "wordprocessingml", "s": "spreadsheetml", "p": "presentationml", "a": "drawingml",
        "m": "officeDocument/math", "c": "drawingml/chart", "dgm": "drawingml/diagram",
        "pic": "drawingml/picture", "xdr": "drawingml/spreadsheetDrawing",
        "r": "officeDocument/relationships", "wp": "drawingml/wordprocessingDrawing",
    }.items()
    for start, end in ((_OFFICE, "/2006/main"), (_OFFICE, "/2006"), (_STRICT, "/main"),
                       (_STRICT, ""))
} | {
    f"{_OFFICE}officeDocument/2006/math": "m",
    f"{_OFFICE}officeDocument/2006/relationships": "r",
    f"{_OFFICE}drawingml/2006/chart": "c",
    f"{_OFFICE}drawingml/2006/diagram": "dgm",
    f"{_OFFICE}drawingml/2006/picture": "pic",
    f"{_OFFICE}drawingml/2006/spreadsheetDrawing": "xdr",
    f"{_OFFICE}drawingml/2006/wordprocessingDrawing": "wp",
    f"{_OFFICE}markup-compatibility/2006": "mc",
    "urn:schemas-microsoft-com:vml": "v",
    f"{_OFFICE}package/2006/relationships": "rel",
    "http://schemas.microsoft.com/office/drawing/2014/chartex": "cx",
    "http://schemas.microsoft.com/office/word/2010/wordml": "w14",
}  # fmt: skip

Attributes = Mapping[str, str]


class Target(Protocol):
    """What follows the events of a part.  Names are `w:p`, whatever prefix the file has; attributes
    are `val`, and `r:id` where they point to a part."""

    def start(self, name: str, attributes: Attributes) -> None: ...
    def end(self, name: str) -> None: ...
    def data(self, text: str) -> None: ...


class Relation:
    """target: a part's name, or an address outside the file."""

    def __init__(self, kind: str, target: str, is_external: bool) -> None:
        self.kind = kind.rsplit("/", 1)[-1]
        self.target = target
        self.is_external = is_external


class Package:
    """Open until the `with` block ends.

    Raises:
        Corrupt: no archive, or it would unpack to more than a document does, or a part of it
            declares entities, which no office program writes.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
            entries = self._archive.infolist()
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError):
            raise Corrupt("The file is damaged or cut short: upload it again.") from None
        # Programs that write `word\document.xml` or another case are not rare; the last one counts.
        self._entries = {_part_name(entry.filename): entry for entry in entries}
        unpacked = sum(e.file_size for e in entries if _part_name(e.filename).endswith(XML))
        if len(entries) > MOST_ENTRIES or unpacked > MOST_UNPACKED:
            raise Corrupt(
                f"The file unpacks to {unpacked >> 20} MiB in {len(entries)} parts; "
                f"{MOST_UNPACKED >> 20} MiB in {MOST_ENTRIES} are read: split it."
            )
        for name in self._entries:
            if name.endswith((".xml", ".rels")) and b"<!DOCTYPE" in self._first(name):
                raise Corrupt("A part of the file declares entities: not opened.")

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def _first(self, part: str) -> bytes:
        with suppress(Corrupt):
            return next(self.pieces(part), b"")[:1024]
        return b""

    def __contains__(self, part: str) -> bool:
        return _part_name(part) in self._entries

    def parts(self, start: str) -> list[str]:
        return sorted(name for name in self._entries if name.startswith(start))

    def pieces(self, part: str) -> Iterator[bytes]:
        """
        Raises:
            Corrupt: it is not there, damaged, encrypted, or a bomb.
        """
        entry = self._entries.get(_part_name(part))
        if entry is None:
            raise Corrupt(f"The file has no part {part[:100]!r}.")
        if entry.flag_bits & 1:
            raise Corrupt("The document is encrypted: save it without a password.")
        ratio = entry.file_size / max(1, entry.compress_size)
        if entry.file_size > SMALL and ratio > MOST_RATIO:
            raise Corrupt(
                f"A part of the file unpacks to {ratio:.0f} times its size, as a zip bomb does: it "
                "was not opened."
            )
        try:
            with self._archive.open(entry) as file:
                while piece := file.read(PIECE):
                    yield piece
        except (
            zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, zlib.error
        ):  # fmt: skip
            raise Corrupt(f"The part {part[:100]!r} is damaged or cut short.") from None

    def feed(self, part: str, target: Target) -> Iterator[None]:
        """The part's events to `target`; stops after each piece, so that what is ready can be
        taken.

        Raises:
            Corrupt: as `pieces`; a part that declares entities, which no office program writes.
        """
        from lxml import etree

        adapter = _Adapter(target)
        parser = etree.XMLParser(
            target=adapter, recover=True, resolve_entities=False, no_network=True, huge_tree=True,
            load_dtd=False,
        )  # fmt: skip
        for piece in self.pieces(part):
            parser.feed(piece)
            if adapter.has_doctype:
                raise Corrupt("A part of the file declares entities: not opened.")
            yield
        try:
            parser.close()
        except etree.XMLSyntaxError:
            raise Corrupt(f"The part {part[:100]!r} is no XML.") from None
        adapter.finish()
        yield
        if any(error.level_name == "FATAL" for error in parser.feed_error_log):
            raise Broken(f"The part {part[:100]!r} is broken: text of it may be missing.")

    def follow(self, part: str, target: Target) -> None:
        for _ in self.feed(part, target):
            pass

    def relations(self, part: str) -> dict[str, Relation]:
        """By their ids; of the whole file for ``""``.  None where the list is missing or broken."""
        folder, name = posixpath.split(_part_name(part))
        where = posixpath.join(folder, "_rels", name + ".rels")
        found = _Relations(folder)
        if where in self._entries:
            try:
                self.follow(where, found)
            except Broken:
                return found.by_id
        return found.by_id

    def main_part(self, usual: str) -> str:
        """Where the document begins; almost always at its usual place."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument" and relation.target in self:
                return relation.target
        return usual


class Broken(Corrupt):
    """XML that was read past its faults."""


class _Adapter:
    """libxml2's events under the names of `Target`, and the ends that a cut part lacks."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._names: dict[str, str] = {}
        self._open: list[str] = []
        self.has_doctype = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = self._name(tag)
        self._open.append(name)
        self._target.start(name, {self._attribute(k): v for k, v in attributes.items()})

    def end(self, tag: str) -> None:
        if self._open:
            self._target.end(self._open.pop())

    def data(self, text: str) -> None:
        self._target.data(text)

    def doctype(self, *_: Any) -> None:
        self.has_doctype = True

    def comment(self, _: str) -> None:
        pass

    def pi(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def finish(self) -> None:
        while self._open:
            self._target.end(self._open.pop())

    def _name(self, tag: str) -> str:
        name = self._names.get(tag)
        if name is None:
            space, _, local = tag.rpartition("}")
            name = f"{PREFIXES.get(space[1:], '?')}:{local}" if space else local
            if len(self._names) < 10_000:
                self._names[tag] = name
        return name

    def _attribute(self, tag: str) -> str:
        name = self._name(tag)
        return name if name.startswith("r:") else name.rpartition(":")[2]


class _Relations:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.by_id: dict[str, Relation] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name != "rel:Relationship":
            return
        target, is_external = (
            attributes.get("Target", ""),
            attributes.get("TargetMode") == "External",
        )
        if not is_external:
            target = _part_name(posixpath.normpath(posixpath.join(self._folder, unquote(target))))
        relation = Relation(attributes.get("Type", ""), target, is_external)
        self.by_id[attributes.get("Id", "")] = relation

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...


class Count:
    """A `Target`: how often elements of these names stand in a part."""

    def __init__(self, *names: str) -> None:
        self.number = 0
        self._names = names

    def start(self, name: str, attributes: Attributes) -> None:
        self.number += name in self._names

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...


def _part_name(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def of_kind(relations: Mapping[str, Relation], kind: str) -> list[Relation]:
    return [each for each in relations.values() if each.kind == kind and not each.is_external]
