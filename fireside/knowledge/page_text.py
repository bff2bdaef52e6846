"""The text of a page as it is put together: words, and the line ends that they are to have."""

from __future__ import annotations


class Lines:
    """Never more than one empty line, none at either end, no space at the end of a line."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._ends = 0
        self._space = False
        self._lead = ""

    def lead(self, mark: str) -> None:
        """Before the next word, wherever it stands; in place of a mark that no word followed."""
        self._lead = mark

    def take_lead(self) -> str:
        mark, self._lead = self._lead, ""
        return mark

    def need(self, ends: int, *, again: bool = False) -> None:
        """At least so many line ends before the next word.  again: one more than there are."""
        self._ends = min(2, max(self._ends + 1 if again else 0, self._ends, ends))
        self._space = False

    def separate(self, mark: str) -> None:
        """The mark, unless a line begins here."""
        if self._parts and not self._ends:
            self._parts.append(mark)
            self._space = False

    def add(self, text: str) -> None:
        """Text whose white space is collapsed."""
        words = text.strip(" ")
        if not words:
            self._space = self._space or bool(text)
            return
        self._end_line()
        if (self._space or text[0] == " ") and not self._is_spaced():
            self._parts.append(" ")
        self._parts.append(self.take_lead() + words)
        self._space = text[-1] == " "

    def add_as_is(self, text: str) -> None:
        if text:
            self._end_line()
            if self._space and not self._is_spaced():
                self._parts.append(" ")
            self._parts.append(self.take_lead() + text)
            self._space = False

    def text(self) -> str:
        return "".join(self._parts).strip("\n ")

    def _end_line(self) -> None:
        if self._ends and self._parts:
            last = self._parts[-1]
            self._parts.append("\n" * (self._ends - (len(last) - len(last.rstrip("\n")))))
            self._space = False
        self._ends = 0

    def _is_spaced(self) -> bool:
        return not self._parts or self._parts[-1][-1:] in ("\n", " ")


def collapsed(text: str) -> str:
    """White space as a page shows it: one space for a run, at either end too."""
    text = text.replace("\u00ad", "")  # where a word may be parted, and no letter
    words = " ".join(text.split())
    if not words:
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{words}{' ' if text[-1].isspace() else ''}"
