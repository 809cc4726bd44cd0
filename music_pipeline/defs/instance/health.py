"""Whether Dagster is at work: the heartbeats of its daemon, and which schedules are on. For `music-pipeline doctor`."""

import os

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus
from dagster._daemon.controller import all_daemons_live

from music_pipeline.defs.reprocessing import reprocessing_schedules
from music_pipeline.defs.schedules import schedules
from music_pipeline.defs.social import social_schedule
from music_pipeline.ops.doctor import DagsterHealth
from music_pipeline.settings import PROJECT

ON = (InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE, InstigatorStatus.AUTOMATICALLY_RUNNING)


def dagster_health() -> DagsterHealth:
    """How the instance of DAGSTER_HOME stands, by default the project's."""
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT))
    with dg.DagsterInstance.get() as instance:
        return health_of(instance)


def health_of(instance: dg.DagsterInstance) -> DagsterHealth:
    """How an instance stands. A schedule that was never switched, and never ticked, counts as off."""
    heartbeats = instance.get_daemon_heartbeats().values()
    states = {state.instigator_name: state.status for state in instance.all_instigator_state()}
    names = [schedule.name for schedule in (*schedules(), *reprocessing_schedules(), social_schedule())]
    return DagsterHealth(
        daemon_alive=all_daemons_live(instance),
        daemon_errors=tuple(error.message.strip() for beat in heartbeats for error in beat.errors or ()),
        schedules_on=tuple(name for name in names if states.get(name) in ON),
        schedules_off=tuple(name for name in names if states.get(name) not in ON),
    )
