-- Who holds a piece of work is written in its row, and in no index: to lease, renew and give back touches one page.

DROP INDEX work_claimable;
DROP INDEX work_waiting;
ALTER TABLE work DROP COLUMN claimable_at;
CREATE INDEX work_claimable ON work (stage, priority, available_at);
CREATE INDEX work_waiting ON work (stage, waiting_provider, available_at) WHERE waiting_provider IS NOT NULL;

-- A page has room for a second, longer version of each of its rows: those that lie together are leased together.
ALTER TABLE work SET (fillfactor = 40);
-- Rows that are there already are given that room too, and lie in the order in which they will be claimed.
CLUSTER work USING work_claimable;
ALTER TABLE work SET WITHOUT CLUSTER;

COMMENT ON COLUMN work.available_at IS 'Not before then a run takes it. A lease that ran out moves it to that end, so that others go first.';
COMMENT ON COLUMN work.lease_until IS 'Until then it belongs to the run lease_run_id, if that does not renew it. In no index, and to stay so.';
COMMENT ON INDEX work_claimable IS 'The order of claims. Leased rows, a batch for each run, lie at its front and are passed over.';
