"""`/device` over HTTP: a code is typed, compared, answered, and nothing happens by a link alone."""

from dataclasses import dataclass
from typing import Any

import pytest

from core.domain.accounts import Client, ClientAuth
from core.domain.grants import Grant
from core.services.attempts import RULES
from core.services.authorizations import ANSWERED
from core.services.device_codes import WRONG
from tests.app.conftest import Api
from tests.app.visitor import PASSWORD, Answer, Visitor

READ = ("scope", "devices:read")
CARE = "on a device in front of you"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class Room:
    """Alice, signed in, before a device of an app to which she gave nothing yet."""

    api: Api
    visitor: Visitor
    client: Client
    device_code: str
    code: str

    async def poll(self) -> str:
        """What the device is told: an error, or the scopes of its token."""
        form = {
            "grant_type": GRANT_TYPE,
            "device_code": self.device_code,
            "client_id": self.client.id,
        }
        async with self.api.http.post(f"{self.api.base_url}/oauth/token", data=form) as response:
            answer = await response.json()
        return str(answer.get("error") or answer["scope"])

    async def enter(self, typed: str, visitor: Visitor | None = None) -> Answer:
        """Open the page and type something."""
        who = visitor or self.visitor
        return await who.fill(await who.get("/device"), "/device", user_code=typed)

    async def answer(self, path: str, *ticks: tuple[str, str], say: str = "allow") -> Answer:
        """Open the consent page, set just these boxes, and press a button."""
        page = await self.visitor.get(path)
        kept = [one for one in page.forms[path] if one not in page.boxes]
        return await self.visitor.post(path, [*kept, *ticks, ("answer", say)])

    @property
    def grant(self) -> Grant | None:
        """What the app has."""
        return self.api.house.services.consents.current(self.api.user.id, self.client)


@pytest.fixture
async def room(api: Api) -> Room:
    """The room."""
    await api.house.services.sessions.set_password(api.user.id, PASSWORD)
    visitor = Visitor(api.http, api.base_url)
    await visitor.sign_in()
    client = await api.house.services.accounts.create_client("Tele <vision>", auth=ClientAuth.NONE)
    form = {"client_id": client.id, "scope": "devices:read devices:control"}
    async with api.http.post(f"{api.base_url}/oauth/device", data=form) as response:
        told = await response.json()
    return Room(api, visitor, client, told["device_code"], told["user_code"])


async def consent(room: Room, typed: str | None = None) -> str:
    """Where a right code leads."""
    sent = await room.enter(typed or room.code)
    assert sent.status == 303, sent.text
    assert (sent.location or "").startswith("/consent?request=")
    return sent.location or ""


async def test_a_device_is_connected(room: Room) -> None:
    """RFC 8628 §3.3, §5.4: from the code to a token for one device; both pages show and warn."""
    page = await room.visitor.get("/device")
    assert CARE in page.text
    path = await consent(room, room.code.lower().replace("-", " "))
    asked = await room.visitor.get(path)
    assert "Tele &lt;vision&gt; asks for access" in asked.text
    assert room.code in asked.text
    assert CARE in asked.text
    assert "you go on to" not in asked.text
    assert "where you came from" not in asked.text
    assert asked.headers["Content-Security-Policy"].count("form-action 'self';") == 1
    assert await room.poll() == "authorization_pending"
    done = await room.answer(path, READ, ("device", room.api.light.id))
    assert (done.status, done.location) == (303, "/device?answer=allowed")
    seen = await room.visitor.get(done.location or "")
    assert "You can go back to your device" in seen.text
    assert "The answer was “Allow”" in seen.text
    assert await room.poll() == "devices:read"
    assert room.grant is not None
    assert room.grant.view.devices == {room.api.light.id}


async def test_no_is_no(room: Room) -> None:
    """Nothing is given, and both the person and the device read so."""
    done = await room.answer(await consent(room), READ, say="deny")
    assert done.location == "/device?answer=denied"
    assert "The answer was “Deny”" in (await room.visitor.get(done.location)).text
    assert await room.poll() == "access_denied"
    assert room.grant is None


async def test_what_is_wrong_with_the_ticks_is_said(room: Room) -> None:
    """On the same page, with the code still on it; the right answer then counts."""
    path = await consent(room)
    page = await room.answer(path, READ)
    assert (page.status, room.code in page.text, CARE in page.text) == (400, True, True)
    done = await room.answer(path, READ, ("device", room.api.light.id))
    assert done.location == "/device?answer=allowed"


async def test_a_link_asks_for_nothing(room: Room) -> None:
    """RFC 8628 §3.3.1, §5.4: the code of a link is only filled in, for the person to compare."""
    page = await room.visitor.get(f"/device?user_code={room.code}")
    assert page.status == 200
    assert dict(page.forms["/device"])["user_code"] == room.code
    assert CARE in page.text
    assert room.grant is None
    sent = await room.visitor.fill(page, "/device")
    assert (sent.location or "").endswith(f"&user_code={room.code}")


async def test_a_link_repeats_nothing_that_runs(room: Room) -> None:
    """What stands in the URL is text, and not much of it."""
    typed = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E" + "x" * 500
    page = await room.visitor.get(f"/device?user_code={typed}&answer=%3Cb%3E")
    assert "<script" not in page.text
    assert "x" * 50 not in page.text
    path = await consent(room)
    other = path.partition("&")[0] + "&user_code=%3Cscript%3E"
    page = await room.visitor.get(other)
    assert "<script" not in page.text


@pytest.mark.parametrize("typed", ["", "AEIOU", "ZZZZ-ZZZZ", "x" * 5_000, "<b>\0"])
async def test_a_wrong_code_is_said(room: Room, typed: str) -> None:
    """Above the form, with a link to the field; whatever was wrong with it, it reads the same."""
    page = await room.enter(typed)
    assert (page.status, WRONG in page.text) == (400, True)
    assert '<a href="#user_code">' in page.text
    assert "<title>Error: " in page.text
    assert "<b>" not in page.text


async def test_a_used_code_reads_like_a_wrong_one(room: Room) -> None:
    """Once somebody has answered."""
    await room.answer(await consent(room), say="deny")
    page = await room.enter(room.code)
    assert (page.status, WRONG in page.text) == (400, True)


async def test_guessing_is_slowed_down(room: Room) -> None:
    """Then even the right code has to wait, and the page says for how long."""
    for _ in range(RULES["device"].burst):
        assert (await room.enter("ZZZZ-ZZZZ")).status == 400
    page = await room.enter(room.code)
    assert (page.status, "Try again in" in page.text) == (429, True)
    assert CARE in page.text


async def test_a_form_is_one_of_ours(room: Room) -> None:
    """RFC 6749 §10.12: without its token, or sent by another site, a code is not even looked up."""
    assert (await room.visitor.post("/device", [("user_code", room.code)])).status == 403
    page = await room.visitor.get("/device")
    fields = [*page.forms["/device"], ("user_code", room.code)]
    sent = await room.visitor.post("/device", fields, Origin="https://evil.example")
    assert sent.status == 403


async def test_a_stranger_signs_in_first_and_comes_back(room: Room) -> None:
    """RFC 8628 §3.3: the code of the link is kept on the way."""
    stranger, path = Visitor(room.api.http, room.api.base_url), f"/device?user_code={room.code}"
    sent = await stranger.get(path)
    login = await stranger.get(sent.location or "")
    done = await stranger.fill(login, "/login", username="alice", password=PASSWORD)
    assert done.location == path


async def test_the_second_of_two_people_is_told(room: Room) -> None:
    """Nobody answers a device that another has answered, and nobody answers for another."""
    services = room.api.house.services
    bob = await services.accounts.create_user("bob")
    await services.sessions.set_password(bob.id, PASSWORD)
    his = Visitor(room.api.http, room.api.base_url)
    await his.sign_in("bob")
    path, sent = await consent(room), await room.enter(room.code, his)
    assert (await his.get(path)).status == 404, "that is hers"
    page = await his.get(sent.location or "")
    denied = await his.post(sent.location or "", [*page.forms[sent.location or ""]])
    assert denied.location == "/device?answer=denied"
    told = await room.visitor.get(path)
    assert (told.status, ANSWERED in told.text) == (409, True)
    assert room.grant is None
    assert await room.poll() == "access_denied"


async def test_an_answer_that_comes_too_late_gives_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the other comes between what she gives and what the device is told."""
    services = room.api.house.services
    bob = await services.accounts.create_user("bob")
    his = await services.device_codes.enter(room.code, bob.id, "192.0.2.1")
    path, allow = await consent(room), services.consents.allow

    async def overtaken(*given: Any) -> Grant:
        grant = await allow(*given)
        await services.authorizations.deny(his, bob.id)
        return grant

    monkeypatch.setattr(services.consents, "allow", overtaken)
    told = await room.answer(path, READ, ("device", room.api.light.id))
    assert (told.status, ANSWERED in told.text) == (409, True)
    assert room.grant is None
    assert await room.poll() == "access_denied"


async def test_who_has_no_home_can_only_say_no(room: Room) -> None:
    """The page says what it takes, and the device learns of the no."""
    services = room.api.house.services
    bob = await services.accounts.create_user("bob")
    await services.sessions.set_password(bob.id, PASSWORD)
    room.visitor = Visitor(room.api.http, room.api.base_url)
    await room.visitor.sign_in("bob")
    path = await consent(room)
    page = await room.visitor.get(path)
    assert "no home that you could share" in page.text
    assert (await room.answer(path, say="deny")).status == 303
    assert await room.poll() == "access_denied"
