"""`latchkey home`: homes, and who belongs to them."""

from datetime import timedelta
from typing import Annotated

import typer

from app.compose import House
from app.door import Json, opened, say
from core.domain.audit import OPERATOR, Actor
from core.domain.homes import Role
from core.domain.invites import Invite

homes = typer.Typer(no_args_is_help=True, help="Homes, and who belongs to them.")

HomeId = Annotated[str, typer.Option("--home", help="The id of the home.")]
UserName = Annotated[str, typer.Option("--user", help="The name of the user.")]


@homes.command("create")
def create_home(
    *,
    owner: Annotated[str, typer.Option(help="The name of the user whose home it is.")],
    devices: Annotated[int, typer.Option(min=0, max=100_000, help="How many.")] = 20,
    name: Annotated[str, typer.Option(help="The home's name.")] = "Simulated home",
    time_zone: Annotated[str, typer.Option(help="An IANA time zone.")] = "UTC",
    json_line: Json = False,
) -> None:
    """Create a simulated home; the process that runs the devices brings it to life."""

    async def work(house: House) -> str:
        user = house.access.named_user(owner)
        url = f"simulator://plan?devices={devices}"
        services = house.services
        home = await services.homes.create(user.id, name, time_zone, url, by=OPERATOR)
        return home.id

    say({"home_id": opened(work), "devices": devices}, as_json=json_line)


@homes.command("invite")
def invite(
    *,
    home: HomeId,
    role: Annotated[Role, typer.Option(case_sensitive=False)] = Role.MEMBER,
    by: Annotated[str | None, typer.Option(help="The owner who invites, by name.")] = None,
    hours: Annotated[float, typer.Option(help="How long it lasts.")] = 72,
    json_line: Json = False,
) -> None:
    """Make an invite; the code is shown once, and works once."""

    async def work(house: House) -> tuple[str, Invite]:
        who = OPERATOR if by is None else Actor(house.access.named_user(by).id)
        return await house.services.invites.make(home, role, timedelta(hours=hours), by=who)

    code, made = opened(work)
    expires = made.expires_at.isoformat()
    say({"code": code, "invite_id": made.id, "expires_at": expires}, as_json=json_line)


@homes.command("join")
def join(code: str, *, user: UserName, json_line: Json = False) -> None:
    """Make a user a member by the code of an invite."""

    async def work(house: House) -> Invite:
        return await house.services.invites.join(code, house.access.named_user(user).id)

    used = opened(work)
    say({"home_id": used.home_id, "role": used.role.value}, as_json=json_line)


@homes.command("remove-member")
def remove_member(*, home: HomeId, user: UserName) -> None:
    """End a membership, and at once what the user shared of the home."""

    async def work(house: House) -> None:
        gone = house.access.named_user(user)
        await house.services.homes.remove_member(home, gone.id, by=OPERATOR)

    opened(work)


@homes.command("members")
def members(*, home: HomeId) -> None:
    """Print who belongs to a home, by name."""
    for user, role in opened(lambda house: house.reads.members(home)):
        typer.echo(f"{user.name}: {role.value}")
