"""The queues: one unpartitioned asset per stage.

Materializing it sweeps the due work of all artists.

The ledger knows what is due. `defs/runs/sweep.py` runs it and reports it to Dagster. No edge leads from a queue to an
asset of the catalogue: each sweep would make every artist stale.
"""

import dagster as dg

from music_pipeline.defs.assets.catalog import OWNER
from music_pipeline.defs.checks import queue_check_specs
from music_pipeline.defs.config import CONFIG_OF_LAUNCH
from music_pipeline.defs.keys import queue_of
from music_pipeline.settings import SCHEMA
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES


def queue(stage: Stage) -> dg.AssetsDefinition:
    """The queue asset of a stage."""
    spec = STAGES[stage]
    config_type = CONFIG_OF_LAUNCH[spec.launch]

    # Dagster reads the config's class from the annotation, and accepts only the bare MaterializeResult.
    def body(context: dg.AssetExecutionContext, config: config_type) -> dg.MaterializeResult:  # type: ignore[valid-type, type-arg]
        from music_pipeline.defs.runs.sweep import sweep_queue

        return sweep_queue(context, stage, config)

    return dg.asset(
        key=queue_of(stage),
        deps=[] if spec.follows is None else [queue_of(spec.follows)],
        group_name="queue",
        kinds={"postgres"},
        owners=[OWNER],
        metadata={"dagster/table_name": f"{SCHEMA}.work", "stage": stage.value},
        check_specs=queue_check_specs(stage),
        description=(
            f"Open work of the stage {stage}. Materializing it sweeps the due work until its time box ends. "
            f"Fills `{spec.asset}`: {spec.description}"
        ),
    )(body)


def queues() -> list[dg.AssetsDefinition]:
    """All queues."""
    return [queue(stage) for stage in STAGES]
