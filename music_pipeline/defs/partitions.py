"""The one partitioning of the catalogue: an artist. Nothing outside `defs/` knows what a partition is."""

import dagster as dg

ARTIST = dg.DynamicPartitionsDefinition(name="artist")


def ensure_partitions(instance: dg.DagsterInstance, artist_keys: set[str]) -> None:
    """Make the keys partitions, if they are none yet: an event of a key that is no partition is invisible."""
    missing = sorted(key for key in artist_keys if not instance.has_dynamic_partition(str(ARTIST.name), key))
    if missing:
        instance.add_dynamic_partitions(str(ARTIST.name), missing)
