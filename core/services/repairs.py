"""Repairs: what clients look at and repair their deliveries with, and who does it meanwhile."""

from dataclasses import dataclass
from datetime import timedelta

from core.domain.ports import Clock, Ids, Notes
from core.domain.schedule import parsed
from core.services.consent import Consent
from core.services.deliveries import Deliveries
from core.services.endpoint_notes import EndpointNotes
from core.services.explaining import Explaining
from core.services.letters import Letters
from core.services.replays import Replayer, Replays
from core.services.tidying import Tidying
from core.services.trials import Trials
from core.settings import Settings
from core.snapshots.access import Access
from core.store.database import Database
from core.store.deliveries import Deliveries as DeliveryRows
from core.store.endpoints import Endpoints
from core.store.logs import Logs
from core.store.parcels import Parcels
from core.store.replays import Replays as ReplayRows
from core.store.tidying import Tidy


@dataclass(frozen=True, slots=True)
class Repairs:
    """All of it; `replayer` and `tidying` are run by processes that send.

    Whoever repairs for a viewer has it noted by `notes` once it is done.
    """

    deliveries: Deliveries
    explaining: Explaining
    replays: Replays
    trials: Trials
    replayer: Replayer
    tidying: Tidying
    notes: EndpointNotes


def repairs_of(
    settings: Settings,
    database: Database,
    logs: Logs,
    access: Access,
    letters: Letters,
    clock: Clock,
    ids: Ids,
    notes: Notes,
) -> Repairs:
    """Make the parts; nothing runs yet."""
    rows, endpoints, tidy = DeliveryRows(database), Endpoints(database), Tidy(database)
    deliveries = Deliveries(rows, endpoints, logs, access, letters, clock)
    replays = ReplayRows(database, ids)
    parcels = Parcels(database)
    consent = Consent(tidy, parcels, endpoints, logs, letters, access, clock)
    return Repairs(
        deliveries=deliveries,
        explaining=Explaining(rows, endpoints, deliveries, access, letters, clock),
        replays=Replays(replays, deliveries, clock),
        trials=Trials(rows, deliveries, letters, clock, ids),
        replayer=Replayer(replays, clock),
        tidying=Tidying(
            tidy,
            endpoints,
            consent,
            access,
            clock,
            parsed(settings.webhook_schedule),
            timedelta(hours=settings.delivery_hours),
        ),
        notes=EndpointNotes(notes),
    )
