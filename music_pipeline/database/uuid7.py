"""The ids of new artists, releases, recordings, tracks, producers and credits."""

import secrets
import time
from uuid import UUID

RANDOM_BITS = 80
VERSION_AT, VARIANT_AT = 76, 62


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds since 1970, then random bits.

    Rows made together lie together in every index on such ids. With random ids each new row is on its own page, and
    Postgres logs the whole page: the larger the catalogue, the more.
    """
    bits = time.time_ns() // 1_000_000 << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    bits = bits & ~(0xF << VERSION_AT) | 7 << VERSION_AT
    return UUID(int=bits & ~(0b11 << VARIANT_AT) | 0b10 << VARIANT_AT)
