"""The client credentials grant (RFC 6749 §4.4): a client that asks for itself, for no user."""

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from app.oauth.asked import Asked
from app.oauth.server import Server


class OwnGrant(ClientCredentialsGrant):
    """Every scope that there is opens what users own, so none can be had without a user's grant."""

    request: Asked
    server: Server

    def validate_token_request(self) -> None:
        """Refuse, once it is known who asks.

        Raises:
            InvalidClientError: it cannot prove who it is (§4.4 is for confidential clients).
            InvalidScopeError: whatever it asks for.
        """
        if self.authenticate_token_endpoint_client().client.public:
            raise InvalidClientError("Only a client that can prove who it is may ask for itself.")
        raise InvalidScopeError("No scope can be had without a user: use authorization_code.")
