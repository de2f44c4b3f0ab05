"""What a receiver did with a request, as a value, and in words that its owner can act on."""

import errno
import os
import re
import ssl
from dataclasses import dataclass
from typing import Final

import aiohttp

from core.domain.answers import RESPONSE_KEPT, Attempt
from core.domain.errors import Unavailable
from core.domain.sending import Parcel
from core.services.letters import Letter
from webhooks.guard import Inside

_CODING: Final = re.compile(r"[a-z0-9][a-z0-9, -]{0,39}", re.ASCII | re.IGNORECASE)
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NAMED: Final = frozenset({62, 64})
"""Codes of OpenSSL: the certificate is for another host, or another address."""


@dataclass(slots=True)
class Reply:
    """What came of one request.

    `status` is None where no answer came. `seconds` passed before its head was there, or before it
    failed. `start` is how its body begins. `retry_after` is in seconds. `error` says what is wrong,
    and is None exactly where the receiver took the message.
    """

    status: int | None
    seconds: float
    start: str = ""
    retry_after: float | None = None
    error: str | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver took the message."""
        return self.error is None


def attempt_of(parcel: Parcel, letter: Letter, reply: Reply, *, probe: bool) -> Attempt:
    """The attempt that it answers, as the delivery keeps it."""
    return Attempt(
        number=parcel.delivery.made + 1,
        started_at=letter.at,
        seconds=reply.seconds,
        status=reply.status,
        response=reply.start,
        error=reply.error,
        asked=reply.retry_after,
        signature=letter.headers["webhook-signature"],
        probe=probe,
    )


def readable(body: bytes, encoding: str | None) -> str:
    """How a body begins, as text that any database takes."""
    if encoding and encoding.strip().lower() != "identity":
        known = encoding if _CODING.fullmatch(encoding) else "something unknown"
        return f"(compressed as {known}, which was not asked for)"
    return body.decode("utf-8", "replace").replace("\0", "\ufffd")[:RESPONSE_KEPT]


def told(error: Exception, host: str, seconds: float) -> str:
    """What went wrong, in words.

    Raises:
        Unavailable: it is this machine that failed.
    """
    cause = getattr(error, "os_error", error)
    if isinstance(cause, Inside):
        return str(cause)
    if isinstance(cause, OSError) and cause.errno in _OURS:
        sentence = f"No connection can be made from here: {cause.strerror}."
        raise Unavailable(sentence) from error
    if isinstance(error, aiohttp.ClientSSLError):
        return _tls(error, host)
    words = next((words for kind, words in _WORDS if isinstance(error, kind)), None)
    if words is not None:
        return words.format(host=host, seconds=f"{seconds:g}")
    return _broken(cause) if isinstance(cause, OSError) else _UNKNOWN.format(type(error).__name__)


_UNKNOWN: Final = "The request failed: {}."
_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TimeoutError, "The receiver did not answer within {seconds} s."),
    (aiohttp.ClientConnectorDNSError, "The name {host} does not resolve to an address."),
    (
        aiohttp.ServerDisconnectedError,
        "The receiver closed the connection without an answer.",
    ),
    (aiohttp.ClientResponseError, "The answer is not HTTP that can be read."),
)


def _tls(error: aiohttp.ClientSSLError, host: str) -> str:
    cause: BaseException | None = getattr(error, "certificate_error", None) or error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _NAMED:
            return f"The certificate is not valid for {host}."
        return f"The certificate of {host} is not trusted: {cause.verify_message}."
    reason = getattr(cause, "reason", None) or "no handshake"
    return f"TLS failed: {str(reason).lower().replace('_', ' ')}."


def _broken(error: OSError) -> str:
    match error.errno:
        case errno.ECONNREFUSED:
            return "The receiver refused the connection: nothing listens there."
        case errno.ECONNRESET | errno.EPIPE | errno.ECONNABORTED:
            return "The receiver reset the connection."
    if isinstance(error, ConnectionError) and error.errno is None:
        return "The receiver reset the connection."
    number = error.errno or 0
    words = os.strerror(number) if number > 0 else str(error) or "no reason is known"
    return f"The receiver cannot be reached: {words[:1].lower()}{words[1:]}."
