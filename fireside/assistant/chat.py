"""The conversation's state machine: ask, answer again, ask differently, agree to a tool.

Everything that can be refused is refused before anything is stored: an empty or too long message
leaves no trace, and neither does one to a conversation in which an answer is being written.  It
refuses to know about terminals and HTTP; both are its clients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from fireside.assistant.assistant import Assistant, Named
from fireside.assistant.beginning import NEAR, Beginning, begun_at, read_on
from fireside.assistant.budget import Budget, Fit
from fireside.assistant.exchange import Exchange, Unread
from fireside.assistant.history import History, history_of
from fireside.assistant.locks import Locks
from fireside.assistant.sampling import merged
from fireside.assistant.titles import can_go_on, title_of
from fireside.assistant.toolbox import Decision
from fireside.assistant.turn import Turn
from fireside.assistant.wanted import Wanted
from fireside.engine.params import SamplingParams
from fireside.errors import BadRequest, Conflict
from fireside.storage import Conversation, Store, StoredMessage

if TYPE_CHECKING:
    from fireside.assistant.answering import Answering
    from fireside.engine.text import TextModel


class ModelSource(Protocol):
    """Where models come from: `fireside.engine.models.Models`."""

    def get(self, name: str | None, *, owner: str = "") -> TextModel: ...


class Chat:
    """Turns of stored conversations, answered by any installed model or persona."""

    def __init__(
        self,
        models: ModelSource,
        store: Store,
        assistant: Assistant | None = None,
        locks: Locks | None = None,
    ) -> None:
        self.assistant = assistant or Assistant()
        self._models = models
        self._store = store
        self._locks = locks or Locks()

    def turn(
        self,
        conversation_id: str,
        text: str,
        *,
        parent_id: str | None = None,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
        anyway: bool = False,
    ) -> Turn:
        """Say `text` under `parent_id` (None: where the conversation stands) and answer it.

        anyway: also where the model was measured to be too small for the persona.

        Raises:
            BadRequest: the message is empty, or a sampling parameter is wrong.
            ContextOverflow: the message does not fit the model's window.
            UnknownModel, NotFound: no such model, persona, conversation or parent.
            Conflict: an answer is being written in this conversation.
        """

        def path(conversation: Conversation, limit: int) -> list[StoredMessage]:
            return self._under(conversation, text, parent_id or conversation.head_id, limit)

        _check_said(text)
        return self._answer(conversation_id, path, model, sampling, anyway=anyway)

    def edit(
        self,
        message_id: str,
        text: str,
        *,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
        anyway: bool = False,
    ) -> Turn:
        """Say `text` in place of a user's message: a sibling of it, answered anew."""
        said = self._store.message(message_id)
        if said.role != "user":
            raise BadRequest(f"Only a user's message can be edited; {message_id!r} is an answer.")

        def path(conversation: Conversation, limit: int) -> list[StoredMessage]:
            return self._under(conversation, text, said.parent_id, limit)

        _check_said(text)
        return self._answer(said.conversation_id, path, model, sampling, anyway=anyway)

    def regenerate(
        self,
        message_id: str,
        *,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
        anyway: bool = False,
    ) -> Turn:
        """Answer again: a sibling of this answer, under the same question."""

        def path(_: Conversation, limit: int) -> list[StoredMessage]:
            found = self._store.path_to(message_id, limit)
            while found and found[-1].role != "user":
                found.pop()
            if not found:
                raise BadRequest("There is no question to answer again: say something first.")
            return found

        answered = self._store.message(message_id).conversation_id
        return self._answer(answered, path, model, sampling, anyway=anyway)

    def consent(
        self,
        message_id: str,
        approve: bool,
        *,
        reason: str | None = None,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
        anyway: bool = False,
    ) -> Turn:
        """Agree to the tools that this answer asks for, or do not; the answer goes on either way.

        Raises:
            BadRequest: it asks for none.
            Conflict: it has been answered already.
        """
        asked = self._store.message(message_id)
        calls = asked.receipt.get("asks", ())
        if not calls:
            raise BadRequest("This answer asks for nothing.")
        if self._store.children(asked.conversation_id, asked.id):
            raise Conflict("This question has been answered already.")
        decision = Decision(approve=approve, reason=reason)
        decisions = {call["id"]: decision for call in calls}

        def path(_: Conversation, limit: int) -> list[StoredMessage]:
            return self._store.path_to(message_id, limit)

        return self._answer(asked.conversation_id, path, model, sampling, decisions, anyway=anyway)

    def go_on(
        self,
        message_id: str,
        *,
        model: str | None = None,
        sampling: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Write on what ended early: a sibling of this answer, which begins with all its text.

        Raises:
            BadRequest: it came to its own end, or the model's template cannot be written on.
        """
        begun = self._store.message(message_id)
        if not can_go_on(begun):
            raise BadRequest("This answer came to its own end: there is nothing to continue.")

        def path(_: Conversation, limit: int) -> list[StoredMessage]:
            return self._store.path_to(begun.parent_id, limit) if begun.parent_id else []

        return self._answer(begun.conversation_id, path, model, sampling, begun=begun, anyway=True)

    def _under(
        self, conversation: Conversation, text: str, parent_id: str | None, limit: int
    ) -> list[StoredMessage]:
        path = self._store.path_to(parent_id, limit) if parent_id else []
        unsaid = StoredMessage(
            id="",
            conversation_id=conversation.id,
            parent_id=parent_id,
            role="user",
            content=text,
            created_at=0.0,
        )
        return [*path, unsaid]

    def _answer(
        self,
        conversation_id: str,
        path_of: Callable[[Conversation, int], list[StoredMessage]],
        name: str | None,
        asked: Mapping[str, Any] | None,
        decisions: Mapping[str, Decision] | None = None,
        begun: StoredMessage | None = None,
        *,
        anyway: bool,
    ) -> Turn:
        """Answer the last message of a path, storing it first if it has no id yet.

        path_of: at most so many messages at the path's end.  begun: as `go_on` takes it.
        """
        self._store.get(conversation_id)  # one that is not there is locked by nobody
        release = self._locks.take(conversation_id)
        try:
            conversation = self._store.get(conversation_id)
            named = self.assistant.named(name or conversation.model)
            model = self._models.get(named.model, owner=conversation.owner)
            path = read_on(path_of(conversation, NEAR), self._store.path_to, model)
            core, sampling = self._core(
                conversation, path, named, model, asked, decisions or {}, begun, anyway
            )
            # A tool that was agreed to may take long, and a step's own reply or call is recorded at
            # once: they need the question's row first.
            steps_answer = core.exchange.reply is not None or bool(core.exchange.calls)
            early = not decisions and not steps_answer
            first = core.begin() if early else None
            try:
                question, answer = self._stored(conversation, path, core)
            except BaseException:
                if first is not None:
                    first.cancel()
                raise
        except BaseException:
            release()
            raise
        return Turn(
            self._store,
            core,
            first,
            question=question,
            answer_id=answer.id,
            sampling=sampling,
            begun=begun,
            release=release,
        )

    def _core(
        self,
        conversation: Conversation,
        path: Sequence[StoredMessage],
        named: Named,
        model: TextModel,
        asked: Mapping[str, Any] | None,
        decisions: Mapping[str, Decision],
        begun: StoredMessage | None,
        anyway: bool,
    ) -> tuple[Answering, dict[str, Any]]:
        own = named.persona.sampling.under(asked or {})
        sampling = merged(model.sampling, own)
        budget = Budget.of(model.context, sampling.get("max_tokens"))
        history = history_of(path)
        params = SamplingParams(**{**sampling, "logprobs": 0})
        params.validate(model.tokenizer.vocab_size)
        exchange = Exchange(
            owner=conversation.owner,
            scope=conversation.id,
            persona=named.persona,
            model=model,
            history=history.messages[:-1],
            history_ids=history.ids[:-1],
            question=history.messages[-1],
            question_id=path[-1].id,
            instructions=conversation.system,
            untrusted=history.untrusted,
            compacts=True,
            alternates=True,
            begun="" if begun is None else begun.content,
            guides=True,
            anyway=anyway,
        )
        last = begun_at(path, model)
        exchange.last_summary = None if last is None else last.summary_id
        exchange.unread = self._unread(path, history, last)
        wanted = Wanted(
            params=params,
            fit=Fit(budget=budget, least=0 if last is None else last.place(history.ids)),
            decisions=decisions,
        )
        return self.assistant.answering(exchange, wanted), sampling

    def _unread(
        self, path: Sequence[StoredMessage], history: History, last: Beginning | None
    ) -> Unread:
        """Where the last answer's receipt tells it, nothing is counted: that takes all rows."""
        above = path[0].parent_id
        if above is None:
            return Unread()
        place = 0 if last is None else last.place(history.ids)
        if last is not None and place:
            messages, first_id = last.out - place, last.first_id
        else:
            first = self._store.children(path[0].conversation_id, None)
            messages, first_id = self._store.depth(above), first[0].id if len(first) == 1 else None
        return Unread(messages=max(0, messages), first_id=first_id, last_id=above)

    def _stored(
        self, conversation: Conversation, path: Sequence[StoredMessage], core: Answering
    ) -> tuple[StoredMessage, StoredMessage]:
        question = path[-1]
        if not question.id:
            said = core.exchange.question.content  # personal data may be masked in it
            question = self._say(conversation, replace(question, content=said))
        answer = self._store.append(
            conversation.id,
            "assistant",
            "",
            parent_id=question.id,
            status="partial",
            model=core.exchange.model.name,
        )
        core.exchange.question_id, core.exchange.answer_id = question.id, answer.id
        return question, answer

    def _say(self, conversation: Conversation, unsaid: StoredMessage) -> StoredMessage:
        if not conversation.title:
            self._store.rename(conversation.id, title_of(unsaid.content))
        return self._store.append(
            conversation.id, "user", unsaid.content, parent_id=unsaid.parent_id
        )


def _check_said(text: str) -> None:
    if not text.strip():
        raise BadRequest("The message is empty: type a question.", param="content")
