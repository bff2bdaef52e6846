"""A corpus of small files: each case has a file's bytes, the text that must come out, and what must
be named as unread.  The files are written for this project after public reports of faults in such
readers; none is taken from anywhere."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """text: the whole of it, without white space at its ends.  unread: a piece of each line."""

    name: str
    content: bytes
    text: str
    unread: tuple[str, ...] = ()


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def package(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive of these parts."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return raw.getvalue()


def types(of_parts: Mapping[str, str]) -> str:
    """The list of content types, which other readers ask for; of_parts: by name."""
    start = "application/vnd.openxmlformats-officedocument."
    rows = "".join(
        f'<Override PartName="/{name}" ContentType="{start}{kind}+xml"/>'
        for name, kind in of_parts.items()
    )
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f"{rows}</Types>"
    )


def relations(targets: Mapping[str, tuple[str, str]], kinds: str = OFFICE) -> str:
    """targets: kind and target by id."""
    rows = "".join(
        f'<Relationship Id="{key}" Type="{kinds}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{RELATIONS}">{rows}</Relationships>'
