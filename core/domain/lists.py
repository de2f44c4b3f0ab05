"""Lists of devices: which devices are in one, and in which order. Pure; knows no database."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.domain.devices import Capability, DeviceKind
from core.domain.errors import Invalid

LONGEST_NAME: Final = 255


class DeviceOrder(Enum):
    """In which order devices are listed; the id decides among equals, so that no two are equal."""

    NAME = "NAME"
    ROOM = "ROOM"
    UPDATED_DESC = "UPDATED_DESC"


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices; all given conditions hold together, and None leaves one out.

    A device is of one of the `kinds`, has every one of the `capabilities`, and `name` is a part of
    what it is called, whatever the case.
    """

    home_id: str | None = None
    room_id: str | None = None
    kinds: frozenset[DeviceKind] | None = None
    capabilities: frozenset[Capability] | None = None
    online: bool | None = None
    name: str | None = None

    def check(self) -> None:
        """Refuse what can only be a mistake, with the field and what would be right.

        Raises:
            Invalid: a list is empty, or the name is longer than any search needs.
        """
        for field, given in (("kind", self.kinds), ("capability", self.capabilities)):
            if given is not None and not given:
                sentence = f"filter.{field} is empty: name at least one or leave it out."
                raise Invalid(sentence, f"filter.{field}")
        if self.name is not None and len(self.name) > LONGEST_NAME:
            sentence = f"filter.name has {len(self.name)} characters; give at most {LONGEST_NAME}."
            raise Invalid(sentence, "filter.name")
