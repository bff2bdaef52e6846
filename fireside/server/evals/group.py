"""Evals as one piece of the application: their endpoints, and the work beside them."""

from __future__ import annotations

from fastapi import APIRouter

from fireside.server.batches.slots import Slots
from fireside.server.evals.routes import routes
from fireside.server.evals.running import EvalRunner
from fireside.server.foreground import Foreground
from fireside.server.inside import Inside
from fireside.storage.files import Files
from fireside.storage.objects import Objects


def group(
    objects: Objects, files: Files, inside: Inside, foreground: Foreground, most: int
) -> tuple[APIRouter, EvalRunner]:
    """most: requests of all runs at once; one while anybody outside waits."""
    runner = EvalRunner(objects, files, inside, Slots(foreground, most))
    return routes(objects, files, runner), runner
