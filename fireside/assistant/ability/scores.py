"""What checks have shown, by model and persona: shipped for the embedded model, and in
`FIRESIDE_HOME/ability.json` for others.

    {"smollm2:135m": {"sha256": "b179…", "personas": {"tutor": {"right": 30, "of": 40, …}}}}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from fireside.assistant.ability.checks import SHIPPED, fingerprint
from fireside.assistant.persona import Persona, Personas
from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.settings import Settings

SHIPPED_SCORES: Final = SHIPPED / "ability.json"
Z: Final = 1.96
"""Of the normal distribution, for an interval that holds in 95 of 100 cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """right, of: checks.  persona: its fingerprint.  date: of the measurement, as ISO 8601."""

    right: int
    of: int
    persona: str
    date: str

    @property
    def share(self) -> float:
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's for 95 % (1927): it holds for few checks too, and stays between 0 and 1."""
        n, share = self.of, self.share
        middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


class Scores:
    """Thread-safe; other processes may write the file meanwhile."""

    def __init__(self, path: Path | None, shipped: Path | None = SHIPPED_SCORES) -> None:
        self._path = path
        self._shipped = shipped
        self._read: tuple[int, Mapping[str, Any]] | None = None

    @classmethod
    def of_home(cls, settings: Settings) -> Scores:
        return cls(settings.home / "ability.json")

    def of(self, persona: Persona, model: str) -> Score | None:
        """None where it was not measured, or the persona is another one by now.

        A shipped persona's own score holds until it is measured anew, whatever a release changed.
        """
        name = persona.name
        for table, shipped in ((self._own(), False), (self._of_release(), True)):
            row = table.get(model, {}).get("personas", {}).get(name)
            if row is None:
                continue
            score = Score(**row)
            if score.persona == fingerprint(persona):
                return score
            if shipped and _shipped_fingerprint(name) == fingerprint(persona):
                return score
        return None

    def models(self) -> set[str]:
        """Those that were measured."""
        return {*self._own(), *self._of_release()}

    def no_better_than(self, model: str) -> set[str]:
        """Models that did no more of the checks right than `model`, on personas that both did."""
        mine = self._shares(model)
        worse = set()
        for other in self.models() - {model}:
            shares = self._shares(other)
            both = shares.keys() & mine.keys()
            if both and sum(shares[name] for name in both) <= sum(mine[name] for name in both):
                worse.add(other)
        return worse

    def _shares(self, model: str) -> dict[str, float]:
        rows = (
            table.get(model, {}).get("personas", {}) for table in (self._of_release(), self._own())
        )
        return {name: Score(**row).share for table in rows for name, row in table.items()}

    def keep(self, model: str, sha256: str, name: str, score: Score) -> None:
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock"):
            table = dict(_table(self._path))
            row = table.get(model, {})
            personas = row.get("personas", {}) if row.get("sha256") == sha256 else {}
            personas = dict(sorted({**personas, name: asdict(score)}.items()))
            table[model] = {"sha256": sha256, "personas": personas}
            written = self._path.with_suffix(".new")
            written.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
            written.replace(self._path)

    def _own(self) -> Mapping[str, Any]:
        if self._path is None:
            return {}
        try:
            changed = self._path.stat().st_mtime_ns
        except OSError:
            return {}
        if self._read is None or self._read[0] != changed:
            self._read = (changed, _table(self._path))
        return self._read[1]

    def _of_release(self) -> Mapping[str, Any]:
        return {} if self._shipped is None else _release(self._shipped)


@cache
def _release(path: Path) -> Mapping[str, Any]:
    return _table(path)


def _table(path: Path) -> Mapping[str, Any]:
    """Empty where there is none, or somebody has spoiled it: then it is measured anew."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        for row in table.values():
            for score in row["personas"].values():
                Score(**score)
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}
    return table if isinstance(table, dict) else {}


@cache
def _shipped_fingerprint(name: str) -> str | None:
    try:
        return fingerprint(Personas().get(name))
    except FiresideError:
        return None
