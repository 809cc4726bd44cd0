"""How Dagster is: the heartbeats of its daemon, and its schedules and sensors.

For `music-pipeline doctor`.
"""

import dagster as dg

from music_pipeline.defs.instance.private import InstigatorState, InstigatorStatus, all_daemons_live
from music_pipeline.ops.doctor import DagsterHealth
from music_pipeline.settings import settings

ON = (InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE, InstigatorStatus.AUTOMATICALLY_RUNNING)


def dagster_health(declared: dg.Definitions) -> DagsterHealth:
    """The health of the instance in DAGSTER_HOME, by default the project's."""
    with dg.DagsterInstance.from_config(str(settings().dagster_home)) as instance:
        return health_of(instance, declared)


def health_of(instance: dg.DagsterInstance, declared: dg.Definitions) -> DagsterHealth:
    """The health of an instance that runs these definitions."""
    heartbeats = instance.get_daemon_heartbeats().values()
    states = {state.instigator_name: state for state in instance.all_instigator_state()}
    schedules = {one.name: _is_on(states.get(one.name)) for one in declared.schedules or ()}
    sensors = {one.name: _is_on(states.get(one.name)) for one in declared.sensors or ()}
    return DagsterHealth(
        daemon_alive=all_daemons_live(instance),
        daemon_errors=tuple(error.message.strip() for beat in heartbeats for error in beat.errors or ()),
        schedules_on=tuple(name for name, on in schedules.items() if on),
        schedules_off=tuple(name for name, on in schedules.items() if not on),
        sensors_on=tuple(name for name, on in sensors.items() if on),
        sensors_off=tuple(name for name, on in sensors.items() if not on),
    )


def _is_on(state: InstigatorState | None) -> bool:
    """A schedule that was never switched and never ticked counts as off."""
    return state is not None and state.status in ON
