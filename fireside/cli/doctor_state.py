"""For `doctor`: the models, the database and the port."""

from __future__ import annotations

import json
import os
import urllib.request
from difflib import get_close_matches
from typing import Final

from fireside.cli.finding import Finding
from fireside.errors import FiresideError
from fireside.settings import Settings

NO_SETTINGS: Final = {
    "FIRESIDE_BUILD_NATIVE", "FIRESIDE_DEBUG", "FIRESIDE_ISA", "FIRESIDE_SHARED"
}  # fmt: skip


def settings_in_use(settings: Settings) -> list[Finding]:
    """What is set, and the variables that look like a setting and are none."""
    known = {f"FIRESIDE_{name.upper()}": name for name in Settings.model_fields}
    given = {name for name in os.environ if name.startswith("FIRESIDE_")}
    strange = sorted(given - set(known) - NO_SETTINGS)
    changed = [f"{name} {getattr(settings, name)}" for name in sorted(settings.model_fields_set)]
    value = ", ".join(changed) or "all as they come"
    if not strange:
        return [Finding(name="settings", value=value)]
    near = get_close_matches(strange[0], known, n=1)
    return [
        Finding(
            name="settings",
            value=value,
            problem=" ".join(f"{name} is no setting." for name in strange),
            advice=f"Did you mean {near[0]}?" if near else "docs/settings.md lists them.",
        )
    ]


def models(settings: Settings) -> list[Finding]:
    from fireside.assistant.recommend import advise
    from fireside.hub.local import installed, locate

    found = installed(settings.models_dir)
    listed = ", ".join(f"{m.name} ({m.size_bytes / 1e6:,.0f} MB)" for m in found) or "none"
    findings = [Finding(name="models", value=listed)]
    try:
        local = locate(settings.model, settings.models_dir)
    except FiresideError as error:
        wrong = Finding(
            name="default model", value=settings.model, problem=error.message, wrong=True
        )
        return [*findings, wrong]
    advice = advise(local.name, local.entry, settings)
    return [
        *findings,
        Finding(name="default model", value=f"{advice.answers} {advice.better or ''}"),
    ]


def personas(settings: Settings) -> list[Finding]:
    """What each can do with the model that answers, in few words; `fireside personas` has more."""
    from fireside.assistant.ability.states import WORDS, abilities_of
    from fireside.assistant.persona import Persona, Personas

    abilities = abilities_of(settings)
    named: dict[str, list[str]] = {}
    for one in Personas(settings.home / "personas").listed:
        if isinstance(one, Persona):
            state = abilities.of(one, one.model or settings.model).state
            named.setdefault(WORDS[state], []).append(one.name)
    value = "; ".join(f"{words}: {', '.join(names)}" for words, names in named.items())
    return [Finding(name="personas", value=value or "none")]


def limits() -> list[Finding]:
    """What the guards miss, where somebody may rely on them."""
    from fireside.safety.limits import LIMITS

    return [Finding(name=name, value=line) for name, line in LIMITS.items()]


def database(settings: Settings) -> list[Finding]:
    from fireside.storage import Store

    path = settings.database_path
    if not path.exists():
        return [Finding(name="database", value=f"{path}: not there yet, made with the first chat")]
    bytes_kept = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    size = f"{path}, {bytes_kept / 1e6:.1f} MB"
    try:
        with Store.open(path, migrating=False) as store:
            revision, health = store.revision(), store.check()
    except FiresideError as error:
        return [Finding(name="database", value=size, problem=error.message, wrong=True)]
    value = f"{size}, schema {revision or 'none'}, integrity {health}"
    if health != "ok":
        return [
            Finding(
                name="database",
                value=value,
                problem="The file is damaged.",
                advice="Move it away, or restore a backup.",
                wrong=True,
            )
        ]
    return [Finding(name="database", value=value)]


def port(settings: Settings) -> list[Finding]:
    from fireside.cli.serve import listen

    name, value = "port", f"{settings.host}:{settings.port}"
    try:
        listen(settings.host, settings.port).close()
    except FiresideError as error:
        if _is_ours(settings):
            return [Finding(name=name, value=f"{value}: Fireside is serving there")]
        return [Finding(name=name, value=value, problem=error.message)]
    return [Finding(name=name, value=f"{value} is free")]


def _is_ours(settings: Settings) -> bool:
    try:
        address = f"http://{settings.host}:{settings.port}/health"
        with urllib.request.urlopen(address, timeout=1) as answer:
            return isinstance(json.load(answer), dict)
    except (OSError, ValueError):
        return False
