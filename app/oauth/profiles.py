"""What a client says of itself in JSON (RFC 7591 §2), read strictly, and told back.

Authlib's claims let through what is of a wrong type, or fail over it, and know of no duplicates; so
this is read here, and only the errors are Authlib's. What we do not know is ignored (§2), but for
what would change who the client is: a software statement, and keys that are elsewhere.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc7591 import (
    InvalidClientMetadataError,
    InvalidRedirectURIError,
    InvalidSoftwareStatementError,
    UnapprovedSoftwareStatementError,
)

from app.errors import plain
from core.domain.accounts import ClientAuth, Flow
from core.domain.clients import Profile, Registered
from core.domain.errors import Invalid
from core.domain.grants import Scope

Members = Mapping[str, Any]
CODE: Final = ["code"]
OURS: Final = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
"""What a client is told and may not send back (RFC 7592 §2.2)."""
NAMES: Final = {
    "name": "client_name",
    "flows": "grant_types",
    "homepage": "client_uri",
    "logo": "logo_uri",
}
"""What the RFC calls a field of a profile, where that is something else."""
METHODS: Final = ", ".join(ClientAuth)
FLOWS: Final = ", ".join(flow.value for flow in Flow)


def members_of(kind: str | None, body: bytes) -> dict[str, Any]:
    """The members of a JSON object; those that are null are as good as not there.

    Raises:
        InvalidClientMetadataError: it is none, or names a member twice.
    """
    if (kind or "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidClientMetadataError("Send a JSON object as application/json.")
    try:
        told = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no)
    except (ValueError, RecursionError):
        sentence = (
            "The body is no JSON object in UTF-8 whose members each have a name of their own."
        )
        raise InvalidClientMetadataError(sentence) from None
    if not isinstance(told, dict):
        raise InvalidClientMetadataError("The body is a JSON object, and nothing else.")
    return {name: value for name, value in told.items() if value is not None}


def profile_of(members: Members) -> Profile:
    """What the client says of itself; what it leaves out has the default of RFC 7591 §2.

    Raises:
        OAuth2Error: something of it is of a wrong type, or nothing that there is here.
    """
    _check_elsewhere(members)
    flows = frozenset(_flow(word) for word in _texts(members, "grant_types", [Flow.CODE.value]))
    _check_responses(members, flows)
    return Profile(
        name=_text(members, "client_name") or _wrong("client_name", "needed: people are shown it"),
        redirect_uris=tuple(_texts(members, "redirect_uris", [])),
        scopes=_scopes(members),
        auth=_auth(members),
        flows=flows,
        homepage=_text(members, "client_uri"),
        logo=_text(members, "logo_uri"),
        jwks=_jwks(members),
        bound=_flag(members, "dpop_bound_access_tokens"),
    )


def replaced_of(members: Members, found: Registered) -> tuple[Profile, str | None]:
    """What the client says of itself now, and the secret that it says it has (RFC 7592 §2.2).

    Raises:
        OAuth2Error: as `profile_of`, or it says what only we say, or that it is another.
    """
    for name in OURS:
        if name in members:
            _wrong(name, "not for the client to send")
    if members.get("client_id") != found.client.id:
        _wrong("client_id", "needed, and the client's own")
    secret = _text(members, "client_secret")
    if secret is not None and not secret.isascii():
        _wrong("client_secret", "not the one that the client has")
    return profile_of(members), secret


def refused(error: Invalid) -> OAuth2Error:
    """What cannot be in a profile, in the words of RFC 7591 §3.2.2; nothing is repeated."""
    if error.field == "redirect_uri":
        sentence = (
            "A redirect URI is https://, a scheme of your own with a dot in it, or http:// with a "
            "loopback host; without user, fragment or dot segments."
        )
        return InvalidRedirectURIError(sentence)
    if error.field == "redirect_uris":
        return InvalidRedirectURIError(plain(error))
    field = error.field or ""
    return InvalidClientMetadataError(f"{NAMES.get(field, field)}: {plain(error)}")


def told_of(found: Registered, url: str) -> dict[str, Any]:
    """All that is registered (RFC 7591 §3.2.1), and where the client looks after it (RFC 7592 §3).

    The secret is told once, when it is made.
    """
    client = found.client
    told = {
        "client_id": client.id,
        "client_id_issued_at": int(found.since.timestamp()),
        "client_secret": found.secret,
        "client_secret_expires_at": 0 if client.auth.secret else None,
        "registration_access_token": found.token,
        "registration_client_uri": f"{url}/{client.id}",
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "token_endpoint_auth_method": client.auth.value,
        "grant_types": [flow.value for flow in Flow if flow in client.flows],
        "response_types": CODE if Flow.CODE in client.flows else [],
        "scope": " ".join(sorted(client.scopes)),
        "client_uri": client.homepage,
        "logo_uri": client.logo,
        "jwks": json.loads(client.jwks) if client.jwks else None,
        "dpop_bound_access_tokens": client.bound,
    }
    return {name: value for name, value in told.items() if value is not None}


def _check_elsewhere(members: Members) -> None:
    if "software_statement" in members:
        if isinstance(members["software_statement"], str):
            raise UnapprovedSoftwareStatementError("No software statement is approved here.")
        raise InvalidSoftwareStatementError("A software_statement would be a JWT.")
    if "jwks_uri" in members:
        _wrong("jwks_uri", "not taken: send the public keys themselves, as jwks")


def _check_responses(members: Members, flows: frozenset[Flow]) -> None:
    """RFC 7591 §2.1: both lists have to tell the same of the client."""
    due = CODE if Flow.CODE in flows else []
    if _texts(members, "response_types", due) != due:
        _wrong("response_types", "code where grant_types has authorization_code, else nothing")


def _auth(members: Members) -> ClientAuth:
    text = _text(members, "token_endpoint_auth_method") or ClientAuth.BASIC.value
    if text not in set(ClientAuth):
        _wrong("token_endpoint_auth_method", f"one of {METHODS}")
    return ClientAuth(text)


def _flow(text: str) -> Flow:
    if text not in set(Flow):
        _wrong("grant_types", f"a list of some of {FLOWS}")
    return Flow(text)


def _scopes(members: Members) -> frozenset[Scope]:
    text = members.get("scope", " ".join(Scope))
    words = text.split() if isinstance(text, str) else []
    if not words or not set(words) <= set(Scope):
        _wrong("scope", f"some of {', '.join(Scope)}, with spaces between")
    return frozenset(map(Scope, words))


def _jwks(members: Members) -> str | None:
    keys = members.get("jwks")
    if keys is not None and not isinstance(keys, dict):
        _wrong("jwks", "a JWK Set (RFC 7517), which is an object")
    return None if keys is None else json.dumps(keys)


def _flag(members: Members, name: str) -> bool:
    value = members.get(name, False)
    if not isinstance(value, bool):
        _wrong(name, "true or false")
    return bool(value)


def _text(members: Members, name: str) -> str | None:
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        _wrong(name, "a string")
    return value or None


def _texts(members: Members, name: str, default: list[str]) -> list[str]:
    value = members.get(name, default)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        _wrong(name, "a list of strings")
    return list(value)


def _wrong(name: str, right: str) -> NoReturn:
    raise InvalidClientMetadataError(f"{name} is {right}.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no(constant: str) -> NoReturn:
    raise ValueError(constant)
