"""What a lower floor needs from a higher one or from the world, as protocols handed in."""

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, Protocol, Unpack

from core.domain.accounts import Viewer
from core.domain.audit import Actor, Detail, Kind, Outcome
from core.domain.devices import Capability, Device, DeviceKind, State
from core.domain.events import Event, EventType
from core.domain.homes import Home
from core.domain.seen import Seen


class Clock(Protocol):
    """Time, as it is told and as it passes."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""

    def monotonic(self) -> float:
        """Seconds that only go forward."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""


class Ids(Protocol):
    """Where identifiers come from."""

    def new(self, kind: str) -> str:
        """A fresh identifier, `kind` and a UUIDv7 (RFC 9562), such as `device_0192…`."""


class Notes(Protocol):
    """Where security decisions are noted down (`core.services.audit`)."""

    def note(
        self,
        kind: Kind,
        outcome: Outcome,
        *,
        actor: Actor,
        source: str | None = None,
        **detail: Unpack[Detail],
    ) -> None:
        """Keep a decision. It returns at once and raises nothing, whatever becomes of the row.

        `source` is the caller's address. What is of no known shape in `detail` is left out.
        Decisions of `ANONYMOUS` are counted by kind, outcome, reason, source and minute.
        """


class Throttle(Protocol):
    """Counts attempts by what they are made at and by where they come from."""

    async def take(self, kind: str, key: str) -> None:
        """Count an attempt of this kind.

        Raises:
            Limited: there were too many; the sentence says when to come again.
        """

    async def give_back(self, kind: str, key: str) -> None:
        """Uncount an attempt that turned out to be a good one."""

    def check(self, kind: str, key: str) -> None:
        """Count nothing, but see that there is room for an attempt.

        Raises:
            Limited: as `take` does.
        """

    def count(self, kind: str, key: str) -> None:
        """Count an attempt that was made, room or not."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that a connector can reach, as the connector describes it."""

    address: str
    name: str
    kind: DeviceKind
    capabilities: tuple[Capability, ...]
    state: State
    online: bool = True
    room: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a device said, in the order in which its connector heard it.

    `order` grows by device and never repeats, over restarts too; `settled` tells that the values
    are not on their way to somewhere else; `online` is None where the report says nothing of it.
    """

    device_id: str
    order: int
    state: State = field(default_factory=State)
    settled: bool = True
    online: bool | None = None


class SendError(Exception):
    """A device did not take a command; the text is for the partner."""


class Offline(SendError):
    """The device cannot be reached."""


class Declined(SendError):
    """The device was reached and refused."""


class Connector(Protocol):
    """A way to reach devices of one kind of system. Owned by one runner, used from one loop."""

    async def discover(self, home: Home, url: str) -> Sequence[Found]:
        """The devices that can be reached in this home, found by the home's connector URL."""

    async def adopt(self, device: Device) -> None:
        """Take charge of a device as the store knows it; again after a restart."""

    async def forget(self, device_id: str) -> None:
        """Let go of a device; nothing more is reported of it."""

    def reports(self) -> AsyncIterator[Report]:
        """What the adopted devices say, each device's reports in order, until closed."""

    def latest(self, device_id: str) -> int:
        """The order of the newest report that the connector has made of this device."""

    async def send(self, device_id: str, asked: State, token: int) -> None:
        """Ask a device for a state; returns once the device acknowledged.

        `token` is of the lease under which it is sent, and grows with every owner of the home: what
        stands before the devices declines one that is lower than the highest that it has seen.

        Raises:
            Offline: the device cannot be reached.
            Declined: the device refused, or the token is an earlier owner's.
        """

    async def read(self, device_id: str) -> None:
        """Have the device report its whole state; the settled report comes by `reports`.

        Raises:
            Offline: the device cannot be reached.
        """

    async def close(self) -> None:
        """End every task and let `reports` end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a watcher asks for; all given conditions hold together."""

    types: frozenset[EventType] | None = None
    device_ids: frozenset[str] | None = None
    home_id: str | None = None

    def matches(self, event: Event) -> bool:
        """Whether the event is asked for; what may be shown is the grant's business."""
        return (
            (self.types is None or event.type in self.types)
            and (
                self.device_ids is None
                or (event.device is not None and event.device.id in self.device_ids)
            )
            and (self.home_id is None or event.home.id == self.home_id)
        )


class Delivery(Enum):
    """What becomes of events that come faster than their reader takes them."""

    ALL = "ALL"
    LATEST = "LATEST"


@dataclass(frozen=True, slots=True)
class Manner:
    """How events are handed out.

    With LATEST, a state that a newer one of its device has overtaken is left out, and there are
    `seconds` at least between the beginnings of two rounds of events.
    """

    delivery: Delivery = Delivery.ALL
    seconds: float = 0.0


EVERYTHING: Final = Manner()
"""Each event, as soon as it can be had."""


class Watching(Protocol):
    """An open watch. Asking for the next event says that the one before was passed on."""

    def attach(self, alike: Hashable, ready: Callable[[str], None]) -> None:
        """Have events ready to be taken from now on.

        Watches that are `alike` show events alike, and share what is made of them. `ready` is
        called with a home when there is something to take again, and must not wait.
        """

    def take(self) -> Seen | None:
        """The next event, if there is one now.

        Raises:
            LatchkeyError: the watch ended, because access did.
        """

    @property
    def passed(self) -> Callable[[], bool]:
        """Hear that the event that was taken last was passed on; say whether to ask for another."""

    def __aiter__(self) -> AsyncIterator[Seen]:
        """Itself."""

    async def __anext__(self) -> Seen:
        """The next event, waited for; for who did not attach."""

    def close(self) -> None:
        """Watch no more."""

    def lag(self) -> None:
        """Hold nothing for a reader that has stopped reading: it reads on from the log."""

    @property
    def cursor(self) -> str | None:
        """A cursor of the place up to which everything was shown or is not for this watch.

        None while an event is on its way out: a cursor must never be ahead of what was sent.
        """

    def renew(self, viewer: Viewer) -> None:
        """Go on for the same grant with a token that ends later."""


class Live(Protocol):
    """Open a watch on the log; the hub stands behind it."""

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner = EVERYTHING
    ) -> Watching:
        """Events from `after` (or from now), then live; ends when access does.

        Raises:
            Missing: a named home or device is not there for this viewer.
            Invalid: the cursor is not one of this viewer's, or too many homes.
        """
