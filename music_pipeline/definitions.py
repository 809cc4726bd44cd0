"""What Dagster loads: assets, jobs, schedules and sensors, declared in `defs/`.

Dagster loads this in every process it starts, often only to look. So the declarations import names only: no database,
no client, no log. Their bodies import what runs from `defs/runs/`.
"""

import dagster as dg

from music_pipeline.defs.assets.catalog import catalog
from music_pipeline.defs.assets.enrichment import enrichment
from music_pipeline.defs.assets.queues import queues
from music_pipeline.defs.jobs import jobs
from music_pipeline.defs.schedules import schedules
from music_pipeline.defs.sensors import sensors


@dg.definitions
def definitions() -> dg.Definitions:
    return dg.Definitions(
        assets=[catalog(), enrichment(), *queues()],
        jobs=jobs(),
        schedules=schedules(),
        sensors=sensors(),
        # The work is I/O on asyncio. A process per step would cost seconds per run.
        executor=dg.in_process_executor,
    )
