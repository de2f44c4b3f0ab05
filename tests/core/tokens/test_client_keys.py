"""A client's keys: public ones, and no more than there is room for."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from core.domain.errors import Invalid
from core.tokens.client_keys import LONGEST, MOST, checked_jwks

EC = ECKey.generate_key("P-256").as_dict(private=False)
PRIVATE = ECKey.generate_key("P-256").as_dict(private=True)


@pytest.mark.parametrize(
    "key",
    [
        EC,
        RSAKey.generate_key(2048).as_dict(private=False),
        OKPKey.generate_key("Ed25519").as_dict(private=False),
    ],
)
def test_public_keys(key: Any) -> None:
    """Of each kind; what is kept is the set and nothing beside it."""
    kept = checked_jwks(json.dumps({"keys": [key], "more": 1}))
    assert json.loads(kept) == {"keys": [key]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": {}}',
        '{"keys": [1]}',
        '{"keys": [{"kty": "EC"}]}',
        '{"keys": [{"kty": ["EC"]}]}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        "[" * 10_000,
        json.dumps({"keys": [{**EC, "x": 1}]}),
        json.dumps({"keys": [{**EC, "crv": "P-1"}]}),
        json.dumps({"keys": [EC, PRIVATE]}),
        json.dumps({"keys": [EC] * (MOST + 1)}),
        json.dumps({"keys": [{**EC, "kid": "x" * LONGEST}]}),
    ],
)
def test_what_is_no_set_of_public_keys(text: str) -> None:
    """Private and symmetric keys, broken ones, and too many."""
    with pytest.raises(Invalid, match="JWK Set"):
        checked_jwks(text)
