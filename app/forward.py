"""The command line's way to listen: what a partner's developer runs, on no database of ours."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.ending import asked_to_end
from core.domain.endpoints import ContentMode
from core.domain.errors import Invalid
from core.domain.events import EventType


def listen(
    *,
    forward_to: Annotated[str, typer.Option(help="Where deliveries are posted to from here.")],
    api: Annotated[str, typer.Option(help="The address of the API.")] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None, typer.Option(envvar="ACCESS_TOKEN", help="With the scope webhooks:manage.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(envvar="CLIENT_ID", help="Instead of a token, which runs out.")
    ] = None,
    client_secret: Annotated[
        str | None, typer.Option(envvar="CLIENT_SECRET", help="The client's.")
    ] = None,
    secret: Annotated[
        str | None, typer.Option(envvar="WEBHOOK_SECRET", help="To sign with; else a fresh one.")
    ] = None,
    document: Annotated[
        Path | None, typer.Option(help="A file with a subscription; else one that shows all.")
    ] = None,
    variables: Annotated[str | None, typer.Option(help="Its variables, as JSON.")] = None,
    event_type: Annotated[
        list[EventType] | None, typer.Option(help="Only these; all, where none is named.")
    ] = None,
    content_mode: Annotated[
        ContentMode, typer.Option(help="How bodies are laid out.")
    ] = ContentMode.STANDARD,
) -> None:
    """Have webhooks delivered to this machine while it runs, without a public URL."""
    from webhooks.forwarding import (  # noqa: PLC0415 - an HTTP client, which other commands spare
        Credentials,
        Forwarder,
        Token,
    )

    who: Token | Credentials
    if token:
        who = Token(token)
    elif client_id and client_secret:
        who = Credentials(client_id, client_secret)
    else:
        sentence = (
            "Say who you are: a token (--token, or ACCESS_TOKEN), or a client (CLIENT_ID and "
            "CLIENT_SECRET)."
        )
        raise Invalid(sentence)
    wanted = {
        "document": _text(document) if document else None,
        "variables": _object(variables) if variables else None,
        "eventTypes": [one.value for one in event_type] if event_type else None,
        "contentMode": content_mode.value,
        "description": "latchkey listen",
    }
    forwarder = Forwarder(api, who, forward_to, wanted, typer.echo, secret)
    asyncio.run(_until_asked(forwarder.run()))


async def _until_asked(work: Any) -> None:
    """Do this until the process is asked to end, which is its usual end."""
    ending = asked_to_end()
    doing, asked = asyncio.create_task(work), asyncio.create_task(ending.wait())
    try:
        await asyncio.wait({doing, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        doing.cancel()
        await asyncio.gather(doing, asked, return_exceptions=True)
    if not doing.cancelled():
        doing.result()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        sentence = f"--document {path} cannot be read: {error}."
        raise Invalid(sentence) from error


def _object(text: str) -> Any:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        sentence = f"--variables is not JSON: {error}."
        raise Invalid(sentence) from error
    return found
