"""Instagram: figures of professional accounts. https://developers.facebook.com/docs/instagram-api/guides/business-discovery

It does not decide who owns a handle.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from music_pipeline.gateway.fields import LARGEST_INTEGER, Reader
from music_pipeline.gateway.provider import Provider, Quota, ResponseKind
from music_pipeline.gateway.request import Endpoint, Request, Sender

INSTAGRAM = Provider(  # https://developers.facebook.com/docs/graph-api/overview/rate-limiting: 200 a user in any hour
    name="instagram",
    base_url="https://graph.facebook.com/v25.0/{INSTAGRAM_USER_ID}",
    sandbox_path="/instagram/v25.0/{INSTAGRAM_USER_ID}",
    quota=Quota(200, 3600),
    quota_per_account=True,
    # The numbers change by the hour: a cached response only serves callers of the same moment.
    metadata_ttl=timedelta(minutes=10),
    credentials=("INSTAGRAM_API_KEY", "INSTAGRAM_USER_ID"),
    secret_params=(("access_token", "INSTAGRAM_API_KEY"),),
    refused_seconds=3600.0,
    error_codes={  # https://developers.facebook.com/docs/graph-api/guides/error-handling
        1: ResponseKind.SERVER_ERROR,
        2: ResponseKind.SERVER_ERROR,
        4: ResponseKind.RATE_LIMITED,
        10: ResponseKind.CREDENTIALS_REFUSED,
        17: ResponseKind.RATE_LIMITED,
        32: ResponseKind.RATE_LIMITED,
        190: ResponseKind.CREDENTIALS_REFUSED,
        613: ResponseKind.RATE_LIMITED,
        80002: ResponseKind.RATE_LIMITED,
        2207013: ResponseKind.ABSENT,  # a subcode of 110: nobody of that name, or a personal account
        **dict.fromkeys(range(200, 300), ResponseKind.CREDENTIALS_REFUSED),
    },
)

BUSINESS = Endpoint(INSTAGRAM, "business", "")  # …/docs/instagram-api/reference/ig-user/business_discovery

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
    """An account; None if the response holds no id. Raises UnreadableAnswer."""
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
    """Instagram's professional accounts. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.business("ninasimonemusic", fresh_since=since)

    async def business(self, handle: str, *, fresh_since: datetime | None = None) -> InstagramAccount | None:
        """The account of this handle; None if there is none, or if it is a person's.

        Raises ValueError for what can be no handle (see `is_handle`).
        """
        if not is_handle(handle):
            raise ValueError(f"{handle!r} can be no handle of Instagram.")
        request = Request.get(BUSINESS, fields=f"business_discovery.username({handle}){{{FIELDS}}}")
        return (await self._sender.send(request, parse_business, fresh_since=fresh_since)).body
