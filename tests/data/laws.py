"""How laws are tried here: a few dozen examples, however long a busy machine takes for one."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

LAW = settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
