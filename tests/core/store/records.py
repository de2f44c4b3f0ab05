"""Hypothesis strategies for every record of the domain, as wild as the store must hold them."""

from datetime import UTC
from typing import Any, Final

from hypothesis import strategies as st

from core.domain.accounts import Client, ClientAuth, User
from core.domain.commands import Command, CommandError, CommandErrorCode, CommandStatus
from core.domain.devices import ATTRIBUTES, Capability, Color, Device, DeviceKind, State
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import Home, Room
from core.domain.keys import SigningKey

texts: Final = st.text(max_size=20)
ids: Final = st.text("0123456789abcdef", min_size=1, max_size=8)
moments: Final = st.datetimes(timezones=st.just(UTC))
counts: Final = st.integers(0, 2**53)
whole: Final = st.integers(-(2**53), 2**53)
real: Final = st.floats(allow_nan=False, allow_infinity=False)
maybe_text: Final = st.none() | texts
colors: Final = st.builds(Color, real, real)
states: Final = st.builds(
    State,
    on=st.none() | st.booleans(),
    brightness=st.none() | whole,
    color=st.none() | colors,
    color_temperature=st.none() | whole,
    position=st.none() | whole,
    fan_speed=st.none() | whole,
    locked=st.none() | st.booleans(),
    temperature=st.none() | real,
    target_temperature=st.none() | real,
    humidity=st.none() | real,
    motion=st.none() | st.booleans(),
    contact=st.none() | st.booleans(),
    battery=st.none() | whole,
    power=st.none() | real,
    energy=st.none() | real,
)
homes: Final = st.builds(Home, ids, texts, texts)
users: Final = st.builds(User, ids, texts, st.booleans())
clients: Final = st.builds(
    Client,
    ids,
    texts,
    st.booleans(),
    st.booleans(),
    st.lists(texts, max_size=3).map(tuple),
    st.frozensets(st.sampled_from(Scope)),
    st.sampled_from(ClientAuth),
    st.booleans(),
    st.none() | texts,
    st.booleans(),
)
names: Final = st.lists(st.sampled_from(ATTRIBUTES), max_size=4, unique=True).map(tuple)
errors: Final = st.builds(CommandError, st.sampled_from(CommandErrorCode), texts)
shares: Final = st.builds(Share, ids, st.none() | ids, st.none() | ids, counts, st.none() | counts)
grants: Final = st.builds(
    Grant,
    ids,
    ids,
    ids,
    st.frozensets(st.sampled_from(Scope)),
    st.lists(shares, max_size=4).map(tuple),
    moments,
    st.booleans(),
)
keys: Final = st.builds(
    SigningKey, ids, st.dictionaries(texts, texts, max_size=3), texts, moments, st.none() | moments
)


@st.composite
def devices(draw: st.DrawFn, home: Home | None = None) -> Device:
    """A device in a home of its own, or in this one; without what only its own row holds."""
    home = home or draw(homes)
    room = draw(st.none() | st.builds(Room, ids, texts, st.just(home)))
    able = draw(st.lists(st.sampled_from(Capability), max_size=4).map(tuple))
    made: Device = draw(
        st.builds(
            Device,
            id=ids,
            home=st.just(home),
            room=st.just(room),
            name=texts,
            kind=st.sampled_from(DeviceKind),
            capabilities=st.just(able),
            online=st.booleans(),
            state=states,
            updated_at=moments,
            manufacturer=maybe_text,
            model=maybe_text,
            firmware=maybe_text,
            address=st.just(""),
            sequence=counts,
            order=st.just(0),
        )
    )
    return made


def commands(home_id: str) -> st.SearchStrategy[Command]:
    """Commands of a home, in any state that could be written."""
    return st.builds(
        Command,
        ids,
        st.just(home_id),
        ids,
        ids,
        ids,
        states,
        names,
        names,
        st.sampled_from(CommandStatus),
        moments,
        moments,
        st.none() | moments,
        st.none() | errors,
    )


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Events of every type, carrying anything that any event may carry."""
    home = draw(homes)
    several: Any = st.lists(commands(home.id), max_size=2).map(tuple)
    made: Event = draw(
        st.builds(
            Event,
            ids,
            st.sampled_from(EventType),
            st.just(home),
            counts,
            counts,
            moments,
            st.none() | devices(home),
            st.none() | states,
            names,
            st.none() | commands(home.id),
            several,
            several,
        )
    )
    return made
