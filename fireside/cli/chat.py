"""`fireside chat`: talk at the terminal, or ask once and leave.

With a question (as words, from a pipe, or both) it answers once; without, it opens the prompt.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fireside.cli import failures
from fireside.cli.answer import silent_keys
from fireside.cli.question import is_terminal, read_question
from fireside.cli.receipt import question_of
from fireside.errors import BadRequest, FiresideError

if TYPE_CHECKING:
    from rich.console import Console

    from fireside.cli.loading import Loading
    from fireside.cli.session import Session
    from fireside.settings import Settings

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="QUESTION",
        help="The question; `-` stands for standard input. Without one, the prompt opens.",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="The model that answers: a name, hf:ORG/NAME or a path."),
]
Persona = Annotated[
    str | None, typer.Option("--persona", "-p", help="Answer as this persona: a file of yours.")
]
System = Annotated[str | None, typer.Option("--system", "-s", help="The system prompt.")]
Conversation = Annotated[
    str | None, typer.Option("--conversation", help="Go on with the conversation of this id.")
]
Continue = Annotated[
    bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")
]
Temperature = Annotated[
    float | None,
    typer.Option("--temperature", "-t", min=0.0, max=100.0, help="0 always takes the likeliest."),
]
TopP = Annotated[float | None, typer.Option("--top-p", min=0.0, max=1.0, help="Nucleus sampling.")]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed, the same answer.")]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="The longest answer, in tokens.")
]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Let a model try what it was measured to be too small for.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer once, as one JSON object.")]


def chat(
    question: Words = None,
    model: Model = None,
    persona: Persona = None,
    system: System = None,
    conversation: Conversation = None,
    continue_last: Continue = False,
    temperature: Temperature = None,
    top_p: TopP = None,
    seed: Seed = None,
    max_tokens: MaxTokens = None,
    anyway: Anyway = False,
    as_json: Json = False,
) -> int:
    """Chat in the terminal, or answer one question and exit.

    A question may come as words, from a pipe, or both: `cat letter | fireside chat summarise this`.
    """
    if conversation and continue_last:
        raise BadRequest("Choose one of --conversation and --continue.")
    if model and persona:
        raise BadRequest("Choose one of --model and --persona: a persona's file names its model.")
    words = question or []
    if any(not word.strip() for word in words) and not any(word.strip() for word in words):
        raise BadRequest("The question is empty: type one, or pipe one in.")
    interactive = not words and is_terminal() and sys.stdout.isatty() and not as_json
    if not interactive and not words and is_terminal():
        raise BadRequest("There is no question: type one after `fireside chat`.")
    asked = {
        "temperature": temperature,
        "top_p": top_p,
        "seed": seed,
        "max_tokens": max_tokens,
    }
    sampling = {name: value for name, value in asked.items() if value is not None}
    # Before the first prompt and between them, what is typed ahead is for the prompt to show.
    with silent_keys() if interactive else nullcontext():
        from fireside.settings import load_settings

        settings = load_settings()
        model = f"persona:{persona}" if persona else model
        with _session(settings, model, sampling, conversation, continue_last) as session:
            session.anyway = anyway
            if system is not None:
                session.set_system(system)
            if interactive:
                return _prompt(session, settings)
            _announce_base_model(session, settings)
            asked_text = read_question(words, lambda: session.loading.ready)
            return _once(session, asked_text or "", as_json)


@contextmanager
def _session(
    settings: Settings,
    model: str | None,
    sampling: Mapping[str, Any],
    conversation_id: str | None,
    continue_last: bool,
) -> Iterator[Session]:
    """The open session: the model begins to load first, everything else goes on beside it.

    Only a conversation that goes on is looked up before, for it may name its model.
    """
    loading = None if conversation_id or continue_last else _loading(settings, model)
    from fireside.cli.session import Session, last_conversation
    from fireside.storage import Store

    with Store.open(settings.database_path) as store:
        here = None
        if conversation_id:
            here = store.get(conversation_id)
        elif continue_last:
            here = last_conversation(store)
        own = here.model if here is not None else None
        with closing(loading or _loading(settings, model or own)) as loading:
            session = Session(store, loading, model=model, sampling=sampling, conversation=here)
            with closing(session):
                yield session


def _loading(settings: Settings, name: str | None) -> Loading:
    """
    Raises:
        UnknownModel, BadRequest: there is no such persona, or its file has a mistake.
    """
    from fireside.cli.loading import Loading

    if name is not None and name.startswith("persona:"):
        from fireside.assistant.assistant import Assistant
        from fireside.assistant.persona import Personas

        name = Assistant(Personas(settings.home / "personas")).named(name).model
    return Loading(settings, name)


def _once(session: Session, text: str, as_json: bool) -> int:
    from fireside.cli import answer

    if as_json:
        done = session.ask(text, answer.silent)
        from fireside.cli.printable import printable_json

        print(printable_json(_as_json(done.message)))
    elif sys.stdout.isatty():
        from fireside.cli import show

        console = show.terminal()
        session.loading.watch(console)
        done = session.ask(text, answer.on_terminal(console))
        show.after(console, done)
    else:
        done = session.ask(text, answer.plain)
        for dropped in done.receipt["dropped"]:
            failures.say(f"{dropped['messages']} earlier messages left out: {dropped['reason']}.")
        for notice in done.receipt.get("notices", ()):
            failures.say(notice)
    for each in done.receipt.get("asks", ()):
        failures.say(
            f"{question_of(each)} Nothing was done: `fireside chat --continue` and /yes or /no."
        )
    if done.message.status == "error":
        raise FiresideError(done.receipt.get("error", "The engine failed: try again."))
    return failures.INTERRUPTED if done.message.status == "stopped" else 0


def _as_json(message: Any) -> dict[str, Any]:
    return {
        "conversation_id": message.conversation_id,
        "message_id": message.id,
        "model": message.model,
        "content": message.content,
        "status": message.status,
        "usage": dict(message.usage),
        "receipt": dict(message.receipt),
    }


def _prompt(session: Session, settings: Settings) -> int:
    from fireside.cli import loop, show

    console = show.terminal()
    _header(session, settings, console)
    if session.conversation is not None:
        show.conversation(console, session)
    loop.run(session, console, settings.home)
    return 0


def _announce_base_model(session: Session, settings: Settings) -> None:
    """Before the model is loaded: without a chat template it continues the text."""
    from fireside.assistant.recommend import CONTINUES
    from fireside.hub import describe
    from fireside.hub.local import locate

    name = session.loading.name
    try:
        local = locate(name, settings.models_dir)
        continues = local.entry is None and not describe(local).template
    except FiresideError:  # the loading itself says what is wrong
        return
    if continues:
        failures.say(CONTINUES.format(name))


def _header(session: Session, settings: Settings, console: Console) -> None:
    """Once: who answers, honestly, and who could answer better here."""
    from fireside.assistant.recommend import advise
    from fireside.cli import show
    from fireside.cli.greeting import in_own_language
    from fireside.hub import describe
    from fireside.hub.local import locate
    from fireside.tokenizer.templates import CONTINUING

    # A wrong name is told now, not after the first question.
    named = session.chat.assistant.named(session.answering)
    local = locate(named.model or session.loading.name, settings.models_dir)
    template = None if local.entry else describe(local).template or CONTINUING
    advice = advise(local.name, local.entry, settings, template)
    show.line(console, advice.answers, "bold")
    if named.persona.description:
        show.line(console, f"{named.persona.name}: {named.persona.description}")
    if session.ability is not None:
        show.line(console, f"With {local.name}: {session.ability}")
    if advice.better is not None:
        show.line(console, advice.better)
    show.line(console, "/help shows the commands; Ctrl-C stops an answer, Ctrl-D leaves.")
    for told in in_own_language(local, settings):
        show.line(console, told)
    console.print()
    if named.persona.greeting and session.conversation is None:
        show.line(console, named.persona.greeting, "default")
        console.print()
