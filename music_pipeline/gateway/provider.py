"""What is known of a provider: its address, quota, credentials and habits. Each provider's row is in its own file.

The environment may replace the declared quotas: see `with_configured_quotas`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum, StrEnum, auto

from music_pipeline.settings import SettingError, positive_integer

QUOTA = re.compile(r"^(\d+)/(\d+(?:\.\d+)?)$")


class ResponseKind(StrEnum):
    """What a response means. The values are the outcomes in the table `provider_calls`."""

    ANSWERED = "answered"
    UNCHANGED = "unchanged"  # 304: the cached body still holds
    ABSENT = "absent"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    UNAUTHORISED = "unauthorised"  # 401: the token may have expired
    CREDENTIALS_REFUSED = "credentials_refused"
    GONE = "gone"
    REFUSED = "refused"
    BROKEN = "broken"  # not JSON, or half of it
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"


class Quirk(Enum):
    """A habit in which providers differ."""

    FORBIDDEN_MEANS_GONE = auto()
    """A 403 without a reason means that this app may not call the endpoint."""
    FORBIDDEN_MEANS_RATE_LIMITED = auto()
    NOT_FOUND_MEANS_ABSENT = auto()
    """A 404 about one thing means that there is no such thing. Without this quirk a 404 is a refusal."""
    REFUSALS_ARE_FREE = auto()
    """Calls refused for the key or the quota count towards no quota."""
    NEEDS_CONTACT = auto()
    """Every program must say how to reach its operator."""
    BUILT_BY_SPOTIPY = auto()
    """spotipy builds the requests."""


@dataclass(frozen=True, slots=True)
class Quota:
    """`calls` in any `seconds`. `strict`: the provider refuses the next call at once; else it judges by an average."""

    calls: int
    seconds: float
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    `base_url` is the real address and `sandbox_path` its path in the sandbox. Either may name a credential that is no
    secret, in braces. `quota_per_account`: the quota belongs to an account; else to our IP address. `credentials`:
    names of what the provider needs. `authorization`: the header, with credentials by name in braces; `{token}` is an
    access token obtained with them. `secret_params` and `secret_headers`: pairs of a parameter or header and the
    credential that it holds. `headers`: sent with every request. `refused_seconds`: how long the provider refuses
    everything after too many calls, if it does not say so itself; None if unknown. `daily_quota`, `monthly_quota`:
    calls in any 24 hours or any 31 days; None if there is no such limit, or it is unknown. `error_codes`: meaning of
    the provider's own codes in a body, whatever the status; None is an error without a code. An error with another code
    means what the status says, and a refusal if the status is 200.
    """

    name: str
    base_url: str
    sandbox_path: str
    quota: Quota
    quota_per_account: bool
    metadata_ttl: timedelta
    credentials: tuple[str, ...] = ()
    authorization: str | None = None
    timeout_seconds: float = 30.0
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[tuple[str, str], ...] = ()
    secret_params: tuple[tuple[str, str], ...] = ()
    quirks: frozenset[Quirk] = frozenset()
    refused_seconds: float | None = None
    daily_quota: int | None = None
    monthly_quota: int | None = None
    error_codes: Mapping[int | None, ResponseKind] = field(default_factory=dict, hash=False)


def with_configured_quotas(declared: Provider) -> Provider:
    """Return the provider with the quotas of the environment in place of the declared ones.

    `<NAME>_QUOTA` is calls/seconds, as 300/30; `<NAME>_DAILY_QUOTA` counts calls in any 24 hours;
    `<NAME>_MONTHLY_QUOTA` counts calls in any 31 days. Raises SettingError, also if both days and months would have to
    be counted.
    """
    name = declared.name.upper()
    daily = _calls(f"{name}_DAILY_QUOTA", declared.daily_quota)
    monthly = _calls(f"{name}_MONTHLY_QUOTA", declared.monthly_quota)
    if daily is not None and monthly is not None:
        raise SettingError(f"The calls of {declared.name} are counted by the day or by the month, not by both.")
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
