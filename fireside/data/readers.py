"""Examples out of files, folders and streamed data sets: the one door of everything that reads.

A file's kind goes by its name.  What a folder holds and we cannot read is left out, and noted in
the report; a file that is named by itself and cannot be read is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

from fireside.data import records
from fireside.data.examples import Example, Kind, Origin, Text
from fireside.data.fields import Fields, Malformed
from fireside.data.formats import example_of, template_columns
from fireside.data.report import FileRead, Report
from fireside.data.snapshot import opened
from fireside.data.source import Source
from fireside.data.texts import pieces
from fireside.errors import BadRequest, FiresideError, NotFound

OnBroken = Literal["stop", "skip"]
TEXTS = {".txt", ".text", ".md"}
RECORDS = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".parquet"}


def read_examples(
    sources: Iterable[Source],
    kind: Kind,
    *,
    on_broken: OnBroken = "stop",
    report: Report | None = None,
) -> Iterator[Example]:
    """The examples of all sources, one source after another.

    report: is told of everything that is read, and of every broken line that is passed over.

    Raises:
        BadRequest: a broken line, as "FILE:LINE: what", if `on_broken` is "stop"; a file that
            cannot be read as a whole; wrong columns.
        NotFound: a path that is not there.
    """
    report = Report() if report is None else report
    for source in sources:
        yield from read_source(source, kind, on_broken=on_broken, report=report)


def read_source(
    source: Source, kind: Kind, *, on_broken: OnBroken, report: Report
) -> Iterator[Example]:
    """The examples of one source."""
    if source.hub is not None:
        from fireside.data.streams import stream

        examples = _examples(stream(source, report), kind, source, source.path, on_broken, report)
        yield from examples
        return
    path = source.local
    if not path.exists():
        raise NotFound(f"There is no file or folder {path}: check the name.")
    if not path.is_dir():
        yield from _file(path, kind, source, on_broken, report)
        return
    for file in _files_of(path, kind, source, report):
        try:
            yield from _file(file, kind, source, on_broken, report)
        except FiresideError as error:
            if on_broken == "stop":
                raise
            report.read += 1
            report.drop("broken", Origin(file=str(file), line=1), error.message)


def _files_of(folder: Path, kind: Kind, source: Source, report: Report) -> list[Path]:
    """The files of a folder that can be read, in the order of their names.

    Raises:
        BadRequest: there are none.
    """
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    wanted = RECORDS | TEXTS if kind == "text" else RECORDS
    if source.format == "text":
        readable = files
    else:
        readable = [path for path in files if path.suffix.lower() in wanted]
    if not readable:
        raise BadRequest(
            f"{folder} has no file to read: {kind} examples come from {', '.join(sorted(wanted))}."
        )
    left = sorted({path.suffix or path.name for path in files} - {p.suffix for p in readable})
    if left:
        count = len(files) - len(readable)
        report.note(f"left out of {folder}: {count} files ({', '.join(left)[:80]})")
    return readable


def _file(
    path: Path, kind: Kind, source: Source, on_broken: OnBroken, report: Report
) -> Iterator[Example]:
    suffix = path.suffix.lower()
    if source.format == "text" or (suffix not in RECORDS and kind == "text"):
        if kind != "text":
            raise BadRequest(f"{path} is read as text, which holds no {kind} examples.")
        yield from _documents(path, source, report)
        return
    if suffix not in RECORDS:
        raise BadRequest(
            f"{path} is no file of records: {kind} examples come from {', '.join(sorted(RECORDS))}."
        )
    before = report.read
    with opened(path) as (snapshot, file):
        broken = _teller(str(path), on_broken, report)
        columns = template_columns(source)
        rows: Iterator[tuple[int, records.Record]]
        if suffix == ".parquet":
            rows = records.parquet(path)
        elif suffix == ".json":
            rows = records.whole_json(snapshot, file, str(path), broken)
        elif suffix in {".jsonl", ".ndjson"}:
            rows = records.json_lines(snapshot, file, broken)
        else:
            rows = records.separated(
                snapshot,
                file,
                broken,
                tabs=suffix != ".csv",
                columns=source.columns,
                numbered=bool(columns) and all(name.isdigit() for name in columns),
            )
        try:
            yield from _examples(rows, kind, source, str(path), on_broken, report)
        finally:
            if suffix == ".parquet":  # which is read by its own library, not through the snapshot
                while file.read(1 << 20):
                    pass
            report.files[str(path)] = FileRead(
                bytes=snapshot.done, sha256=snapshot.sha256, examples=report.read - before
            )


def _documents(path: Path, source: Source, report: Report) -> Iterator[Example]:
    count = 0
    with opened(path) as (snapshot, file):
        try:
            for piece in pieces(file, str(path), source.separator, grows=lambda: snapshot.grown):
                origin = Origin(file=str(path), line=piece.line)
                report.read += 1
                if not piece.text.strip():
                    report.drop("empty", origin, "")
                    continue
                count += 1
                yield Text(text=piece.text, origin=origin, part=piece.part)
        finally:
            report.files[str(path)] = FileRead(
                bytes=snapshot.done, sha256=snapshot.sha256, examples=count
            )


def _examples(
    rows: Iterator[tuple[int, records.Record]],
    kind: Kind,
    source: Source,
    name: str,
    on_broken: OnBroken,
    report: Report,
) -> Iterator[Example]:
    broken = _teller(name, on_broken, report)
    first = ""
    for line, record in rows:
        origin = Origin(file=name, line=line)
        fields = Fields(record)
        try:
            example = example_of(fields, kind, source, origin)
        except Malformed as error:
            broken(line, str(error))
            continue
        report.read += 1
        first = first or fields.form
        if fields.form != first:
            fields.remark(f"{fields.form}, in a file that began as {first}")
        _note(report, fields, origin)
        if isinstance(example, Text) and not example.text.strip():
            report.drop("empty", origin, "")
            continue
        yield example


def _note(report: Report, fields: Fields, origin: Origin) -> None:
    unused = {one.title: one.value for one in fields.unused()}
    for title, value in unused.items():
        report.leave(title, origin, records.as_text(value))
    for what in fields.remarks:
        report.remark(what, origin)


def _teller(name: str, on_broken: OnBroken, report: Report) -> Callable[[int, str], None]:
    def broken(line: int, what: str) -> None:
        if on_broken == "stop":
            raise BadRequest(f"{name}:{line}: {what}.")
        report.read += 1
        report.drop("broken", Origin(file=name, line=line), what)

    return broken
