"""The command line's way to users: made, given passwords, disabled, made operators."""

import secrets
import sys
from typing import Annotated, Final

import typer

from app.compose import House
from app.door import Json, opened, say
from core.domain.accounts import User
from core.domain.audit import OPERATOR
from core.domain.people import checked_password

users = typer.Typer(no_args_is_help=True, help="People.")

MADE_BYTES: Final = 15

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


@users.command("create")
def create(name: str, *, password_stdin: FromStdin = False, json_line: Json = False) -> None:
    """Create a user; without --password-stdin, print the password that was made for them."""
    password = _password(from_stdin=password_stdin)

    async def work(house: House) -> User:
        user = await house.services.accounts.create_user(name, by=OPERATOR)
        await house.services.sessions.set_password(user.id, password, by=OPERATOR)
        return user

    user = opened(work)
    fields: dict[str, object] = {"user_id": user.id, "name": user.name}
    say(fields | _made(password, from_stdin=password_stdin), as_json=json_line)


@users.command("password")
def change(name: str, *, password_stdin: FromStdin = False, json_line: Json = False) -> None:
    """Give a user another password, and sign them out everywhere."""
    password = _password(from_stdin=password_stdin)

    async def work(house: House) -> User:
        user = house.access.named_user(name)
        await house.services.sessions.set_password(user.id, password, by=OPERATOR)
        return user

    user = opened(work)
    fields: dict[str, object] = {"user_id": user.id}
    say(fields | _made(password, from_stdin=password_stdin), as_json=json_line)


@users.command("disable")
def disable(name: str) -> None:
    """Refuse a user, and every access that they gave."""

    async def work(house: House) -> None:
        await house.services.accounts.disable_user(house.access.named_user(name).id, by=OPERATOR)

    opened(work)


@users.command("operator")
def promote(
    name: str,
    *,
    off: Annotated[bool, typer.Option("--off", help="Make them one no more.")] = False,
) -> None:
    """Make a user an operator of this Latchkey."""

    async def work(house: House) -> None:
        user = house.access.named_user(name)
        await house.services.accounts.set_operator(user.id, operator=not off, by=OPERATOR)

    opened(work)


def _password(*, from_stdin: bool) -> str:
    if not from_stdin:
        return secrets.token_urlsafe(MADE_BYTES)
    return checked_password(sys.stdin.readline().rstrip("\r\n"))


def _made(password: str, *, from_stdin: bool) -> dict[str, object]:
    return {} if from_stdin else {"password": password}
