"""The providers: where they are, how often they may be called, what they need. Adding one is a row here and a file.

Which endpoints a provider has is in its own file.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from music_pipeline.gateway.provider import Provider, Quota
from music_pipeline.settings import SettingError, positive_integer

QUOTA = re.compile(r"^(\d+)/(\d+(?:\.\d+)?)$")


PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(  # the limit is unpublished: 90 is what a small app seems to get
            name="spotify",
            base_url="https://api.spotify.com/v1",
            sandbox_path="/spotify/v1",
            quota=Quota(90, 30),
            per_account=True,
            credentials=("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"),
            authorization="Bearer {token}",
            metadata_ttl=timedelta(days=30),
            forbidden_is_gone=True,
            through_spotipy=True,
        ),
        Provider(  # https://musicbrainz.org/doc/MusicBrainz_API/Rate_Limiting
            name="musicbrainz",
            base_url="https://musicbrainz.org/ws/2",
            sandbox_path="/musicbrainz/ws/2",
            quota=Quota(1, 1, strict=False),
            per_account=False,
            credentials=(),
            authorization=None,
            metadata_ttl=timedelta(days=90),
            timeout_seconds=60.0,
            contact_needed=True,
        ),
        Provider(  # https://www.discogs.com/developers#page:home,header:home-rate-limiting
            name="discogs",
            base_url="https://api.discogs.com",
            sandbox_path="/discogs",
            quota=Quota(60, 60),
            per_account=False,
            credentials=("DISCOGS_TOKEN",),
            authorization="Discogs token={DISCOGS_TOKEN}",
            metadata_ttl=timedelta(days=30),
        ),
        Provider(  # the limit is unpublished: one a second is what clients keep to
            name="genius",
            base_url="https://api.genius.com",
            sandbox_path="/genius",
            quota=Quota(60, 60),
            per_account=True,
            credentials=("GENIUS_ACCESS_TOKEN",),
            authorization="Bearer {GENIUS_ACCESS_TOKEN}",
            metadata_ttl=timedelta(days=30),
        ),
        Provider(  # the limit is unpublished: 5 a second, averaged over 5 minutes, is what clients keep to
            name="lastfm",
            base_url="https://ws.audioscrobbler.com/2.0",
            sandbox_path="/lastfm/2.0",
            quota=Quota(1500, 300),
            per_account=False,
            credentials=("LASTFM_API_KEY",),
            authorization=None,
            secret_params=(("api_key", "LASTFM_API_KEY"),),
            metadata_ttl=timedelta(days=7),
            not_found_is_absent=False,
        ),
        Provider(  # https://developers.deezer.com/api: 50 requests in 5 seconds
            name="deezer",
            base_url="https://api.deezer.com",
            sandbox_path="/deezer",
            quota=Quota(50, 5),
            per_account=False,
            credentials=(),
            authorization=None,
            metadata_ttl=timedelta(days=30),
            not_found_is_absent=False,
            forbidden_is_haste=True,
        ),
        Provider(  # the limit is unpublished: one a second is an assumption
            name="reccobeats",
            base_url="https://api.reccobeats.com/v1",
            sandbox_path="/reccobeats/v1",
            quota=Quota(60, 60),
            per_account=False,
            credentials=(),
            authorization=None,
            metadata_ttl=timedelta(days=90),
            not_found_is_absent=False,
        ),
        Provider(  # https://acousticbrainz.readthedocs.io/api.html: 10 in 10 seconds; it may be down for good
            name="acousticbrainz",
            base_url="https://acousticbrainz.org/api/v1",
            sandbox_path="/acousticbrainz/api/v1",
            quota=Quota(10, 10),
            per_account=False,
            credentials=(),
            authorization=None,
            metadata_ttl=timedelta(days=90),
            not_found_is_absent=False,
        ),
        Provider(  # https://getsongbpm.com/api: 3,000 an hour, and the key is blocked for an hour where there are more
            name="getsongbpm",
            base_url="https://api.getsong.co",
            sandbox_path="/getsongbpm",
            quota=Quota(3000, 3600),
            per_account=True,
            credentials=("GETSONGBPM_API_KEY",),
            authorization=None,
            secret_params=(("api_key", "GETSONGBPM_API_KEY"),),
            metadata_ttl=timedelta(days=30),
            not_found_is_absent=False,
            refused_seconds=3600.0,
        ),
        Provider(  # https://developers.facebook.com/docs/graph-api/overview/rate-limiting: 200 a user in any hour
            name="instagram",
            base_url="https://graph.facebook.com/v25.0/{INSTAGRAM_USER_ID}",
            sandbox_path="/instagram/v25.0/{INSTAGRAM_USER_ID}",
            quota=Quota(200, 3600),
            per_account=True,
            credentials=("INSTAGRAM_API_KEY", "INSTAGRAM_USER_ID"),
            authorization=None,
            secret_params=(("access_token", "INSTAGRAM_API_KEY"),),
            # Its numbers change by the hour: an answer serves those who ask at the same time.
            metadata_ttl=timedelta(minutes=10),
            not_found_is_absent=False,
            refused_seconds=3600.0,
        ),
        Provider(  # https://rapidapi.com/sonoteller1-sonoteller-default/api/sonoteller-ai1: 10 a month are free, others
            # say; one a second, and two minutes to listen to a song, are assumptions
            name="sonoteller",
            base_url="https://sonoteller-ai1.p.rapidapi.com",
            sandbox_path="/sonoteller",
            quota=Quota(1, 1),
            per_account=True,
            credentials=("SONOTELLER_API_KEY",),
            authorization=None,
            headers=(("X-RapidAPI-Host", "sonoteller-ai1.p.rapidapi.com"),),
            secret_headers=(("X-RapidAPI-Key", "SONOTELLER_API_KEY"),),
            metadata_ttl=timedelta(days=365),
            timeout_seconds=120.0,
            not_found_is_absent=False,
            monthly_quota=10,
            refusals_are_free=True,
        ),
    )
}


def configured_provider(name: str) -> Provider:
    """The provider, with the quotas of the environment where they are set: `<NAME>_QUOTA` (calls/seconds, as 300/30),
    `<NAME>_DAILY_QUOTA` (calls in any 24 hours) and `<NAME>_MONTHLY_QUOTA` (calls in any 31 days). Raises SettingError,
    also where both days and months would have to be counted.
    """
    declared = PROVIDERS[name]
    daily = _calls(f"{name.upper()}_DAILY_QUOTA", declared.daily_quota)
    monthly = _calls(f"{name.upper()}_MONTHLY_QUOTA", declared.monthly_quota)
    if daily is not None and monthly is not None:
        raise SettingError(f"The calls of {name} are counted by the day or by the month, not by both.")
    return replace(declared, quota=_quota(declared), daily_quota=daily, monthly_quota=monthly)


def _calls(variable: str, declared: int | None) -> int | None:
    return positive_integer(variable, default=1) if os.environ.get(variable) else declared


def _quota(declared: Provider) -> Quota:
    variable = f"{declared.name.upper()}_QUOTA"
    text = os.environ.get(variable)
    if not text:
        return declared.quota
    match = QUOTA.match(text.strip())
    if match is None or int(match[1]) == 0 or float(match[2]) == 0:
        raise SettingError(f"{variable}={text!r} is no quota: it has to be calls/seconds, as 90/30.")
    return Quota(int(match[1]), float(match[2]), declared.quota.strict)
