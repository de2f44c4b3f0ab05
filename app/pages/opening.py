"""What pages open with where somebody is signed in already, as everybody is in the demo."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opening:
    """How to get a fresh access token for whoever loads a page, and what there is to look at."""

    token: Callable[[], str]
    home_id: str
    light_id: str
    sensor_id: str
    """A motion sensor, in a home that may be simulated."""
