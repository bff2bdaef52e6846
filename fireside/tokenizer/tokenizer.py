"""The one tokenizer: text to ids, ids to text, messages to ids.

The law of this room: text that a person, a tool or a document brought in never becomes a control
token.  `encode` keeps it by default; `render` keeps it by following which characters the template
itself wrote.  The room reads files and metadata, and refuses to know where they come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from fireside.errors import BadRequest
from fireside.messages import Message
from fireside.tokenizer.call_syntax import OURS, CallSyntax, syntax_of
from fireside.tokenizer.detokenizer import Detokenizer
from fireside.tokenizer.encoder import Encoder
from fireside.tokenizer.folder import vocabulary_from_folder
from fireside.tokenizer.gguf import vocabulary_from_gguf
from fireside.tokenizer.rendered import Rendered, cut_after_message, encode_rendered
from fireside.tokenizer.spelling import bytes_of
from fireside.tokenizer.template import ChatTemplate
from fireside.tokenizer.templates import BEGINNING, CONTINUING
from fireside.tokenizer.vocabulary import Vocabulary, keeps_letters


class Tokenizer:
    """A model's tokenizer.

    vocab_size: number of ids.
    bos_id: the token that begins a sequence, if the model has one.
    eos_ids: every token that ends an answer, end of turn included.
    named_ids: `bos_token`, `eos_token`, `pad_token`, ... as far as the files name them.
    special_ids: the control tokens, which only templates write (and what stands for unknown text,
        in vocabularies that do not know all of it).  control_ids: the same by their names.
    hidden_ids: those of them that a text leaves out, because the file marks them as special.  The
        others are seen, as in transformers: Qwen's `<think>` tells a thought from an answer.
    chat_template: the Jinja source, if the model brings one.  Where it brings several, chats with
        tools are written by the one that is called `tool_use`, all others by `default`.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._encoder = Encoder(vocabulary)
        self._added = {token.id: token.content for token in vocabulary.added}
        self._bytes: dict[int, bytes] = {}
        self.vocab_size = vocabulary.size
        self.bos_id = vocabulary.bos_id
        self._bos = [number for number in vocabulary.prefix_ids if number == vocabulary.bos_id]
        self.eos_ids = vocabulary.eos_ids
        self.named_ids = _named_ids(vocabulary)
        self.special_ids = self._encoder.controls.ids
        self.control_ids = {self._added[number]: number for number in sorted(self.special_ids)}
        self.hidden_ids = frozenset(token.id for token in vocabulary.added if token.special)
        self.chat_template = vocabulary.chat_template

    @classmethod
    def from_folder(cls, path: str | Path) -> Tokenizer:
        """From a Hugging Face folder.

        Raises:
            NotFound: no `tokenizer.json`.
            Corrupt: a file there cannot be read.
        """
        return cls(vocabulary_from_folder(Path(path)))

    @classmethod
    def from_gguf(cls, metadata: Mapping[str, object]) -> Tokenizer:
        """From a GGUF's metadata.

        Raises:
            Unsupported: a tokenizer or pre-tokenizer that we do not know.
            Corrupt: the metadata contradicts itself.
        """
        return cls(vocabulary_from_gguf(metadata))

    # -- text to ids ------------------------------------------------------------------------

    def encode(self, text: str, *, special: bool = False, add_bos: bool = False) -> list[int]:
        """The ids of a text.

        special: control tokens spelled in the text are taken as such.  Only for text that is
            trusted as a template is.
        add_bos: the BOS token goes first, if the model's files say that its texts begin with one
            (Llama's do; SmolLM2 has one and begins without).

        Raises:
            BadRequest: the text is not valid Unicode.
        """
        everywhere = [(0, len(text))]
        controls = list(self._encoder.controls.find(text, everywhere)) if special else []
        ids = self._encoder.encode(text, controls).ids
        return [*self._bos, *ids] if add_bos else ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of many texts: each exactly as `encode` gives them, and faster, on all cores.

        Raises:
            BadRequest: a text is not valid Unicode.
        """
        return self._encoder.encode_batch(list(texts))

    def frame(self, ids: Sequence[int]) -> list[int]:
        """The ids as the model wants a text by itself: with its BOS, or BERT's [CLS] and [SEP]."""
        return [*self._vocabulary.prefix_ids, *ids, *self._vocabulary.suffix_ids]

    # -- ids to text ------------------------------------------------------------------------

    def decode(
        self, ids: Iterable[int], *, skip_special: bool = True, at_start: bool = True
    ) -> str:
        """The text of ids; what is no UTF-8 becomes U+FFFD.

        at_start: SentencePiece's leading space is dropped; False for ids that continue a text.
        """
        stream = self.detokenizer(skip_special=skip_special, at_start=at_start)
        return stream.push(ids) + stream.finish()

    def detokenizer(
        self,
        *,
        skip_special: bool = True,
        at_start: bool = True,
        shown: Collection[int] = frozenset(),
    ) -> Detokenizer:
        """A stream whose pieces, joined, are `decode` of the whole.

        shown: control tokens that are text all the same, by their names.
        """
        hidden = self.hidden_ids.difference(shown) if skip_special else frozenset[int]()
        return Detokenizer(
            lambda number: b"" if number in hidden else self.token_bytes(number),
            drop_space=at_start and self._vocabulary.leading_space,
        )

    def token_bytes(self, token_id: int, /) -> bytes:
        """The bytes that a token stands for; a control token's are its name, which the decoder
        reads like any other (`▁` in it is a space where the family spells spaces so).

        Raises:
            BadRequest: no such id.
        """
        known = self._bytes.get(token_id)
        if known is None:
            content = self._added.get(token_id)
            text = self.token_text(token_id) if content is None else content
            known = bytes_of(text, self._vocabulary.spelling)
            self._bytes[token_id] = known
        return known

    @cached_property
    def longest_token(self) -> int | None:
        """The most letters of a text that one token can stand for; None where there is no limit:
        a normaliser may drop letters, and one token may stand for a whole unknown word."""
        if not keeps_letters(self._vocabulary.backend):
            return None
        return max(len(self.token_bytes(number)) for number in range(self.vocab_size))

    def token_text(self, token_id: int, /) -> str:
        """A token as the vocabulary spells it; empty for a number that it leaves out.

        Raises:
            BadRequest: no such id.
        """
        if not 0 <= token_id < self.vocab_size:
            raise BadRequest(
                f"Token id {token_id} is not in the vocabulary, which has {self.vocab_size} ids."
            )
        backend = self._vocabulary.backend
        hidden = token_id in self._encoder.boundaries  # which stand in front of the model's own
        return (backend.model if hidden else backend).id_to_token(token_id) or ""

    # -- messages to ids --------------------------------------------------------------------

    @cached_property
    def _template(self) -> ChatTemplate:
        return self._compiled(self.chat_template)

    @cached_property
    def _tool_template(self) -> ChatTemplate:
        source = self._vocabulary.tool_template
        return self._template if source == self.chat_template else self._compiled(source)

    def _compiled(self, source: str | None) -> ChatTemplate:
        if not source:
            names = ", ".join(sorted(name[:40] for name in self._vocabulary.templates if name))
            raise BadRequest(
                f"This model has the chat templates {names} and no default one; give one."
                if source is None and names
                else "This model has no chat template; use /v1/completions or give one.",
                code="no_chat_template",
            )
        return ChatTemplate(source, self._vocabulary.named)

    def continue_text(self) -> None:
        """Give a tokenizer without a chat template the one that writes messages one after another.

        For models that were only pretrained: what is written is the text's beginning, with the
        beginning-of-text token if the model's files ask for one, and the model goes on from there.
        """
        if not self.chat_template and not self._vocabulary.templates:
            self.chat_template = (BEGINNING if self._bos else "") + CONTINUING

    @property
    def supports_tools(self) -> bool:
        """Whether the chat template writes tools; a broken one writes nothing."""
        try:
            return self._tool_template.takes_tools
        except BadRequest:
            return False

    @cached_property
    def call_syntax(self) -> CallSyntax:
        """How this model calls functions."""
        if not self._vocabulary.tool_template:
            return OURS
        return syntax_of(self._vocabulary.tool_template, self._tool_template.takes_tools)

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, object]] | None = None,
        add_generation_prompt: bool = True,
        continue_final: bool = False,
        variables: Mapping[str, object] | None = None,
        learned: Sequence[bool] | None = None,
    ) -> Rendered:
        """The chat as ids, by the model's own template.

        tools: function schemas, as in OpenAI's `tools`.
        add_generation_prompt: end with the opening of an assistant's turn.
        continue_final: end inside the last message, for the model to go on with it.
        variables: further template variables, e.g. {"enable_thinking": False}.
        learned: per message whether the loss mask marks it; None: all of the assistant's.

        Raises:
            BadRequest: no template, no messages, or the template refuses them.
        """
        template = self._template if tools is None else self._tool_template
        if not messages:
            raise BadRequest("There are no messages: send at least one.", param="messages")
        if continue_final and not messages[-1].content:
            # Nothing is said yet, so going on with it is beginning it.
            messages, continue_final, add_generation_prompt = messages[:-1], False, True
        text = template.render(
            messages,
            tools=tools,
            add_generation_prompt=add_generation_prompt and not continue_final,
            variables=variables,
        )
        if continue_final:
            text = cut_after_message(text, len(messages) - 1)
        assistants = [
            i
            for i, message in enumerate(messages)
            if message.role == "assistant" and (learned is None or learned[i])
        ]
        return encode_rendered(
            text,
            self._encoder,
            self.eos_ids,
            assistants,
            lambda: template.opening(messages[: assistants[0]], variables=variables),
            call_opening=self.call_syntax.opening if self.call_syntax.native else "",
        )


def _named_ids(vocabulary: Vocabulary) -> dict[str, int]:
    by_content = {token.content: token.id for token in vocabulary.added}
    found = {
        name: by_content.get(text, vocabulary.backend.token_to_id(text))
        for name, text in vocabulary.named.items()
    }
    return {name: number for name, number in found.items() if number is not None}
