"""What a process's broadcast has counted of itself, for whoever watches it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Plain numbers: servers that are needed and answer, and what became of hints."""

    needed: int = 0
    open: int = 0
    reconnects: int = 0
    published: int = 0
    lost: int = 0
    heard: int = 0

    @property
    def connected(self) -> bool:
        """Whether every server that is needed answers; in one process none is."""
        return self.open >= self.needed
