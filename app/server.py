"""The ASGI application of one process, and running it under uvicorn."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from socket import socket as Listener  # noqa: N812 - "socket" is a WebSocket here

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app import oauth
from app.authentication import Authenticator, Caller
from app.background import background
from app.claims import claims
from app.compose import House
from app.ending import Ending
from app.frames import Framed
from app.graphql import HEARD, Endpoint
from app.health import Ready, alive
from app.listening import listen_route
from app.metrics import Meter, Meters, Metrics
from app.pages.desk import lost
from app.pages.explorer import Door
from app.pages.house import house_page
from app.pages.opening import Opening
from app.pages.people import people
from app.pages.press import assets
from app.streams import Streams
from app.webhook_keys import webhook_keys
from core.domain.accounts import Viewer
from core.domain.errors import Unavailable
from core.domain.grants import View
from core.settings import Settings
from engine import Documents
from resolvers.asking import Ask
from resolvers.loaders import SnapshotLoaders
from schema.graph import Graph
from schema.persisted import Persisted, judge
from schema.reuse import Reuse
from subscriptions import socket
from subscriptions.session import Limits as SocketLimits, Parts
from subscriptions.sessions import Sessions
from webhooks.protocol import PATH as LISTEN

GRAPHQL = "/graphql"
any_origin = partial(
    CORSMiddleware,
    # A partner's page shows its own token and no cookie counts here, so no origin is trusted less.
    allow_origins=["*"],
    allow_methods=["GET", "POST"],
    allow_headers=HEARD,
    expose_headers=["ETag", "WWW-Authenticate", "Retry-After"],
    max_age=86_400,
)
YOUNG = 50_000
"""New objects between two looks at them; Python's 700 (2,000 since 3.13) is for small programs."""
DRAIN_SECONDS = 1
LONG_DRAIN_SECONDS = 15
"""Longer than any request waits for a device."""
NOTHING = View(frozenset(), frozenset(), frozenset(), frozenset())


def ask_of(house: House, documents: Documents, viewer: Viewer | None) -> Ask:
    """The context of one operation of the graph on this house."""
    view = viewer.grant.view if viewer else NOTHING
    return Ask(
        viewer=viewer,
        services=house.services,
        loaders=SnapshotLoaders(house.reads, house.logs, view, house.homes),
        cursors=house.cursors,
        live=house.hub,
        fresh=house.fresh,
        clock=house.clock,
        check=partial(judge, documents),
        opens=documents.opens,
    )


def begin(house: House) -> None:
    """Have the house's press show events; `graph_of` does it too."""
    house.press.nobody = lambda: ask_of(house, house.press.documents, None)


def graph_of(house: House) -> Graph:
    """The published graph on this house."""
    begin(house)
    documents, renderer = house.press.documents, house.press.renderer
    reuse = Reuse(house.homes, house.settings.answer_bytes)
    persisted = Persisted(house.register, house.clock)
    ask, looked = partial(ask_of, house, documents), house.services.uses.looked
    return Graph(documents, ask, reuse, renderer, persisted, looked)


def authenticator_of(house: House, *uris: str) -> Authenticator:
    """Knows who asks this house, by a request to the first of these URIs (more names of it)."""
    return Authenticator(house.tokens, house.access, house.services.proofs, house.clock, uris)


def _of_socket(house: House, uri: str) -> Authenticator:
    # Clients name the address of a socket as they opened it, or as that of its HTTP request.
    return authenticator_of(house, uri, uri.replace("http", "ws", 1))


def application(
    house: House,
    graph: Graph,
    sessions: Sessions,
    *,
    hosts: Sequence[str] = (),
    opening: Opening | None = None,
    meters: Meters = (),
) -> ASGIApp:
    """The routes on a house. With `hosts`, requests that name another host are refused.

    Whoever opens a socket or an event stream is among `sessions`.

    With an `opening` (the demo's), pages are signed in as it says. `meters` are of what else this
    process does.
    """
    settings = house.settings
    uri = settings.public_url + GRAPHQL
    authenticate = authenticator_of(house, uri)
    of_socket = _of_socket(house, uri)
    parts = Parts(graph, house.access, house.clock, _limits(settings), house.hub.pump)
    endpoint = Endpoint(
        graph,
        Streams(parts, sessions),
        authenticate,
        house.services.audit,
        settings.body_bytes,
        settings.request_seconds,
        settings.public_url + oauth.RESOURCE,
    )
    door = Door(endpoint, any_origin(endpoint), opening, settings.public_url)
    metrics = Metrics([Meter(house, graph, sessions), *meters], settings.metrics_token)

    async def ready(request: Request) -> Response:
        return await readiness(request)

    async def draining() -> None:
        if sessions.draining:
            sentence = "This process is ending: send requests to another."
            raise Unavailable(sentence)

    def live(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        caller = Caller(scope, of_socket, house.services.audit)
        shown = caller.header(b"authorization")
        return socket.serve(scope, receive, send, parts, caller, shown, sessions)

    readiness = Ready({**house.checks, "draining": draining}, house.clock)
    pages = people(house)
    rest = Starlette(
        exception_handlers={HTTPException: lost(pages)},
        routes=[
            Route("/livez", alive),
            Route("/readyz", ready),
            Route("/metrics", metrics.answer),
            claims(house),
            assets(),
            *pages,
            *oauth.routes(house),
            webhook_keys(house.services.endpoints),
            listen_route(house, _of_socket(house, settings.public_url + LISTEN), sessions),
            *([house_page("/", opening)] if opening else []),
        ],
    )

    def application(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        answer: ASGIApp = rest
        if scope["path"] == GRAPHQL:  # no lifespan is asked for, so there is always a path
            answer = live if scope["type"] == "websocket" else door
        return answer(scope, receive, send)

    return TrustedHostMiddleware(application, list(hosts)) if hosts else application


def _limits(settings: Settings) -> SocketLimits:
    return SocketLimits(
        init_seconds=settings.init_timeout_seconds,
        heartbeat_seconds=settings.heartbeat_seconds,
        operation_seconds=settings.request_seconds,
        operations=settings.socket_operations,
        pace=(settings.socket_messages, settings.socket_bytes),
    )


class Server(uvicorn.Server):
    """uvicorn, whose signals are ours, so that the process ends its parts in order."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Not listening yet."""
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[Listener] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.listens.set()

    async def hurry(self, ending: Ending) -> None:
        """Wait for no request any more, once the end was asked for a second time."""
        await ending.wait(2)
        self.force_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def calm_collector() -> None:
    """Have the garbage collector look at what requests leave, and not at the program, and less.

    Everything made up to now stays for good. A process has one collector, so this is for programs
    that serve, not for parts of one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


@asynccontextmanager
async def listening(
    house: House,
    listener: Listener,
    hosts: Sequence[str] = (),
    opening: Opening | None = None,
    drain: int = DRAIN_SECONDS,
    ending: Ending | None = None,
    meters: Meters = (),
) -> AsyncIterator[None]:
    """Serve a running house on a socket while the block runs, then let requests end.

    Then `/readyz` says so; after the time that the settings give balancers to notice, sockets and
    event streams end one after the other within `drain` seconds, with their last cursors; all the
    while requests are taken. The last of them end within as many seconds again. An `ending` that is
    asked for a second time cuts all of this short.
    """
    graph, sessions = graph_of(house), Sessions()
    await house.services.accounts.keep_explorer(house.settings.public_url + GRAPHQL)
    config = uvicorn.Config(
        application(house, graph, sessions, hosts=hosts, opening=opening, meters=meters),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws=Framed,
        ws_max_size=house.settings.socket_message_bytes,
        ws_per_message_deflate=False,  # what many are sent is made once; a socket's own is dear
        ws_ping_interval=None,  # the protocol has pings of its own, which say more
        timeout_graceful_shutdown=drain,
        server_header=False,
        proxy_headers=bool(house.settings.proxies),  # only theirs say who they speak for
        forwarded_allow_ips=house.settings.proxies,
        interface="asgi3",
    )
    server = Server(config)
    serve = asyncio.create_task(server.serve([listener]))
    listens = asyncio.create_task(server.listens.wait())
    try:
        await asyncio.wait({serve, listens}, return_when=asyncio.FIRST_COMPLETED)
        async with background(house.dead, graph.warm):
            yield
    finally:
        listens.cancel()
        ending = ending or Ending()
        try:
            await ending.unless_hurried(_leave(sessions, house.settings.notice_seconds, drain))
        finally:
            server.should_exit = True
            hurry = asyncio.create_task(server.hurry(ending))
            try:
                await serve
            finally:
                hurry.cancel()


async def _leave(sessions: Sessions, notice: float, drain: int) -> None:
    sessions.draining = True
    await asyncio.sleep(notice)
    await sessions.drain(drain)
