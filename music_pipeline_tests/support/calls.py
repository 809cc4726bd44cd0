"""What the gateway's tests share: a sandbox without faults, and a server whose answers the test writes itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from music_pipeline.gateway.gateway import Gateway, open_gateway
from music_pipeline.gateway.pool import Pool
from music_pipeline.gateway.request import Priority
from music_pipeline.providers.registry import providers_on

if TYPE_CHECKING:
    import sqlalchemy as sa

    from music_pipeline.sandbox.process import SandboxProcess

SPEED = 60.0
Handler = Callable[[web.Request], Awaitable[web.Response]]
OnPool = Callable[..., Any]


@pytest.fixture
def world(sandbox: Callable[..., "SandboxProcess"], monkeypatch: pytest.MonkeyPatch) -> Iterator["SandboxProcess"]:
    """A sandbox of these tests' own, in which a minute lasts a second; no faults, nothing counted yet."""
    running = sandbox(speed=SPEED, seed=77)
    running.clear_faults()
    running.reset_stats()
    monkeypatch.setenv("MUSIC_SANDBOX_URL", running.url)
    yield running
    running.clear_faults()


class Clients:
    """A gateway and the clients on it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._providers = providers_on(gateway)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._providers, name)


@pytest.fixture
def on_pool(engine: "sa.Engine") -> Iterator[OnPool]:
    """`on_pool(function, …)`: run one of the gateway's asynchronous statements on the test's database."""
    with asyncio.Runner() as runner:
        pool = Pool(engine)
        runner.run(pool.open())

        def run(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> Any:
            return runner.run(function(pool, *args, **kwargs))

        yield run
        runner.run(pool.aclose())


@pytest.fixture
def opened(engine: "sa.Engine") -> Callable[[], Any]:
    """`async with opened() as clients`: a gateway as another process would have it, on the test's database."""

    @contextlib.asynccontextmanager
    async def open_clients() -> AsyncIterator[Clients]:
        async with open_gateway(engine, priority=Priority.INTERACTIVE, run_id="test") as gateway:
            yield Clients(gateway)

    return open_clients


@pytest.fixture
async def own_server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[str, Handler], None]]:
    """`own_server(path, handler)`: a provider whose answers the test writes, found where the sandbox would be."""
    routes: dict[str, Handler] = {}

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/_sandbox/info":
            return web.json_response({"speed": 1000})
        if request.path == "/spotify-accounts/api/token":
            return web.json_response({"access_token": "token", "token_type": "Bearer", "expires_in": 3600})
        return await routes[request.path](request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)  # it would hold the keys that some providers take in the address
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    monkeypatch.setenv("MUSIC_SANDBOX_URL", f"http://{host}:{port}")
    yield routes.__setitem__
    await runner.cleanup()
