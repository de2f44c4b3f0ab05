"""Authorizations: a client's request is kept until its user says yes or no, once.

The answer goes to the client by way of the browser, as a code; or, where a device waits for it, to
the row of that device, which finds it there.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final, Unpack

from core.domain.accounts import Client
from core.domain.audit import Actor, Detail, Kind, Outcome
from core.domain.authorizations import (
    CODE_SECONDS,
    AuthorizationRequest,
    Code,
    PendingRequest,
    answered,
)
from core.domain.errors import Conflict, Missing, Refused
from core.domain.grants import Grant, Scope
from core.domain.ports import Clock, Notes
from core.snapshots.access import Access
from core.store.oauth import OAuth, Rows
from core.tokens import digest, new_secret

ANSWERED: Final = (
    "This code was answered already, so your answer does not count. If it was not you who "
    "answered, have the device make a new code."
)


class Authorizations:
    """What the consent page asks and decides."""

    def __init__(
        self, store: OAuth, access: Access, notes: Notes, clock: Clock, issuer: str
    ) -> None:
        """`issuer` is our public URL, which every answer names (RFC 9207)."""
        self._store = store
        self._access = access
        self._notes = notes
        self._clock = clock
        self._issuer = issuer

    async def ask(self, request: AuthorizationRequest) -> str:
        """Keep a valid request until its user answers: the id under which they do."""
        request_id, now = new_secret(), self._clock.now()
        await self._store.do(lambda rows: rows.put_request(digest(request_id), request, now))
        return request_id

    async def pending(self, request_id: str, user_id: str | None = None) -> PendingRequest:
        """A request that waits for the answer of this user, or of whoever will come with it.

        Raises:
            Missing: there is none of this id for this user, or it has been answered.
            Conflict: a device waited for the answer, and somebody else has given it.
        """

        def work(rows: Rows) -> AuthorizationRequest:
            request = _meant(rows.request(digest(request_id)), user_id)
            if request.device and rows.waiting.answered(request.device):
                raise Conflict(ANSWERED)
            return request

        request = await self._store.look(work)
        client, expired = self._client(request), self._expired(request)
        return PendingRequest(client, request.scopes, request.redirect_uri, expired)

    async def approve(
        self, request_id: str, user_id: str, grant: Grant, scopes: Collection[Scope]
    ) -> str:
        """Say yes, with these scopes: the URL that brings the client its code.

        The request is over with that. The code lives for a minute and is redeemed once. A device
        that waits finds the answer by itself: then the URL is empty.

        Raises:
            Missing: there is no such request of this user, or it has been answered.
            Conflict: it has expired, or somebody else has answered the device.
            Refused: the grant is not this user's to this client, or the scopes are not both asked
                for and granted; the request stays.
        """
        code, chosen = new_secret(), frozenset(scopes)

        def work(rows: Rows) -> AuthorizationRequest:
            request = _meant(rows.take_request(digest(request_id)), user_id)
            self._check(request, user_id, grant, chosen)
            now = self._clock.now()
            if request.device:
                _tell(rows, request, request.device, chosen, grant.id, now)
            else:
                rows.put_code(digest(code), _code(request, grant, chosen, now), now)
            return request

        request = await self._store.do(work)
        self._note(request, user_id, Outcome.ALLOWED, grant_id=grant.id, scopes=chosen)
        return self._answer(request, {"code": code})

    async def deny(self, request_id: str, user_id: str) -> str:
        """Say no: the URL that tells the client so (RFC 6749 §4.1.2.1). The request is over.

        Where a device waits, the URL is empty.

        Raises:
            Missing: there is no such request of this user, or it has been answered.
            Conflict: somebody else has answered the device, or it waits no more.
        """

        def work(rows: Rows) -> AuthorizationRequest:
            request = _meant(rows.take_request(digest(request_id)), user_id)
            if request.device:
                now = self._clock.now()
                _tell(rows, request, request.device, frozenset[Scope](), None, now)
            return request

        request = await self._store.do(work)
        self._note(request, user_id, Outcome.REFUSED)
        sentence = "The user did not allow it."
        return self._answer(request, {"error": "access_denied", "error_description": sentence})

    def _note(
        self,
        request: AuthorizationRequest,
        by: str,
        outcome: Outcome,
        **more: Unpack[Detail],
    ) -> None:
        told: Detail = {"client_id": request.client_id}
        told["method"] = "device" if request.device else "browser"
        told.update(more)
        self._notes.note(Kind.AUTHORIZATION, outcome, actor=Actor(by), **told)

    def _answer(self, request: AuthorizationRequest, answer: dict[str, str | None]) -> str:
        if request.device:
            return ""
        told = {**answer, "state": request.state, "iss": self._issuer}
        return answered(request.redirect_uri, told)

    def _check(
        self, request: AuthorizationRequest, user_id: str, grant: Grant, scopes: frozenset[Scope]
    ) -> None:
        if self._expired(request):
            sentence = "The request has expired: start again from the app."
            raise Conflict(sentence)
        if self._client(request).disabled:
            sentence = "The app is disabled here and can be given no access."
            raise Refused(sentence)
        if grant.revoked or (grant.user_id, grant.client_id) != (user_id, request.client_id):
            sentence = f"The grant {grant.id} is not one that {user_id} gives to this app now."
            raise Refused(sentence)
        if not scopes or not scopes <= request.scopes & grant.scopes:
            sentence = "Allow one or more of the scopes that are asked for and granted."
            raise Refused(sentence)

    def _expired(self, request: AuthorizationRequest) -> bool:
        return request.expires_at <= self._clock.now()

    def _client(self, request: AuthorizationRequest) -> Client:
        client = self._access.clients.get(request.client_id)
        if client is None:
            raise _unknown()
        return client


def _code(
    request: AuthorizationRequest, grant: Grant, scopes: frozenset[Scope], now: datetime
) -> Code:
    return Code(
        client_id=request.client_id,
        grant_id=grant.id,
        scopes=scopes,
        redirect_uri=request.redirect_uri,
        uri_given=request.uri_given,
        code_challenge=request.code_challenge,
        resource=request.resource,
        expires_at=now + CODE_SECONDS,
        jkt=request.jkt,
    )


def _meant(request: AuthorizationRequest | None, user_id: str | None) -> AuthorizationRequest:
    """The request, if this user may answer it; one by a user code is for who typed it alone.

    Raises:
        Missing: it is not there, or not theirs.
    """
    if request is None or request.user_id not in {None, user_id}:
        raise _unknown()
    return request


def _tell(
    rows: Rows,
    request: AuthorizationRequest,
    device: str,
    scopes: frozenset[Scope],
    grant_id: str | None,
    now: datetime,
) -> None:
    """Answer the device that waits, unless somebody has.

    Raises:
        Conflict: somebody has, or it waits no more.
    """
    if not rows.waiting.answer(device, request.client_id, scopes, grant_id, now):
        raise Conflict(ANSWERED)


def _unknown() -> Missing:
    return Missing("There is no such request, or it has been answered: start again from the app.")
