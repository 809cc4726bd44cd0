"""The work ledger's public face: enqueue, claim, finish, retry, bury, and how the queue stands.

What it does is in `music_pipeline.ledger`, what a payload holds in `music_pipeline.payloads`; the other rooms import
from here.
"""

from music_pipeline.ledger.leases import Heartbeat, claim, give_back, heartbeat, renew
from music_pipeline.ledger.operator import (
    DeadWork,
    NothingSelected,
    OpenWork,
    cancel,
    list_dead,
    open_work,
    purge,
    requeue,
)
from music_pipeline.ledger.overview import (
    DUE_COUNTED_TO,
    StageStanding,
    Sweep,
    Waiting,
    begin_sweep,
    due,
    end_sweep,
    overdue,
    prune,
    record_batch,
    standing,
    sweep_heartbeat,
    sweeps_in_progress,
    waiting_for,
)
from music_pipeline.ledger.policies import RetryPolicy, retry_policy
from music_pipeline.ledger.records import (
    CATALOG_STAGES,
    PRIORITY_OF_ORIGIN,
    Answer,
    Enqueued,
    EnqueueRequest,
    LeaseLost,
    Origin,
    Selector,
    Stage,
    StopReason,
    WorkItem,
)
from music_pipeline.ledger.requests import enqueue, enqueue_many, request_artist_discovery
from music_pipeline.ledger.settlement import bury, finish, postpone, record_issue, retry
from music_pipeline.payloads import InvalidPayload

__all__ = [
    "CATALOG_STAGES",
    "DUE_COUNTED_TO",
    "PRIORITY_OF_ORIGIN",
    "Answer",
    "DeadWork",
    "EnqueueRequest",
    "Enqueued",
    "Heartbeat",
    "InvalidPayload",
    "LeaseLost",
    "NothingSelected",
    "OpenWork",
    "Origin",
    "RetryPolicy",
    "Selector",
    "Stage",
    "StageStanding",
    "StopReason",
    "Sweep",
    "Waiting",
    "WorkItem",
    "begin_sweep",
    "bury",
    "cancel",
    "claim",
    "due",
    "end_sweep",
    "enqueue",
    "enqueue_many",
    "finish",
    "give_back",
    "heartbeat",
    "list_dead",
    "open_work",
    "overdue",
    "postpone",
    "prune",
    "purge",
    "record_batch",
    "record_issue",
    "renew",
    "request_artist_discovery",
    "requeue",
    "retry",
    "retry_policy",
    "standing",
    "sweep_heartbeat",
    "sweeps_in_progress",
    "waiting_for",
]
