"""Tasks of a process that run as long as it does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from core import observe

log = observe.logger(__name__)


@asynccontextmanager
async def background(
    dead: list[str], run: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    """Run a task while the block runs; one that ends by itself is a defect, one of the `dead`."""
    name = run.__qualname__

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            dead.append(name)
            log.critical("task_died", task=name, exc_info=task.exception())

    task = asyncio.create_task(run(), name=name)
    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
