"""What the audit is told of endpoints: which client had what done, for whom, and how."""

from core.domain.accounts import Viewer
from core.domain.audit import Actor, Detail, Kind, Outcome
from core.domain.ports import Notes


class EndpointNotes:
    """Notes of endpoints."""

    def __init__(self, notes: Notes) -> None:
        """Note there."""
        self._notes = notes

    def note(self, kind: Kind, viewer: Viewer, endpoint_id: str, how: str | None = None) -> None:
        """Keep that something was done to an endpoint, which was allowed."""
        detail: Detail = {"client_id": viewer.client.id, "endpoint_id": endpoint_id}
        if viewer.user is not None:
            detail["grant_id"] = viewer.grant.id
        if how is not None:
            detail["method"] = how
        by = Actor(viewer.client.id)
        self._notes.note(kind, Outcome.ALLOWED, actor=by, **detail)
