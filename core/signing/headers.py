"""The three headers of Standard Webhooks 1.0, and the bytes that its signatures are over."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def is_id(text: str) -> bool:
    """Whether it may be a webhook-id: a full stop would let an id and a body trade bytes."""
    return _ID.fullmatch(text) is not None


def content(message_id: str, seconds: int, body: bytes) -> bytes:
    """What is signed: id, timestamp and body, with full stops between them."""
    return b"%b.%d.%b" % (message_id.encode(), seconds, body)


def told_again(message_id: str, at: datetime, signature: str) -> Mapping[str, str]:
    """The headers of a request that was sent then, from the signatures that are kept of it."""
    return {ID: message_id, TIMESTAMP: str(int(at.timestamp())), SIGNATURE: signature}
