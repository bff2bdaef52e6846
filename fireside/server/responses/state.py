"""The rows of responses and conversations, and the histories that they make.

A response is a row whose parent is the response before it; each of its items is a row below it.
A conversation is the store's, the same that the page and the terminal show: a response that was
part of one leaves copies of its items there, so either can be deleted and the other stays whole.
What is sent with `store: false` never comes here.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from fireside.assistant.stored_items import items_of, items_on, row_of
from fireside.assistant.titles import title_of
from fireside.errors import BadRequest, Conflict, NotFound
from fireside.server.responses.item_wire import ItemReference
from fireside.server.responses.items import PREFIXES, Item, within
from fireside.server.responses.reply import FINAL
from fireside.storage import Conversation, Store
from fireside.storage.ids import new_id
from fireside.storage.objects import New, Stored

RESPONSE: Final = "response"
ITEM: Final = "item"
EVENT: Final = "response_event"
RECEIPT: Final = "receipt"
"""In a response's body, and never shown with it."""
NOT_IN_BODY: Final = ("id", "status", "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """A request's own items, and the ids among theirs that were made here."""

    items: Sequence[Item]
    minted: frozenset[str]


class State:
    """Of all owners; every question names one.  Slow as a disk: never on the event loop."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.objects = store.objects
        self.lineage = store.lineage

    # -- histories ------------------------------------------------------------------------

    def history(self, response_id: str, owner: str) -> list[Item]:
        """Everything said up to and with this response, the oldest first.

        Raises:
            NotFound: there is none, or one before it was deleted.
            BadRequest: it is not finished, or belongs to a conversation.
        """
        param = "previous_response_id"
        chain = self.lineage.chain(RESPONSE, response_id, owner=owner)
        if not chain:
            raise NotFound(
                f"Previous response with id {response_id[:100]!r} not found.",
                param=param,
                code="previous_response_not_found",
            )
        if chain[0].parent_id is not None:
            raise NotFound(
                f"Response {chain[0].parent_id!r}, which this one goes back to, was deleted: "
                "send the items themselves.",
                param=param,
                code="previous_response_not_found",
            )
        if chain[-1].status not in FINAL:
            raise BadRequest(
                f"Response {response_id!r} is {chain[-1].status}: wait for its end.", param=param
            )
        if self.stored_response(chain[0].id, owner).body["conversation"] is not None:
            raise BadRequest(
                f"Response {response_id!r} is part of a conversation: send conversation instead.",
                param=param,
            )
        bodies = self.lineage.bodies_below(ITEM, [link.id for link in chain])
        return [body["item"] for body in bodies]

    def first_of(self, response_id: str, owner: str) -> str:
        """The response that a chain began with."""
        chain = self.lineage.chain(RESPONSE, response_id, owner=owner)
        return chain[0].id if chain else response_id

    def conversation_items(self, conversation_id: str, owner: str) -> list[Item]:
        """Of the branch at whose end the conversation stands."""
        conversation = self.conversation(conversation_id, owner)
        if conversation.head_id is None:
            return []
        return items_on(self.store.path_to(conversation.head_id))

    def resolved(
        self,
        given: Sequence[Item | ItemReference],
        owner: str,
        known: Sequence[Item] = (),
        *,
        param: str = "input",
    ) -> list[Item]:
        """References replaced by what they refer to: an item of this request, or a kept one.

        Raises:
            NotFound: there is none.
        """
        by_id = {item["id"]: item for item in known}
        found: list[Item] = []
        for place, each in enumerate(given):
            if isinstance(each, ItemReference):
                item = by_id.get(each.id)
                if item is None:
                    with within(f"{param}[{place}]"):
                        item = self._kept_item(each.id, owner)
                found.append(item)
            else:
                by_id[each["id"]] = each
                found.append(each)
        return found

    def _kept_item(self, item_id: str, owner: str) -> Item:
        with suppress(NotFound):
            item: Item = self.objects.get(ITEM, item_id, owner=owner).body["item"]
            return item
        with suppress(NotFound, StopIteration):
            row = self.store.message(item_id)
            self.conversation(row.conversation_id, owner)
            return next(each for each in items_of(row) if each["id"] == item_id)
        raise NotFound(f"Item with id {item_id[:100]!r} not found.", param="id")

    # -- responses ------------------------------------------------------------------------

    def begin(self, response: Item, inputs: Inputs, owner: str) -> None:
        """A response that is not finished yet, with its input."""
        self._add_response(response, owner)
        self._add_items(response, inputs.items, "input", inputs.minted, owner)

    def finish(self, response: Item, owner: str, receipt: Mapping[str, Any]) -> None:
        """The end of one that was begun; a deleted one stays so."""
        body = _body(response) | {RECEIPT: dict(receipt)}

        def finished(old: Stored) -> Stored:
            return replace(old, body=body, status=response["status"])

        try:
            self.objects.change(RESPONSE, response["id"], finished, owner=owner)
        except NotFound:
            return
        self._add_output(response, owner)

    def keep(self, response: Item, inputs: Inputs, owner: str, receipt: Mapping[str, Any]) -> None:
        """A finished response, whole."""
        self._add_response(response, owner, receipt)
        self._add_items(response, inputs.items, "input", inputs.minted, owner)
        self._add_output(response, owner)

    def _add_output(self, response: Item, owner: str) -> None:
        output = response["output"]
        self._add_items(response, output, "output", {item["id"] for item in output}, owner)

    def _add_response(
        self, response: Item, owner: str, receipt: Mapping[str, Any] | None = None
    ) -> None:
        body = _body(response) | ({} if receipt is None else {RECEIPT: dict(receipt)})
        row = New(id=response["id"], body=body, status=response["status"])
        self.objects.add_all(
            RESPONSE, [row], owner=owner, parent_id=response["previous_response_id"]
        )

    def _add_items(
        self, response: Item, items: Sequence[Item], side: str, minted: Container[str], owner: str
    ) -> None:
        """A row has its item's id, unless that may be another row's already."""
        alone = response["conversation"] is None
        rows = [
            New(
                id=item["id"] if alone and item["id"] in minted else new_id("item"),
                body={"side": side, "item": item},
                status=item.get("status"),
            )
            for item in items
        ]
        self.objects.add_all(ITEM, rows, owner=owner, parent_id=response["id"])

    def response(self, response_id: str, owner: str) -> Item:
        """
        Raises:
            NotFound: there is none of this owner's.
        """
        row = self.stored_response(response_id, owner)
        items = self.lineage.below(ITEM, [row.id])[row.id]
        output = [each.body["item"] for each in items if each.body["side"] == "output"]
        shown = {name: value for name, value in row.body.items() if name != RECEIPT}
        return {"id": row.id, **shown, "status": row.status, "output": output}

    def receipt(self, response_id: str, owner: str) -> Mapping[str, Any]:
        """What an answer was made from.

        Raises:
            NotFound: there is no such response of this owner's, or it has none.
            Conflict: it is being written.
        """
        row = self.stored_response(response_id, owner)
        if row.status not in FINAL:
            raise Conflict(f"Response {row.id!r} is {row.status}: its receipt comes at its end.")
        found: Mapping[str, Any] | None = row.body.get(RECEIPT)
        if found is None:
            raise NotFound(f"Response {row.id!r} has no receipt: it was broken off.")
        return found

    def stored_response(self, response_id: str, owner: str | None) -> Stored:
        try:
            return self.objects.get(RESPONSE, response_id, owner=owner)
        except NotFound:
            raise NotFound(f"Response with id {response_id[:100]!r} not found.") from None

    def input_items(self, response_id: str, owner: str) -> list[Item]:
        row = self.stored_response(response_id, owner)
        items = self.lineage.below(ITEM, [row.id])[row.id]
        return [each.body["item"] for each in items if each.body["side"] == "input"]

    def delete_response(self, response_id: str, owner: str) -> None:
        """The response, its items and events; not those that came after it."""
        row = self.stored_response(response_id, owner)
        below = [
            child.id
            for kind in (ITEM, EVENT)
            for child in self.lineage.below(kind, [row.id])[row.id]
        ]
        self.objects.discard([row.id, *below])

    # -- conversations --------------------------------------------------------------------

    def conversation(self, conversation_id: str, owner: str) -> Conversation:
        """
        Raises:
            NotFound: there is none of this owner's.
        """
        with suppress(NotFound):
            found = self.store.get(conversation_id)
            if found.owner == owner:
                return found
        raise NotFound(f"Conversation with id {conversation_id[:100]!r} not found.")

    def append(
        self,
        conversation_id: str,
        items: Sequence[Item],
        minted: Container[str],
        owner: str,
        *,
        model: str | None = None,
    ) -> list[Item]:
        """Items at the end of a conversation, each under an id that finds it there: its own if
        that is one of `minted`, else a new one.

        model: who answered.
        """
        self.conversation(conversation_id, owner)
        fresh = [
            item if item["id"] in minted else item | {"id": new_id(PREFIXES[item["type"]])}
            for item in items
        ]
        rows = [row_of(item, model=model) for item in fresh]
        asked = (row.content for row in rows if row.role == "user" and row.content.strip())
        title = next((title_of(text) for text in asked), "")
        self.store.items.append(conversation_id, rows, title=title, model=model)
        return fresh


def _body(response: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name not in NOT_IN_BODY}
