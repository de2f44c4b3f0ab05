"""Homes that exist only here: the `simulator://` connector. It reaches no real device."""

from core.connectors.simulator.faults import DeviceFault
from core.connectors.simulator.simulator import Simulator

__all__ = ["DeviceFault", "Simulator"]
