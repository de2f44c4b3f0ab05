"""Access as it is now: users, clients, grants, keys, documents, from the access log.

Loaded at start and followed, so every request asks memory, and what is taken back is known here
within half a second of its commit whatever became of the broadcast.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from core.domain.accounts import Client, User, Viewer
from core.domain.documents import PREFIX
from core.domain.errors import Missing, Unauthenticated, Unavailable, expired
from core.domain.events import AccessEntry, Entry
from core.domain.grants import OWN, Grant
from core.domain.keys import SigningKey
from core.domain.names import normal_name
from core.domain.ports import Clock
from core.feed import Feed
from core.snapshots.givers import Givers
from core.snapshots.personal_keys import PersonalKeys
from core.store import codec
from core.store.ledger import ACCESS
from core.store.logs import Logs
from core.tokens import Claims, family_of

EPOCH = datetime.fromtimestamp(0, UTC)
FEW_ENDS = 1_000
MOST_VIEWERS = 10_000
"""Tokens whose viewer is remembered, until anything happens in the access log."""


class Access:
    """The access log's sum, and who wants to know of changes to a grant."""

    def __init__(self, logs: Logs, feed: Feed, clock: Clock) -> None:
        """Empty until `start`."""
        self._logs = logs
        self._feed = feed
        self._clock = clock
        self._place = -1
        self._early: list[AccessEntry] = []
        self.users: dict[str, User] = {}
        self.clients: dict[str, Client] = {}
        self.grants: dict[str, Grant] = {}
        self.keys: dict[str, SigningKey] = {}
        self.documents: dict[str, set[str]] = {}
        """The ids of the documents that each client has registered, as requests name them."""

        self.givers = Givers()
        self._personal = PersonalKeys(clock)
        self._ends: dict[str, datetime] = {}
        self._most_ends = FEW_ENDS
        self._broken = False
        self._viewers: dict[str, tuple[Claims, int, Viewer]] = {}
        self._watchers: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self.taps: list[Callable[[str, Collection[str]], None]] = []
        """Called with a client and homes, after anything that opened them to it has changed."""

    async def start(self) -> None:
        """Follow the log, then load what it has led to."""
        await self._feed.follow(ACCESS, self._told)
        state = await self._logs.access_state()
        self.users.update({user.id: user for user in state.users})
        self.clients.update({client.id: client for client in state.clients})
        for grant in state.grants:
            self._give(grant)
        self.keys.update({key.id: key for key in state.keys})
        for client_id, sha256 in state.documents:
            self.documents.setdefault(client_id, set()).add(PREFIX + sha256)
        for body in state.ends:
            self._end(**body)
        self._place = state.place
        for entry in self._early:
            self._apply(entry)

    @property
    def place(self) -> int:
        """Up to here the access log is known."""
        return self._place

    def viewer(self, claims: Claims) -> Viewer:
        """Who the token stands for, as of now.

        Raises:
            Unauthenticated: the user took the access back, or the client or user is disabled.
            Unavailable: the access log cannot be read, so nobody can know.
        """
        self.check()
        known = self._viewers.get(claims.token_id)
        if known is not None and known[0] is claims and known[1] == self._place:
            return known[2]
        itself = claims.grant_id == claims.client_id == claims.user_id
        viewer = self._itself(claims) if itself else self._found(claims)
        if len(self._viewers) >= MOST_VIEWERS:
            self._viewers.clear()
        self._viewers[claims.token_id] = claims, self._place, viewer
        return viewer

    def holder(self, text: str) -> Viewer:
        """Who the personal access token with this text stands for, as of now.

        Raises as `viewer` does, and Unauthenticated where there is none, or it has expired.
        """
        try:
            claims = self._personal.claims(text)
        except Unauthenticated:
            self.check()
            raise
        return self.viewer(claims)

    def _found(self, claims: Claims) -> Viewer:
        grant = self.grants.get(claims.grant_id)
        client = self.clients.get(claims.client_id)
        user = self.users.get(claims.user_id)
        if grant is None or client is None or user is None:
            sentence = "The access token's grant does not exist here; ask for a new token."
            raise Unauthenticated(sentence)
        if grant.revoked:
            sentence = "The user took this access back; ask them to connect again."
            raise Unauthenticated(sentence, taken_back=True)
        if self.ended(claims.token_id):
            sentence = "The access token was revoked; ask for a new one."
            raise Unauthenticated(sentence, taken_back=True)
        if client.disabled or user.disabled:
            who = "client" if client.disabled else "user"
            sentence = f"The {who} of this access token is disabled."
            raise Unauthenticated(sentence, taken_back=True)
        # Tokens of a public client are in anybody's hands, and so would be what is its own.
        scopes = claims.scopes & grant.scopes - (OWN if client.public else frozenset())
        return Viewer(client, user, grant, scopes, claims.expires_at, claims.token_id)

    def _itself(self, claims: Claims) -> Viewer:
        """A client that asks for itself, as of now."""
        client = self.clients.get(claims.client_id)
        if client is None:
            sentence = "The access token's client does not exist here."
            raise Unauthenticated(sentence)
        if client.disabled or self.ended(claims.token_id):
            why = (
                "client of this access token is disabled"
                if client.disabled
                else "access token was revoked"
            )
            raise Unauthenticated(f"The {why}.", taken_back=True)
        scopes = claims.scopes & client.scopes & OWN
        grant = Grant.own(client.id, client.scopes, EPOCH)
        return Viewer(client, None, grant, scopes, claims.expires_at, claims.token_id)

    def again(self, viewer: Viewer) -> Viewer:
        """The viewer as of now, for what stays open.

        Raises as `viewer` does, and Unauthenticated where the token is over.
        """
        if viewer.expires_at <= self._clock.now():
            raise expired()
        known = self._viewers.get(viewer.token_id)
        if known is not None and _same(viewer, known[0]):
            return self.viewer(known[0])  # one for all that is open with this token
        return self.viewer(
            Claims(
                token_id=viewer.token_id,
                client_id=viewer.client.id,
                user_id=viewer.grant.user_id,
                grant_id=viewer.grant.id,
                scopes=viewer.scopes,
                expires_at=viewer.expires_at,
            )
        )

    def registered(self, client_id: str, document_id: str) -> bool:
        """Whether the client has registered the document with this id."""
        return document_id in self.documents.get(client_id, ())

    def watch(self, grant_id: str, changed: Callable[[], None]) -> None:
        """Call `changed` after each change that touches this grant, until `unwatch`."""
        self._watchers[grant_id].append(changed)

    def unwatch(self, grant_id: str, changed: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers[grant_id].remove(changed)
        if not self._watchers[grant_id]:
            del self._watchers[grant_id]

    def named_user(self, name: str) -> User:
        """The user with this name.

        Raises:
            Missing: there is none.
        """
        spelled = {name, normal_name(name)}
        for user in self.users.values():
            if user.name in spelled:
                return user
        sentence = f"There is no user named {name!r}."
        raise Missing(sentence)

    def known_user(self, user_id: str) -> User | None:
        """The user as of now, unless they are disabled.

        Raises:
            Unavailable: the access log cannot be read, so nobody can know.
        """
        self.check()
        user = self.users.get(user_id)
        return None if user is None or user.disabled else user

    def check(self) -> None:
        """See that access can be known: that its log can be read, and is understood.

        Raises:
            Unavailable: it cannot.
        """
        if self._broken or self._feed.stale():
            raise Unavailable("Access cannot be checked now; try again in a moment.")

    def _give(self, grant: Grant) -> None:
        self.grants[grant.id] = grant
        self._personal.take(grant)
        self.givers.take(grant)

    def _take(self, client_id: str, sha256: str, *, removed: bool) -> None:
        registered = self.documents.setdefault(client_id, set())
        if removed:
            registered.discard(PREFIX + sha256)
            if not registered:
                del self.documents[client_id]
        else:
            registered.add(PREFIX + sha256)

    def ended(self, token_id: str) -> bool:
        """Whether the token was ended, or the family whose id its own begins with."""
        return token_id in self._ends or family_of(token_id) in self._ends

    def _end(self, id: str, grant_id: str, until: str) -> None:
        del grant_id
        self._ends[id] = codec.sure(until)
        if len(self._ends) > self._most_ends:  # now and then, not at each: there may be many
            now = self._clock.now()
            self._ends = {one: when for one, when in self._ends.items() if when > now}
            self._most_ends = max(FEW_ENDS, 2 * len(self._ends))

    def _told(self, entry: Entry) -> None:
        if not isinstance(entry, AccessEntry):
            return
        if self._place < 0:
            self._early.append(entry)
            return
        try:
            self._apply(entry)
        except BaseException:
            # Somebody may have been refused by it: better to serve nobody than to not know whom.
            self._broken = True
            raise

    def _apply(self, entry: AccessEntry) -> None:
        if entry.place <= self._place:
            return
        self._place = entry.place
        body = entry.body
        before = self.grants.get(body.get("id", ""))
        match entry.kind:
            case "user":
                self.users[body["id"]] = User(**body)
                touched = [g.id for g in self.grants.values() if g.user_id == body["id"]]
            case "client":
                self.clients[body["id"]] = codec.client_in(body)
                touched = [g.id for g in self.grants.values() if g.client_id == body["id"]]
                touched.append(body["id"])  # what it has for itself goes by its own id
            case "grant":
                self._give(codec.grant_in(body))
                touched = [body["id"]]
            case "key":
                key = codec.key_in(body)
                self.keys[key.id] = key
                touched = []
            case "ended":
                self._end(**body)
                touched = [body["grant_id"]]
            case "document":
                self._take(**body)
                touched = []
            case _:
                sentence = f"the access log holds {entry.kind!r}, which this version does not know"
                raise LookupError(sentence)
        for grant_id in touched:
            self._changed(grant_id, before)

    def _changed(self, grant_id: str, before: Grant | None) -> None:
        for changed in tuple(self._watchers.get(grant_id, ())):
            changed()
        if (grant := before or self.grants.get(grant_id)) is not None:
            for told in self.taps:
                told(grant.client_id, grant.view.homes)


def _same(viewer: Viewer, claims: Claims) -> bool:
    """Whether the viewer was known by these claims."""
    ours = viewer.grant.id == claims.grant_id and viewer.expires_at == claims.expires_at
    return ours and viewer.scopes <= claims.scopes
