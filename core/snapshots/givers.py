"""Givers: by client and home, the grants that open something there now."""

from collections.abc import Collection

from core.domain.grants import Grant


class Givers:
    """An index of grants, kept up with each of them as it changes."""

    def __init__(self) -> None:
        """None yet."""
        self._ids: dict[str, dict[str, dict[str, Grant]]] = {}
        self._homes: dict[str, frozenset[str]] = {}
        self._clients: dict[str, set[str]] = {}

    def take(self, grant: Grant) -> None:
        """A grant as it is now."""
        homes = grant.view.homes
        before = self._homes.pop(grant.id, frozenset())
        here = self._ids.setdefault(grant.client_id, {})
        for home_id in before - homes:
            del here[home_id][grant.id]
            if not here[home_id]:
                del here[home_id]
                self._clients[home_id].discard(grant.client_id)
                if not self._clients[home_id]:
                    del self._clients[home_id]
        for home_id in homes:
            here.setdefault(home_id, {})[grant.id] = grant
            self._clients.setdefault(home_id, set()).add(grant.client_id)
        if homes:
            self._homes[grant.id] = homes
        if not here:
            del self._ids[grant.client_id]

    def of(self, client_id: str, home_id: str) -> Collection[Grant]:
        """The grants that open something of this home to this client."""
        here = self._ids.get(client_id)
        found = here.get(home_id) if here else None
        return found.values() if found else ()

    def homes(self, client_id: str) -> Collection[str]:
        """The homes of which something is open to this client."""
        return self._ids.get(client_id, {}).keys()

    def clients(self, home_id: str) -> Collection[str]:
        """The clients to which something of this home is open."""
        return self._clients.get(home_id, ())
