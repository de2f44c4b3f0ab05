"""The device authorization grant (RFC 8628): a device asks, and its user answers elsewhere."""

from typing import Any, Final, NoReturn

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    InvalidGrantError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc8628 import (
    AuthorizationPendingError,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    ExpiredTokenError,
    SlowDownError,
)

from app.oauth.asked import Asked
from app.oauth.families import begun
from app.oauth.parties import Party, scopes_of
from app.oauth.server import Case, Server
from core.domain.accounts import Flow
from core.domain.authorizations import POLL, REQUEST_SECONDS, SLOWEST, DeviceAuthorization
from core.domain.errors import Unavailable
from core.domain.grants import Grant
from core.tokens import digest, new_secret

PAGE: Final = "/device"
TRIES: Final = 10


class DeviceEndpoint(DeviceAuthorizationEndpoint):
    """A device code, and a user code that leads its user to the page (RFC 8628 §3.1, §3.2)."""

    EXPIRES_IN = int(REQUEST_SECONDS.total_seconds())
    INTERVAL = int(POLL.total_seconds())
    server: Server
    resource: str | None = None

    def authenticate_client(self, request: Asked) -> Party:
        """The client that is asking, if it may ask in this way and for this.

        Authlib would let any known scope pass, and none as well.
        """
        party: Party = super().authenticate_client(request)
        _check_flow(party)
        self.server.case.check_resource(request)
        if party.get_allowed_scope(request.payload.scope) is None:
            raise InvalidScopeError("Name one or more scopes that the app may ask for.")
        self.resource = request.payload.data.get("resource")
        return party

    def generate_device_code(self) -> str:
        """256 random bits."""
        return new_secret()

    def get_verification_uri(self) -> str:
        """The page, short enough to be typed (RFC 8628 §3.3)."""
        return self.server.case.house.settings.public_url + PAGE

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        """Keep the digests of both codes, with another user code where somebody has this one.

        Raises:
            Unavailable: there is no user code that is free.
        """
        case = self.server.case
        waiting = DeviceAuthorization(
            digest=digest(data["device_code"]),
            client_id=client_id,
            scopes=scopes_of(scope),
            resource=self.resource,
            interval=POLL,
            expires_at=case.now + REQUEST_SECONDS,
        )
        for _ in range(TRIES):
            if case.rows.waiting.put(waiting, digest(data["user_code"]), case.now):
                return
            data["user_code"] = code = self.generate_user_code()
            data["verification_uri_complete"] = f"{self.get_verification_uri()}?user_code={code}"
        sentence = "There is no user code that is free; try again in a moment."
        raise Unavailable(sentence)


class Polled:
    """A device authorization that its device asks about, in Authlib's words."""

    def __init__(self, waiting: DeviceAuthorization) -> None:
        """As it is stored."""
        self.waiting = waiting

    def get_client_id(self) -> str:
        """Whose device it is."""
        return self.waiting.client_id

    def get_scope(self) -> str:
        """What the user allowed."""
        return " ".join(sorted(self.waiting.answer or ()))


class DeviceGrant(DeviceCodeGrant):
    """A device code for tokens, once its user has said yes, and once (RFC 8628 §3.4, §3.5)."""

    request: Asked
    server: Server

    @property
    def case(self) -> Case:
        """What the request works with."""
        return self.server.case

    def authenticate_token_endpoint_client(self) -> Party:
        """The client that is asking; Authlib asks for its code before it keeps who that is."""
        party: Party = super().authenticate_token_endpoint_client()
        _check_flow(party)
        self.case.check_resource(self.request)
        self.request.client = party
        return party

    def query_device_credential(self, device_code: str) -> Polled:
        """What this client's device waits with.

        A code that was redeemed before ends what it led to, as any code does (RFC 9700 §2.1.1).

        Raises:
            InvalidGrantError: it is no code, or another client's (RFC 6749 §5.2); Authlib has
                another error for that.
        """
        hashed, client_id = digest(device_code), self.request.client.client.id
        deciding = not self.case.looks
        waiting = self.case.rows.waiting.find(hashed, client_id, locked=deciding)
        if waiting is None:
            self._refuse_used(hashed, client_id)
        return Polled(waiting)

    def validate_device_credential(self, credential: Polled) -> Grant:
        """The grant behind the user's yes.

        Raises:
            OAuth2Error: there is no answer yet, or it was no (RFC 8628 §3.5).
        """
        waiting, case = credential.waiting, self.case
        if waiting.expires_at <= case.now:
            raise ExpiredTokenError("Nobody answered in time: ask for a new device code.")
        if waiting.answer is None:
            self._wait(waiting)
        if not waiting.answer:
            raise AccessDeniedError("The user did not allow it.")
        case.will_write()
        if case.rows.waiting.take(waiting.digest) is None or waiting.grant_id is None:
            self._refuse_used(waiting.digest, waiting.client_id)
        grant: Grant | None = case.rows.grant(waiting.grant_id)
        if grant is None:
            raise InvalidGrantError("The user took back what was allowed.")
        return grant

    def generate_token(self, user: Grant, scope: str, **_: Any) -> dict[str, Any]:
        """The first tokens of a new family: an access token, and a refresh token."""
        waiting: DeviceAuthorization = self.request.credential.waiting
        return begun(self.case, user, scopes_of(scope), waiting.digest)

    def _wait(self, waiting: DeviceAuthorization) -> NoReturn:
        """Have the device ask again, and less often where it asks too often (RFC 8628 §3.5).

        One that has been slowed down all the way is only told so: nobody keeps the writer busy.
        """
        case, last = self.case, waiting.polled_at
        early = last is not None and case.now < last + waiting.interval
        if not early or waiting.interval < SLOWEST:
            case.will_write()
            interval = min(waiting.interval + POLL, SLOWEST) if early else waiting.interval
            case.rows.waiting.poll(waiting.digest, interval, case.now)
        if early:
            raise SlowDownError("Wait 5 seconds longer between two requests from now on.")
        raise AuthorizationPendingError("The user has not answered yet.")

    def _refuse_used(self, hashed: str, client_id: str) -> NoReturn:
        family = self.case.rows.family_of_code(hashed, locked=not self.case.looks)
        if family is not None and family.client_id == client_id:
            self.case.end_family(family)
        raise InvalidGrantError("The device code is not one of this app that can be redeemed.")


def _check_flow(party: Party) -> None:
    if not party.check_grant_type(Flow.DEVICE):
        raise UnauthorizedClientError("The app is not one that may ask by way of a device code.")
