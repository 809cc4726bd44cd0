"""Instagram: what it says of professional accounts. https://developers.facebook.com/docs/instagram-api/guides/business-discovery

Whose account a handle is, is not decided here.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from music_pipeline.gateway.fields import LARGEST_INTEGER, Reader
from music_pipeline.gateway.request import Asking, Endpoint, Question

BUSINESS = Endpoint("instagram", "business", "")  # …/docs/instagram-api/reference/ig-user/business_discovery

FIELDS = "id,username,followers_count,media_count"
HANDLE = re.compile(r"[a-z0-9._]{1,30}")
read = Reader("instagram")


@dataclass(frozen=True, slots=True)
class InstagramAccount:
    """A professional account. `followers_count`: people, `media_count`: posts."""

    id: str
    username: str | None
    followers_count: int | None
    media_count: int | None


def is_handle(text: str) -> bool:
    """Whether an account could be called that."""
    return HANDLE.fullmatch(text) is not None


def parse_business(payload: object) -> InstagramAccount | None:
    """An account; None where the answer holds no id. Raises UnreadableAnswer."""
    found = read.mapping(read.mapping(payload, "answer").get("business_discovery"), "business_discovery")
    account_id = read.id(found.get("id"), "account.id")
    if account_id is None:
        return None
    return InstagramAccount(
        id=account_id,
        username=read.text(found.get("username"), "account.username"),
        followers_count=read.count(found.get("followers_count"), "account.followers_count", largest=LARGEST_INTEGER),
        media_count=read.count(found.get("media_count"), "account.media_count", largest=LARGEST_INTEGER),
    )


class InstagramClient:
    """Instagram's professional accounts. `fresh_since`: see Gateway.ask. Every method raises ProviderError's kinds."""

    def __init__(self, gateway: Asking) -> None:
        self._gateway = gateway

    async def business(self, handle: str, *, fresh_since: datetime | None = None) -> InstagramAccount | None:
        """The account of this handle; None where there is none, and where it is a person's.

        Raises ValueError for what can be no handle (see `is_handle`).
        """
        if not is_handle(handle):
            raise ValueError(f"{handle!r} can be no handle of Instagram.")
        question = Question.of(BUSINESS, fields=f"business_discovery.username({handle}){{{FIELDS}}}")
        return (await self._gateway.ask(question, parse_business, fresh_since=fresh_since)).body
