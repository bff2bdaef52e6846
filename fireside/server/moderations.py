"""`POST /v1/moderations`: verdicts over text.

`fireside-moderation-1` is a trained head and rules, `fireside-rules-1` the rules alone.  OpenAI's
names mean the first where the embedding model is pulled, and else the second; the answer's `model`
says which it was (docs/safety.md).  Images are refused by name, not passed over.  `fireside` beside
the results says which language is judged, which categories are absent (always false), and which
inputs were in another language.
"""

from __future__ import annotations

import asyncio
import difflib
import threading
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from fireside.errors import BadRequest, NotFound, UnknownModel, Unsupported
from fireside.language.identification import foreign_note
from fireside.safety import RULES_MODEL, Verdict, load_rules
from fireside.safety.guards import Guards
from fireside.safety.moderation import LANGUAGE, MODERATION_MODEL, Moderator
from fireside.safety.rules import CATEGORIES
from fireside.server.body import Wire, read
from fireside.server.openapi import documented
from fireside.server.streaming import while_connected
from fireside.storage.ids import new_id

MAX_INPUTS: Final = 2048
MAX_CHARACTERS: Final = 2**17
"""A few seconds of the moderation model."""
OURS: Final = (MODERATION_MODEL, RULES_MODEL)
ALIASES: Final = (
    *OURS,
    "omni-moderation-latest",
    "omni-moderation-2024-09-26",
    "text-moderation-latest",
    "text-moderation-stable",
)


class TextInput(Wire):
    type: Literal["text"]
    text: str


class ImageUrl(Wire):
    url: str


class ImageInput(Wire):
    """Known, so that it can be refused by its name."""

    type: Literal["image_url"]
    image_url: ImageUrl


Part = Annotated[TextInput | ImageInput, Field(discriminator="type")]


class CreateModerationRequest(Wire):
    input: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS)]
        | Annotated[list[Part], Field(min_length=1, max_length=MAX_INPUTS)]
    )
    model: str = Field("omni-moderation-latest", min_length=1, max_length=256)

    @property
    def texts(self) -> list[str]:
        """One of each verdict to be: parts make one input together, strings one each.

        Raises:
            Unsupported: an image.
            BadRequest: more text than can be judged at once.
        """
        texts = [self.input] if isinstance(self.input, str) else self._listed(self.input)
        if sum(map(len, texts)) > MAX_CHARACTERS:
            raise BadRequest(
                f"input has more than {MAX_CHARACTERS} characters: send it in pieces.",
                param="input",
            )
        return texts

    @staticmethod
    def _listed(given: list[Any]) -> list[str]:
        if isinstance(given[0], str):
            return list(given)
        for place, part in enumerate(given):
            if isinstance(part, ImageInput):
                raise Unsupported(
                    f"input[{place}] is an image, which no moderator here can judge: send text.",
                    param=f"input[{place}].type",
                )
        return ["\n".join(part.text for part in given)]


def routes(guards: Guards) -> APIRouter:
    router = APIRouter(tags=["moderations"])

    @router.post("/v1/moderations")
    @documented(request=CreateModerationRequest, response="ModerationCreateResponse")
    async def create_moderation(request: Request) -> Response:
        call = await read(request, CreateModerationRequest)
        check_model(call.model)
        texts = call.texts

        gone = threading.Event()

        def judged() -> tuple[str, list[Verdict]]:
            moderator = find_moderator(guards, call.model)
            return moderator.name, moderator.judge(texts, cancelled=gone.is_set)

        name, verdicts = await while_connected(request, asyncio.to_thread(judged), gone.set)
        return JSONResponse(
            {
                "id": new_id("modr"),
                "model": name,
                "results": [shown(verdict) for verdict in verdicts],
                "fireside": limits(verdicts),
            }
        )

    return router


def find_moderator(guards: Guards, name: str) -> Moderator:
    """Raises NotFound where `fireside-moderation-1` is asked for by its name and cannot be."""
    if name in OURS:
        return guards.moderator(name)
    try:
        return guards.moderator(MODERATION_MODEL)
    except NotFound:
        return guards.moderator(RULES_MODEL)


def check_model(name: str) -> None:
    """Raises UnknownModel for a name that is neither ours nor one of OpenAI's moderators."""
    if name not in ALIASES:
        near = difflib.get_close_matches(name, ALIASES, n=2, cutoff=0.0)
        raise UnknownModel(
            f"There is no moderation model {name[:100]!r}. Near: {', '.join(near)}.",
            param="model",
        )


def shown(verdict: Verdict) -> dict[str, object]:
    return {
        "flagged": verdict.flagged,
        "categories": {name: name in verdict.categories for name in CATEGORIES},
        "category_scores": dict(verdict.scores),
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }


def limits(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """What the verdicts do not say: absent categories, and inputs in another language."""
    return {
        "languages": [LANGUAGE],
        "absent": sorted(load_rules().absent),
        "not_judged": [
            {"input": place, "reason": foreign_note("Moderation", LANGUAGE, verdict.foreign)}
            for place, verdict in enumerate(verdicts)
            if verdict.foreign
        ],
    }
