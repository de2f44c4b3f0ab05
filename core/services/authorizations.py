"""Authorizations: a client's request is kept until its user says yes or no, once."""

from collections.abc import Collection

from core.domain.accounts import Client
from core.domain.authorizations import (
    CODE_SECONDS,
    AuthorizationRequest,
    Code,
    PendingRequest,
    answered,
)
from core.domain.errors import Conflict, Missing, Refused
from core.domain.grants import Grant, Scope
from core.domain.ports import Clock
from core.snapshots.access import Access
from core.store.oauth import OAuth, Rows
from core.tokens import digest, new_secret


class Authorizations:
    """What the consent page asks and decides."""

    def __init__(self, store: OAuth, access: Access, clock: Clock, issuer: str) -> None:
        """`issuer` is our public URL, which every answer names (RFC 9207)."""
        self._store = store
        self._access = access
        self._clock = clock
        self._issuer = issuer

    async def ask(self, request: AuthorizationRequest) -> str:
        """Keep a valid request until its user answers: the id under which they do."""
        request_id, now = new_secret(), self._clock.now()
        await self._store.do(lambda rows: rows.put_request(digest(request_id), request, now))
        return request_id

    async def pending(self, request_id: str) -> PendingRequest:
        """A request that waits for its answer.

        Raises:
            Missing: there is none of this id, or it has been answered.
        """
        request = await self._store.look(lambda rows: rows.request(digest(request_id)))
        if request is None:
            raise _unknown()
        client = self._client(request)
        expired = self._expired(request)
        return PendingRequest(client, request.scopes, request.redirect_uri, expired)

    async def approve(
        self, request_id: str, user_id: str, grant: Grant, scopes: Collection[Scope]
    ) -> str:
        """Say yes, with these scopes: the URL that brings the client its code.

        The request is over with that. The code lives for a minute and is redeemed once.

        Raises:
            Missing: there is no such request, or it has been answered.
            Conflict: it has expired.
            Refused: the grant is not this user's to this client, or the scopes are not both asked
                for and granted; the request stays.
        """
        code, chosen = new_secret(), frozenset(scopes)

        def work(rows: Rows) -> AuthorizationRequest:
            request = rows.take_request(digest(request_id))
            if request is None:
                raise _unknown()
            self._check(request, user_id, grant, chosen)
            now = self._clock.now()
            allowed = Code(
                client_id=request.client_id,
                grant_id=grant.id,
                scopes=chosen,
                redirect_uri=request.redirect_uri,
                uri_given=request.uri_given,
                code_challenge=request.code_challenge,
                resource=request.resource,
                expires_at=now + CODE_SECONDS,
                jkt=request.jkt,
            )
            rows.put_code(digest(code), allowed, now)
            return request

        request = await self._store.do(work)
        return self._answer(request, {"code": code})

    async def deny(self, request_id: str) -> str:
        """Say no: the URL that tells the client so (RFC 6749 §4.1.2.1). The request is over.

        Raises:
            Missing: there is no such request, or it has been answered.
        """
        request = await self._store.do(lambda rows: rows.take_request(digest(request_id)))
        if request is None:
            raise _unknown()
        sentence = "The user did not allow it."
        return self._answer(request, {"error": "access_denied", "error_description": sentence})

    def _answer(self, request: AuthorizationRequest, answer: dict[str, str | None]) -> str:
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


def _unknown() -> Missing:
    return Missing("There is no such request, or it has been answered: start again from the app.")
