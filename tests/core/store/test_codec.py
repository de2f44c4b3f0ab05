"""What is written can be read again, whatever it is, and stays readable."""

from typing import Any

import orjson
from hypothesis import given

from core.domain.accounts import Client, User
from core.domain.commands import Command
from core.domain.devices import Device, State
from core.domain.events import Event
from core.domain.grants import Grant
from core.domain.keys import SigningKey
from core.store import codec
from tests.core.store import records


def through(value: Any) -> Any:
    """The value as it comes out of a column of JSON text."""
    return orjson.loads(orjson.dumps(value).decode())


@given(records.states)
def test_a_state_comes_back(state: State) -> None:
    """A state is the same after it was stored, whatever it speaks of."""
    assert codec.state_in(through(codec.state_out(state))) == state


@given(records.devices())
def test_a_device_comes_back(device: Device) -> None:
    """A device is the same in its home, but for what only its own row holds."""
    assert codec.device_in(through(codec.device_out(device)), device.home) == device


@given(records.commands("home_1"))
def test_a_command_comes_back(command: Command) -> None:
    """A command is the same in its home."""
    assert codec.command_in(through(codec.command_out(command)), "home_1") == command


@given(records.events())
def test_an_event_comes_back(event: Event) -> None:
    """An event is the same, with everything that it carries."""
    body = through(codec.event_out(event))
    found = codec.event_in(event.type.value, event.place, event.sequence, event.occurred_at, body)
    assert found == event


@given(records.grants)
def test_a_grant_comes_back(grant: Grant) -> None:
    """A grant is the same, each share with its places."""
    assert codec.grant_in(through(codec.grant_out(grant))) == grant


@given(records.users, records.clients)
def test_accounts_come_back(user: User, client: Client) -> None:
    """A user or a client is the same, with all that OAuth knows of it."""
    assert User(**through(codec.account_out(user))) == user
    assert codec.client_in(through(codec.account_out(client))) == client


def test_a_client_from_before_oauth_goes_on() -> None:
    """What the log and the rows held of it then is enough; it has the defaults for the rest."""
    old = {"id": "client_1", "name": "Partner", "disabled": False}
    assert codec.client_in(old) == codec.client_in({**old, "oauth": {}})
    assert codec.client_in(old) == Client("client_1", "Partner")


@given(records.keys)
def test_a_key_comes_back(key: SigningKey) -> None:
    """A signing key is the same, sealed as it was."""
    assert codec.key_in(through(codec.key_out(key))) == key


def test_an_empty_state_is_not_no_state() -> None:
    """A previous state that says nothing is told from one that is not there."""
    assert codec.state_out(State()) == {}
    assert codec.state_in({}) == State()
