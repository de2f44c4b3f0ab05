"""House plans: what a `simulator://` URL stands for, and which devices are left alone by it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.products import PRODUCTS, unpacked
from core.domain.errors import Invalid
from core.domain.ports import Found

STILL: Final = "~still"
"""Ends the addresses that `still=1` made steady: after a restart, adoption sees no URL."""
MOST: Final = 100_000
SCHEME: Final = "simulator"
HELP: Final = (
    "Use simulator://maple, simulator://harbor or simulator://plan?devices=N; "
    "seed=NUMBER and still=1 may follow."
)


@dataclass(frozen=True, slots=True)
class Place:
    """A device in a plan: the product, its name, its room, and whether it is steady."""

    product: str
    name: str
    room: str
    steady: bool = False

    @property
    def address(self) -> str:
        """The name as an address: "Living room lamp" is `living-room-lamp`."""
        return self.name.lower().replace(" ", "-")


MAPLE: Final = (
    Place("lamp", "Living room lamp", "Living room", steady=True),
    Place("thermostat", "Living room thermostat", "Living room"),
    Place("outlet", "Television", "Living room"),
    Place("light", "Kitchen light", "Kitchen", steady=True),
    Place("outlet", "Coffee machine", "Kitchen"),
    Place("contact", "Kitchen window", "Kitchen"),
    Place("lamp", "Bedside lamp", "Bedroom", steady=True),
    Place("lock", "Front door", "Hallway"),
    Place("light", "Hallway light", "Hallway"),
    Place("motion", "Hallway motion", "Hallway"),
    Place("meter", "House meter", "Hallway"),
    Place("colour lamp", "Shelf light", "Living room"),
    Place("blind", "Living room blind", "Living room"),
    Place("fan", "Ceiling fan", "Bedroom"),
    Place("climate sensor", "Bedroom climate", "Bedroom"),
    Place("heating", "Bathroom heating", "Bathroom"),
    Place("white lamp", "Mirror light", "Bathroom"),
    Place("garage door", "Garage door", "Garage"),
    Place("contact", "Garage side door", "Garage"),
    Place("switch", "Garden lights", "Garden"),
)
HARBOR: Final = (
    Place("lamp", "Desk lamp", "Studio", steady=True),
    Place("thermostat", "Studio heating", "Studio"),
    Place("contact", "Balcony door", "Studio"),
    Place("outlet", "Kettle", "Kitchenette"),
    Place("switch", "Extractor fan", "Kitchenette", steady=True),
    Place("lock", "Flat door", "Entrance"),
    Place("meter", "Flat meter", "Entrance"),
    Place("blind", "Studio blind", "Studio"),
    Place("white lamp", "Kitchenette light", "Kitchenette"),
)
PLANS: Final[Mapping[str, tuple[Place, ...]]] = {"maple": MAPLE, "harbor": HARBOR}
STEADY: Final = frozenset(
    place.address for plan in PLANS.values() for place in plan if place.steady
)
WATCHED: Final = frozenset(place.address for plan in PLANS.values() for place in plan)
"""What somebody looks at; generated homes come by the thousand, and are calmer."""
ROOMS: Final = (
    "Living room",
    "Kitchen",
    "Bedroom",
    "Hallway",
    "Bathroom",
    "Study",
    "Dining room",
    "Nursery",
    "Guest room",
    "Attic",
    "Cellar",
    "Garage",
)
MIXTURE: Final = (
    *("lamp", "light", "switch") * 3,
    *("outlet", "motion", "contact") * 4,
    *("lock", "thermostat", "heating", "white lamp", "colour lamp", "climate sensor") * 2,
    *("fan", "blind", "meter", "garage door"),
)
"""What generated homes are drawn from: few of what moves, for that tells every second."""
WHERE: Final[Mapping[str, str]] = {"garage door": "Garage", "meter": "Cellar"}
"""Products that are in one room, wherever the rest of a generated home is."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a URL asks for."""

    plan: str
    seed: int = 0
    still: bool = False
    devices: int | None = None


def found(url: str) -> list[Found]:
    """The devices of the house at this URL, always the same ones.

    Raises:
        Invalid: the URL is malformed or names no plan.
    """
    wish = parsed(url)
    chance = Chance.of(wish.seed)
    places = PLANS.get(wish.plan) or islice(_generated(chance), wish.devices)
    return [_found(place, chance, still=wish.still) for place in places]


def steady(address: str) -> bool:
    """Whether the device at this address never changes by itself."""
    return address in STEADY or address.endswith(STILL)


def calm(address: str) -> bool:
    """Whether the device at this address speaks up more rarely than those of named houses."""
    return address not in WATCHED


def parsed(url: str) -> Wish:
    """What the URL asks for.

    Raises:
        Invalid: the URL is malformed or names no plan.
    """
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
    except ValueError as error:
        raise _invalid(url, "is not a URL") from error
    given = dict(pairs)
    if parts.scheme != SCHEME or parts.path not in {"", "/"} or parts.fragment:
        raise _invalid(url, "is not a simulator's URL")
    if parts.netloc not in {*PLANS, "plan"}:
        raise _invalid(url, f"names no house plan: there is no {parts.netloc!r}")
    if len(given) < len(pairs):
        raise _invalid(url, "says something twice")
    wish = Wish(
        parts.netloc,
        seed=_number(url, given, "seed", 2**63) or 0,
        still=bool(_number(url, given, "still", 1)),
        devices=_number(url, given, "devices", MOST),
    )
    if given:
        raise _invalid(url, f"says {next(iter(given))!r}, which means nothing here")
    if (wish.plan == "plan") != (wish.devices is not None):
        raise _invalid(url, "has to say devices=N where the plan is 'plan', and only there")
    return wish


def _number(url: str, given: dict[str, str], name: str, most: int) -> int | None:
    text = given.pop(name, None)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > most:
        raise _invalid(url, f"says {name}={text}; it must be a number from 0 to {most}")
    return int(text)


def _invalid(url: str, wrong: str) -> Invalid:
    return Invalid(f"{url} {wrong}. {HELP}")


def _found(place: Place, chance: Chance, *, still: bool) -> Found:
    product = PRODUCTS[place.product]
    marked = still and not steady(place.address)
    return Found(
        address=place.address + STILL if marked else place.address,
        name=place.name,
        kind=product.kind,
        capabilities=product.capabilities,
        state=unpacked(product, chance),
        room=place.room,
        manufacturer=product.manufacturer,
        model=product.model,
        firmware=product.firmware,
    )


def _generated(chance: Chance) -> Iterator[Place]:
    """Endless places, a lamp first; each has its number in its name, so addresses differ."""
    product, number = "lamp", 1
    while True:
        room = WHERE.get(product, ROOMS[(number - 1) % len(ROOMS)])
        yield Place(product, f"{room} {product} {number}", room)
        product, number = chance.pick(MIXTURE), number + 1
