"""What can be done. The only writers of facts; each fact is one piece of work for the committer."""

from dataclasses import dataclass

from core.services.accounts import Accounts
from core.services.audit import Audit
from core.services.authorizations import Authorizations
from core.services.client_secrets import ClientSecrets
from core.services.commands import Commands
from core.services.consents import Consents
from core.services.device_codes import DeviceCodes
from core.services.devices import Devices
from core.services.documents import Documents
from core.services.endpoints import Endpoints
from core.services.events import Events
from core.services.grants import Grants
from core.services.homes import Homes
from core.services.invites import Invites
from core.services.outbox import Outbox
from core.services.personal_keys import PersonalKeys
from core.services.planner import Planner
from core.services.proofs import Proofs
from core.services.registrations import Registrations
from core.services.repairs import Repairs
from core.services.reports import Reports
from core.services.retention import Retention
from core.services.sessions import Sessions
from core.services.simulations import Simulations
from core.services.uses import Uses

__all__ = [
    "Accounts",
    "Audit",
    "Authorizations",
    "ClientSecrets",
    "Commands",
    "Consents",
    "DeviceCodes",
    "Devices",
    "Documents",
    "Endpoints",
    "Events",
    "Grants",
    "Homes",
    "Invites",
    "Outbox",
    "PersonalKeys",
    "Planner",
    "Proofs",
    "Registrations",
    "Repairs",
    "Reports",
    "Retention",
    "Services",
    "Sessions",
    "Simulations",
    "Uses",
]


@dataclass(frozen=True, slots=True)
class Services:
    """All of them, as the composition root hands them on."""

    accounts: Accounts
    audit: Audit
    authorizations: Authorizations
    client_secrets: ClientSecrets
    commands: Commands
    consents: Consents
    device_codes: DeviceCodes
    devices: Devices
    documents: Documents
    endpoints: Endpoints
    events: Events
    grants: Grants
    homes: Homes
    invites: Invites
    outbox: Outbox
    personal_keys: PersonalKeys
    planner: Planner
    registrations: Registrations
    proofs: Proofs
    repairs: Repairs
    reports: Reports
    retention: Retention
    sessions: Sessions
    simulations: Simulations
    uses: Uses
