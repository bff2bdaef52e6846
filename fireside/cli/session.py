"""A person's session at the terminal: which conversation, which model, what was said.

A conversation is made with its first question, so that looking around leaves nothing behind.
It refuses to read keys (`loop.py`) and to know commands (`slash.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fireside.cli.answer import CtrlC, Show
from fireside.cli.loading import Loading
from fireside.cli.printable import printable
from fireside.errors import BadRequest, NotFound, Unavailable

if TYPE_CHECKING:
    from fireside.assistant import Chat, Done, Turn
    from fireside.knowledge.attachments import Attachment
    from fireside.storage import Conversation, Store, StoredMessage


class Session:
    """One chat window's worth of state.

    Attributes:
        model: the model asked for by name; None leaves it to the conversation and the settings.
        system: the system prompt of the conversation that the next question begins.
        sampling: what the person asked for beyond the model's recommendation.
        anyway: the model tries what it was measured to be too small for.
    """

    def __init__(
        self,
        store: Store,
        loading: Loading,
        *,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        self.store = store
        self.loading = loading
        self.model = model
        self.system: str | None = None
        self.sampling = dict(sampling or {})
        self.conversation = conversation
        self.anyway = False
        self._chat: Chat | None = None

    @property
    def chat(self) -> Chat:
        if self._chat is None:
            from fireside.assistant import Chat
            from fireside.cli.assistants import of_terminal

            self._chat = Chat(self.loading, self.store, of_terminal(self.loading, self.store))
        return self._chat

    def close(self) -> None:
        """Let go of other programs that tools have started."""
        if self._chat is not None:
            self._chat.assistant.close()

    @property
    def answering(self) -> str:
        """The name of the model that answers next."""
        own = self.conversation.model if self.conversation is not None else None
        return self.model or own or self.loading.name

    # Speaking

    def ask(self, text: str, show: Show) -> Done:
        started = self.conversation is None
        try:
            return self._shown(lambda: self.chat.turn(self._here().id, text, **self._how()), show)
        except BaseException:
            self._forget_if_empty(started)
            raise

    def attach(self, path: Path) -> Attachment:
        """Give this conversation a file, and have it read.

        Raises:
            NotFound: there is no such file.
            BadRequest: it is no document that we read, and is not attached; the line says why.
        """
        path = path.expanduser()
        if not path.is_file():
            raise NotFound(f"There is no file {str(path)!r}.")
        from fireside.cli.assistants import documents_of

        documents = documents_of(self.loading, self.store)
        started = self.conversation is None
        here = self._here()
        copy = documents.files.temporary()
        shutil.copyfile(path, copy)
        made = documents.attachments.add(here.owner, here.id, path.name, copy)
        made = documents.attachments.read(here.owner, here.id, made.file_id, documents.ingest.step)
        if made.status == "failed":
            documents.attachments.remove(here.owner, here.id, made.file_id)
            self._forget_if_empty(started)
            raise BadRequest(f"{path.name} was not read: {made.problem}")
        return made

    def attached(self) -> list[Attachment]:
        """The files that this conversation was given."""
        from fireside.cli.assistants import documents_of

        here = self.conversation
        if here is None:
            return []
        return documents_of(self.loading, self.store).attachments.files_of(here.owner, here.id)

    def regenerate(self, show: Show) -> Done:
        last = self._last()
        return self._shown(lambda: self.chat.regenerate(last.id, **self._how()), show)

    def go_on(self, show: Show) -> Done:
        last = self.last_answer()
        return self._shown(
            lambda: self.chat.go_on(last.id, model=self.answering, sampling=self.sampling), show
        )

    def edit(self, message: StoredMessage, text: str, show: Show) -> Done:
        return self._shown(lambda: self.chat.edit(message.id, text, **self._how()), show)

    def consent(self, message: StoredMessage, approve: bool, show: Show) -> Done:
        """Say yes or no to the tools that an answer asks for; it goes on either way."""
        return self._shown(lambda: self.chat.consent(message.id, approve, **self._how()), show)

    def _how(self) -> dict[str, Any]:
        return {"model": self.answering, "sampling": self.sampling, "anyway": self.anyway}

    @property
    def ability(self) -> str | None:
        """What the persona that answers next can do with its model; None without a persona."""
        from fireside.assistant.ability.states import abilities_of

        named = self.chat.assistant.named(self.answering)
        if self.answering == named.model:
            return None
        model = named.model or self.loading.name
        return abilities_of(self.loading.settings).of(named.persona, model).line

    def _shown(self, start: Callable[[], Turn], show: Show) -> Done:
        self._loaded(self.answering)  # which may take long, and be given up
        with CtrlC() as ctrl_c:
            turn = start()
            ctrl_c.stops(turn)
            done = show(turn)
        self.conversation = self.store.get(done.message.conversation_id)
        return done

    def _loaded(self, name: str) -> None:
        """
        Raises:
            UnknownModel, NotFound: there is no such model or persona.
        """
        self.loading.get(self.chat.assistant.named(name).model)

    def _here(self) -> Conversation:
        if self.conversation is None:
            self.conversation = self.store.create_conversation(model=self.model, system=self.system)
        return self.conversation

    def _forget_if_empty(self, started: bool) -> None:
        """A question that was refused leaves no empty conversation in the list."""
        if not started or self.conversation is None:
            return
        if not self.store.messages(self.conversation.id):
            self.store.delete(self.conversation.id)
            self.conversation = None

    # Looking

    def path(self) -> list[StoredMessage]:
        """What a person reads of the branch where the conversation stands."""
        if self.conversation is None or self.conversation.head_id is None:
            return []
        return [each for each in self.store.path_to(self.conversation.head_id) if each.is_readable]

    def _last(self) -> StoredMessage:
        path = self.path()
        if not path:
            raise BadRequest("Nothing has been said yet.")
        return path[-1]

    def last_question(self) -> StoredMessage:
        for message in reversed(self.path()):
            if message.role == "user":
                return message
        raise BadRequest("Nothing has been asked yet.")

    def last_answer(self) -> StoredMessage:
        for message in reversed(self.path()):
            if message.role == "assistant":
                return message
        raise BadRequest("Nothing has been answered yet.")

    # Moving

    def new(self) -> None:
        self.conversation = None

    def open(self, conversation_id: str) -> None:
        self.conversation = self.store.get(conversation_id)

    def undo(self) -> StoredMessage:
        """Step back before the last question; it stays in the tree."""
        question = self.last_question()
        self.store.set_head(question.conversation_id, question.parent_id)
        self.conversation = self.store.get(question.conversation_id)
        return question

    def set_model(self, name: str) -> None:
        """
        Raises:
            UnknownModel, NotFound: nothing is changed then.
        """
        self._loaded(name)
        self.model = name
        if self.conversation is not None:
            self.store.set_model(self.conversation.id, name)
            self.conversation = self.store.get(self.conversation.id)

    def set_system(self, text: str | None) -> None:
        self.system = text
        if self.conversation is not None:
            self.store.set_system(self.conversation.id, text)
            self.conversation = self.store.get(self.conversation.id)

    def set_sampling(self, name: str, value: float | None) -> None:
        """
        Raises:
            BadRequest: no such parameter, or out of its range; nothing is changed then.
        """
        from fireside.assistant.sampling import merged
        from fireside.engine.params import SamplingParams

        changed = {**self.sampling, name: value}
        SamplingParams(**merged({}, changed)).validate(vocab_size=1)
        self.sampling = {key: one for key, one in changed.items() if one is not None}

    def save(self, path: Path) -> None:
        """Write the branch as Markdown; an existing file is never overwritten."""
        if not self.path():
            raise BadRequest("Nothing has been said yet: there is nothing to save.")
        try:
            with path.expanduser().open("x", encoding="utf-8") as file:
                file.write(printable(as_markdown(self.conversation, self.path())))
        except FileExistsError:
            raise BadRequest(f"{path} is there already: choose another name.") from None
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}.") from None


def last_conversation(store: Store) -> Conversation:
    """
    Raises:
        BadRequest: there is none yet.
    """
    last = store.conversations(limit=1)
    if not last:
        raise BadRequest("There is no conversation to continue yet: ask something first.")
    return last[0]


def as_markdown(conversation: Conversation | None, path: list[StoredMessage]) -> str:
    """A conversation as a page to read."""
    title = conversation.title if conversation is not None else ""
    parts = [f"# {title or 'A conversation'}"]
    if conversation is not None and conversation.system:
        parts += ["## System", conversation.system]
    for message in path:
        who = "You" if message.role == "user" else message.model or message.role
        note = {"partial": " (interrupted)", "stopped": " (stopped)", "error": " (failed)"}
        parts += [f"## {who}{note.get(message.status, '')}", message.content]
    return "\n\n".join(parts) + "\n"
