"""Hostile clients against a server of one's own: does anybody else notice?

    python benchmarks/hostile.py                  # every attack, some ten minutes
    python benchmarks/hostile.py slow-bodies prompts --markdown

One server in a temporary home with the installed models and the keys of two projects, on 127.0.0.1;
nothing else is asked anything.  While each attack (`attacks/`) runs with the first key, `/health`
is asked ten times a second and a short chat with the second key goes on.  A row says: the longest
that `/health` took by the clock; the most that the event loop's own thread computed meanwhile; the
server's memory before, at its peak and after; answers of the second key that were lost, and those
that it got.  Each attack is bounded in count and in time.  It judges nothing.  A busy machine makes
`stall s` longer, and `loop s` not.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
from attacks import ATTACKS, Target
from attacks.served import more_files, served
from attacks.watching import HEADINGS, Row, tried


def format_rows(rows: list[Row], *, markdown: bool) -> Iterator[str]:
    table = [HEADINGS, *(row.cells for row in rows)]
    if markdown:
        table.insert(1, ["---", *["---:"] * (len(HEADINGS) - 1)])
        yield from (f"| {' | '.join(cells)} |" for cells in table)
        return
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        yield "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))


async def work(target: Target, other: str, names: list[str]) -> list[Row]:
    """The first answer loads what an idle server does not hold."""
    body = {"input": "Hi", "model": "minilm:l6"}
    headers = {"authorization": f"Bearer {other}"}
    for _ in range(3):
        httpx.post(f"{target.url}/v1/embeddings", json=body, headers=headers, timeout=120)
        httpx.post(
            f"{target.url}/v1/moderations", json={"input": "Hi"}, headers=headers, timeout=120
        )
    rows = []
    for name in names:
        rows.append(made := await tried(name, target, other))
        why = f"  ({', '.join(sorted(made.reasons))})" if made.reasons else ""
        print(f"{name}: {made.stall_s:.2f} s, {made.peak_mb:.0f} MB{why}", flush=True)
        for failure in made.failures:
            print(f"    {failure}", flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="Hostile clients against a server of one's own.")
    parser.add_argument("attacks", nargs="*", choices=[[], *ATTACKS], help="all, if none is named")
    parser.add_argument("--markdown", action="store_true", help="the table as Markdown")
    parser.add_argument("--log", type=Path, help="where the server's own words go")
    arguments = parser.parse_args()
    more_files()
    # It says in a line each that a connection which an attack uses was closed.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        log = arguments.log or Path(folder) / "server.log"
        with served(log) as (target, other):
            rows = asyncio.run(work(target, other, arguments.attacks or [*ATTACKS]))
        tracebacks = log.read_text(errors="replace").count("Traceback")
    print()
    for line in format_rows(rows, markdown=arguments.markdown):
        print(line)
    print(f"\ntracebacks in the server's log: {tracebacks}; load: {os.getloadavg()[0]:.0f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
