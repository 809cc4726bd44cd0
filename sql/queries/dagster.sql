-- name: lock_dagster_schema
-- IF NOT EXISTS alone fails when two processes come at once.
SELECT pg_advisory_xact_lock(hashtext('dagster schema'))

-- name: create_dagster_schema
CREATE SCHEMA IF NOT EXISTS dagster
