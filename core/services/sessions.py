"""People sign in: passwords are set and checked, sessions are begun, found and ended.

A session's secret is 256 random bits that only the browser keeps; here is its digest. Every look
asks whether the user still stands, so a disabled user is out at once.
"""

from collections.abc import Sequence
from typing import Final, Unpack

from core.domain.accounts import LONGEST_NAME, User
from core.domain.audit import ANONYMOUS, Actor, Detail, Kind, Outcome
from core.domain.errors import Invalid, Limited, Missing
from core.domain.names import normal_name
from core.domain.people import Lifetimes, Person, Session, checked_password, normal
from core.domain.ports import Clock, Ids, Notes, Throttle
from core.domain.sources import network
from core.snapshots.access import Access
from core.store.people import People
from core.tokens import Passwords, digest, new_secret

WRONG: Final = "The name or the password is not right."
"""The same for a name that nobody has, a user without a password, and one who is disabled."""

NOT_YOURS: Final = "This is not your password."


class Sessions:
    """Who is signed in."""

    def __init__(
        self,
        people: People,
        access: Access,
        passwords: Passwords,
        throttle: Throttle,
        notes: Notes,
        clock: Clock,
        ids: Ids,
        lifetimes: Lifetimes,
    ) -> None:
        """Keep sessions in these rows, let them last so long, and note who came and went."""
        self._people = people
        self._access = access
        self._passwords = passwords
        self._throttle = throttle
        self._notes = notes
        self._clock = clock
        self._ids = ids
        self._lifetimes = lifetimes

    async def set_password(
        self, user_id: str, password: str, *, by: Actor | None = None, source: str | None = None
    ) -> None:
        """Give the user this password; every session of theirs ends.

        `by` says who does; the user, where nobody is named.

        Raises:
            Invalid: it is too short or too long.
            Missing: there is no such user.
            Limited: too many passwords are being hashed.
        """
        if user_id not in self._access.users:
            sentence = f"There is no user {user_id}."
            raise Missing(sentence)
        hashed = await self._passwords.hash(checked_password(password))
        await self._people.set_password(user_id, hashed, self._clock.now())
        who = by or Actor(user_id)
        self._note(Kind.PASSWORD_SET, who, user_id=user_id, source=source)

    async def has_password(self, user_id: str) -> bool:
        """Whether there is a password by which the user can sign in."""
        return await self._people.password(user_id) is not None

    async def sign_in(self, name: str, password: str, source: str) -> tuple[str, Session]:
        """A new session's secret, and the session; `source` is the address that it is asked from.

        Raises:
            Invalid: the name or the password is not right; it does not say which.
            Limited: too many attempts with this name, or from this address.
            Unavailable: it cannot be known now.
        """
        user, hashed = await self._prove(name, password, source)
        if self._passwords.stale(hashed):
            fresh = await self._passwords.hash(normal(password))
            await self._people.rehash(user.id, hashed, fresh)
            hashed = fresh
        now, secret = self._clock.now(), new_secret()
        session = Session(self._ids.new("session"), user.id, made_at=now, seen_at=now)
        if not await self._people.begin(session, digest(secret), hashed, self._lifetimes):
            raise Invalid(WRONG)
        self._note(Kind.SIGN_IN, Actor(user.id), session_id=session.id, source=source)
        return secret, session

    async def check_password(self, person: Person, password: str, source: str) -> None:
        """Make sure that it is the person themself, before something grave.

        Raises as `sign_in` does, but says that it is the password.
        """
        try:
            await self._prove(person.user.name, password, source)
        except Invalid:
            raise Invalid(NOT_YOURS) from None

    async def find(self, secret: str) -> Person | None:
        """Who is signed in by this secret; None where nobody is, or not any more.

        Raises:
            Unavailable: it cannot be known now.
        """
        session = await self._people.session(digest(secret))
        if session is None or self._lifetimes.over(session, self._clock.now()):
            return None
        user = self._access.known_user(session.user_id)
        if user is None:
            return None
        await self._people.seen(session, self._clock.now())
        return Person(user, session)

    async def of(self, person: Person) -> Sequence[Session]:
        """The person's sessions that are not over, the newest first."""
        now = self._clock.now()
        found = await self._people.sessions(person.user.id)
        return [session for session in found if not self._lifetimes.over(session, now)]

    async def end(self, session: Session) -> None:
        """Sign out. Signing out twice is no error."""
        await self._people.end(session.id)
        self._note(Kind.SIGN_OUT, Actor(session.user_id), session_id=session.id)

    async def end_others(self, person: Person) -> None:
        """Sign out everywhere but here."""
        await self._people.end_others(person.session)
        self._note(Kind.SESSION_REVOKE, Actor(person.user.id))

    async def _prove(self, name: str, password: str, source: str) -> tuple[User, str]:
        """The user whose password it is, and its hash; nobody learns whether there is the name."""
        spelled = {name, normal_name(name)}
        account = normal_name(name)[:LONGEST_NAME]
        keys = (("address", network(source)), ("account", account))
        try:
            for kind, key in keys:
                await self._throttle.take(kind, key)
        except Limited:
            self._refused("limited", source)
            raise
        user_id = next((one.id for one in self._access.users.values() if one.name in spelled), "")
        hashed = await self._people.password(user_id)
        right = await self._passwords.matches(hashed, normal(password))
        user = self._access.known_user(user_id)
        if not right or hashed is None or user is None:
            self._refused("wrong_password", source)
            raise Invalid(WRONG)
        for kind, key in keys:
            await self._throttle.give_back(kind, key)
        return user, hashed

    def _note(
        self, kind: Kind, who: Actor, source: str | None = None, **detail: Unpack[Detail]
    ) -> None:
        self._notes.note(kind, Outcome.ALLOWED, actor=who, source=source, **detail)

    def _refused(self, reason: str, source: str) -> None:
        """Whoever tried is nobody: the name that they gave may be anybody's."""
        refused = Outcome.REFUSED
        self._notes.note(Kind.SIGN_IN, refused, actor=ANONYMOUS, source=source, reason=reason)
