"""Homes that exist only here: the `simulator://` connector. It reaches no real device."""

from core.connectors.simulator.simulator import Simulator
from core.domain.sandbox import DeviceFault

__all__ = ["DeviceFault", "Simulator"]
