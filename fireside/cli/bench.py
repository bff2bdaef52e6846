"""`fireside bench`: how fast this machine answers with a model, as a table or as JSON.

It measures what the server would give: the same engine, fed and read as every request is.  It
refuses to compare with other programs (that is `benchmarks/side_by_side.py`), and to hide that
somebody else was using the cores: figures of a busy machine say so.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fireside.cli.bench_figures import Figures

# Cores' worth of foreign work from which the figures are not this machine's.
BUSY = 0.15


def bench(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The default model if none is named.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=0, max=1024, help="CPU threads; 0 takes one per core.")
    ] = None,
    repeat: Annotated[
        int, typer.Option(min=1, max=100, help="Each figure is the median of so many runs.")
    ] = 3,
) -> None:
    """Measure a model on this machine: tokens per second, latencies, memory.

    Greedy, without speculation: decode is one stream of 128 tokens, prefill a prompt of 512, and
    8 and 16 streams are 64 tokens each.
    """
    from fireside.settings import load_settings

    settings = load_settings()
    if threads is not None:
        settings = settings.model_copy(update={"threads": threads})
    from fireside.cli.bench_figures import measure

    figures = measure(model, settings, repeat)
    if as_json:
        from fireside.cli.printable import printable_json

        print(printable_json(asdict(figures)))
    else:
        _show(figures)


def _show(figures: Figures) -> None:
    from rich.table import Table
    from rich.text import Text

    from fireside.cli.printable import printable
    from fireside.cli.show import terminal

    console = terminal()
    grid = Table.grid(padding=(0, 2))
    for name, value in _rows(figures):
        grid.add_row(Text(name), Text(printable(value)))
    console.print(grid)
    if figures.foreign_cores > BUSY:
        console.print(
            Text(
                f"Other programs used {figures.foreign_cores:.1f} cores meanwhile: "
                "on a quiet machine it is faster.",
                style="yellow",
            )
        )


def _rows(figures: Figures) -> list[tuple[str, Any]]:
    versions = ", ".join(f"{name} {version}" for name, version in figures.versions.items())
    streams = [
        (f"{count} streams", f"{speed:,.0f} tokens/s together")
        for count, speed in figures.streams.items()
    ]
    return [
        ("model", f"{figures.model}, {figures.precision}"),
        ("machine", f"{figures.machine}, {figures.threads} threads"),
        ("versions", versions),
        ("ready", f"{figures.ready_s:.2f} s from the imports on"),
        ("decode", f"{figures.decode_tokens_per_s:,.0f} tokens/s"),
        ("prefill", f"{figures.prefill_tokens_per_s:,.0f} tokens/s"),
        *streams,
        (
            "first token",
            f"{figures.first_token_ms:,.0f} ms after a prompt of {figures.prompt_tokens} tokens",
        ),
        (
            "next token",
            f"{figures.inter_token_ms['p50']:.1f} ms, "
            f"1 of 100 later than {figures.inter_token_ms['p99']:.1f} ms",
        ),
        ("memory", f"{figures.rss_mb:,.0f} MB, at most {figures.peak_rss_mb:,.0f} MB"),
        ("each figure", f"the median of {figures.repeat} runs"),
    ]
