"""`GET /metrics`: what the server does, as Prometheus reads it.

Labels are routes, methods and statuses: never an owner, a key, a model's name or a word of a
prompt.  It refuses to count in more than one process: each server process answers for itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import APIRouter
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.server.admission import Admission
from fireside.server.budgets import Budgets

if TYPE_CHECKING:
    from fireside.engine.models import Models

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """The counters of one application; hears of tokens as `metering.Meter`."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "fireside_requests", "Requests that were answered.", ("method", "route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "fireside_request_seconds", "From a request's first byte to its answer's last.",
            ("route",), buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.open = Gauge(
            "fireside_requests_open", "Requests that are being answered.", registry=self.registry
        )
        self.first = Histogram(
            "fireside_time_to_first_token_seconds", "From the prompt's submission to the answer.",
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.tokens = Counter(
            "fireside_tokens", "Tokens of prompts (input; cached are those among them that were "
            "not computed again) and of answers (output).", ("kind",), registry=self.registry,
        )  # fmt: skip
        ProcessCollector(registry=self.registry)

    def watch(self, models: Models, admission: Admission) -> None:
        self.registry.register(Engines(models, admission))

    def first_token(self, seconds: float) -> None:
        self.first.observe(seconds)

    def used(self, key_id: str | None, prompt: int, cached: int, completion: int) -> None:
        for kind, count in (("input", prompt), ("cached", cached), ("output", completion)):
            if count > 0:
                self.tokens.labels(kind).inc(count)
        if key_id is not None:
            self._budgets.charge(key_id, max(0, prompt) + max(0, completion))


class Engines(Collector):
    """Asked at each scrape, and kept nowhere: what waits, runs and is held just now."""

    def __init__(self, models: Models, admission: Admission) -> None:
        self._models = models
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        stats = list(self._models.stats())
        running = sum(each.running for each in stats)
        used = sum(each.used_blocks for each in stats)
        blocks = sum(each.num_blocks for each in stats)
        share = used / blocks if blocks else 0.0
        admitted = self._admission
        now = {
            "fireside_queue": ("Requests that wait to be let in.", admitted.waiting),
            "fireside_places": ("Requests that are let in.", admitted.places - admitted.free),
            "fireside_running": ("Sequences in the running batches.", running),
            "fireside_waiting": ("Sequences that wait for them.", sum(s.waiting for s in stats)),
            "fireside_kv_cache_blocks": ("Blocks of the KV caches.", blocks),
            "fireside_kv_cache_used_ratio": ("Share of them in use.", share),
            "fireside_models_loaded": ("Models in memory.", len(stats)),
        }  # fmt: skip
        for name, (said, value) in now.items():
            yield GaugeMetricFamily(name, said, value=value)
        yield CounterMetricFamily(
            "fireside_preemptions", "Sequences that gave up their blocks for older ones.",
            value=sum(each.preemptions for each in stats),
        )  # fmt: skip


class Measure:
    """Counts every request by its route, whatever became of it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = "499"  # nobody was there any more to hear of another

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        began = time.perf_counter()
        self._metrics.open.inc()
        try:
            await self.app(scope, receive, told)
        finally:
            self._metrics.open.dec()
            route = route_of(scope)
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(scope: Scope) -> str:
    """The route's pattern: a path itself would hold ids, and anything that a client may type."""
    return str(getattr(scope.get("route"), "path", "other"))


def routes(metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/metrics", response_class=Response)
    def read_metrics() -> Response:
        """In Prometheus's text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE)

    return router
