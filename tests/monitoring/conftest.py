"""What needs Prometheus is left out where it is not there; `.ci/test` names it, and in CI refuses to go on without."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable

import pytest
import uvloop

collect_ignore = [] if shutil.which("prometheus") else ["test_cases.py", "test_prometheus.py"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as `chiso serve` has it."""
    return {"uvloop": uvloop.new_event_loop}
