"""`fireside doctor`: what this machine has, what Fireside will use of it, and what to mend.

It only looks: no download, no migration, no new file.  Exit code 1 when something is wrong.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from fireside.cli.finding import Finding

if TYPE_CHECKING:
    from fireside.settings import Settings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> int:
    """Show what this machine has, what is slow or wrong, and what to do about it."""
    from fireside.settings import load_settings

    findings = examine(load_settings())
    if as_json:
        from fireside.cli.printable import printable_json

        print(printable_json({"findings": [asdict(finding) for finding in findings]}))
    else:
        _show(findings)
    return 1 if any(finding.wrong for finding in findings) else 0


def examine(settings: Settings) -> list[Finding]:
    from fireside.cli import doctor_machine, doctor_state

    return [
        *doctor_machine.machine(settings),
        *doctor_machine.arithmetic(settings),
        *doctor_state.settings_in_use(settings),
        *doctor_state.models(settings),
        *doctor_state.personas(settings),
        *doctor_state.limits(),
        *doctor_state.database(settings),
        *doctor_state.port(settings),
    ]


def _show(findings: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from fireside.cli.printable import printable
    from fireside.cli.show import terminal

    console = terminal()
    grid = Table.grid(padding=(0, 2))
    for finding in findings:
        style = "red" if finding.wrong else "yellow" if finding.problem else ""
        grid.add_row(
            Text("✗" if finding.wrong else "!" if finding.problem else "✓", style=style or "green"),
            Text(finding.name),
            Text(printable(finding.value)),
        )
        if finding.problem:
            said = f"{finding.problem} {finding.advice}".strip()
            grid.add_row("", "", Text(printable(said), style=style))
    console.print(grid)
    problems = sum(bool(finding.problem) for finding in findings)
    console.print()
    console.print("All is well." if not problems else f"{problems} to look at.")
