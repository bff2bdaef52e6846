"""The conversation's state machine: ask, answer again, ask differently.

Everything that can be refused is refused before anything is stored: an empty or too long message
leaves no trace.  It refuses to know about terminals and HTTP; both are its clients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from fireside.assistant.budget import Budget, fit
from fireside.assistant.sampling import merged
from fireside.assistant.turn import Turn
from fireside.engine.params import SamplingParams
from fireside.errors import BadRequest
from fireside.storage import Conversation, Store, StoredMessage

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

TITLE_LETTERS: Final = 60


class ModelSource(Protocol):
    """Where models come from: `fireside.engine.models.Models`."""

    def get(self, name: str | None, *, owner: str = "") -> TextModel: ...


class Chat:
    """Turns of stored conversations, answered by any installed model."""

    def __init__(self, models: ModelSource, store: Store) -> None:
        self._models = models
        self._store = store

    def turn(
        self,
        conversation_id: str,
        text: str,
        *,
        parent_id: str | None = None,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Say `text` under `parent_id` (None: where the conversation stands) and answer it.

        Raises:
            BadRequest: the message is empty, or a sampling parameter is wrong.
            ContextOverflow: the message does not fit the model's window.
            UnknownModel, NotFound: no such model, conversation or parent.
        """
        conversation = self._store.get(conversation_id)
        return self._ask(conversation, text, parent_id or conversation.head_id, model, sampling)

    def edit(
        self,
        message_id: str,
        text: str,
        *,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Say `text` in place of a user's message: a sibling of it, answered anew."""
        said = self._store.message(message_id)
        if said.role != "user":
            raise BadRequest(f"Only a user's message can be edited; {message_id!r} is an answer.")
        conversation = self._store.get(said.conversation_id)
        return self._ask(conversation, text, said.parent_id, model, sampling)

    def regenerate(
        self,
        message_id: str,
        *,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Answer again: a sibling of this answer, under the same question."""
        path = self._store.path_to(message_id)
        while path and path[-1].role != "user":
            path.pop()
        if not path:
            raise BadRequest("There is no question to answer again: say something first.")
        return self._answer(self._store.get(path[-1].conversation_id), path, model, sampling)

    def _ask(
        self,
        conversation: Conversation,
        text: str,
        parent_id: str | None,
        model: str | None,
        sampling: Mapping[str, Any] | None,
    ) -> Turn:
        if not text.strip():
            raise BadRequest("The message is empty: type a question.", param="content")
        path = self._store.path_to(parent_id) if parent_id else []
        unsaid = StoredMessage(
            id="",
            conversation_id=conversation.id,
            parent_id=parent_id,
            role="user",
            content=text,
            created_at=0.0,
        )
        return self._answer(conversation, [*path, unsaid], model, sampling)

    def _answer(
        self,
        conversation: Conversation,
        path: Sequence[StoredMessage],
        name: str | None,
        asked: Mapping[str, Any] | None,
    ) -> Turn:
        """Answer the last message of `path`, storing it first if it has no id yet."""
        model = self._models.get(name or conversation.model, owner=conversation.owner)
        sampling = merged(model.entry.sampling if model.entry else None, asked)
        budget = Budget.of(model.context, sampling.get("max_tokens"))
        fitted = fit(
            path,
            system=conversation.system,
            budget=budget,
            render=lambda messages: model.tokenizer.render(messages).ids,
            model=model.name,
        )
        room = budget.window - len(fitted.ids)
        params = SamplingParams(
            **{**sampling, "max_tokens": min(sampling.get("max_tokens", room), room)}
        )
        params.validate(model.tokenizer.vocab_size)
        generation = model.generate(fitted.ids, params, owner=conversation.owner)
        try:
            question = path[-1] if path[-1].id else self._say(conversation, path[-1])
            answer = self._store.append(
                conversation.id,
                "assistant",
                "",
                parent_id=question.id,
                status="partial",
                model=model.name,
            )
        except BaseException:
            generation.cancel()
            raise
        return Turn(
            self._store,
            generation,
            question=question,
            answer_id=answer.id,
            receipt={
                "model": model.name,
                "window": budget.window,
                "reserve": budget.reserve,
                "system": bool(conversation.system),
                "dropped": fitted.as_receipt(budget),
                "sampling": sampling,
            },
        )

    def _say(self, conversation: Conversation, unsaid: StoredMessage) -> StoredMessage:
        if not conversation.title:
            self._store.rename(conversation.id, title_of(unsaid.content))
        return self._store.append(
            conversation.id, "user", unsaid.content, parent_id=unsaid.parent_id
        )


def title_of(text: str) -> str:
    """The first line of what was asked, cut at a word if it is long."""
    line = " ".join(text.strip().splitlines()[0].split())
    if len(line) <= TITLE_LETTERS:
        return line
    return line[: TITLE_LETTERS - 1].rsplit(" ", 1)[0] + "…"
