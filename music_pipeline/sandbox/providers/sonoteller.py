"""Sonoteller behind RapidAPI: the analysis of the lyrics of an audio file, by its address.

RapidAPI is emulated as documented: a key and a host in the headers, three refusals, and on every other answer what is
left of the plan's month. The analysis is a guess in parts. Its fields have the names that clients expect. Clients
disagree on their form, so half of the answers have lists and a boolean, the other half numbered objects and Yes or No.
The values are derived from the address. The answer for a file that cannot be fetched is a guess, and so are the empty
fields for a file without vocals.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace

from music_pipeline.sandbox.http import (
    Headers,
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    endpoint,
    json_response,
)
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.quota import QuotaVerdict
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest, number

HOST = "sonoteller-ai1.p.rapidapi.com"
PAGE = "https://rapidapi.com/sonoteller1-sonoteller-default/api/sonoteller-ai1"
INVALID_KEY = "Invalid API key. Go to https://docs.rapidapi.com/docs/keys for more info."
OVER_PLAN = f"You have exceeded the MONTHLY quota for Requests on your current plan, BASIC. Upgrade your plan at {PAGE}"
ADDRESS = re.compile(r"https?://\S+")
MOODS = ("Bittersweet", "Calm", "Dark", "Dreamy", "Energetic", "Happy", "Hopeful", "Melancholic", "Romantic", "Sad")
THEMES = ("Change", "Friendship", "Heartbreak", "Home", "Longing", "Loss", "Love", "Night", "Party", "Travel")
KEYWORDS = (
    "city",
    "dance",
    "distance",
    "fire",
    "light",
    "memory",
    "rain",
    "river",
    "road",
    "silence",
    "summer",
    "time",
)
WORDS = {True: "Yes", False: "No", None: None}
LANGUAGES = ("English", "English", "English", "French", "German", "Japanese", "Portuguese", "Spanish")


def refusal(status: int, text: str) -> SandboxResponse:
    """One of RapidAPI's refusals."""
    return json_response({"message": text}, status)


def analysis(address: str) -> Json:
    """The analysis of a file's lyrics; empty for a file without vocals."""
    if not covered("sonoteller sung", address):
        return {"summary": "", "language": "", "explicit": None, "moods": [], "themes": [], "keywords": []}
    moods, themes = _some(MOODS, 3, "moods", address), _some(THEMES, 3, "themes", address)
    return {
        "summary": f"The lyrics tell of {themes[0].lower()}; their mood is {moods[0].lower()}.",
        "language": LANGUAGES[digest("sonoteller language", address) % len(LANGUAGES)],
        "explicit": digest("sonoteller explicit", address) % 10 == 0,
        "moods": moods,
        "themes": themes,
        "keywords": _some(KEYWORDS, 6, "keywords", address),
    }


def _some(choices: Sequence[str], most: int, *key: object) -> list[str]:
    """Some of the choices, at least one, in an order of their own."""
    ordered = sorted(choices, key=lambda choice: digest("sonoteller", choice, *key))
    return ordered[: number(1, most, "sonoteller count", *key)]


def numbered(fields: Json) -> Json:
    """The analysis in its other form."""
    others = {name: {str(place): text for place, text in enumerate(value)} for name, value in fields.items()
              if isinstance(value, list)}  # fmt: skip
    return fields | others | {"explicit": WORDS[fields["explicit"]]}


class Sonoteller(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.endpoints: tuple[SandboxEndpoint, ...] = (endpoint("POST", "lyrics", self.lyrics),)

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require a subscriber's key and the API's name."""
        key = request.header("x-rapidapi-key")
        if not key:
            return refusal(401, INVALID_KEY)
        if request.header("x-rapidapi-host") != HOST:
            return refusal(404, "API doesn't exists")
        return refusal(403, "You are not subscribed to this API.") if "wrong" in key else None

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429. The header of every answer says how long the plan's month still lasts."""
        return replace(refusal(429, OVER_PLAN), retry_after=seconds)

    def quota_headers(self, limit: int, verdict: QuotaVerdict) -> Headers:
        """What is left of the plan's month: requests and seconds."""
        return (
            ("x-ratelimit-requests-limit", str(limit)),
            ("x-ratelimit-requests-remaining", str(max(0, limit - verdict.used))),
            ("x-ratelimit-requests-reset", str(math.ceil(verdict.reset_in))),
        )

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return refusal(404, f"Endpoint '{request.path}' does not exist")

    def lyrics(self, request: SandboxRequest) -> SandboxResponse:
        """POST /lyrics {"file": address}."""
        address = _address(request.body)
        if address is None:
            return json_response({"error": "file has to be the public address of an audio file"}, 400)
        if not covered("sonoteller fetched", address):
            return json_response({"error": "the file could not be fetched"}, 400)
        found = analysis(address)
        return json_response(found if covered("sonoteller lists", address) else numbered(found))


def _address(body: bytes) -> str | None:
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    file = asked.get("file") if isinstance(asked, dict) else None
    return file if isinstance(file, str) and ADDRESS.fullmatch(file) else None
