"""The owner of this process's connectors: sends commands, takes in reports, plays simulations."""

from core.runner.keeper import Keeper
from core.runner.runner import Runner

__all__ = ["Keeper", "Runner"]
