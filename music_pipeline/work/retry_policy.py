"""How often and how late work is retried. The decision is a pure function."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from music_pipeline.settings import SettingError, non_negative_number, positive_integer, settings
from music_pipeline.work.model import Stage, StopReason


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`RETRY_<STAGE>_*`: attempts, seconds of backoff, their limit and random share."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    jitter: float

    def delay(self, attempts: int, roll: float) -> timedelta:
        """The delay after the given number of failed attempts.

        `roll`, from [0, 1), shortens it by up to the jitter.
        """
        exponential = self.base_seconds * 2.0 ** min(attempts - 1, 60)
        return timedelta(seconds=min(self.cap_seconds, exponential) * (1 - self.jitter * roll))


def retry_policy(stage: Stage) -> RetryPolicy:
    """The policy of a stage, from the environment. Raises SettingError."""
    prefix = f"RETRY_{stage.upper()}"
    jitter = non_negative_number(f"{prefix}_JITTER", default=0.2)
    if jitter > 1:
        raise SettingError(f"{prefix}_JITTER={jitter} is a share: it must not be above 1.")
    return RetryPolicy(
        max_attempts=positive_integer(f"{prefix}_MAX_ATTEMPTS", default=5),
        base_seconds=non_negative_number(f"{prefix}_BASE_SECONDS", default=60),
        cap_seconds=non_negative_number(f"{prefix}_CAP_SECONDS", default=21_600),
        jitter=jitter,
    )


def lease_seconds() -> int:
    """How long a claim lasts without renewal."""
    return settings().lease_seconds


def lease_renew_seconds() -> int:
    """How often a run renews its leases."""
    return settings().lease_renew_seconds


def provider_wait() -> timedelta:
    """How long work may wait for providers without progress before it is buried."""
    return timedelta(days=settings().provider_wait_days)


def archive_retention_days() -> int:
    """How long finished work, issues and metrics of batches are kept."""
    return settings().archive_retention_days


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that did not succeed.

    `attempts`: failed before it. `progress`: its payload moved on, so the counts start anew. `available_at`: the
    earliest next attempt. None means after the backoff, or at once for work that used no attempt.
    """

    attempts: int
    max_attempts: int
    uses_attempt: bool
    progress: bool
    provider: str | None
    waiting_since: datetime | None
    available_at: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """Retry at `available_at`.

    `waiting_since` is set for work that waits for a provider.
    """

    attempts: int
    available_at: datetime
    waiting_since: datetime | None


def after_failure(failed: FailedAttempt, policy: RetryPolicy, wait: timedelta, roll: float) -> Rescheduled | StopReason:
    """Decide when to retry, or why not."""
    before = 0 if failed.progress else failed.attempts
    if failed.uses_attempt:
        attempts = before + 1
        if attempts >= failed.max_attempts:
            return StopReason.MAX_RETRIES_EXHAUSTED
        return Rescheduled(attempts, failed.available_at or failed.at + policy.delay(attempts, roll), None)
    if failed.provider is None:
        return Rescheduled(before, failed.available_at or failed.at, None)
    since = failed.at if failed.progress or failed.waiting_since is None else failed.waiting_since
    if failed.at - since > wait:
        return StopReason.PROVIDER_UNAVAILABLE
    return Rescheduled(before, failed.available_at or failed.at, since)
