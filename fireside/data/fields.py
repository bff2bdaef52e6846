"""A record together with the fields of it that were read.

Whatever has a value and was read by nobody is listed by `unused`, so that no field is lost in
silence.

    fields = Fields({"prompt": "2 + 2?", "answer": "4", "mood": "calm"})
    fields.text("prompt"), fields.text("answer")
    [one.title for one in fields.unused()]              # ["mood"]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


class Malformed(Exception):
    """A record that is not what its format says; the text ends "FILE:LINE: "."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """A field that nothing was learned from.  where: the object that has it, "" for the record;
    general: the same for all objects of a list, e.g. "messages[]"."""

    where: str
    general: str
    name: str
    value: object

    @property
    def title(self) -> str:
        return f"{self.general}.{self.name}" if self.general else self.name


class Fields(Mapping[str, object]):
    """One object of a record: the record itself, or an object inside it.

    where: how to name the object in a complaint, e.g. "messages[2]"; "" for the record.
    form: the format that the record was read as.
    remarks: what was read as it stands and is worth a look.

    A value that is null, or an empty text, list or object, is as good as absent: Parquet and CSV
    fill missing values with these.
    """

    def __init__(self, record: Mapping[str, object], where: str = "", general: str = "") -> None:
        self.record, self.where = record, where
        self._general = general  # the same without numbers: "messages[]"
        self._read: set[str] = set()
        self._inner: list[Fields] = []
        self.form = ""
        self.remarks: list[str] = []

    def __getitem__(self, name: str) -> object:
        self._read.add(name)
        return self.record[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.record)

    def __len__(self) -> int:
        return len(self.record)

    def has(self, name: str) -> bool:
        """Whether there is a value; looking does not count as reading."""
        value = self.record.get(name)
        return value is not None and not _is_empty(value)

    def path(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def text(self, name: str) -> str:
        """The text under a name; "" where there is none.

        Raises:
            Malformed: the value is no text.
        """
        value = self.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Malformed(f"{self.path(name)} is {kind_of(value)}, not a text")
        return value

    def choice(self, names: Iterable[str]) -> str | None:
        """Which of the names has a value: one at most, for they all mean the same.

        Raises:
            Malformed: several have, with different values.
        """
        given = [name for name in names if self.has(name)]
        if not given:
            return None
        first, *others = given
        for other in others:
            if self.record[other] != self.record[first]:
                raise Malformed(
                    f"{self.path(first)} and {self.path(other)} both have a value, and mean the "
                    "same: keep one of them"
                )
            self._read.add(other)
        return first

    def inner_list(self, name: str) -> list[Fields]:
        """The objects of a list, each with its own ledger.

        Raises:
            Malformed: the value is no list of objects.
        """
        value = unfolded(self.get(name), self.path(name))
        if not isinstance(value, list):
            raise Malformed(f"{self.path(name)} is {kind_of(value)}, not a list")
        where = self.path(name)
        unfold = [
            unfolded(one, f"{where}[{i}]") if _is_json(one) else one for i, one in enumerate(value)
        ]
        return self.wrapped(name, unfold)

    def inner(self, name: str) -> Fields:
        """The object under a name.

        Raises:
            Malformed: the value is none.
        """
        return self._within(name, unfolded(self.get(name), self.path(name)), None)

    def wrapped(self, name: str, values: list[object]) -> list[Fields]:
        """The same as `inner_list`, of a list that is known already."""
        self._read.add(name)
        return [self._within(name, one, i) for i, one in enumerate(values)]

    def _within(self, name: str, value: object, number: int | None) -> Fields:
        place = "" if number is None else f"[{number}]"
        if not isinstance(value, Mapping):
            raise Malformed(f"{self.path(name)}{place} is {kind_of(value)}, not an object")
        general = f"{self._general}.{name}" if self._general else name
        listed = "" if number is None else "[]"
        inner = Fields(value, f"{self.path(name)}{place}", f"{general}{listed}")
        self._inner.append(inner)
        return inner

    def use(self, names: Iterable[str]) -> None:
        """These were read by somebody else."""
        self._read.update(names)

    def remark(self, what: str) -> None:
        if what not in self.remarks:
            self.remarks.append(what)

    def unused(self) -> Iterator[Unused]:
        """Every field that has a value and was not read, those of inner objects too."""
        for name, value in self.record.items():
            if name not in self._read and not _is_empty(value):
                yield Unused(where=self.where, general=self._general, name=name, value=value)
        for inner in self._inner:
            yield from inner.unused()


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple | dict) and not value)


def _is_json(value: object) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("{")


def unfolded(value: object, where: str) -> object:
    """A list or an object that a text holds as JSON, as columns of CSV and Parquet do.

    Raises:
        Malformed: the text is no JSON.
    """
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        advice = " (Python's own notation is none)" if value.lstrip()[:2] in ("[{", "{'") else ""
        raise Malformed(f"{where} is a text that is no JSON{advice}: {value[:40]!r}") from None


def kind_of(value: object) -> str:
    """What a value is, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "an object"
