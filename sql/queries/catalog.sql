-- Reading and writing the catalogue. Rows come in as one JSON array, so that a batch is one statement. A row whose
-- content_hash is known already is not written; last_seen_at moves at most once a day.

-- name: explain_change
SELECT set_config('music.why', :why, true), set_config('music.run_id', :run_id, true),
       set_config('music.correlation_id', :correlation_id, true)

-- name: lock_identity
-- Identity is decided by one writer at a time: two who met the same new release at once would make two of it.
SELECT pg_advisory_xact_lock(6851943002)

-- name: entities_of_external_ids
SELECT x.id, x.entity_id FROM external_ids x
WHERE x.entity = :entity AND x.provider = :provider AND x.id = ANY (CAST(:ids AS text[]))

-- name: external_ids_of_entities
SELECT x.entity_id, x.provider, x.id, x.source, x.confidence FROM external_ids x
WHERE x.entity = :entity AND x.entity_id = ANY (CAST(:entity_ids AS uuid[]))
ORDER BY x.entity_id, x.provider, x.id

-- name: write_external_ids
INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)
SELECT entity, provider, id, entity_id, source, confidence
FROM json_populate_recordset(CAST(NULL AS external_ids), CAST(:rows AS json)) AS r
ON CONFLICT (entity, provider, id) DO UPDATE
SET entity_id = excluded.entity_id, source = excluded.source, confidence = excluded.confidence
WHERE (external_ids.entity = 'track' AND external_ids.entity_id <> excluded.entity_id)
   OR (external_ids.entity = 'producer' AND external_ids.entity_id = excluded.entity_id
       AND external_ids.confidence > excluded.confidence)

-- name: artist_of_external_id
WITH RECURSIVE chain AS (
    SELECT a.* FROM external_ids x JOIN artists a ON a.artist_id = x.entity_id
    WHERE x.entity = 'artist' AND x.provider = :provider AND x.id = :id
    UNION ALL
    SELECT a.* FROM chain c JOIN artists a ON a.artist_id = c.redirects_to
)
SELECT artist_id, artist_key, name, content_hash FROM chain WHERE redirects_to IS NULL

-- name: artists_by_key
WITH RECURSIVE chain AS (
    SELECT a.artist_key AS asked_key, a.* FROM artists a WHERE a.artist_key = ANY (CAST(:keys AS text[]))
    UNION ALL
    SELECT c.asked_key, a.* FROM chain c JOIN artists a ON a.artist_id = c.redirects_to
)
SELECT c.asked_key, c.artist_id, c.artist_key, c.name, x.id AS spotify_id
FROM chain c
LEFT JOIN LATERAL (SELECT id FROM external_ids WHERE entity = 'artist' AND provider = 'spotify'
                   AND entity_id = c.artist_id ORDER BY confidence DESC, first_seen_at LIMIT 1) x ON true
WHERE c.redirects_to IS NULL

-- name: artists_by_id
SELECT a.artist_id, a.artist_key, a.name, x.id AS spotify_id
FROM artists a
LEFT JOIN LATERAL (SELECT id FROM external_ids WHERE entity = 'artist' AND provider = 'spotify'
                   AND entity_id = a.artist_id ORDER BY confidence DESC, first_seen_at LIMIT 1) x ON true
WHERE a.artist_id = ANY (CAST(:artist_ids AS uuid[]))

-- name: taken_artist_keys
SELECT artist_key FROM artists WHERE artist_key = :stem OR artist_key LIKE :stem || '-%'

-- name: write_artist
INSERT INTO artists (artist_id, artist_key, name, name_normalised, content_hash)
VALUES (:artist_id, :artist_key, :name, :name_normalised, :content_hash)
ON CONFLICT (artist_id) DO UPDATE
SET name = excluded.name, name_normalised = excluded.name_normalised, content_hash = excluded.content_hash,
    last_seen_at = now(), inactive_at = NULL, inactive_reason = NULL
WHERE artists.content_hash <> excluded.content_hash OR artists.inactive_at IS NOT NULL
   OR artists.last_seen_at < now() - interval '1 day'

-- name: write_releases
INSERT INTO releases (release_id, title, title_normalised, release_type, release_date, total_tracks, content_hash)
SELECT release_id, title, title_normalised, release_type, release_date, total_tracks, content_hash
FROM json_populate_recordset(CAST(NULL AS releases), CAST(:rows AS json)) AS r
ON CONFLICT (release_id) DO UPDATE
SET title = excluded.title, title_normalised = excluded.title_normalised, release_type = excluded.release_type,
    release_date = excluded.release_date, total_tracks = excluded.total_tracks, content_hash = excluded.content_hash,
    tracks_read_at = CASE WHEN releases.total_tracks IS NOT DISTINCT FROM excluded.total_tracks
                          THEN releases.tracks_read_at END,
    last_seen_at = now(), inactive_at = NULL, inactive_reason = NULL
WHERE releases.content_hash <> excluded.content_hash OR releases.inactive_at IS NOT NULL
   OR releases.last_seen_at < now() - interval '1 day'

-- name: write_artist_releases
INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash)
SELECT :artist_id, release_id, credited_as, content_hash
FROM json_populate_recordset(CAST(NULL AS artist_releases), CAST(:rows AS json)) AS r
ON CONFLICT (artist_id, release_id) DO UPDATE
SET credited_as = excluded.credited_as, content_hash = excluded.content_hash, last_seen_at = now(),
    inactive_at = NULL, inactive_reason = NULL
WHERE artist_releases.content_hash <> excluded.content_hash OR artist_releases.inactive_at IS NOT NULL
   OR artist_releases.last_seen_at < now() - interval '1 day'

-- name: releases_of_artist
SELECT r.release_id, r.title, r.release_type, r.release_date, r.total_tracks, r.tracks_read_at, r.barcode,
       ar.credited_as, x.id AS spotify_id
FROM artist_releases ar
JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
JOIN external_ids x ON x.entity = 'release' AND x.provider = 'spotify' AND x.entity_id = r.release_id
WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL
ORDER BY r.release_date, r.title, x.id

-- name: inactivate_artist_releases
UPDATE artist_releases SET inactive_at = now(), inactive_reason = :reason
WHERE artist_id = :artist_id AND release_id = ANY (CAST(:release_ids AS uuid[])) AND inactive_at IS NULL

-- name: inactivate_orphaned_releases
UPDATE releases SET inactive_at = now(), inactive_reason = :reason
WHERE release_id = ANY (CAST(:release_ids AS uuid[])) AND inactive_at IS NULL
  AND NOT EXISTS (SELECT FROM artist_releases ar WHERE ar.release_id = releases.release_id AND ar.inactive_at IS NULL)

-- name: releases_version
SELECT count(*) AS rows, md5(string_agg(r.content_hash || ar.content_hash, ',' ORDER BY r.content_hash, ar.content_hash))
    AS version
FROM artist_releases ar JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL

-- name: candidate_recordings
-- Recordings that an incoming track may be: of the same ISRC, or of the same folded title by an artist of the release.
-- Each way by its own index: joined by OR, they would be one scan of all recordings.
WITH candidates AS (
    SELECT recording_id FROM recording_isrcs WHERE isrc = ANY (CAST(:isrcs AS text[]))
    UNION
    SELECT t.recording_id FROM artist_releases ar JOIN active_tracks t ON t.release_id = ar.release_id
    WHERE ar.artist_id = :artist_id
    UNION
    SELECT recording_id FROM recordings
    WHERE title_normalised = ANY (CAST(:titles AS text[])) AND artist_names && CAST(:artist_names AS text[])
)
SELECT r.recording_id, r.title, r.title_normalised, r.versions, r.artist_names, r.duration_ms,
       coalesce((SELECT array_agg(isrc ORDER BY isrc) FROM recording_isrcs i WHERE i.recording_id = r.recording_id), '{}')
           AS isrcs
FROM candidates JOIN recordings r ON r.recording_id = candidates.recording_id
WHERE r.inactive_at IS NULL

-- name: tracks_of_releases
SELECT t.track_id, t.release_id, t.recording_id, t.disc_number, t.position, t.title, x.id AS spotify_id
FROM active_tracks t
LEFT JOIN LATERAL (SELECT id FROM external_ids WHERE entity = 'track' AND provider = 'spotify'
                   AND entity_id = t.track_id ORDER BY first_seen_at DESC LIMIT 1) x ON true
WHERE t.release_id = ANY (CAST(:release_ids AS uuid[]))
ORDER BY t.release_id, t.disc_number, t.position

-- name: write_recordings
INSERT INTO recordings (recording_id, title, title_normalised, versions, artist_names, duration_ms, explicit, content_hash)
SELECT recording_id, title, title_normalised, versions, artist_names, duration_ms, explicit, content_hash
FROM json_populate_recordset(CAST(NULL AS recordings), CAST(:rows AS json)) AS r
ON CONFLICT (recording_id) DO UPDATE SET last_seen_at = now(), inactive_at = NULL, inactive_reason = NULL
WHERE recordings.inactive_at IS NOT NULL OR recordings.last_seen_at < now() - interval '1 day'

-- name: first_places_of_recordings
-- Where each recording stands first: on its earliest release, whichever was read first.
SELECT DISTINCT ON (t.recording_id) t.recording_id, t.release_id, t.disc_number, t.position
FROM active_tracks t
JOIN releases r ON r.release_id = t.release_id
LEFT JOIN external_ids x ON x.entity = 'release' AND x.provider = 'spotify' AND x.entity_id = r.release_id
WHERE t.recording_id = ANY (CAST(:recording_ids AS uuid[])) AND r.inactive_at IS NULL
ORDER BY t.recording_id, r.release_date, r.title, x.id, t.disc_number, t.position

-- name: describe_recordings
UPDATE recordings
SET title = r.title, title_normalised = r.title_normalised, versions = r.versions, artist_names = r.artist_names,
    duration_ms = r.duration_ms, explicit = r.explicit, content_hash = r.content_hash
FROM jsonb_populate_recordset(CAST(NULL AS recordings), CAST(:rows AS jsonb)) AS r
WHERE recordings.recording_id = r.recording_id AND recordings.content_hash <> r.content_hash

-- name: write_recording_isrcs
INSERT INTO recording_isrcs (recording_id, isrc, source)
SELECT recording_id, isrc, source
FROM json_populate_recordset(CAST(NULL AS recording_isrcs), CAST(:rows AS json)) AS r
ON CONFLICT DO NOTHING

-- name: write_tracks
INSERT INTO release_tracks (track_id, release_id, recording_id, disc_number, position, title, content_hash)
SELECT track_id, release_id, recording_id, disc_number, position, title, content_hash
FROM json_populate_recordset(CAST(NULL AS release_tracks), CAST(:rows AS json)) AS r
ON CONFLICT (release_id, disc_number, position) WHERE inactive_at IS NULL DO UPDATE
SET recording_id = excluded.recording_id, title = excluded.title, content_hash = excluded.content_hash,
    last_seen_at = now()
WHERE release_tracks.content_hash <> excluded.content_hash OR release_tracks.recording_id <> excluded.recording_id
   OR release_tracks.last_seen_at < now() - interval '1 day'

-- name: inactivate_tracks
UPDATE release_tracks SET inactive_at = now(), inactive_reason = :reason
WHERE track_id = ANY (CAST(:track_ids AS uuid[])) AND inactive_at IS NULL

-- name: mark_tracks_read
UPDATE releases SET tracks_read_at = now()
WHERE release_id = ANY (CAST(:release_ids AS uuid[]))
  AND (tracks_read_at IS NULL OR tracks_read_at < now() - interval '1 day')

-- name: tracks_version
SELECT count(*) AS rows, md5(string_agg(t.content_hash || rec.content_hash, ','
           ORDER BY r.content_hash, t.disc_number, t.position, t.content_hash)) AS version
FROM artist_releases ar
JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
JOIN active_tracks t ON t.release_id = r.release_id
JOIN recordings rec ON rec.recording_id = t.recording_id
WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL

-- name: recordings_on_releases
-- Every track of the artist's releases with what identity needs of its recording.
SELECT t.release_id, t.track_id, t.recording_id, t.disc_number, t.position, t.title, rec.duration_ms, rec.artist_names,
       coalesce((SELECT array_agg(isrc ORDER BY isrc) FROM recording_isrcs i WHERE i.recording_id = t.recording_id), '{}')
           AS isrcs
FROM artist_releases ar
JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
JOIN active_tracks t ON t.release_id = r.release_id
JOIN recordings rec ON rec.recording_id = t.recording_id
WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL
ORDER BY t.release_id, t.disc_number, t.position

-- name: producers_of_external_ids
WITH RECURSIVE chain AS (
    SELECT x.provider, x.id, p.producer_id, p.redirects_to
    FROM jsonb_populate_recordset(CAST(NULL AS external_ids), CAST(:people AS jsonb)) AS w
    JOIN external_ids x ON x.entity = 'producer' AND x.provider = w.provider AND x.id = w.id
    JOIN producers p ON p.producer_id = x.entity_id
    UNION ALL
    SELECT c.provider, c.id, p.producer_id, p.redirects_to FROM chain c JOIN producers p ON p.producer_id = c.redirects_to
)
SELECT provider, id, producer_id FROM chain WHERE redirects_to IS NULL

-- name: producers_named
SELECT p.producer_id, p.name_normalised, x.provider, x.id
FROM producers p JOIN external_ids x ON x.entity = 'producer' AND x.entity_id = p.producer_id
WHERE p.redirects_to IS NULL AND p.name_normalised = ANY (CAST(:names AS text[]))

-- name: write_producers
INSERT INTO producers (producer_id, name, name_normalised, kind, content_hash)
SELECT producer_id, name, name_normalised, kind, content_hash
FROM json_populate_recordset(CAST(NULL AS producers), CAST(:rows AS json)) AS r
ON CONFLICT (producer_id) DO UPDATE SET last_seen_at = now(), inactive_at = NULL, inactive_reason = NULL
WHERE producers.inactive_at IS NOT NULL OR producers.last_seen_at < now() - interval '1 day'

-- name: write_credits
INSERT INTO credits (credit_id, recording_id, release_id, producer_id, role, role_class, credited_as, confidence, content_hash)
SELECT credit_id, recording_id, release_id, producer_id, role, role_class, credited_as, confidence, content_hash
FROM json_populate_recordset(CAST(NULL AS credits), CAST(:rows AS json)) AS r
ON CONFLICT (credit_id) DO UPDATE
SET role = excluded.role, credited_as = excluded.credited_as, confidence = excluded.confidence,
    content_hash = excluded.content_hash, last_seen_at = now(), inactive_at = NULL, inactive_reason = NULL
WHERE credits.content_hash <> excluded.content_hash OR credits.inactive_at IS NOT NULL
   OR credits.last_seen_at < now() - interval '1 day'

-- name: write_credit_sources
INSERT INTO credit_sources (credit_id, provider, level, provider_entity, provider_id, role, credited_as,
                            match_confidence, field_confidence)
SELECT credit_id, provider, level, provider_entity, provider_id, role, credited_as, match_confidence, field_confidence
FROM json_populate_recordset(CAST(NULL AS credit_sources), CAST(:rows AS json)) AS r
ON CONFLICT (credit_id, provider, level, provider_id, role) DO UPDATE
SET credited_as = excluded.credited_as, match_confidence = excluded.match_confidence,
    field_confidence = excluded.field_confidence, last_seen_at = now(), inactive_at = NULL, inactive_reason = NULL
WHERE (credit_sources.credited_as, credit_sources.match_confidence, credit_sources.field_confidence)
      IS DISTINCT FROM (excluded.credited_as, excluded.match_confidence, excluded.field_confidence)
   OR credit_sources.inactive_at IS NOT NULL OR credit_sources.last_seen_at < now() - interval '1 day'

-- name: credits_of_recordings
SELECT c.credit_id, c.recording_id, c.release_id, c.producer_id, c.role, c.role_class, c.credited_as, c.inactive_at,
       s.provider, s.level, s.provider_entity, s.provider_id, s.role AS source_role, s.credited_as AS source_credited_as,
       s.match_confidence, s.field_confidence, s.inactive_at AS source_inactive_at
FROM credits c
JOIN producers p ON p.producer_id = c.producer_id AND p.redirects_to IS NULL
LEFT JOIN credit_sources s ON s.credit_id = c.credit_id
WHERE c.recording_id = ANY (CAST(:recording_ids AS uuid[]))

-- name: inactivate_credit_sources
UPDATE credit_sources s SET inactive_at = now(), inactive_reason = :reason
FROM json_populate_recordset(CAST(NULL AS credit_sources), CAST(:rows AS json)) AS r
WHERE s.credit_id = r.credit_id AND s.provider = r.provider AND s.level = r.level AND s.provider_id = r.provider_id
  AND s.role = r.role AND s.inactive_at IS NULL

-- name: inactivate_unsourced_credits
UPDATE credits c SET inactive_at = now(), inactive_reason = :reason
WHERE c.recording_id = ANY (CAST(:recording_ids AS uuid[])) AND c.inactive_at IS NULL
  AND NOT EXISTS (SELECT FROM credit_sources s WHERE s.credit_id = c.credit_id AND s.inactive_at IS NULL)

-- name: credits_version
SELECT count(*) AS rows,
       md5(string_agg(rec.content_hash || p.name || c.content_hash, ','
           ORDER BY rec.content_hash, p.name, c.role_class, c.content_hash)) AS version
FROM (SELECT DISTINCT t.recording_id FROM artist_releases ar
      JOIN active_tracks t ON t.release_id = ar.release_id
      WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL) held
JOIN credits c ON c.recording_id = held.recording_id AND c.inactive_at IS NULL
JOIN recordings rec ON rec.recording_id = c.recording_id
JOIN producers p ON p.producer_id = c.producer_id

-- name: write_provider_answers
INSERT INTO provider_answers (artist_id, provider, question, outcome, items, expected, error, content_hash)
SELECT artist_id, provider, question, outcome, items, expected, error, content_hash
FROM json_populate_recordset(CAST(NULL AS provider_answers), CAST(:rows AS json)) AS r
ON CONFLICT (artist_id, provider, question) DO UPDATE
SET outcome = excluded.outcome, items = excluded.items, expected = excluded.expected, error = excluded.error,
    content_hash = excluded.content_hash, asked_at = now()

-- name: review_of
SELECT review_id, status, chosen_id FROM reviews WHERE kind = :kind AND subject = :subject

-- name: write_review
INSERT INTO reviews (kind, subject, question, candidates, evidence)
VALUES (:kind, :subject, :question, CAST(:candidates AS jsonb), CAST(:evidence AS jsonb))
ON CONFLICT (kind, subject) DO UPDATE
SET candidates = excluded.candidates, evidence = excluded.evidence
WHERE reviews.status = 'open'
  AND (reviews.candidates, reviews.evidence) IS DISTINCT FROM (excluded.candidates, excluded.evidence)
RETURNING review_id

-- name: hold_change
INSERT INTO held_changes (artist_id, entity, row_keys, known, answered, reason)
VALUES (:artist_id, :entity, CAST(:row_keys AS jsonb), :known, :answered, :reason)
ON CONFLICT (artist_id, entity) WHERE status = 'held' DO UPDATE
SET row_keys = excluded.row_keys, known = excluded.known, answered = excluded.answered, reason = excluded.reason
WHERE (held_changes.row_keys, held_changes.known, held_changes.answered)
      IS DISTINCT FROM (excluded.row_keys, excluded.known, excluded.answered)

-- name: supersede_held_change
UPDATE held_changes SET status = 'superseded', decided_at = now(), decided_why = 'A later complete answer held the rows again.'
WHERE artist_id = :artist_id AND entity = :entity AND status = 'held'

-- name: rejected_held_rows
-- Rows that a person decided to keep although a provider no longer lists them.
SELECT row_keys FROM held_changes WHERE artist_id = :artist_id AND entity = :entity AND status = 'rejected'

-- name: move_producer_ids
UPDATE external_ids SET entity_id = :kept_id WHERE entity = 'producer' AND entity_id = :merged_id

-- name: redirect_producer
UPDATE producers SET redirects_to = :kept_id, inactive_at = now(), inactive_reason = :reason
WHERE producer_id = :merged_id AND redirects_to IS NULL

-- name: merge_credit_sources
-- Where both had the same credit, the kept one takes over what only the other's sources said.
INSERT INTO credit_sources (credit_id, provider, level, provider_entity, provider_id, role, credited_as,
                            match_confidence, field_confidence)
SELECT kept.credit_id, s.provider, s.level, s.provider_entity, s.provider_id, s.role, s.credited_as,
       s.match_confidence, s.field_confidence
FROM credits merged
JOIN credits kept ON kept.producer_id = :kept_id AND kept.recording_id = merged.recording_id
     AND kept.role_class = merged.role_class AND kept.release_id IS NOT DISTINCT FROM merged.release_id
JOIN credit_sources s ON s.credit_id = merged.credit_id AND s.inactive_at IS NULL
WHERE merged.producer_id = :merged_id
ON CONFLICT DO NOTHING

-- name: inactivate_merged_credits
UPDATE credits merged SET inactive_at = now(), inactive_reason = :reason
FROM credits kept
WHERE merged.producer_id = :merged_id AND merged.inactive_at IS NULL AND kept.producer_id = :kept_id
  AND kept.recording_id = merged.recording_id AND kept.role_class = merged.role_class
  AND kept.release_id IS NOT DISTINCT FROM merged.release_id

-- name: move_credits
UPDATE credits SET producer_id = :kept_id WHERE producer_id = :merged_id AND inactive_at IS NULL

-- name: recordings_with_producer
-- Recordings for which MusicBrainz or Discogs named a producer before: Genius is not asked for these.
SELECT DISTINCT c.recording_id FROM credits c
JOIN credit_sources s ON s.credit_id = c.credit_id AND s.inactive_at IS NULL AND s.provider <> 'genius'
WHERE c.recording_id = ANY (CAST(:recording_ids AS uuid[])) AND c.inactive_at IS NULL

-- name: database_now
SELECT now()
