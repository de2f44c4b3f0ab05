"""Sealing: authenticated encryption with a random nonce, so equal contents look different."""

import base64
import binascii
from collections.abc import Callable, Sequence
from functools import partial

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.domain.chance import Chance

NONCE = 12
_NONCES = Chance(NONCE)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Sealer:
    """AES-256-GCM under the operator's keys: the first seals, all open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` are of 32 bytes, at least one."""
        if not keys:
            sentence = "Nothing can be sealed without a key: set LATCHKEY_SECRET_KEYS."
            raise ValueError(sentence)
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, purpose: str, content: bytes) -> str:
        """URL-safe text that only `open` with the same purpose turns back."""
        return self._sealed(purpose.encode(), content)

    def sealing(self, purpose: str) -> Callable[[bytes], str]:
        """`seal` for one purpose, of whatever contents there will be."""
        return partial(self._sealed, purpose.encode())

    def _sealed(self, purpose: bytes, content: bytes) -> str:
        nonce = _NONCES.piece()
        sealed = self._ciphers[0].encrypt(nonce, content, purpose)
        text = binascii.b2a_base64(nonce + sealed, newline=False)
        return text.translate(_URL_SAFE, b"=").decode()

    def open(self, purpose: str, text: str) -> bytes | None:
        """What was sealed for this purpose under one of the keys, or None."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(raw[:NONCE], raw[NONCE:], purpose.encode())
            except (InvalidTag, ValueError):
                continue
        return None
