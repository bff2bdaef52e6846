"""One minute with each shipped persona, as a person would have it: the page `docs/minute.md`.

    python benchmarks/minute.py --out docs/minute.md
    python benchmarks/minute.py secretary triage          # some of them, to the terminal

What is said stands in `minute.toml`; the answers are whatever the embedded model, or `--model`,
gives today: greedy, on the day of the persona's check, with its documents, in a home that is thrown
away.  Below an answer stand the lines that page and terminal show there.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from fireside.assistant.ability.checks import check_of
from fireside.assistant.ability.measuring import OneModel, stage
from fireside.assistant.ability.states import Ability, abilities_of
from fireside.assistant.capacity import capacity_of
from fireside.assistant.chat import Chat
from fireside.assistant.machine import cores
from fireside.assistant.persona import Persona, Personas
from fireside.assistant.turn import Done, Turn
from fireside.cli.receipt import question_of
from fireside.engine.models import Models
from fireside.hub.catalogue import DEFAULT_CHAT
from fireside.settings import load_settings
from fireside.storage import Store

CONSENT: Final = {"(yes)": True, "(no)": False}
HEAD: Final = """\
# One minute with each persona

What the shipped personas answer with `{model}`, greedy, letter by letter. `python \
benchmarks/minute.py --out docs/minute.md` makes this page anew; what is asked stands in \
`benchmarks/minute.toml`. "Here" is a machine with {cores} cores and some {gbps:.0f} GB/s of \
memory bandwidth. *Slanted* is what page and terminal show below an answer. What each persona can \
do, measured: \
[the assistant](assistant.md#what-a-persona-can-do-measured).
"""


def exchanges(persona: str, turns: list[str], chat: Chat, store: Store) -> Iterator[str]:
    """Each question with its answer, as Markdown."""
    conversation = store.create_conversation(model=f"persona:{persona}")
    last = ""
    for text in turns:
        yield f"**You:** {text}"
        if text in CONSENT:
            turn = chat.consent(last, CONSENT[text], sampling={"temperature": 0.0})
        else:
            turn = chat.turn(conversation.id, text, sampling={"temperature": 0.0})
        done = end_of(turn)
        last = done.message.id
        yield quoted(done.message.content)
        yield from (f"*{line}*" for line in below(done))


def end_of(turn: Turn) -> Done:
    *_, done = turn
    assert isinstance(done, Done)
    return done


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines() or ["(nothing)"])


def below(done: Done) -> Iterator[str]:
    for tool in done.receipt.get("tools", ()):
        yield f"{tool['name']} {tool['arguments']}"
    for asked in done.receipt.get("asks", ()):
        yield question_of(asked)
    yield from done.receipt.get("notices", ())


def minute(persona: Persona, ability: Ability, said: list[str], parts: Any) -> str:
    models, settings, personas = parts
    check = check_of(personas, persona.name)
    assert check is not None, f"{persona.name} has no check"
    lines = [f"## {persona.name}", f"{persona.description} With {ability.model}: {ability.line}."]
    with stage(persona, check, models, settings, personas) as (chat, store, _):
        lines += exchanges(persona.name, said, chat, store)
    return "\n\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("persona", nargs="*", help="all of them if none is named")
    parser.add_argument("--model", default=DEFAULT_CHAT)
    parser.add_argument("--out", type=Path, help="a Markdown file")
    args = parser.parse_args()
    said = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    settings, personas = load_settings().model_copy(update={"model": args.model}), Personas()
    abilities = abilities_of(settings)
    made = [HEAD.format(model=args.model, cores=cores(), gbps=capacity_of(settings).gbps)]
    with closing(Models(settings)) as models:
        for name in args.persona or personas.names:
            persona = personas.get(name)
            parts = OneModel(models, args.model), settings, personas
            ability = abilities.of(persona, args.model)
            made.append(minute(persona, ability, said[name]["turns"], parts))
            print(made[-1], flush=True)
    if args.out:
        args.out.write_text("\n".join(made), encoding="utf-8")


if __name__ == "__main__":
    main()
