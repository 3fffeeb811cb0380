"""The API's tests ask a running service."""

from __future__ import annotations

from datetime import datetime

import pytest_asyncio

from tests.running import Running, now, running

__all__ = ["now", "running", "served"]


@pytest_asyncio.fixture
async def served(running: Running, now: datetime) -> Running:
    """A service with the small catalogue, whose clock stands at `now`."""
    running.clock.at = now
    await running.catalogue()
    return running
