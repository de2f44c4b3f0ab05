"""The door to a house that a command opens: settings, the process's parts, and what it says."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer

from app.compose import House, build, running
from app.environment import read_settings
from core import observe
from core.domain.accounts import Client
from core.domain.errors import Invalid, Missing
from core.settings import Settings

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]


def opened(work: Callable[[House], Awaitable[T]]) -> T:
    """What `work` did in this process's house."""
    observe.configure(pretty=sys.stderr.isatty())

    async def inside() -> T:
        async with _house() as house:
            return await work(house)

    return asyncio.run(inside())


def known_client(house: House, client_id: str) -> Client:
    """The client with this id.

    Raises:
        Missing: there is none.
    """
    if client_id not in house.access.clients:
        sentence = f"There is no client {client_id}."
        raise Missing(sentence)
    return house.access.clients[client_id]


def refuse_unsafe(settings: Settings) -> None:
    """Refuse settings that are for a demo alone.

    Raises:
        Invalid: it says which, and what to set.
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


def say(fields: dict[str, object], *, as_json: bool) -> None:
    """Print what was made: a line of JSON, or a line for each field."""
    if as_json:
        typer.echo(json.dumps(fields))
    else:
        for name, value in fields.items():
            typer.echo(f"{name}: {value}")


@asynccontextmanager
async def _house() -> AsyncIterator[House]:
    """This process's house without devices: somebody else runs them."""
    settings = read_settings().model_copy(update={"devices_url": ""})
    refuse_unsafe(settings)
    async with running(build(settings)) as house:
        yield house
