"""Authorizations: what a client asks a user for, and the code that says yes (RFC 6749 §4.1)."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from core.domain.accounts import Client
from core.domain.errors import Invalid
from core.domain.grants import Scope
from core.domain.uris import FORBIDDEN

REQUEST_SECONDS: Final = timedelta(minutes=10)
CODE_SECONDS: Final = timedelta(seconds=60)
IDLE: Final = timedelta(days=90)
"""After so long without a refresh, the refresh token is over."""
GRACE: Final = timedelta(seconds=30)
"""For so long the refresh token before is answered with the one that was given for it."""
LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})
POLL: Final = timedelta(seconds=5)
"""A device waits so long between two polls, and so much longer after each that came early."""
SLOWEST: Final = timedelta(minutes=1)
"""No device has to wait longer than that between two polls."""
LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""What codes that people type are made of: no vowels, so no words (RFC 8628 §6.1)."""
HALF: Final = 4
MOST_TYPED: Final = 100


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that was found valid: its client, its redirect URI and its scopes are in order.

    `uri_given` tells that the client named the redirect URI and did not leave it to be its only
    one; then it must name it again for the code (RFC 6749 §4.1.3). `resource` is the API that the
    tokens are for (RFC 8707), `jkt` the thumbprint of the key that the code will be bound to
    (RFC 9449 §10). A request with a `device` came by a user code (RFC 8628): it answers that device
    authorization, named by the digest of its device code, and its redirect URI is empty. Only the
    person who typed the code (`user_id`) may answer it, since they alone were told to compare it.
    """

    client_id: str
    redirect_uri: str
    uri_given: bool
    scopes: frozenset[Scope]
    state: str | None
    code_challenge: str
    resource: str | None
    expires_at: datetime
    jkt: str | None = None
    device: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request as the consent page shows it: who asks, for what, and whether it is too late.

    `redirect_uri` is where the answer will go; the page's policy has to let its form lead there. It
    is empty where a device waits for the answer.
    """

    client: Client
    scopes: frozenset[Scope]
    redirect_uri: str
    expired: bool


@dataclass(frozen=True, slots=True)
class Code:
    """What an authorization code stands for: a user's yes to a request."""

    client_id: str
    grant_id: str
    scopes: frozenset[Scope]
    redirect_uri: str
    uri_given: bool
    code_challenge: str
    resource: str | None
    expires_at: datetime
    jkt: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """A device without a browser that waits for its user's answer elsewhere (RFC 8628 §3.2).

    `interval` is how long it must wait between two polls; `polled_at` is the last of them. While
    `answer` is None nobody has answered; empty scopes are a no.
    """

    digest: str
    client_id: str
    scopes: frozenset[Scope]
    resource: str | None
    interval: timedelta
    expires_at: datetime
    polled_at: datetime | None = None
    answer: frozenset[Scope] | None = None
    grant_id: str | None = None


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """All tokens that one code has led to, and its newest refresh token.

    `current` and `previous` are digests; `successor` is the current token, sealed. `jkt` is the
    thumbprint of the key that its refresh tokens are bound to (RFC 9449 §5).
    """

    id: str
    handle: str
    code_digest: str
    client_id: str
    grant_id: str
    scopes: frozenset[Scope]
    current: str
    previous: str | None
    successor: str | None
    rotated_at: datetime
    expires_at: datetime
    revoked: bool = False
    jkt: str | None = None


def answered(redirect_uri: str, answer: Mapping[str, str | None]) -> str:
    """The redirect URI with an answer added to its query (RFC 6749 §4.1.2); None is left out."""
    parts = urlsplit(redirect_uri)
    told = urlencode({name: value for name, value in answer.items() if value is not None})
    query = f"{parts.query}&{told}" if parts.query else told
    return urlunsplit(parts._replace(query=query))


def user_code(typed: str) -> str | None:
    """A user code as it is shown, of whatever somebody typed; None where it can be none.

    Case counts for nothing, nor does any character that no code has (RFC 8628 §6.1).
    """
    plain = unicodedata.normalize("NFKC", typed[:MOST_TYPED]).upper()
    letters = "".join(letter for letter in plain if letter in LETTERS)
    return f"{letters[:HALF]}-{letters[HALF:]}" if len(letters) == 2 * HALF else None


def checked_redirect(uri: str) -> str:
    """A redirect URI as a client may register it.

    It is an `https:` URI, a private-use one that has a dot in its scheme (RFC 8252 §7.1), or
    `http:` to this machine's own address (§7.3).

    Raises:
        Invalid: it is none of these, has a fragment (RFC 6749 §3.1.2), names a user, or holds what
            does not belong in a URI.
    """
    try:
        parts = urlsplit(uri)
        clean = parts.port != 0
    except ValueError:
        parts, clean = urlsplit(""), False
    ours = (
        (parts.scheme == "https" and bool(parts.hostname))
        or (parts.scheme == "http" and parts.hostname is not None and _loopback(parts.netloc))
        or "." in parts.scheme
    )
    plain = uri.isascii() and uri.isprintable() and not (FORBIDDEN | {"#"}) & set(uri)
    steps = parts.path.split("/")
    if not (ours and clean and plain) or "@" in parts.netloc or {".", ".."} & set(steps):
        sentence = (
            f"{uri!r} cannot be a redirect URI: give https://, a scheme of your own with a dot in "
            "it, or http:// with a loopback host; without user, fragment or dot segments."
        )
        raise Invalid(sentence, "redirect_uri")
    return uri


def redirects_to(client: Client, uri: str) -> bool:
    """Whether the client registered this very URI (RFC 9700 §4.1.3): equal, letter for letter.

    On a loopback address any port is good (RFC 8252 §7.3): a native app takes what is free.
    """
    if uri in client.redirect_uris:
        return True
    try:
        bare = _portless(checked_redirect(uri))
    except Invalid:
        return False
    return bare is not None and bare in map(_portless, client.redirect_uris)


def _portless(uri: str) -> str | None:
    """A loopback URI without its port; None where it is no such URI."""
    parts = urlsplit(uri)
    if parts.scheme != "http" or not _loopback(parts.netloc):
        return None
    return urlunsplit(parts._replace(netloc=_host(parts.netloc)))


def _loopback(netloc: str) -> bool:
    return _host(netloc).lower() in LOOPBACK


def _host(netloc: str) -> str:
    return netloc if netloc.endswith("]") else netloc.rpartition(":")[0] or netloc
