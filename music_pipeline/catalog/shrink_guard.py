"""Rows that an answer no longer holds although it should: whether that is believed, or held for a person to judge.

How rows are set inactive belongs to the module of their table; what a person decides, to `decisions`.
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
    """What an answer about an artist no longer holds. `entity`: the table; `row_keys`: which of its rows.

    `known`: how many rows there were before; `answered`: how many the answer holds. `reason`: a line for a person.
    """

    artist_id: UUID
    entity: str
    row_keys: Sequence[Mapping[str, Any]]
    known: int
    answered: int
    reason: str


def loss_is_suspect(known: int, lost: int) -> bool:
    """Whether a complete answer lost too much to be believed: more than 2 rows and more than 10 %."""
    return lost > SMALL_LOSS_ROWS and lost > SMALL_LOSS_SHARE * known


def believe_or_hold(connection: sa.Connection, loss: Loss) -> bool:
    """Whether the loss, which may be of no rows, is believed; a suspect one is held until a person accepts it.

    After a loss that is believed there is nothing left to decide of those that were held before.
    """
    if loss_is_suspect(loss.known, len(loss.row_keys)):
        hold(connection, loss)
        return False
    connection.execute(query("supersede_held_change"), {"artist_id": loss.artist_id, "entity": loss.entity})
    return True


def hold(connection: sa.Connection, loss: Loss) -> None:
    """Keep a loss for a person to judge; nothing is set inactive until somebody accepts it."""
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
    """Values of `key` in the rows that a person decided to keep although the provider no longer lists them."""
    rows = connection.execute(query("rejected_held_rows"), {"artist_id": artist_id, "entity": entity})
    return {str(row_key[key]) for row in rows for row_key in row.row_keys}
