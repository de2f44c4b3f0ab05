"""Changing what a connected app sees: ticked as it is, narrowed, widened, and against races."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import pytest

from app.pages.change import NO_PLACE, NO_SCOPE
from core.domain.grants import Grant, Scope, Share
from core.services.grants import CHANGED
from tests.app.conftest import Api
from tests.app.test_socket import SWITCH, opened
from tests.app.visitor import PASSWORD, Answer, Fields, Visitor
from tests.conftest import both_engines

SCOPES: Final = [("scope", scope.value) for scope in Scope]
LOG: Final = "{ events(first: 100) { nodes { ... on DeviceStatusChanged { device { id } } } } }"
WATCH: Final = """
subscription($after: String) { deviceStatusChanged(after: $after) { device { id } } }
"""


@dataclass
class Desk:
    """Alice, signed in, and an app that has one grant of hers."""

    api: Api
    visitor: Visitor
    path: str

    async def save(self, *ticks: tuple[str, str], page: Answer | None = None) -> Answer:
        """Open the form (or use this one) and send it with just these boxes ticked."""
        page = page or await self.visitor.get(self.path)
        kept: Fields = [one for one in page.forms[self.path] if one not in page.boxes]
        return await self.visitor.post(self.path, [*kept, *ticks])

    @property
    def grant(self) -> Grant:
        """What the app has."""
        return self.api.house.access.grants[self.api.grant.id]

    @property
    def light(self) -> tuple[str, str]:
        """The tick of the lamp."""
        return ("device", self.api.light.id)

    @property
    def lock(self) -> tuple[str, str]:
        """The tick of the lock."""
        return ("device", self.api.lock.id)


@pytest.fixture
async def desk(api: Api) -> Desk:
    """The desk; the app has everything."""
    await api.house.services.sessions.set_password(api.user.id, PASSWORD)
    visitor = Visitor(api.http, api.base_url)
    await visitor.sign_in()
    return Desk(api, visitor, f"/account/apps/change?grant={api.grant.id}")


async def test_it_is_ticked_as_it_is(desk: Desk) -> None:
    """The account leads there; saved as it is, the grant stays just what it was."""
    assert f'href="{desk.path}"' in (await desk.visitor.get("/account")).text
    page, before = await desk.visitor.get(desk.path), desk.grant
    on = {one for one, ticked in page.boxes.items() if ticked}
    assert {("home", desk.api.home_id), desk.lock, *SCOPES} <= on
    assert desk.light not in on
    done = await desk.save(*on, page=page)
    assert (done.status, done.location) == (303, f"/account#{before.id}")
    assert (desk.grant.shares, desk.grant.scopes) == (before.shares, before.scopes)


@both_engines
async def test_narrowed_to_one_device(desk: Desk) -> None:
    """No query, no node, no log, no replay and no open stream shows another device."""
    api, light = desk.api, desk.api.light.id
    other = next(
        one
        for one in await api.house.devices_of(api.home_id)
        if one.kind is api.light.kind and one.id != light
    )
    hand = api.token(await full(api))

    async def switch(*devices: str, on: bool) -> None:
        for device_id in devices:
            await api.ask(SWITCH, hand, id=device_id, on=on)

    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        await switch(light, other.id, on=True)
        first, second = await socket.next(), await socket.next()
        cursor = first["payload"]["extensions"]["cursor"]
        assert [seen(first), seen(second)] == [light, other.id]
        await desk.save(desk.light, *SCOPES)
        await switch(other.id, light, on=False)
        assert seen(await socket.next()) == light
        await socket.subscribe(WATCH, "2", after=cursor)
        assert seen(await socket.next()) == light
    listed = await api.ask("{ devices { nodes { id } totalCount } }")
    assert listed["devices"] == {"nodes": [{"id": light}], "totalCount": 1}
    found = await api.ask("query($id: ID!) { node(id: $id) { id } }", id=other.id)
    assert found == {"node": None}
    log = (await api.ask(LOG))["events"]["nodes"]
    assert {one["device"]["id"] for one in log if one} == {light}


async def full(api: Api) -> Grant:
    """All of the home, given to another app."""
    client = await api.house.services.accounts.create_client("Another")
    grants = api.house.services.grants
    return await grants.give(api.user.id, client.id, list(Scope), [Share(api.home_id)])


def seen(message: dict[str, Any]) -> str:
    """Of which device an event tells."""
    device_id: str = message["payload"]["data"]["deviceStatusChanged"]["device"]["id"]
    return device_id


async def test_widened_again(desk: Desk) -> None:
    """What is ticked besides is shared from now on; what was not taken back goes on as it was."""
    await desk.save(desk.light, *SCOPES)
    since = next(share.since for share in desk.grant.shares if share.until is None)
    await desk.save(desk.light, desk.lock, *SCOPES)
    assert desk.grant.view.devices == {desk.api.light.id, desk.api.lock.id}
    kept = [one for one in desk.grant.shares if one.device_id == desk.api.light.id]
    assert [(one.since, one.until) for one in kept] == [(since, None)]


async def test_scopes_are_dropped_and_never_added(desk: Desk) -> None:
    """A scope that the app has not is no box, and is not given to who sends it all the same."""
    await desk.save(desk.light, ("scope", "devices:read"))
    page = await desk.visitor.get(desk.path)
    assert {one for one in page.boxes if one[0] == "scope"} == {("scope", "devices:read")}
    assert (await desk.save(desk.light, *SCOPES)).status == 303
    assert desk.grant.scopes == {Scope.DEVICES_READ}
    error = await desk.api.refused(SWITCH, id=desk.api.light.id, on=True)
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"


@pytest.mark.parametrize(
    ("ticks", "said"),
    [
        (SCOPES, {NO_PLACE}),
        ([("device", "device_elsewhere"), *SCOPES], {CHANGED}),
        ([], {NO_PLACE, NO_SCOPE}),
    ],
)
async def test_what_is_wrong_is_said(
    desk: Desk, ticks: list[tuple[str, str]], said: Collection[str]
) -> None:
    """Above the form, with what was ticked; to take back everything there is another button."""
    page, before = await desk.save(*ticks), desk.grant
    assert page.status == 400
    assert {one for one in (NO_PLACE, NO_SCOPE, CHANGED) if one in page.text} == said
    assert {one for one in page.boxes if one[0] == "scope"} == set(SCOPES)
    assert desk.grant == before


async def test_what_was_not_seen_is_not_changed(desk: Desk) -> None:
    """Another tab took a device back meanwhile: this one does not bring it back unasked."""
    await desk.save(desk.light, desk.lock, *SCOPES)
    page = await desk.visitor.get(desk.path)
    await desk.save(desk.light, *SCOPES)
    again = await desk.save(desk.light, desk.lock, *SCOPES, page=page)
    assert (again.status, CHANGED in again.text) == (400, True)
    assert desk.grant.view.devices == {desk.api.light.id}


async def test_a_name_turns_nothing_around(desk: Desk) -> None:
    """Whichever way it is written, it is set apart from the words around it."""
    page = await desk.visitor.get(desk.path)
    assert f"Change what <bdi>{desk.api.client.name}</bdi> sees" in page.text


async def test_only_ones_own_and_only_by_the_form(desk: Desk) -> None:
    """No form of another site or app, no grant of somebody else, none that is over."""
    page = await desk.visitor.get(desk.path)
    token = dict(page.forms[desk.path])["form_token"]
    for fields in ([desk.light], [desk.light, ("form_token", token[::-1])]):
        assert (await desk.visitor.post(desk.path, fields)).status == 403
    other = await full(desk.api)
    elsewhere = desk.path.replace(desk.api.grant.id, other.id)
    assert (await desk.visitor.post(elsewhere, page.forms[desk.path])).status == 403
    services = desk.api.house.services
    bob = await services.accounts.create_user("bob")
    await services.sessions.set_password(bob.id, PASSWORD)
    visitor = Visitor(desk.api.http, desk.api.base_url)
    await visitor.sign_in("bob")
    assert (await visitor.get(desk.path)).status == 404
    await services.consents.take_back(desk.grant)
    assert (await desk.save(desk.light, *SCOPES, page=page)).status == 404
    assert (await desk.visitor.get(desk.path)).status == 404
