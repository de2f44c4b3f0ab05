"""Personal access tokens, known by their digests: what stands for a token's claims.

The text is looked up by the digest of its 256 random bits, in memory, once; whether the grant
stands is asked of `Access` each time, as of every token.
"""

from collections import OrderedDict
from typing import Final

from core.domain.errors import Unauthenticated
from core.domain.grants import Grant
from core.domain.ports import Clock
from core.tokens import PERSONAL, PERSONAL_LENGTH, Claims, digest

REMEMBERED: Final = 10_000
"""Texts that were shown and are known, so that their digest is not made again."""


class PersonalKeys:
    """All of them, those that are over included: these are refused by what became of them."""

    def __init__(self, clock: Clock) -> None:
        """None yet."""
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._known: OrderedDict[str, Claims] = OrderedDict()

    def take(self, grant: Grant) -> None:
        """Take in a grant as it is now; one that is for no such token does not matter."""
        if grant.key is not None:
            self._grants[grant.key.digest] = grant

    def claims(self, text: str) -> Claims:
        """What the token with this text says.

        Its id is its grant's, which has no other token.

        Raises:
            Unauthenticated: there is none, or it has expired.
        """
        claims = self._known.get(text)
        if claims is None:
            claims = self._known[text] = self._found(text)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        if claims.expires_at <= self._clock.now():
            self._known.pop(text, None)
            sentence = "The personal access token has expired; make a new one on your account page."
            raise Unauthenticated(sentence, expired=True)
        return claims

    def _found(self, text: str) -> Claims:
        shaped = len(text) == PERSONAL_LENGTH and text.startswith(PERSONAL) and text.isascii()
        grant = self._grants.get(digest(text)) if shaped else None
        if grant is None or grant.key is None:
            sentence = "There is no such personal access token here; make one on your account page."
            raise Unauthenticated(sentence)
        return Claims(
            token_id=grant.id,
            client_id=grant.client_id,
            user_id=grant.user_id,
            grant_id=grant.id,
            scopes=grant.scopes,
            expires_at=grant.key.expires_at,
        )
