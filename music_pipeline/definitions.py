"""What Dagster loads: the assets of the catalogue, the queues that fill them, and when. Each is declared in `defs/`.

Dagster loads this in every process that it starts, often only to look. So the declarations import names, and nothing
that works: no database, no client, no log. What is done when one of them runs is in `defs/running/`; the body of each
declaration imports it from there, and calls it.
"""

import dagster as dg

from music_pipeline.defs.assets.catalog import catalog
from music_pipeline.defs.assets.enrichment import enrichment
from music_pipeline.defs.assets.queues import queues
from music_pipeline.defs.recounting import count_catalogue, recounting_schedule
from music_pipeline.defs.reprocessing import reprocess_failed_enrichments, reprocessing_schedules
from music_pipeline.defs.schedules import jobs, schedules
from music_pipeline.defs.sensors import sensors
from music_pipeline.defs.social import social_job, social_queue, social_schedule


@dg.definitions
def definitions() -> dg.Definitions:
    return dg.Definitions(
        assets=[catalog, enrichment, *queues(), social_queue],
        jobs=[*jobs(), count_catalogue, reprocess_failed_enrichments, social_job()],
        schedules=[*schedules(), recounting_schedule(), *reprocessing_schedules(), social_schedule()],
        sensors=sensors(),
        # Work is I/O, and asyncio does it: a process for each step would cost seconds a run.
        executor=dg.in_process_executor,
    )
