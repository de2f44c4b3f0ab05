"""What was asked: an HTTP request as Authlib wants it, read by our own rules.

A parameter without a value counts as not sent (RFC 6749 §3.1); one that is sent twice is refused by
whoever reads it, but for `resource` (RFC 8707 §2).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request

from core.tokens import Proof

FORM: Final = "application/x-www-form-urlencoded"
MOST_BYTES: Final = 32_000
MOST_FIELDS: Final = 50
REPEATABLE: Final = frozenset({"resource"})


class Payload(OAuth2Payload):
    """Parameters by name: the first of each, and all of each."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Leave out what has no value.

        Raises:
            InvalidRequestError: one holds a NUL, which no database takes.
        """
        self._all: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if "\0" in value:
                raise InvalidRequestError("A parameter holds a NUL.")
            if value:
                self._all[name].append(value)
        self._first = {name: values[0] for name, values in self._all.items()}

    @property
    def data(self) -> dict[str, str]:
        """The first of each."""
        return self._first

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """All of each."""
        return self._all

    @property
    def repeated(self) -> list[str]:
        """What was sent more than once and must not be."""
        many = (name for name, values in self._all.items() if len(values) > 1)
        return [name for name in many if name not in REPEATABLE]


class Asked(OAuth2Request):
    """One request. Its URI is made from our public URL: behind a proxy, we are asked by another."""

    def __init__(
        self, method: str, uri: str, headers: Mapping[str, str], pairs: Iterable[tuple[str, str]]
    ) -> None:
        """`pairs` are the parameters, of the query or of the form."""
        super().__init__(method, uri, headers=headers)
        self.payload: Any = Payload(pairs)
        self.url = uri
        self.proof: Proof | None = None
        """The proof of DPoP that came along and holds, where the endpoint takes one."""

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the body."""
        data: dict[str, str] = self.payload.data
        return data

    @property
    def proves_nothing(self) -> bool:
        """Whether it brings nothing that could prove who asks, as of a public client."""
        proofs = {"client_secret", "client_assertion"}
        return "authorization" not in self.headers and not proofs & self.form.keys()

    @property
    def args(self) -> dict[str, str]:
        """The parameters of the query."""
        return self.form


def form_pairs(kind: str | None, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form.

    Raises:
        InvalidRequestError: it is no form in UTF-8, or has too many fields.
    """
    if (kind or "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequestError(f"Send the parameters as {FORM}.")
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        sentence = f"The form cannot be read: send at most {MOST_FIELDS} fields in UTF-8."
        raise InvalidRequestError(sentence) from None
