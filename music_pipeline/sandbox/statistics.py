"""Counts of the requests served: by endpoint and status, repeats, overruns, early calls.

A repeat is a request that was answered with 2xx or 404 before, and not refused in a 200. An overrun is a refusal by the
quota's rule that a grace of 25 ms would not have prevented. An early call comes before Retry-After ends. Calls within
25 ms of its end do not count. Calls within 25 ms of the refusal do not count either, since the caller cannot know of it
yet. `early_calls_raw` counts them all. `early_arrivals` are their times, in real seconds since 1970, so that a client
can say what it knew by then. Overruns and early calls are judged only if the window or the wait lasts at least a real
second.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from music_pipeline.sandbox.http import SandboxRequest, SandboxResponse
from music_pipeline.sandbox.quota import GRACE_REAL_SECONDS, QuotaSetting, QuotaVerdict

SHORTEST_JUDGED_REAL_SECONDS = 1.0
NOT_FOUND = 404
MOST_EARLY_ARRIVALS = 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """A Retry-After as the caller knows it: its start, its end, and its length."""

    since: float
    until: float
    seconds: float

    def forbids(self, moment: float, grace: float) -> bool:
        """Whether a call at that moment is early."""
        return self.since + grace < moment < self.until - grace


@dataclass(slots=True)
class ProviderStatistics:
    """The counts of one provider."""

    setting: QuotaSetting
    speed: float
    requests: int = 0
    by_endpoint: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    repeats: int = 0
    repeated: Counter[str] = field(default_factory=Counter)
    overruns_raw: int = 0
    refusals: int = 0
    early_calls: int = 0
    early_calls_raw: int = 0
    answered: set[int] = field(default_factory=set)
    overruns_of_day: int = 0
    early_arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_EARLY_ARRIVALS))
    refused_until: float | None = None
    told: "Told | None" = None
    first: float | None = None
    last: float = 0.0
    accepted_after_first_window: int = 0

    def count_arrival(self, moment: float, verdict: QuotaVerdict) -> None:
        """Count a request as it comes in."""
        self.requests += 1
        self.overruns_raw += verdict.overrun
        self.refusals += verdict.refused
        if self.first is None:
            self.first = moment
        self.last = moment
        if not verdict.refused and moment - self.first >= self.setting.window:
            self.accepted_after_first_window += 1
        self.overruns_of_day += verdict.overrun_of_day
        if self.refused_until is not None and moment < self.refused_until:
            self.early_calls_raw += 1
            self.early_arrivals.append(moment / self.speed)
        if self.told is not None and self.told.forbids(moment, GRACE_REAL_SECONDS * self.speed):
            self.early_calls += self.told.seconds / self.speed >= SHORTEST_JUDGED_REAL_SECONDS

    def count_answer(
        self, moment: float, request: SandboxRequest, endpoint_name: str, answer: SandboxResponse, *, repeatable: bool
    ) -> None:
        """Count a request as it is answered, and remember the answer for repeats and early calls."""
        self.by_endpoint[endpoint_name] += 1
        self.by_status[answer.status] += 1
        identity = hash(request.identity())
        if not repeatable and identity in self.answered:
            self.repeats += 1
            self.repeated[endpoint_name] += 1
        if not answer.refusal and (200 <= answer.status < 300 or answer.status == NOT_FOUND):
            self.answered.add(identity)
        if answer.retry_after is not None:
            self.refused_until = max(self.refused_until or 0.0, moment + answer.retry_after)

    def count_delivery(self, arrived: float, sent: float, answer: SandboxResponse) -> None:
        """Remember the wait that an answer asked for, from when it was sent."""
        if answer.retry_after is None:
            return
        told = Told(sent, arrived + answer.retry_after, answer.retry_after)
        if self.told is not None and sent < self.told.until:  # the caller waits already
            told = Told(self.told.since, max(self.told.until, told.until), max(self.told.seconds, told.seconds))
        self.told = told

    def report(self) -> dict[str, Any]:
        """The counts for the control interface."""
        judged = self.setting.window / self.speed >= SHORTEST_JUDGED_REAL_SECONDS
        return {
            "requests": self.requests,
            "by_endpoint": dict(sorted(self.by_endpoint.items())),
            "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
            "repeats": self.repeats,
            "repeats_by_endpoint": dict(sorted(self.repeated.items())),
            "refusals": self.refusals,
            "overruns": self.overruns_raw if judged else 0,
            "overruns_raw": self.overruns_raw,
            "overruns_judged": judged,
            "overruns_of_day": self.overruns_of_day,
            "early_calls": self.early_calls,
            "early_calls_raw": self.early_calls_raw,
            "early_arrivals": list(self.early_arrivals),
            "use": self._use(),
        }

    def _use(self) -> float | None:
        """Accepted requests ÷ what the quota allowed, from the end of the first window on; None before."""
        if self.first is None or self.last - self.first <= self.setting.window:
            return None
        span = self.last - self.first - self.setting.window
        return round(self.accepted_after_first_window / (self.setting.nominal_rate * span), 4)
