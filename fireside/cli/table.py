"""Rows for a reader: a table on a terminal, tab-separated lines for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from fireside.cli.printable import printable


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(printable(cell).replace("\t", " ") for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)
