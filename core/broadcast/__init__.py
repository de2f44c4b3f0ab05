"""Hints between processes, on the API of `broadcaster`. A lost hint costs half a second."""

from core.broadcast.hints import Hints, Inbox, open_broadcast

__all__ = ["Hints", "Inbox", "open_broadcast"]
