"""Pages: what they may load, who may read them, and where there are any."""

import html
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from app.demo import HOSTS
from app.pages import house as pages
from app.pages.press import POLICY, STATIC, TEMPLATES
from app.server import bound, listening
from tests.app.conftest import Api

FACTS = re.compile(r'<script type="application/json" id="facts">(.*?)</script>', re.DOTALL)
ADDRESS = re.compile(r"https?://(?!www\.w3\.org/2000/svg)")
RUN = re.compile(r"<script(?![^>]*\b(?:src=|type=\"application/json\"))", re.IGNORECASE)
STYLED = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
FRESH = "HTML( as text)?|innerHTML|outerHTML|insertAdjacent|document.write|eval\\("


@asynccontextmanager
async def _opened(api: Api) -> AsyncIterator[str]:
    """The house served once more, with its page at `/`, as the demo does it."""
    token = iter(range(1_000))
    opening = pages.Opening(lambda: f"token {next(token)} </script>", api.home_id)
    with bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        async with listening(api.house, listener, HOSTS, pages=[pages.house("/", opening)]):
            yield f"http://127.0.0.1:{port}/"


def _scripts() -> Iterator[Path]:
    yield from STATIC.glob("**/*.js")
