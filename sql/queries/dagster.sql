-- name: lock_dagster_schema
-- IF NOT EXISTS alone fails when two processes come at once. The lock is the session's, and ends with it.
SELECT pg_advisory_lock(hashtext('dagster schema'))

-- name: create_dagster_schema
CREATE SCHEMA IF NOT EXISTS dagster

-- name: run_shows_life
SELECT EXISTS (SELECT FROM sweeps WHERE run_id = :run_id AND ended_at IS NULL
                 AND heartbeat_at >= now() - make_interval(secs => :young_seconds))
    OR EXISTS (SELECT FROM work WHERE lease_run_id = :run_id AND lease_until > now())
