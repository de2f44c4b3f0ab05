"""Registered documents: GraphQL texts that a client put on record, and then names by their hash."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

PREFIX = "sha256:"


def digest(text: str) -> str:
    """The SHA-256 of a document's UTF-8 bytes, as 64 lower-case hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class RegisteredDocument:
    """A text that one client has put on record; for another client it is not there."""

    client_id: str
    sha256: str
    text: str
    since: datetime

    @property
    def id(self) -> str:
        """What requests name it by: a SHA256 hex document identifier (GraphQL over HTTP, A)."""
        return PREFIX + self.sha256
