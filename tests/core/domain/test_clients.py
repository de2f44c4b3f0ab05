"""What a client may say of itself, and what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.domain.accounts import Client, ClientAuth, Flow
from core.domain.clients import (
    LONGEST_URI,
    MOST_REDIRECTS,
    MOST_USES,
    Profile,
    checked_auth,
    checked_flows,
    checked_homepage,
    checked_redirects,
    checked_uses,
)
from core.domain.errors import Invalid

BACK = "https://app.example/cb"
PROFILE = Profile("App", (BACK,), homepage="https://app.example/")
VERIFIED = replace(PROFILE.of(Client("client_1", "App")), verified=True)


@pytest.mark.parametrize(
    "url",
    ["https://app.example", "https://App.example:8443/a?b=c#d", "https://xn--bcher-kva.example"],
)
def test_homepages(url: str) -> None:
    """A public host by name."""
    assert checked_homepage(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://app.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https://localhost",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::1",
        "https://app.example:x/",
        "https://google.com@evil.example/",
        "https://-.example",
        "https://bücher.example",
        "https://app.example/ x",
        "https://app.exa\nmple/",
        'https://app.example/"',
        "https://" + "a" * 64 + ".example",
        "https://app.example/" + "x" * LONGEST_URI,
    ],
)
def test_what_is_no_homepage(url: str) -> None:
    """Other schemes, no host, users, letters that look like others."""
    with pytest.raises(Invalid) as caught:
        checked_homepage(url)
    assert caught.value.field == "homepage"


def test_redirects_are_bounded_and_differ() -> None:
    """Twice the same is once; too many and too long ones are refused."""
    assert checked_redirects([BACK, BACK]) == (BACK,)
    many = [f"{BACK}/{number}" for number in range(MOST_REDIRECTS + 1)]
    for wrong in (many, [BACK + "x" * LONGEST_URI]):
        with pytest.raises(Invalid, match="at most"):
            checked_redirects(wrong)


CODE, REFRESH, OWN, DEVICE = Flow
NONE, BASIC = ClientAuth.NONE, ClientAuth.BASIC


@pytest.mark.parametrize(
    ("asked", "auth", "uris", "flows"),
    [
        ({CODE}, NONE, [BACK], {CODE, REFRESH}),
        ({DEVICE}, NONE, [], {DEVICE, REFRESH}),
        ({OWN}, BASIC, [], {OWN}),
        ({OWN, REFRESH}, BASIC, [], {OWN}),
        ({CODE, OWN}, BASIC, [BACK], {CODE, OWN, REFRESH}),
        ({CODE}, NONE, [], None),
        ({OWN}, NONE, [], None),
        ({REFRESH}, BASIC, [BACK], None),
        (set(), BASIC, [BACK], None),
    ],
)
def test_flows(
    asked: set[Flow], auth: ClientAuth, uris: list[str], flows: set[Flow] | None
) -> None:
    """RFC 7591 §2.1: refreshing goes along with a user's flow; what cannot be gone is refused."""
    if flows is not None:
        assert checked_flows(asked, auth, uris) == flows
        return
    with pytest.raises(Invalid):
        checked_flows(asked, auth, uris)


def test_keys_are_for_those_who_prove_themselves_by_them() -> None:
    """Both or neither."""
    assert checked_auth(ClientAuth.PRIVATE_KEY, "{}") is ClientAuth.PRIVATE_KEY
    for auth, jwks in ((ClientAuth.PRIVATE_KEY, None), (BASIC, "{}")):
        with pytest.raises(Invalid, match="go together"):
            checked_auth(auth, jwks)


@pytest.mark.parametrize(
    ("changed", "stays"),
    [
        (PROFILE, True),
        (replace(PROFILE, bound=True, scopes=frozenset()), True),
        (replace(PROFILE, name="Bank"), False),
        (replace(PROFILE, redirect_uris=("https://evil.example/",)), False),
        (replace(PROFILE, homepage="https://bank.example/"), False),
        (replace(PROFILE, logo="data:image/png;base64,x"), False),
    ],
)
def test_who_changes_their_face_is_verified_no_more(changed: Profile, *, stays: bool) -> None:
    """What people see, and where they are sent, is what somebody looked at."""
    assert changed.of(VERIFIED).verified is stays
    assert not changed.of(replace(VERIFIED, verified=False)).verified


@pytest.mark.parametrize(
    ("uses", "days"), [(0, 1), (-1, 1), (MOST_USES + 1, 1), (1, 0), (1, -1), (1, 366)]
)
def test_invitations_are_bounded(uses: int, days: int) -> None:
    """In number and in time."""
    with pytest.raises(Invalid, match="initial access token"):
        checked_uses(uses, timedelta(days=days))
