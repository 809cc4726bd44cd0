"""The part of Instagram's Graph API by which one account looks at another: business_discovery.

This module parses `fields` and holds the accounts, the usage headers and the errors. An unknown handle and a personal
account get the same answer.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from music_pipeline.sandbox.http import Headers, Json, SandboxEndpoint, SandboxRequest, SandboxResponse, json_response
from music_pipeline.sandbox.providers.base import Emulator, RefusedError
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.quota import QuotaVerdict
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest, number
from music_pipeline.sandbox.world.social import profiles_of

DISCOVERY = re.compile(r"business_discovery\.username\((?P<handle>[^()]*)\)(?:\{(?P<fields>.*)\})?")
MEDIA = re.compile(r"media(?P<modifiers>(?:\.\w+\([^()]*\))*)(?:\{(?P<fields>[^{}]*)\})?")
LIMIT = re.compile(r"\.limit\((?P<limit>\d{1,3})\)")
AFTER = re.compile(r"\.after\((?P<cursor>\d{1,9})\)")
NODE = re.compile(r"\d{5,25}")
DEFAULT_MEDIA = 25
WEEK_SECONDS = 604_800
NEWEST_MEDIA = 1_790_000_000
UNSUPPORTED = (
    "Unsupported get request. Object with ID '{}' does not exist, cannot be loaded due to missing permissions, or "
    "does not support this operation. Please read the Graph API documentation at "
    "https://developers.facebook.com/docs/graph-api"
)


class UnknownHandleError(Exception):
    """No professional account has the handle."""


@dataclass(frozen=True, slots=True)
class ProfessionalAccount:
    """A professional account."""

    handle: str
    name: str
    website: str | None
    followers: int
    follows: int
    media: int

    @property
    def identity(self) -> str:
        """The id of the account, which Instagram writes as a string."""
        return str(17_841_400_000_000_000 + digest("instagram", self.handle) % 99_999_999_999)


def error(code: int, text: str, **details: object) -> SandboxResponse:
    """Graph's error object, always with status 400."""
    trace = f"A{digest('trace', code, text) % 16**22:022x}"
    return json_response(
        {"error": {"message": text, "type": "OAuthException", "code": code, **details, "fbtrace_id": trace}}, 400
    )


class Instagram(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.world = site.world
        path = re.compile(r"/v\d{1,2}\.\d/(?P<node>[^/]+)/?")
        self.endpoints: tuple[SandboxEndpoint, ...] = (SandboxEndpoint("GET", path, "business_discovery", self.node),)

    @cached_property
    def accounts(self) -> dict[str, ProfessionalAccount]:
        """The professional accounts by handle."""
        found: dict[str, ProfessionalAccount] = {}
        for artist in self.world.artists.values():
            profiles = profiles_of(artist)
            if profiles.instagram and covered("instagram professional", artist.key):
                found[profiles.instagram] = _account(profiles.instagram, artist.name, profiles.homepage)
        return found

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require a token, in the query or the header."""
        scheme, _, value = request.header("authorization").partition(" ")
        token = request.first("access_token") or (value if scheme.lower() in {"bearer", "oauth"} else "")
        if not token:
            return error(104, "An access token is required to request this resource.")
        if "wrong" in token:
            text = "Error validating access token: Session has expired."
            return error(190, text, error_subcode=463)
        return None

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """Error 4, with status 400."""
        return error(4, "(#4) Application request limit reached", is_transient=True)

    def quota_headers(self, limit: int, verdict: QuotaVerdict) -> Headers:
        """The usage in percent of what is allowed, on every answer."""
        share = min(100, 100 * verdict.used // limit)
        usage = {"call_count": share, "total_cputime": share // 4, "total_time": share // 3}
        minutes = math.ceil(verdict.wait / 60)
        business = [{"type": "instagram", **usage, "estimated_time_to_regain_access": minutes}]
        return (
            ("x-app-usage", json.dumps(usage)),
            ("x-business-use-case-usage", json.dumps({"17841405309211844": business})),
            ("facebook-api-version", "v25.0"),
        )

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """Error 2500."""
        return error(2500, f"Unknown path components: {request.path}")

    def is_repeatable(self, endpoint_name: str) -> bool:
        """True: followers change, so clients ask again."""
        return True

    def node(self, request: SandboxRequest, node: str) -> SandboxResponse:
        """GET /{version}/{id}?fields=business_discovery.username(HANDLE){…}."""
        if not NODE.fullmatch(node):
            return error(100, UNSUPPORTED.format(node))
        view: Json = {}
        try:
            for field in split_fields(request.first("fields") or "id"):
                view |= self._field(field)
        except RefusedError as refusal:
            return error(refusal.code, str(refusal))
        except UnknownHandleError as unknown:
            return self._invalid_user(str(unknown))
        return json_response(view | {"id": node})

    def _field(self, field: str) -> Json:
        match = DISCOVERY.fullmatch(field)
        if match is not None:
            return {"business_discovery": self._discovered(match["handle"], split_fields(match["fields"] or ""))}
        if field != "id":
            raise RefusedError(100, f"(#100) Tried accessing nonexisting field ({field})")
        return {}

    def _discovered(self, handle: str, fields: list[str]) -> Json:
        account = self.accounts.get(handle.strip().lower())
        if account is None:
            raise UnknownHandleError(handle)
        view: Json = {}
        for field in fields:
            media = MEDIA.fullmatch(field)
            if media is not None:
                view["media"] = _media(account, media["modifiers"], split_fields(media["fields"] or "id"))
            elif field not in ACCOUNT_FIELDS:
                raise RefusedError(100, f"(#100) Tried accessing nonexisting field ({field})")
            elif (value := ACCOUNT_FIELDS[field](account)) is not None:
                view[field] = value
        return view | {"id": account.identity}

    @staticmethod
    def _invalid_user(handle: str) -> SandboxResponse:
        return error(
            110,
            "Invalid user id",
            error_subcode=2207013,
            is_transient=False,
            error_user_title="Cannot find User",
            error_user_msg=f"The user with username: {handle} cannot be found.",
        )


ACCOUNT_FIELDS: dict[str, Callable[[ProfessionalAccount], object]] = {
    "id": lambda account: account.identity,
    "username": lambda account: account.handle,
    "name": lambda account: account.name,
    "biography": lambda account: f"{account.name} — official",
    "website": lambda account: account.website,
    "followers_count": lambda account: account.followers,
    "follows_count": lambda account: account.follows,
    "media_count": lambda account: account.media,
    "profile_picture_url": lambda account: f"https://scontent.xx.fbcdn.net/v/{account.identity}.jpg",
}
MEDIA_FIELDS: dict[str, Callable[[ProfessionalAccount, int], object]] = {
    "id": lambda account, place: str(18_000_000_000_000_000 + digest("media", account.handle, place) % 10**14),
    "like_count": lambda account, place: digest("likes", account.handle, place) % max(2, account.followers // 10),
    "comments_count": lambda account, place: digest("comments", account.handle, place) % 50,
    "media_type": lambda account, place: "IMAGE",
    "timestamp": lambda account, place: NEWEST_MEDIA - place * WEEK_SECONDS,
}


def _account(handle: str, name: str, website: str | None) -> ProfessionalAccount:
    level = number(1, 1_300, "followers", handle)
    return ProfessionalAccount(
        handle=handle,
        name=name,
        website=website,
        followers=level * level + 17,
        follows=number(3, 900, "follows", handle),
        media=number(0, 400, "media count", handle),
    )


def _media(account: ProfessionalAccount, modifiers: str, fields: list[str]) -> Json:
    """A page of an account's media, the newest first."""
    unknown = next((field for field in fields if field not in MEDIA_FIELDS), None)
    if unknown is not None:
        raise RefusedError(100, f"(#100) Tried accessing nonexisting field ({unknown})")
    limit, after = LIMIT.search(modifiers), AFTER.search(modifiers)
    start = int(after["cursor"]) if after else 0
    end = min(account.media, start + (int(limit["limit"]) if limit else DEFAULT_MEDIA))
    names = dict.fromkeys([*fields, "id"])
    data = [{name: MEDIA_FIELDS[name](account, place) for name in names} for place in range(start, end)]
    cursors = {"after": str(end)} if end < account.media else {}
    return {"data": data, "paging": {"cursors": cursors}}


def split_fields(text: str) -> list[str]:
    """The fields of a comma list; commas inside braces or brackets do not separate."""
    fields: list[str] = []
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if character == "," and depth == 0:
            fields.append(text[start:place].strip())
            start = place + 1
    fields.append(text[start:].strip())
    return [field for field in fields if field]
