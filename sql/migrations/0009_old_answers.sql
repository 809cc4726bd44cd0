-- Answers past their time, oldest first: a sweep takes up a few of them, and must not read the others to find these.

CREATE INDEX recording_sources_old ON recording_sources (expires_at) WHERE status = 'found' AND next_attempt_at IS NULL;
