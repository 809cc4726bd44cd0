"""The partitions of the catalogue: one per artist.

Nothing outside `defs/` knows about partitions.
"""

from collections.abc import Iterable

import dagster as dg

ARTIST = dg.DynamicPartitionsDefinition(name="artist")


def ensure_partitions(instance: dg.DagsterInstance, artist_keys: Iterable[str]) -> None:
    """Add the keys that are not partitions yet, in their order.

    Dagster hides events of unknown partitions.
    """
    keys = list(dict.fromkeys(artist_keys))
    if keys:
        instance.add_dynamic_partitions(str(ARTIST.name), keys)
