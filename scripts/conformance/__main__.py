"""The command: `python -m scripts.conformance SPECIFICATION [--faults | --write PAGE]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from scripts.conformance import parameters
from scripts.conformance.comparison import Operation, compared
from scripts.conformance.page import written
from scripts.conformance.report import faults, printed
from scripts.conformance.shapes import Document


class _NoModels:
    """The schema does not depend on which models there are."""

    def names(self) -> list[str]:
        return []

    def embedder(self, name: str | None = None) -> Any:
        raise AssertionError("nobody embeds for a schema")

    def close(self) -> None:
        """Nothing is open."""


def our_schema() -> dict[str, Any]:
    """What this version serves at `/openapi.json`."""
    from fireside.server.app import create_app
    from fireside.server.openapi import schema_of
    from fireside.settings import Settings
    from fireside.storage import Store

    models: Any = _NoModels()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Store.open(home / "fireside.db") as store:
            return schema_of(create_app(models, store, Settings(home=home)))


def compare(specification: Path) -> list[Operation]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C: 5 s instead of 60 s
    with specification.open(encoding="utf-8") as file:
        theirs = yaml.load(file, Loader=loader)  # noqa: S506  # both are safe loaders
    return compared(Document(theirs), Document(our_schema()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.conformance")
    parser.add_argument("specification", type=Path, help="OpenAI's openapi.yaml")
    parser.add_argument(
        "--faults", action="store_true", help="every property that does not conform"
    )
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="write the tables of docs/api.md"
    )
    given = parser.parse_args(arguments)
    if not given.specification.is_file():
        print(f"There is no {given.specification}: give the path of OpenAI's openapi.yaml.")
        return 1
    operations = compare(given.specification)
    if given.write is not None:
        page = given.write.read_text(encoding="utf-8")
        page = parameters.written(written(page, operations))
        given.write.write_text(page, encoding="utf-8")
    if given.faults:
        print(faults(operations))
    print(printed(operations))
    return 0


if __name__ == "__main__":
    sys.exit(main())
