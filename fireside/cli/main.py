"""`fireside`: the commands by name.

Nothing heavy is imported here: `fireside --help` answers in a blink.  It refuses to do any work.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Annotated

import typer

import fireside
from fireside.cli import (
    bench,
    chat,
    doctor,
    failures,
    finetune,
    keys,
    mcp,
    memory,
    models,
    offer,
    personas,
    pretrain,
    privacy,
    runs,
    serve,
    tickets,
    tokenizer,
)
from fireside.cli import eval as evaluation
from fireside.cli import run as running

app = typer.Typer(
    name="fireside",
    help="A ChatGPT of your own. Without a command: start the server and open the page.",
    add_completion=True,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"fireside {fireside.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _default(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
    offer_first: Annotated[
        bool,
        typer.Option(
            "--offer", help="Ask first whether to fetch the best model for this machine, once."
        ),
    ] = False,
) -> None:
    if offer_first:
        offer.offer_better()
    if context.invoked_subcommand is None:
        serve.serve(open_page=True)


app.command("serve")(serve.serve)
app.command("chat")(chat.chat)
app.add_typer(models.app, name="models")
app.command("run")(running.run)
app.add_typer(personas.app, name="personas")
app.command("pretrain")(pretrain.pretrain)
app.command("finetune")(finetune.finetune)
app.add_typer(runs.app, name="runs")
app.command("eval")(evaluation.evaluate)
app.add_typer(tokenizer.app, name="tokenizer")
app.add_typer(keys.app, name="keys")
app.add_typer(privacy.app, name="privacy")
app.add_typer(memory.app, name="memory")
app.add_typer(tickets.app, name="tickets")
app.command("mcp")(mcp.mcp)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a letter gets a question mark, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return failures.guarded(
        lambda: app(args=arguments, prog_name="fireside", standalone_mode=False)
    )


def _interruptible() -> int:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()


def main() -> None:
    try:
        code = failures.guarded(_interruptible)
    except KeyboardInterrupt:  # the second, while the first was being answered
        os._exit(failures.INTERRUPTED)
    if any(t.daemon and t.is_alive() for t in threading.enumerate()):
        # A model may still be loading: a thread inside torch's import cannot be stopped, and
        # Python's own shutdown would pull the interpreter from under it.
        sys.stderr.flush()
        os._exit(code)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback on the way out either
    sys.exit(code)
