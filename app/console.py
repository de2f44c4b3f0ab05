"""What the commands of the command line share: a house to work in, and a way to answer."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer

from app.compose import House, build, running
from app.environment import read_settings
from core import observe
from core.domain.errors import Invalid
from core.settings import Settings

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]


def run(work: Callable[[House], Awaitable[T]]) -> T:
    """Do a piece of work in a running house of the settings, and end it.

    Raises:
        Invalid: a setting is unsafe.
    """
    observe.configure(pretty=sys.stderr.isatty())

    async def inside() -> T:
        async with _house() as house:
            return await work(house)

    return asyncio.run(inside())


@asynccontextmanager
async def _house() -> AsyncIterator[House]:
    """This process's house without devices: somebody else runs them."""
    settings = read_settings().model_copy(update={"devices_url": ""})
    refuse_unsafe(settings)
    async with running(build(settings)) as house:
        yield house


def refuse_unsafe(settings: Settings) -> None:
    """Look at what must be set before anybody is served.

    Raises:
        Invalid: something is missing or unsafe; the sentence says what to set.
    """
    if not settings.secret_keys:
        sentence = (
            "Set LATCHKEY_SECRET_KEYS: keys of 32 random bytes in base64, comma separated. "
            "Make one with: openssl rand -base64 32"
        )
        raise Invalid(sentence)
    if settings.public_url.startswith("http://") and not settings.loopback:
        sentence = "Set LATCHKEY_PUBLIC_URL to an https:// URL: tokens must not travel in clear."
        raise Invalid(sentence)


def say(fields: Mapping[str, object], *, as_json: bool) -> None:
    """Print one line of JSON, or a line for each field."""
    if as_json:
        typer.echo(json.dumps(dict(fields)))
    else:
        for name, value in fields.items():
            typer.echo(f"{name}: {value}")
