"""Domain values to JSON and back. What is written stays readable: new fields get defaults here."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from core.domain.accounts import Client, ClientAuth, Flow, User
from core.domain.commands import Command, CommandError, CommandErrorCode, CommandStatus
from core.domain.devices import Capability, Color, Device, DeviceKind, State
from core.domain.events import Event, EventType
from core.domain.grants import Grant, PersonalKey, Scope, Share
from core.domain.homes import Home, Room
from core.domain.keys import SigningKey

Json = dict[str, Any]


def moment(value: str | None) -> datetime | None:
    """A moment from its ISO 8601 text."""
    return None if value is None else datetime.fromisoformat(value)


def sure(value: str) -> datetime:
    """A moment that is always written."""
    return datetime.fromisoformat(value)


def state_out(state: State) -> Json:
    """Only what the state speaks of."""
    values = state.values()
    if isinstance(color := values.get("color"), Color):
        values["color"] = {"hue": color.hue, "saturation": color.saturation}
    return values


def state_in(row: Json) -> State:
    """The state of `state_out`."""
    if color := row.get("color"):
        row = {**row, "color": Color(**color)}
    return State(**row)


def home_out(home: Home) -> Json:
    """A home as it was."""
    return {"id": home.id, "name": home.name, "time_zone": home.time_zone}


def device_out(device: Device) -> Json:
    """A device as it was, without its home: an event holds that once."""
    return {
        "id": device.id,
        "room": {"id": device.room.id, "name": device.room.name} if device.room else None,
        "name": device.name,
        "kind": device.kind.value,
        "capabilities": [capability.value for capability in device.capabilities],
        "online": device.online,
        "state": state_out(device.state),
        "updated_at": device.updated_at.isoformat(),
        "manufacturer": device.manufacturer,
        "model": device.model,
        "firmware": device.firmware,
        "sequence": device.sequence,
    }


def device_in(row: Json, home: Home) -> Device:
    """The device of `device_out`, in its home."""
    room = row["room"]
    return Device(
        id=row["id"],
        home=home,
        room=Room(room["id"], room["name"], home) if room else None,
        name=row["name"],
        kind=DeviceKind(row["kind"]),
        capabilities=tuple(Capability(value) for value in row["capabilities"]),
        online=row["online"],
        state=state_in(row["state"]),
        updated_at=sure(row["updated_at"]),
        manufacturer=row["manufacturer"],
        model=row["model"],
        firmware=row["firmware"],
        sequence=row["sequence"],
    )


def error_out(error: CommandError | None) -> Json | None:
    """Why a command failed."""
    return {"code": error.code.value, "message": error.message} if error else None


def error_in(row: Json | None) -> CommandError | None:
    """The error of `error_out`."""
    return CommandError(CommandErrorCode(row["code"]), row["message"]) if row else None


def command_out(command: Command) -> Json:
    """A command as it was."""
    ended = command.completed_at
    return {
        "id": command.id,
        "device_id": command.device_id,
        "grant_id": command.grant_id,
        "client_id": command.client_id,
        "desired": state_out(command.desired),
        "holds": list(command.holds),
        "awaits": list(command.awaits),
        "status": command.status.value,
        "issued_at": command.issued_at.isoformat(),
        "deadline": command.deadline.isoformat(),
        "completed_at": ended.isoformat() if ended else None,
        "error": error_out(command.error),
    }


def command_in(row: Json, home_id: str) -> Command:
    """The command of `command_out`."""
    return Command(
        id=row["id"],
        home_id=home_id,
        device_id=row["device_id"],
        grant_id=row["grant_id"],
        client_id=row["client_id"],
        desired=state_in(row["desired"]),
        holds=tuple(row["holds"]),
        awaits=tuple(row["awaits"]),
        status=CommandStatus(row["status"]),
        issued_at=sure(row["issued_at"]),
        deadline=sure(row["deadline"]),
        completed_at=moment(row["completed_at"]),
        error=error_in(row["error"]),
    )


def event_out(event: Event) -> Json:
    """The part of an event that its row's columns do not hold."""
    return {
        "id": event.id,
        "home": home_out(event.home),
        "device": device_out(event.device) if event.device else None,
        "previous": state_out(event.previous) if event.previous else None,
        "changed": list(event.changed),
        "command": command_out(event.command) if event.command else None,
        "caused_by": [command_out(command) for command in event.caused_by],
        "pending": [command_out(command) for command in event.pending],
    }


def event_in(kind: str, place: int, sequence: int, occurred_at: datetime, body: Json) -> Event:
    """The event of a row."""
    home = Home(**body["home"])
    device, command = body["device"], body["command"]
    previous = body["previous"]
    return Event(
        id=body["id"],
        type=EventType(kind),
        home=home,
        place=place,
        sequence=sequence,
        occurred_at=occurred_at,
        device=device_in(device, home) if device else None,
        previous=None if previous is None else state_in(previous),
        changed=tuple(body["changed"]),
        command=command_in(command, home.id) if command else None,
        caused_by=tuple(command_in(row, home.id) for row in body["caused_by"]),
        pending=tuple(command_in(row, home.id) for row in body["pending"]),
    )


def scopes_in(names: list[str]) -> frozenset[Scope]:
    """Scopes by name; one that this version does not know opens nothing here."""
    return frozenset(one for one in Scope if one.value in names)


def shares_out(shares: tuple[Share, ...]) -> list[list[Any]]:
    """The lines of a grant."""
    return [[s.home_id, s.room_id, s.device_id, s.since, s.until, s.locks] for s in shares]


def shares_in(rows: list[list[Any]]) -> tuple[Share, ...]:
    """The lines of `shares_out`; those that say nothing of locks were written before they could."""
    return tuple(Share(*row) for row in rows)


def grant_out(grant: Grant) -> Json:
    """A grant, whole."""
    return {
        "id": grant.id,
        "user_id": grant.user_id,
        "client_id": grant.client_id,
        "scopes": sorted(grant.scopes),
        "shares": shares_out(grant.shares),
        "since": grant.since.isoformat(),
        "revoked": grant.revoked,
        "key": key_of_grant_out(grant.key),
    }


def grant_in(row: Json) -> Grant:
    """The grant of `grant_out`."""
    return Grant(
        id=row["id"],
        user_id=row["user_id"],
        client_id=row["client_id"],
        scopes=scopes_in(row["scopes"]),
        shares=shares_in(row["shares"]),
        since=sure(row["since"]),
        revoked=row["revoked"],
        key=key_of_grant_in(row.get("key")),
    )


def key_of_grant_out(key: PersonalKey | None) -> Json | None:
    """The personal access token that a grant is for."""
    if key is None:
        return None
    return {"name": key.name, "digest": key.digest, "expires_at": key.expires_at.isoformat()}


def key_of_grant_in(row: Json | None) -> PersonalKey | None:
    """The token of `key_of_grant_out`."""
    return PersonalKey(row["name"], row["digest"], sure(row["expires_at"])) if row else None


def oauth_out(client: Client) -> Json:
    """What OAuth knows of a client."""
    return {
        "redirect_uris": list(client.redirect_uris),
        "scopes": sorted(client.scopes),
        "auth": client.auth.value,
        "sandbox": client.sandbox,
        "logo": client.logo,
        "verified": client.verified,
        "flows": sorted(client.flows),
        "homepage": client.homepage,
        "jwks": client.jwks,
        "bound": client.bound,
        "registered": client.registered,
    }


def account_out(account: User | Client) -> Json:
    """A user or a client, whole."""
    if isinstance(account, User):
        return asdict(account)
    return {
        "id": account.id,
        "name": account.name,
        "disabled": account.disabled,
        "registered_only": account.registered_only,
        "oauth": oauth_out(account),
    }


def client_in(row: Json) -> Client:
    """The client of `account_out`; one that was written before OAuth may ask for every scope.

    What a newer version wrote of it besides is left out: the two may run side by side.
    """
    names = Client.__dataclass_fields__
    known = {name: value for name, value in row.get("oauth", {}).items() if name in names}
    if known:
        known["redirect_uris"] = tuple(known["redirect_uris"])
        known["scopes"] = scopes_in(known["scopes"])
        known["auth"] = ClientAuth(known["auth"])
        if "flows" in known:
            known["flows"] = frozenset(one for one in Flow if one.value in known["flows"])
    only = row.get("registered_only", False)
    return Client(row["id"], row["name"], row["disabled"], only, **known)


def registration_out(client_id: str, sha256: str, *, removed: bool) -> Json:
    """That a client has, or no longer has, a document; its text is in the store alone."""
    return {"client_id": client_id, "sha256": sha256, "removed": removed}


def key_out(key: SigningKey) -> Json:
    """A signing key, its private part sealed as it is stored."""
    return {
        "id": key.id,
        "public": key.public,
        "sealed": key.sealed,
        "created_at": key.created_at.isoformat(),
        "retired_at": key.retired_at.isoformat() if key.retired_at else None,
    }


def key_in(row: Json) -> SigningKey:
    """The key of `key_out`."""
    return SigningKey(
        id=row["id"],
        public=row["public"],
        sealed=row["sealed"],
        created_at=sure(row["created_at"]),
        retired_at=moment(row["retired_at"]),
    )
