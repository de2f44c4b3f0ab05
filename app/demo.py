"""The demo: two simulated homes, alive, served from this machine to this machine."""

import base64
import fcntl
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from app import guide, scenario as scenarios, server
from app.address import bound
from app.compose import House, build, running
from app.ending import asked_to_end
from app.environment import read_settings
from app.metering import Toll
from app.pages.opening import Opening
from app.sharing import granted
from app.working import working
from core.domain.accounts import Client, ClientAuth, User
from core.domain.addresses import LOOPBACK
from core.domain.audit import SYSTEM
from core.domain.errors import Conflict, Missing, Unavailable
from core.domain.grants import Scope, Share
from core.domain.sandbox import Pacing, Simulation
from core.runner import Runner
from core.settings import Settings

HOST = "127.0.0.1"
HOSTS = ("127.0.0.1", "localhost", "[::1]")
USER, CLIENT = "demo", "Demo app"
REDIRECT_URI = "http://127.0.0.1:8765/callback"
HOMES = (("Maple Street", "simulator://maple"), ("Harbour flat", "simulator://harbor"))
LIGHT, SENSOR = "living-room-lamp", "hallway-motion"
TOKEN_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Seeds:
    """What the demo's database holds to begin with."""

    user: User
    client: Client
    client_secret: str
    password: str
    home_id: str
    home_ids: tuple[str, ...]


async def run(
    folder: Path, port: int, *, as_json: bool, fresh: bool, scenario: Path | None = None
) -> None:
    """Serve until the process is asked to end.

    Raises:
        Conflict: another demo runs on this folder.
        Unavailable: the port is taken.
        Invalid: the scenario cannot be followed.
    """
    script = scenarios.read(scenario) if scenario else None
    ending = asked_to_end()
    with _alone(folder, fresh=fresh), bound(HOST, port) as listener:
        base_url = f"http://{HOST}:{listener.getsockname()[1]}"
        house = build(_settings(folder, base_url))
        async with running(house, migrate=True, alone=True):
            seeds = await _seed(house, folder / "password")
            opening = await _opening(house, seeds)
            if script:
                await _play(house, script)
            async with (
                working(house, ending=ending) as worker,
                server.listening(
                    house,
                    listener,
                    HOSTS,
                    opening,
                    ending=ending,
                    meters=(Toll(worker, house.services.planner),),
                ),
            ):
                fields = _fields(opening, seeds, base_url)
                text = orjson.dumps(fields).decode() if as_json else guide.text(fields)
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
                server.calm_collector()
                await ending.wait()


@contextmanager
def _alone(folder: Path, *, fresh: bool) -> Iterator[None]:
    """The folder, locked while the block runs, so that two demos do not run the same devices."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sentence = f"Another demo runs on {folder}/: end it first."
            raise Conflict(sentence) from None
        if fresh:
            for entry in folder.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry.name != "lock":
                    entry.unlink()
        yield


def _settings(folder: Path, base_url: str) -> Settings:
    """The environment's settings, with the demo's own where it says nothing."""
    ours: dict[str, object] = {
        "database_url": f"sqlite+aiosqlite:///{folder}/latchkey.db",
        "devices_url": "simulator://",
        "public_url": base_url,
        "secret_keys": (_secret(folder / "secret"),),
        "webhook_allow": LOOPBACK,
    }
    return read_settings(ours)


def _secret(path: Path) -> bytes:
    if not path.exists():
        # Whole or not at all: half a key would be taken for a wrong one.
        half = path.with_suffix(".new")
        half.touch(mode=0o600)
        half.write_bytes(base64.b64encode(secrets.token_bytes(32)))
        half.rename(path)
    return base64.b64decode(path.read_bytes())


async def _password(house: House, user: User, path: Path) -> str:
    """The demo user's password, kept beside the homes, and known here as it is there."""
    password, fresh = _kept(path)
    if fresh or not await house.services.sessions.has_password(user.id):
        await house.services.sessions.set_password(user.id, password, by=SYSTEM)
    return password


def _kept(path: Path) -> tuple[str, bool]:
    """A password of 80 random bits from a file, and whether it was made just now."""
    if path.exists() and (kept := path.read_text()):
        return kept, False
    password = "-".join(secrets.token_hex(2) for _ in range(5))
    path.touch(mode=0o600)
    path.write_text(password)
    return password, True


async def _seed(house: House, password: Path) -> Seeds:
    """The demo's user, client and homes, made where they are not there yet."""
    accounts, homes = house.services.accounts, house.services.homes
    try:
        user = house.access.named_user(USER)
    except Missing:
        user = await accounts.create_user(USER)
    client = await _client(house)
    there = {url: home.id for home, url in await house.connected("simulator")}
    for name, url in HOMES:
        if url not in there:
            home = await homes.create(user.id, name, "Europe/Berlin", url)
            there[url] = home.id
    shared = await house.sharable(user)
    secret = await house.services.client_secrets.rotate(client.id)
    return Seeds(
        user=user,
        client=client,
        client_secret=secret,
        password=await _password(house, user, password),
        home_id=there[HOMES[0][1]],
        home_ids=tuple(sorted(shared)),
    )


async def _client(house: House) -> Client:
    """The demo's client: one that can run the code flow, made where it is not there yet."""
    for client in house.access.clients.values():
        if client.name == CLIENT and client.redirect_uris and not client.public:
            return client
    accounts, uris = house.services.accounts, (REDIRECT_URI,)
    return await accounts.create_client(CLIENT, redirect_uris=uris, auth=ClientAuth.BASIC)


async def _opening(house: House, seeds: Seeds) -> Opening:
    """What pages open with, once the runner has brought the homes to life."""
    for home, url in await house.connected("simulator"):
        await _runner(house).adopt(home, url)
    shares = tuple(Share(home_id) for home_id in seeds.home_ids)
    grant = await granted(house, seeds.user, seeds.client, frozenset(Scope), shares)
    devices = {one.address: one.id for one in await house.devices_of(seeds.home_id)}
    return Opening(
        token=partial(house.tokens.issue, grant, grant.scopes, TOKEN_SECONDS),
        home_id=seeds.home_id,
        light_id=devices[LIGHT],
        sensor_id=devices[SENSOR],
    )


async def _play(house: House, script: scenarios.Scenario) -> None:
    """Hand each home what is to happen in it, from now on."""
    homes = {url: home for home, url in await house.connected("simulator")}
    there = {
        homes[url].name: (homes[url], await house.devices_of(homes[url].id)) for _, url in HOMES
    }
    steps: dict[str, list[tuple[float, Simulation | Pacing]]] = {}
    for cue in scenarios.cues(script, there):
        steps.setdefault(cue.home_id, []).append((cue.seconds, cue.what))
    for home_id, mine in steps.items():
        _runner(house).script(home_id, mine)


def _runner(house: House) -> Runner:
    if house.runner is None:
        sentence = "The demo needs devices: leave LATCHKEY_DEVICES_URL unset."
        raise Unavailable(sentence)
    return house.runner


def _fields(opening: Opening, seeds: Seeds, base_url: str) -> dict[str, str | None]:
    return {
        "base_url": base_url,
        "graphql_url": f"{base_url}/graphql",
        "ws_url": f"{base_url.replace('http', 'ws', 1)}/graphql",
        "access_token": opening.token(),
        "client_id": seeds.client.id,
        "client_secret": seeds.client_secret,
        "redirect_uri": REDIRECT_URI,
        "username": seeds.user.name,
        "password": seeds.password,
        "home_id": opening.home_id,
        "light_id": opening.light_id,
    }
