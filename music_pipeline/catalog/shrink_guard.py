"""Accept the loss of rows that a new answer lacks, or hold it if implausible.

A person judges held losses. The module of a table deactivates its rows. `reviews` applies what a person decides.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query

SMALL_LOSS_ROWS = 2
SMALL_LOSS_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows that a new answer about an artist lacks.

    `entity`: their table. `row_keys`: their keys. `known`: how many rows there were. `answered`: how many the answer
    has. `reason`: a line for a person.
    """

    artist_id: UUID
    entity: str
    row_keys: Sequence[Mapping[str, Any]]
    known: int
    answered: int
    reason: str


def is_suspicious(known: int, lost: int) -> bool:
    """Whether a complete answer lost too much to be plausible: more than 2 rows and more than 10 %."""
    return lost > SMALL_LOSS_ROWS and lost > SMALL_LOSS_SHARE * known


def accept_or_hold(connection: sa.Connection, loss: Loss) -> bool:
    """Return True to accept the loss; hold a suspicious one for review and return False.

    An accepted loss, even of no rows, supersedes those that were held before.
    """
    if is_suspicious(loss.known, len(loss.row_keys)):
        hold(connection, loss)
        return False
    connection.execute(query("supersede_held_change"), {"artist_id": loss.artist_id, "entity": loss.entity})
    return True


def hold(connection: sa.Connection, loss: Loss) -> None:
    """Keep a loss for a person to judge. Its rows stay active until the loss is accepted."""
    keys = sorted(map(dict, loss.row_keys), key=lambda key: json.dumps(key, default=str, sort_keys=True))
    connection.execute(
        query("hold_change"),
        {
            "artist_id": loss.artist_id,
            "entity": loss.entity,
            "row_keys": json.dumps(keys, default=str),
            "known": loss.known,
            "answered": loss.answered,
            "reason": loss.reason,
        },
    )


def kept_by_decision(connection: sa.Connection, artist_id: UUID, entity: str, key: str) -> set[str]:
    """The values of `key` in rows that a person decided to keep although the provider no longer lists them."""
    rows = connection.execute(query("rejected_held_rows"), {"artist_id": artist_id, "entity": entity})
    return {str(row_key[key]) for row in rows for row_key in row.row_keys}
