"""The client credentials grant (RFC 6749 §4.4): a client that asks for itself, for no user."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from app.oauth.asked import Asked
from app.oauth.parties import Party, scopes_of
from app.oauth.server import Answer, Case, Server
from core.domain.grants import OWN, Grant


class OwnGrant(ClientCredentialsGrant):
    """A token that opens what is the client's own: its endpoints, its usage, its documents."""

    request: Asked
    server: Server

    @property
    def case(self) -> Case:
        """What the request works with."""
        return self.server.case

    def authenticate_token_endpoint_client(self) -> Party:
        """The client that is asking, which has to prove it.

        Raises:
            InvalidClientError: it cannot (RFC 6749 §4.4: for confidential clients alone).
        """
        party: Party = super().authenticate_token_endpoint_client()
        if party.client.public:
            raise InvalidClientError("Only a client that can prove who it is may ask for itself.")
        return party

    def validate_requested_scope(self) -> None:
        """Refuse what no client may have by itself.

        Raises:
            InvalidScopeError: it asks for what users give, or for what it may not ask for.
        """
        self.case.check_resource(self.request)
        client = self.request.client.client
        asked = set((self.request.payload.scope or "").split())
        if not asked <= client.scopes & OWN or not client.scopes & OWN:
            sentence = (
                f"For itself a client may ask for {' and '.join(sorted(OWN))}. For what is "
                "a user's, that user has to allow it: use authorization_code."
            )
            raise InvalidScopeError(sentence)

    def create_token_response(self) -> Answer:
        """An access token. There is no refresh token: the client can ask again (§4.4.3)."""
        client = self.request.client.client
        scopes = scopes_of(self.request.payload.scope or "") or client.scopes & OWN
        grant = Grant.own(client.id, scopes, self.case.now)
        told: dict[str, Any] = self.case.bearer(grant, scopes, None)
        return 200, told, self.TOKEN_RESPONSE_HEADER
