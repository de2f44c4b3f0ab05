"""What programs can read of the server: RFC 8414, RFC 9728, and its keys (RFC 7517 §5)."""

from typing import Any, Final

from core.domain.accounts import ClientAuth, Flow
from core.domain.grants import Scope
from core.tokens import ALGORITHMS

AUTHORIZE: Final = "/oauth/authorize"
TOKEN: Final = "/oauth/token"  # noqa: S105 - a path
PAR: Final = "/oauth/par"
DEVICE: Final = "/oauth/device"
REVOKE: Final = "/oauth/revoke"
INTROSPECT: Final = "/oauth/introspect"
REGISTER: Final = "/oauth/register"
JWKS: Final = "/oauth/jwks.json"
SERVER: Final = "/.well-known/oauth-authorization-server"
RESOURCE: Final = "/.well-known/oauth-protected-resource"

FLOWS: Final = [Flow.CODE, Flow.REFRESH, Flow.CREDENTIALS, Flow.DEVICE]
PROOFS: Final = [ClientAuth.BASIC.value, ClientAuth.POST.value, ClientAuth.PRIVATE_KEY.value]
"""How a client may prove itself."""
SCOPES: Final = [scope.value for scope in Scope]


def server_metadata(issuer: str) -> dict[str, Any]:
    """What a client needs to know of the authorization server (RFC 8414 §2)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "pushed_authorization_request_endpoint": issuer + PAR,
        "device_authorization_endpoint": issuer + DEVICE,
        "revocation_endpoint": issuer + REVOKE,
        "introspection_endpoint": issuer + INTROSPECT,
        "registration_endpoint": issuer + REGISTER,
        "jwks_uri": issuer + JWKS,
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [flow.value for flow in FLOWS],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*PROOFS, ClientAuth.NONE.value],
        "revocation_endpoint_auth_methods_supported": [*PROOFS, ClientAuth.NONE.value],
        "introspection_endpoint_auth_methods_supported": PROOFS,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "introspection_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "authorization_response_iss_parameter_supported": True,
    }


def resource_metadata(issuer: str, resource: str) -> dict[str, Any]:
    """What a client needs to know of the API (RFC 9728 §2)."""
    return {
        "resource": resource,
        "authorization_servers": [issuer],
        "scopes_supported": SCOPES,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "dpop_bound_access_tokens_required": False,
        "resource_name": "Latchkey",
    }
