"""How answers go out: whole, late, slowly, in part, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from music_pipeline.sandbox.faults import Effect
from music_pipeline.sandbox.http import SandboxResponse

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

DRIP_PIECES = 10
CUT_AFTER_SECONDS = 0.02  # the sent bytes leave before the connection ends


@dataclass(frozen=True, slots=True)
class Transport:
    """Send answers as an effect demands."""

    send: Send
    close_connection: Callable[[], None]

    async def deliver(self, answer: SandboxResponse, effect: Effect) -> None:
        """Send the answer late, slowly, in part, or not at all."""
        if effect.delay:
            await asyncio.sleep(effect.delay)
        if effect.drop_connection:
            await self._close()
        elif effect.cut_body:
            await self._send_half(answer)
        elif effect.drip_seconds:
            await self._drip(answer, effect.drip_seconds)
        else:
            await self.send_whole(self.send, answer)

    @staticmethod
    async def send_whole(send: Send, answer: SandboxResponse) -> None:
        """Send an answer whole."""
        await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        await send({"type": "http.response.body", "body": answer.body})

    async def _send_half(self, answer: SandboxResponse) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        half = answer.body[: len(answer.body) // 2]
        await self.send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(CUT_AFTER_SECONDS)
        await self._close()

    async def _close(self) -> None:
        """Close the connection, and give the server a moment to notice; else it would answer 500."""
        self.close_connection()
        await asyncio.sleep(CUT_AFTER_SECONDS)

    async def _drip(self, answer: SandboxResponse, seconds: float) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        size = max(1, -(-len(answer.body) // DRIP_PIECES))
        for start in range(0, len(answer.body), size):
            await asyncio.sleep(seconds / DRIP_PIECES)
            piece = answer.body[start : start + size]
            await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})


def _headers(answer: SandboxResponse) -> list[tuple[bytes, bytes]]:
    fields = [("content-type", answer.content_type), ("content-length", str(len(answer.body))), *answer.headers]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
