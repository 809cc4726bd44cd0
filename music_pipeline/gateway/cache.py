"""Answers that were given before: a plain table, keyed by provider, account and request.

How old an answer may be is said by whoever asks; what is never kept (tokens) never comes here. No header of a request
is kept.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.request import Question


@dataclass(frozen=True, slots=True)
class CacheKey:
    """`digest`: SHA-256 of the request."""

    provider: str
    account: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """`body`: the JSON as it came, None for "there is no such thing"."""

    key: CacheKey
    endpoint: str
    request: str
    body: str | None
    etag: str | None
    last_modified: str | None
    fetched_at: datetime


def key_of(question: Question, account: str) -> CacheKey:
    """The key under which the answer is kept."""
    return CacheKey(question.endpoint.provider, account, hashlib.sha256(question.request.encode()).digest())


def read_answers(engine: sa.Engine, questions: Sequence[tuple[CacheKey, Question]]) -> list[CachedAnswer | None]:
    """What is kept for each, whatever its age."""
    keys = [key for key, _ in questions]
    with engine.connect() as connection:
        rows = connection.execute(
            query("cached_answers"),
            {
                "providers": [key.provider for key in keys],
                "accounts": [key.account for key in keys],
                "digests": [key.digest for key in keys],
            },
        ).all()
    by_key = {CacheKey(row.provider, row.account, bytes(row.digest)): row for row in rows}
    return [_answer(key, question, by_key.get(key)) for key, question in questions]


def _answer(key: CacheKey, question: Question, row: sa.Row[tuple[object, ...]] | None) -> CachedAnswer | None:
    if row is None:
        return None
    return CachedAnswer(
        key=key,
        endpoint=question.endpoint.name,
        request=question.request,
        body=row.body,
        etag=row.etag,
        last_modified=row.last_modified,
        fetched_at=row.fetched_at,
    )


def store_answers(engine: sa.Engine, answers: Sequence[CachedAnswer]) -> list[None]:
    """Keep the answers; an older one never replaces a newer. One answer for each key: the last counts."""
    latest = {answer.key: _row(answer) for answer in answers}
    with engine.begin() as connection:
        connection.execute(query("store_answers"), {"answers": json.dumps(list(latest.values()))})
    return [None] * len(answers)


def _row(answer: CachedAnswer) -> dict[str, str | None]:
    return {
        "provider": answer.key.provider,
        "account": answer.key.account,
        "digest": answer.key.digest.hex(),
        "endpoint": answer.endpoint,
        "request": answer.request,
        "body": answer.body,
        "etag": answer.etag,
        "last_modified": answer.last_modified,
        "fetched_at": answer.fetched_at.isoformat(),
    }


def purge(engine: sa.Engine, before: datetime) -> int:
    """Forget the answers of before that time; how many."""
    with engine.begin() as connection:
        return connection.execute(query("purge_answers"), {"before": before}).rowcount
