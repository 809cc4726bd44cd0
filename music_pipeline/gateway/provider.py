"""The providers: where they are, how often they may be called, what they need. Adding one is a row here and a file.

Which endpoints a provider has is in its own file.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Quota:
    """`calls` in any `seconds`. `strict`: the provider refuses the next call at once; else it judges by an average."""

    calls: int
    seconds: float
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    `base_url`: the real one; `sandbox_path`: the same in the sandbox; either may hold a credential that is no secret,
    by name in braces. `per_account`: whether its quota is an account's, or our address's. `credentials`: the names of
    what it needs. `authorization`: the header, with credentials by name in braces; `{token}` is an access token got
    with them. `secret_params`: parameters that hold a credential, as (parameter, name of the credential);
    `secret_headers`: headers likewise. `headers`: what else stands in the header of every request.
    `forbidden_is_gone`: a 403 without a reason means that the endpoint is not for this app; `forbidden_is_haste`: that
    we asked too often. `refused_seconds`: how long it refuses everything after too many calls, where it does not say so
    itself; None where nobody knows. `daily_quota`, `monthly_quota`: calls in any day, or in any 31 days; None where it
    counts none, or nobody knows. `refusals_are_free`: what it refuses for the key or the quota counts for neither.
    """

    name: str
    base_url: str
    sandbox_path: str
    quota: Quota
    per_account: bool
    credentials: tuple[str, ...]
    authorization: str | None
    metadata_ttl: timedelta
    timeout_seconds: float = 30.0
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[tuple[str, str], ...] = ()
    secret_params: tuple[tuple[str, str], ...] = ()
    forbidden_is_gone: bool = False
    forbidden_is_haste: bool = False
    not_found_is_absent: bool = True
    refused_seconds: float | None = None
    daily_quota: int | None = None
    monthly_quota: int | None = None
    refusals_are_free: bool = False
    contact_needed: bool = False
    through_spotipy: bool = False
