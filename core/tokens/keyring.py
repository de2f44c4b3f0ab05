"""The key ring: the signing keys of the access log, opened, and which of them signs now.

A new key signs only once every process has had the time to hear of it; an old one verifies until
the last token that it may have signed is over.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import orjson
from joserfc.jwk import ECKey

from core.domain.errors import Unavailable
from core.domain.keys import SigningKey
from core.domain.ports import Clock
from core.tokens.seal import Sealer

HEARD = timedelta(seconds=10)
OVERLAP = timedelta(hours=25)
PURPOSE = "signing-key"


class KeyRing:
    """Reads the keys where the access snapshot keeps them, and opens each once."""

    def __init__(
        self, keys: Callable[[], Collection[SigningKey]], sealer: Sealer, clock: Clock
    ) -> None:
        """`keys` gives all keys as of now."""
        self._keys = keys
        self._sealer = sealer
        self._clock = clock
        self._public: dict[str, ECKey] = {}
        self._private: dict[str, ECKey] = {}

    def make(self, key_id: str, now: datetime) -> SigningKey:
        """A new P-256 key, to be put into the access log."""
        key = ECKey.generate_key("P-256", {"kid": key_id, "use": "sig", "alg": "ES256"})
        public: dict[str, Any] = dict(key.as_dict(private=False))
        private = orjson.dumps(key.as_dict(private=True))
        return SigningKey(key_id, public, self._sealer.seal(PURPOSE, private), now)

    def verifying(self, key_id: str) -> ECKey | None:
        """The public key of this id, while tokens of it may be valid."""
        for key in self._keys():
            if key.id == key_id and self._valid(key):
                if key_id not in self._public:
                    self._public[key_id] = ECKey.import_key(dict(key.public))
                return self._public[key_id]
        return None

    def signing(self) -> tuple[str, ECKey]:
        """The key to sign with now.

        Raises:
            Unavailable: there is none, or it does not open with this process's secret keys.
        """
        valid = (key for key in self._keys() if self._valid(key))
        keys = sorted(valid, key=lambda key: key.created_at)
        now = self._clock.now()
        heard = [key for key in keys if key.created_at <= now - HEARD]
        for key in [*reversed(heard), *keys]:
            if (private := self._opened(key)) is not None:
                return key.id, private
        sentence = "No signing key can be used here: check LATCHKEY_SECRET_KEYS."
        raise Unavailable(sentence)

    def published(self) -> list[dict[str, Any]]:
        """The public JWKs of every key that verifies now."""
        return [dict(key.public) for key in self._keys() if self._valid(key)]

    def _valid(self, key: SigningKey) -> bool:
        return key.retired_at is None or self._clock.now() < key.retired_at + OVERLAP

    def _opened(self, key: SigningKey) -> ECKey | None:
        if key.id not in self._private:
            content = self._sealer.open(PURPOSE, key.sealed)
            if content is None:
                return None
            self._private[key.id] = ECKey.import_key(orjson.loads(content))
        return self._private[key.id]
