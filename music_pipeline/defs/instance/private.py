"""Every private name of Dagster that we use.

Checked with the version in CHECKED_WITH; a test compares it.
"""

from dagster._config import UserConfigSchema
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.controller import all_daemons_live
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

CHECKED_WITH = "1.13.27"

__all__ = [
    "CHECKED_WITH",
    "GRPC_INFO_TAG",
    "CanCancelExecutionRequest",
    "CanCancelExecutionResult",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "DagsterUserCodeUnreachableError",
    "DefaultRunLauncher",
    "InstigatorState",
    "InstigatorStatus",
    "LocalArtifactStorage",
    "LocalComputeLogManager",
    "UnresolvedAssetJobDefinition",
    "UserConfigSchema",
    "WorkerStatus",
    "all_daemons_live",
    "deserialize_value",
]
