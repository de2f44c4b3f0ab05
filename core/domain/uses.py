"""Uses: when an app last read with a grant, and the last command that it gave."""

from dataclasses import dataclass
from datetime import datetime

from core.domain.devices import DeviceKind, State


@dataclass(frozen=True, slots=True)
class Deed:
    """A command as it was given, whatever became of it: what was asked of which device, when."""

    at: datetime
    device: str
    home: str
    kind: DeviceKind
    asked: State


@dataclass(frozen=True, slots=True)
class Use:
    """What is known of how a grant was last used; None for never, as far as is known."""

    read_at: datetime | None = None
    did: Deed | None = None

    @property
    def at(self) -> datetime | None:
        """When it was last used for anything."""
        did_at = self.did.at if self.did else None
        return max((one for one in (self.read_at, did_at) if one is not None), default=None)

    def merged(self, other: "Use") -> "Use":
        """What both know together: the later of each."""
        reads = [at for at in (self.read_at, other.read_at) if at is not None]
        deeds = [did for did in (self.did, other.did) if did is not None]
        return Use(max(reads, default=None), max(deeds, key=lambda did: did.at, default=None))


NEVER = Use()
