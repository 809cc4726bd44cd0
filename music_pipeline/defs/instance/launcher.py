"""A launcher that notices when a run's process and code server are both gone.

Dagster's own learns of a dead process from the code server that started it. If that is gone too, the run would count as
started, and keep its place in the queue, until its time is up.
"""

import dagster as dg
import grpc  # type: ignore[import-untyped]
import sqlalchemy as sa

from music_pipeline.database.engine import get_engine
from music_pipeline.database.queries import query
from music_pipeline.defs.instance.private import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CanCancelExecutionResult,
    CheckRunHealthResult,
    DagsterUserCodeUnreachableError,
    DefaultRunLauncher,
    WorkerStatus,
    deserialize_value,
)
from music_pipeline.work.sweeps import SWEEP_HEARTBEAT_YOUNG

ANSWER_SECONDS = 10
ALIVE = CheckRunHealthResult(WorkerStatus.RUNNING)


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches runs as Dagster's does, and tells run monitoring how they are."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a started run lives.

        When in doubt it does: `run_monitoring.max_runtime_seconds` ends the rest.
        """
        if GRPC_INFO_TAG not in run.tags:
            return ALIVE  # started by hand, in a process of its own
        if self._is_known_to_its_server(run) or shows_life(get_engine(), run.run_id):
            return ALIVE
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "Neither its code server nor the ledger has heard of it lately."
        )

    def _is_known_to_its_server(self, run: dg.DagsterRun) -> bool:
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return True  # it ended in the meantime
        request = CanCancelExecutionRequest(run_id=run.run_id)
        try:
            answer = deserialize_value(
                client.can_cancel_execution(request, timeout=ANSWER_SECONDS), CanCancelExecutionResult
            )
        except DagsterUserCodeUnreachableError as error:
            cause = error.__cause__
            return not (isinstance(cause, grpc.RpcError) and cause.code() == grpc.StatusCode.UNAVAILABLE)
        return bool(answer.can_cancel)


def shows_life(engine: sa.Engine, run_id: str) -> bool:
    """Whether the run has a young heartbeat of a sweep, or a lease that has not ended."""
    values = {"run_id": run_id, "young_seconds": SWEEP_HEARTBEAT_YOUNG.total_seconds()}
    with engine.connect() as connection:
        return bool(connection.execute(query("run_shows_life"), values).scalar_one())
