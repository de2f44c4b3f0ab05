"""Profiles: what a client says of itself, checked the same whoever registers it."""

from dataclasses import replace

from core.domain.clients import (
    Profile,
    checked_app_name,
    checked_auth,
    checked_flows,
    checked_homepage,
    checked_redirects,
)
from core.domain.logos import checked_logo
from core.tokens import checked_jwks


def checked_profile(profile: Profile, *, registered: bool) -> Profile:
    """What a client may say of itself, or (not `registered`) an operator of it.

    Raises:
        Invalid: some of it cannot be; its field names what.
    """
    uris = checked_redirects(profile.redirect_uris)
    return replace(
        profile,
        name=checked_app_name(profile.name, registered=registered),
        redirect_uris=uris,
        auth=checked_auth(profile.auth, profile.jwks),
        flows=checked_flows(profile.flows, profile.auth, uris),
        homepage=profile.homepage and checked_homepage(profile.homepage),
        logo=profile.logo and checked_logo(profile.logo),
        jwks=None if profile.jwks is None else checked_jwks(profile.jwks),
    )
