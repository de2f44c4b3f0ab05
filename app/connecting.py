"""Connecting: which connectors the settings name."""

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from core.connectors.simulator import Simulator
from core.domain.errors import Invalid
from core.domain.ports import Clock, Connector
from core.settings import Settings

MOST_LATENCY: Final = 60.0


def connectors_of(settings: Settings, clock: Clock) -> dict[str, Connector]:
    """The connectors of `DEVICES_URL`.

    Raises:
        Invalid: an option of the URL cannot be read.
    """
    if not settings.devices_url:
        return {}
    url = urlsplit(settings.devices_url)
    options = dict(parse_qsl(url.query))
    try:
        seed, latency = int(options.pop("seed", "7")), float(options.pop("latency", "0.02"))
    except ValueError:
        seed, latency = 0, -1.0
    still = options.pop("still", "0")
    if options or not 0 <= latency < MOST_LATENCY or still not in {"0", "1"}:
        sentence = (
            "LATCHKEY_DEVICES_URL takes simulator:// with ?seed= (a whole number), &latency= "
            "(seconds) and &still= (1 or 0)."
        )
        raise Invalid(sentence)
    return {url.scheme: Simulator(clock, seed, latency=latency, lively=still == "0")}
