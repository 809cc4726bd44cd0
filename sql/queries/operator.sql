-- The operator's own values, the precedence of sources, and who is meant by a reference.

-- name: entities_referred_to
-- Artists by key, everything by our id or a provider's; a track means its recording; what was merged, what it became.
WITH referred AS (
    SELECT 'artist' AS what, a.artist_id AS id FROM artists a
    WHERE a.artist_key = :reference OR a.artist_id = CAST(:uuid AS uuid)
    UNION SELECT 'release', r.release_id FROM releases r WHERE r.release_id = CAST(:uuid AS uuid)
    UNION SELECT 'recording', rec.recording_id FROM recordings rec WHERE rec.recording_id = CAST(:uuid AS uuid)
    UNION SELECT 'track', t.track_id FROM release_tracks t WHERE t.track_id = CAST(:uuid AS uuid)
    UNION SELECT 'producer', p.producer_id FROM producers p WHERE p.producer_id = CAST(:uuid AS uuid)
    UNION SELECT x.entity, x.entity_id FROM external_ids x
          WHERE x.id = :reference AND (CAST(:provider AS text) IS NULL OR x.provider = :provider)
)
SELECT DISTINCT 'artist' AS entity, became.artist_id AS entity_id, became.name
FROM referred JOIN artists a ON what = 'artist' AND a.artist_id = id
JOIN artists became ON became.artist_id = coalesce(a.redirects_to, a.artist_id)
UNION ALL
SELECT DISTINCT 'producer', became.producer_id, became.name
FROM referred JOIN producers p ON what = 'producer' AND p.producer_id = id
JOIN producers became ON became.producer_id = coalesce(p.redirects_to, p.producer_id)
UNION ALL
SELECT 'release', r.release_id, r.title FROM referred JOIN releases r ON what = 'release' AND r.release_id = id
UNION ALL
SELECT DISTINCT 'recording', rec.recording_id, rec.title
FROM referred LEFT JOIN release_tracks t ON what = 'track' AND t.track_id = id
JOIN recordings rec ON rec.recording_id = CASE what WHEN 'recording' THEN id ELSE t.recording_id END
ORDER BY entity, name, entity_id

-- name: shown_values
SELECT field, value FROM enriched_values WHERE recording_id = :recording_id AND field = ANY (CAST(:fields AS text[]))

-- name: write_operator_values
INSERT INTO operator_values (entity, entity_id, field, value, why, set_by)
SELECT :entity, :entity_id, field, value, :why, :by
FROM jsonb_populate_recordset(CAST(NULL AS operator_values), CAST(:rows AS jsonb)) AS r
ON CONFLICT (entity, entity_id, field) DO UPDATE
SET value = excluded.value, why = excluded.why, set_by = excluded.set_by, set_at = now()

-- name: delete_operator_values
DELETE FROM operator_values
WHERE entity = :entity AND entity_id = :entity_id AND field = ANY (CAST(:fields AS text[]))

-- name: held_audio_addresses
-- Nobody can change them before the transaction ends.
SELECT entity_id, value #>> '{}' AS address FROM operator_values
WHERE entity = 'recording' AND field = 'audio_url' AND entity_id = ANY (CAST(:recording_ids AS uuid[]))
ORDER BY entity_id FOR NO KEY UPDATE

-- name: forget_what_was_heard
DELETE FROM recording_sources WHERE recording_id = :recording_id AND source = ANY (CAST(:sources AS text[]))

-- name: move_producer_values
UPDATE operator_values o SET entity_id = :kept_id
WHERE o.entity = 'producer' AND o.entity_id = :merged_id AND NOT EXISTS (
    SELECT FROM operator_values k WHERE k.entity = 'producer' AND k.entity_id = :kept_id AND k.field = o.field)

-- name: field_precedence
SELECT field, source, place, minimum_confidence FROM field_precedence
WHERE CAST(:field AS text) IS NULL OR field = :field ORDER BY field, place

-- name: lock_field_precedence
LOCK TABLE field_precedence IN SHARE ROW EXCLUSIVE MODE

-- name: write_field_precedence
INSERT INTO field_precedence (field, source, place, minimum_confidence)
SELECT field, source, place, minimum_confidence
FROM jsonb_populate_recordset(CAST(NULL AS field_precedence), CAST(:rows AS jsonb)) AS r
ON CONFLICT (field, source) DO UPDATE
SET place = excluded.place, minimum_confidence = excluded.minimum_confidence
WHERE (field_precedence.place, field_precedence.minimum_confidence)
      IS DISTINCT FROM (excluded.place, excluded.minimum_confidence)

-- name: coverage_by_source
SELECT s.source, count(*) FILTER (WHERE s.status IN ('found', 'absent', 'failed')) AS attempted,
       count(*) FILTER (WHERE s.status = 'found') AS found, count(*) FILTER (WHERE s.status = 'absent') AS absent,
       count(*) FILTER (WHERE s.status = 'failed') AS failed, count(*) FILTER (WHERE s.status = 'waiting') AS waiting,
       count(*) FILTER (WHERE s.status = 'unneeded') AS unneeded, count(*) FILTER (WHERE s.status = 'skipped') AS skipped,
       count(*) FILTER (WHERE s.status = 'pending') AS pending, count(*) FILTER (WHERE s.undone_at IS NOT NULL) AS undone
FROM recording_sources s JOIN recordings r ON r.recording_id = s.recording_id AND r.inactive_at IS NULL
GROUP BY s.source
