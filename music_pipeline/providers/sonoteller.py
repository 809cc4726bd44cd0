"""Sonoteller: what a song's lyrics are about, by the address of its audio. Through RapidAPI; each call is one of few.

No real answer of it has been seen. That it takes a POST of {"file": address} rests on its maker's tutorial; the names
of the fields on what clients of others expect: summary, language, explicit, and lists of moods, themes and keywords.
These clients disagree on two things, and both are read: a list may come as an object with numbered entries, and
explicit as Yes or No. A field that comes in any other kind is left out, and an answer of which nothing can be read is
an error that names the fields that came. https://rapidapi.com/sonoteller1-sonoteller-default/api/sonoteller-ai1

Its music endpoint is not asked: of that even the names of the fields are guesses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from music_pipeline.gateway.errors import ProviderFailure, UnreadableAnswer
from music_pipeline.gateway.fields import UNSTORABLE, Reader
from music_pipeline.gateway.provider import Provider, Quirk, Quota, ResponseKind
from music_pipeline.gateway.request import Endpoint, Request, Sender

SONOTELLER = Provider(  # the free plan is said to hold 10 calls a month; one a second and two minutes are assumptions
    name="sonoteller",
    base_url="https://sonoteller-ai1.p.rapidapi.com",
    sandbox_path="/sonoteller",
    quota=Quota(1, 1),
    quota_per_account=True,
    metadata_ttl=timedelta(days=365),
    credentials=("SONOTELLER_API_KEY",),
    timeout_seconds=120.0,
    headers=(("X-RapidAPI-Host", "sonoteller-ai1.p.rapidapi.com"),),
    secret_headers=(("X-RapidAPI-Key", "SONOTELLER_API_KEY"),),
    monthly_quota=10,
    quirks=frozenset({Quirk.REFUSALS_ARE_FREE}),
    error_codes={None: ResponseKind.REFUSED},
)

LYRICS = Endpoint(SONOTELLER, "lyrics", "/lyrics")
FIELDS = ("summary", "language", "explicit", "moods", "themes", "keywords")
SPOKEN = {"yes": True, "no": False}
MOST_NAMES = 20
# The example of Sonoteller's own documentation.
EXAMPLE_AUDIO = (
    "https://storage.googleapis.com/musikame-files/"
    "thefatrat-mayday-feat-laura-brehm-lyriclyrics-videocopyright-free-music.mp3"
)

read = Reader("sonoteller")


@dataclass(frozen=True, slots=True)
class LyricsAnalysis:
    """What the lyrics are about. None: the field did not come, or in a kind that is not expected; empty: it came so.

    `names`: the fields of the answer, of which some may not be read.
    """

    summary: str | None
    language: str | None
    explicit: bool | None
    moods: tuple[str, ...] | None
    themes: tuple[str, ...] | None
    keywords: tuple[str, ...] | None
    names: tuple[str, ...]

    @property
    def is_understood(self) -> bool:
        """Whether any field came in the kind that is expected."""
        return any(getattr(self, name) is not None for name in FIELDS)


def parse_lyrics(payload: object) -> LyricsAnalysis:
    """The part of a response that can be read. Raises UnreadableAnswer if it is no object."""
    found = read.mapping(payload, "lyrics")
    names = (UNSTORABLE.sub("", name).strip() for name in found)
    return LyricsAnalysis(
        summary=_text(found.get("summary")),
        language=_text(found.get("language")),
        explicit=_flag(found.get("explicit")),
        moods=_texts(found.get("moods")),
        themes=_texts(found.get("themes")),
        keywords=_texts(found.get("keywords")),
        names=tuple(name for name in names if name)[:MOST_NAMES],
    )


def _text(value: object) -> str | None:
    """Text, which may be empty; None for anything else."""
    try:
        return (read.text(value, "text") or "") if isinstance(value, str) else None
    except UnreadableAnswer:  # longer than any summary
        return None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return SPOKEN.get(value.strip().lower()) if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...] | None:
    """The texts of a list, or of an object whose keys are numbers; None if an entry is no text."""
    entries = list(value.values()) if isinstance(value, Mapping) and _is_numbered(value) else value
    if not isinstance(entries, list):
        return None
    texts = [_text(entry) for entry in entries]
    return None if None in texts else tuple(dict.fromkeys(text for text in texts if text))


def _is_numbered(value: Mapping[str, object]) -> bool:
    return all(key.isdecimal() for key in value)


class SonotellerClient:
    """Sonoteller's analysis of lyrics. Every call is one of a month's few: a failed one is not repeated here.

    `fresh_since`: see Gateway.send. Raises ProviderError's kinds.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.lyrics(EXAMPLE_AUDIO, fresh_since=since)

    async def lyrics(self, audio_url: str, *, fresh_since: datetime | None = None) -> LyricsAnalysis:
        """What the lyrics of the audio at a public address are about. An unreadable response is cached too."""
        request = Request.post(LYRICS, file=audio_url)
        found = (await self._sender.send(request, parse_lyrics, fresh_since=fresh_since, attempts=1)).body
        if found is None or not found.is_understood:
            came = ", ".join(found.names) if found and found.names else "nothing"
            text = f"sonoteller lyrics: of {', '.join(FIELDS)} none came in the expected kind; what came: {came:.300}"
            raise ProviderFailure("sonoteller", LYRICS.name, text)
        return found
