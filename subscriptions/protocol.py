"""What `graphql-transport-ws` says of messages and close codes, transport aside.

The protocol is graphql-ws' PROTOCOL.md; the codes are those that docs and clients rely on.
"""

from enum import IntEnum
from typing import Any, TypeGuard

from schema import parameters

SUBPROTOCOL = "graphql-transport-ws"


class Close(IntEnum):
    """Why a socket is closed. 4401 and 4429 are final for clients, 4403 asks for a new token."""

    MALFORMED = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    DUPLICATE = 4409
    TOO_MANY_INITS = 4429
    RESTART = 1012
    TRY_LATER = 1013


REASON_BYTES = 123
"""A close frame holds no more (RFC 6455 §5.5)."""


def reason(sentence: str) -> str:
    """The sentence, as far as a close frame holds it."""
    return sentence.encode()[:REASON_BYTES].decode(errors="ignore")


def fault(message: object) -> str | None:
    """What is wrong with a message's shape, in one sentence; None where nothing is."""
    if not isinstance(message, dict):
        return "A message is a JSON object with a type."
    kind = message.get("type")
    match kind:
        case "connection_init" | "ping" | "pong":
            return None if _absent_or_object(message, "payload") else _payload(kind)
        case "complete":
            return None if _is_id(message.get("id")) else _id(kind)
        case "subscribe":
            return _subscribe_fault(message)
        case str():
            return f"There is no message type {kind[:40]!r} in {SUBPROTOCOL}."
        case _:
            return "A message has a type, a string."


def _subscribe_fault(message: dict[str, Any]) -> str | None:
    if not _is_id(message.get("id")):
        return _id("subscribe")
    payload = message.get("payload")
    if not isinstance(payload, dict):
        return "The payload of subscribe is an object with a query."
    return parameters.fault(payload)


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


def _absent_or_object(message: dict[str, Any], name: str) -> bool:
    return name not in message or isinstance(message[name], dict)


def _id(kind: str) -> str:
    return f"{kind} has an id, a string that is not empty."


def _payload(kind: str) -> str:
    return f"The payload of {kind} is an object, or left out."
