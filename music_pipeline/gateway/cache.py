"""Cached responses: a plain table, keyed by provider, account and request.

The caller says how old a response may be. Tokens and request headers are never stored.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.pool import Pool


@dataclass(frozen=True, slots=True)
class CacheKey:
    """`digest`: SHA-256 of the request."""

    provider: str
    account: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """`body`: the JSON as it came; None for "there is no such thing"."""

    key: CacheKey
    endpoint: str
    request: str
    body: str | None
    etag: str | None
    last_modified: str | None
    fetched_at: datetime


async def read_responses(pool: Pool, keys: Sequence[CacheKey]) -> list[CachedResponse | None]:
    """Return the stored response for each key, whatever its age."""
    rows = await pool.run(
        "cached_answers",
        {
            "providers": [key.provider for key in keys],
            "accounts": [key.account for key in keys],
            "digests": [key.digest for key in keys],
        },
    )
    stored = {
        (row.provider, row.account, bytes(row.digest)): CachedResponse(
            key=CacheKey(row.provider, row.account, bytes(row.digest)),
            endpoint=row.endpoint,
            request=row.request,
            body=row.body,
            etag=row.etag,
            last_modified=row.last_modified,
            fetched_at=row.fetched_at,
        )
        for row in rows
    }
    return [stored.get((key.provider, key.account, key.digest)) for key in keys]


async def store_responses(pool: Pool, responses: Sequence[CachedResponse]) -> list[None]:
    """Store the responses. An older one never replaces a newer one; of several with one key the last counts."""
    rows = {
        response.key: {
            "provider": response.key.provider,
            "account": response.key.account,
            "digest": response.key.digest.hex(),
            "endpoint": response.endpoint,
            "request": response.request,
            "body": response.body,
            "etag": response.etag,
            "last_modified": response.last_modified,
            "fetched_at": response.fetched_at.isoformat(),
        }
        for response in responses
    }
    await pool.run("store_answers", {"answers": json.dumps(list(rows.values()))})
    return [None] * len(responses)


def purge(engine: sa.Engine, before: datetime) -> int:
    """Delete the responses from before that time; return how many."""
    with engine.begin() as connection:
        return connection.execute(query("purge_answers"), {"before": before}).rowcount
