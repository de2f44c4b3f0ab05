"""Letters: a delivery as it is sent, from the event that it is of: body, headers, signature."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.domain.deliveries import Delivery, cursor
from core.domain.endpoints import ContentMode
from core.domain.errors import Invalid
from core.domain.events import Event
from core.domain.mirrors import Mirror, Mirrored
from core.domain.sending import Held, SealedKey
from core.signing import (
    TEST,
    Former,
    Message,
    Meta,
    SenderKey,
    Signer,
    cloud_event,
    sender_key,
    standard,
    type_name,
)
from core.tokens import Sealer

KEPT: Final = 1_000
"""Endpoints whose documents and keys are held ready."""


@dataclass(slots=True)
class Letter:
    """One request as it goes out; `warning` says why its data is left out.

    `at` is the time that its headers tell: by that of an attempt they are told again.
    """

    at: datetime
    url: str
    headers: Mapping[str, str]
    body: bytes
    warning: str | None = None


class Letters:
    """Writes them."""

    def __init__(self, mirror: Mirror, sealer: Sealer, public_url: str) -> None:
        """`public_url` is where partners reach this API."""
        self._mirror = mirror
        self._sealer = sealer
        self._public_url = public_url
        self._documents: dict[tuple[str, int], Mirrored] = {}
        self._signers: OrderedDict[tuple[str, int], Signer] = OrderedDict()

    async def document(self, held: Held) -> Mirrored:
        """What the endpoint mirrors.

        Raises:
            Invalid: the graph does not know it any more.
        """
        key = held.endpoint.id, held.version
        document = self._documents.get(key)
        if document is None:
            endpoint = held.endpoint
            document = await self._mirror.document(endpoint.document, endpoint.variables)
            if len(self._documents) >= KEPT:
                self._documents.clear()
            self._documents[key] = document
        return document

    def write(
        self,
        held: Held,
        document: Mirrored,
        delivery: Delivery,
        event: Event,
        now: datetime,
        *,
        stale: bool = False,
        test: bool = False,
    ) -> Letter:
        """The request of an attempt that is made now.

        Raises:
            Invalid: what its messages are signed with cannot be opened.
        """
        endpoint = held.endpoint
        what = f"devices/{event.device.id}" if event.device else f"homes/{event.home.id}"
        message = Message(
            id=delivery.message_id,
            type=TEST if test else type_name(event.type),
            at=event.occurred_at,
            source=f"{self._public_url}/{what}",
            event_id=event.id,
            link=f"{self._public_url}/webhooks/deliveries/{delivery.id}/data",
            meta=Meta(
                cursor=cursor(endpoint.id, delivery.number),
                sequence=delivery.sequence,
                previous_sequence=delivery.previous,
                stale=stale,
                replay_of=delivery.replay_of,
            ),
        )
        form = cloud_event if endpoint.content_mode is ContentMode.CLOUDEVENTS else standard
        body = form(message, document.render(event))
        signed = self._signer(held).headers(message.id, now, body.content)
        headers = {"content-type": body.content_type, **signed}
        return Letter(now, endpoint.url, headers, body.content, body.warning)

    def sealed(self, endpoint_id: str, key: SenderKey) -> SealedKey:
        """A key as the store keeps it."""
        return SealedKey(self._sealer.seal(_purpose(endpoint_id), key.text.encode()))

    def key(self, endpoint_id: str, sealed: SealedKey) -> SenderKey:
        """The key that was sealed.

        Raises:
            Invalid: it cannot be opened: the operator took the key away that sealed it.
        """
        text = self._sealer.open(_purpose(endpoint_id), sealed.sealed)
        if text is None:
            sentence = (
                "What this endpoint's messages are signed with cannot be opened any more: rotate "
                "its secret."
            )
            raise Invalid(sentence)
        return sender_key(text.decode())

    def _signer(self, held: Held) -> Signer:
        key = held.endpoint.id, held.version
        signer = self._signers.get(key)
        if signer is None:
            newest, *others = held.keys
            signer = Signer(self.key(held.endpoint.id, newest), self._former(held, others))
            self._signers[key] = signer
            if len(self._signers) > KEPT:
                self._signers.popitem(last=False)
        return signer

    def _former(self, held: Held, keys: Sequence[SealedKey]) -> list[Former]:
        """Those that sign along; one that cannot be opened signs nothing."""
        found = []
        for one in keys:
            if one.until is not None:
                with suppress(Invalid):
                    found.append(Former(self.key(held.endpoint.id, one), one.until))
        return found


def _purpose(endpoint_id: str) -> str:
    return f"webhook:{endpoint_id}"
