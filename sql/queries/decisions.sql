-- name: reviews
SELECT review_id, kind, subject, question, candidates, evidence, status, chosen_id, decided_by, decided_why, created_at,
       decided_at
FROM reviews
WHERE (CAST(:status AS text) IS NULL OR status = :status)
  AND (CAST(:prefix AS text) IS NULL OR starts_with(CAST(review_id AS text), :prefix))
ORDER BY created_at, review_id

-- name: decide_review
UPDATE reviews SET status = :status, chosen_id = :chosen_id, decided_by = :by, decided_why = :why, decided_at = now()
WHERE review_id = :review_id

-- name: held_changes
SELECT h.held_id, h.artist_id, a.artist_key, a.name AS artist, h.entity, h.row_keys, h.known, h.answered, h.reason,
       h.status, h.decided_by, h.decided_why, h.created_at, h.decided_at
FROM held_changes h JOIN artists a USING (artist_id)
WHERE (CAST(:status AS text) IS NULL OR h.status = :status)
  AND (CAST(:prefix AS text) IS NULL OR starts_with(CAST(h.held_id AS text), :prefix))
ORDER BY h.created_at, h.held_id

-- name: decide_held_change
UPDATE held_changes SET status = :status, decided_by = :by, decided_why = :why, decided_at = now()
WHERE held_id = :held_id AND status = 'held' RETURNING held_id

-- name: recordings_of_credits
SELECT DISTINCT recording_id FROM credits WHERE credit_id = ANY (CAST(:credit_ids AS uuid[]))
