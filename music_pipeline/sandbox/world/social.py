"""The profiles that an artist has on social sites, of which MusicBrainz, Discogs and Genius know some.

Handles never follow from a name alone, so that a client that guesses one finds nobody. The shares in `coverage` decide
what a provider lists.
"""

from dataclasses import dataclass

from music_pipeline.sandbox.world.hashing import digest, fraction
from music_pipeline.sandbox.world.model import WorldArtist
from music_pipeline.sandbox.world.text import words

SHARES = {"instagram": 0.85, "twitter": 0.6, "facebook": 0.5, "soundcloud": 0.4, "youtube": 0.5, "homepage": 0.4}
LONGEST_STEM = 10


@dataclass(frozen=True, slots=True)
class Profiles:
    """An artist's handles, YouTube channel and homepage; None for each that is missing."""

    instagram: str | None
    twitter: str | None
    facebook: str | None
    soundcloud: str | None
    youtube: str | None
    homepage: str | None

    def urls(self) -> dict[str, str]:
        """The addresses by site, as MusicBrainz writes them."""
        forms = {
            "instagram": "https://www.instagram.com/{}/",
            "twitter": "https://twitter.com/{}",
            "facebook": "https://www.facebook.com/{}",
            "soundcloud": "https://soundcloud.com/{}",
            "youtube": "https://www.youtube.com/channel/{}",
            "homepage": "{}",
        }
        return {site: form.format(value) for site, form in forms.items() if (value := getattr(self, site))}


NO_PROFILES = Profiles(None, None, None, None, None, None)


def profiles_of(artist: WorldArtist) -> Profiles:
    """An artist's profiles: at least an Instagram account. Various has none."""
    if artist.special:
        return NO_PROFILES
    sites = [site for site, share in SHARES.items() if fraction("profile", site, artist.key) < share]
    stem = "".join(character for word in words(artist.name) for character in word if character.isascii())
    tail = f"{digest('handle', artist.key) % 0xFFFF:04x}"
    values = {
        "instagram": f"{stem[:LONGEST_STEM] or 'music'}.{tail}",
        "twitter": f"{stem[:LONGEST_STEM] or 'music'}{tail}",
        "facebook": f"{stem[:LONGEST_STEM] or 'music'}{tail}official",
        "soundcloud": f"{stem[:LONGEST_STEM] or 'music'}-{tail}",
        "youtube": f"UC{digest('channel', artist.key) % 16**22:022x}",
        "homepage": f"https://www.{stem[:LONGEST_STEM] or 'music'}-{tail}.example/",
    }
    return Profiles(**{site: values[site] if site in (sites or ["instagram"]) else None for site in SHARES})
