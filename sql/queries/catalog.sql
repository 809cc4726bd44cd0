-- Read and write artists, releases, recordings and tracks; reviews, held changes, overrides and digests.
-- Rows arrive as one JSON array, so that a batch is one statement. A row with an unchanged content_hash is not written, but
-- its last_seen_at moves once a day at most.

-- name: explain_change
SELECT set_config('music.why', :why, true), set_config('music.run_id', :run_id, true),
       set_config('music.correlation_id', :correlation_id, true)

-- name: lock_identity
-- One writer at a time decides identity. Two writers that met the same new release at once would make two of it.
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
-- Recordings that an incoming track may be: with the same ISRC, by the same artist, or with the same folded title.
-- Each branch uses its own index. Joined by OR, they would scan all recordings.
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
-- The first place of each recording: on its earliest release, in whatever order the releases were read.
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

-- name: all_tracks
-- The rows of the view tracks in one pass over the recordings. That is many times faster than a look-up for each.
SELECT t.track_id, t.release_id, t.recording_id, t.disc_number, t.position, t.title, t.content_hash, t.first_seen_at,
       t.last_seen_at, t.inactive_at, t.inactive_reason, e.metadata, e.audio_features
FROM release_tracks t JOIN enriched_recordings e ON e.recording_id = t.recording_id

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
-- Every track of the artist's releases, with the facts of its recording that identity needs.
SELECT t.release_id, t.track_id, t.recording_id, t.disc_number, t.position, t.title, rec.duration_ms, rec.artist_names,
       coalesce((SELECT array_agg(isrc ORDER BY isrc) FROM recording_isrcs i WHERE i.recording_id = t.recording_id), '{}')
           AS isrcs
FROM artist_releases ar
JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
JOIN active_tracks t ON t.release_id = r.release_id
JOIN recordings rec ON rec.recording_id = t.recording_id
WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL
ORDER BY t.release_id, t.disc_number, t.position

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

-- name: database_now
SELECT now()

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

-- name: entities_referred_to
-- A reference is an artist's key, our id or a provider's id. A track stands for its recording. A merged artist or producer
-- stands for the one that it became.
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

-- name: write_operator_values
INSERT INTO operator_values (entity, entity_id, field, value, why, set_by)
SELECT :entity, :entity_id, field, value, :why, :by
FROM jsonb_populate_recordset(CAST(NULL AS operator_values), CAST(:rows AS jsonb)) AS r
ON CONFLICT (entity, entity_id, field) DO UPDATE
SET value = excluded.value, why = excluded.why, set_by = excluded.set_by, set_at = now()

-- name: delete_operator_values
DELETE FROM operator_values
WHERE entity = :entity AND entity_id = :entity_id AND field = ANY (CAST(:fields AS text[]))

-- name: move_producer_values
UPDATE operator_values o SET entity_id = :kept_id
WHERE o.entity = 'producer' AND o.entity_id = :merged_id AND NOT EXISTS (
    SELECT FROM operator_values k WHERE k.entity = 'producer' AND k.entity_id = :kept_id AND k.field = o.field)

-- name: record_operator_act
INSERT INTO audit (entity, row_key, after, why, run_id, correlation_id)
VALUES (:act, :correlation_id, CAST(:facts AS jsonb), :why, :run_id, :correlation_id)

-- name: digest
-- A hash for each table over its active facts, without our ids and times. An entity is named by its identity in the world:
-- a provider's id, or a place on a release. So two catalogues with the same facts have the same hashes, in whatever order
-- the facts came.
WITH artist_names AS (
    SELECT a.artist_id, concat_ws('|', 'artist', string_agg(x.provider || ':' || x.id, ',' ORDER BY x.provider, x.id)) AS called
    FROM artists a
    LEFT JOIN external_ids x ON x.entity = 'artist' AND x.entity_id = a.artist_id AND x.provider = 'spotify'
    GROUP BY a.artist_id
), release_names AS (
    SELECT r.release_id, concat_ws('|', 'release', string_agg(x.id, ',' ORDER BY x.id)) AS called
    FROM releases r
    LEFT JOIN external_ids x ON x.entity = 'release' AND x.entity_id = r.release_id AND x.provider = 'spotify'
    GROUP BY r.release_id
), track_names AS (
    SELECT t.track_id, t.recording_id, concat_ws('|', 'track', n.called, t.disc_number, t.position) AS called
    FROM active_tracks t JOIN release_names n USING (release_id)
), recording_names AS (
    SELECT r.recording_id,
           concat_ws('|', 'recording', string_agg(t.called, ',' ORDER BY t.called),
                     CASE WHEN count(t.called) = 0 THEN r.title || r.artist_names::text END) AS called
    FROM recordings r LEFT JOIN track_names t USING (recording_id)
    GROUP BY r.recording_id
), producer_names AS (
    SELECT p.producer_id, concat_ws('|', 'producer', string_agg(x.provider || ':' || x.id, ',' ORDER BY x.provider, x.id)) AS called
    FROM producers p LEFT JOIN external_ids x ON x.entity = 'producer' AND x.entity_id = p.producer_id
    GROUP BY p.producer_id
), credit_names AS (
    SELECT c.credit_id, concat_ws('|', 'credit', r.called, p.called, c.role_class, coalesce(n.called, 'every release')) AS called
    FROM credits c
    JOIN recording_names r USING (recording_id)
    JOIN producer_names p USING (producer_id)
    LEFT JOIN release_names n USING (release_id)
), entity_names AS (
    SELECT 'artist' AS entity, artist_id AS entity_id, called FROM artist_names
    UNION ALL SELECT 'release', release_id, called FROM release_names
    UNION ALL SELECT 'track', track_id, called FROM track_names
    UNION ALL SELECT 'recording', recording_id, called FROM recording_names
    UNION ALL SELECT 'producer', producer_id, called FROM producer_names
), facts (table_name, fact) AS (
    SELECT 'artists', jsonb_build_array(n.called, a.name, a.name_normalised)
    FROM artists a JOIN artist_names n USING (artist_id) WHERE a.inactive_at IS NULL AND a.redirects_to IS NULL
    UNION ALL
    SELECT 'releases', jsonb_build_array(n.called, r.title, r.title_normalised, r.release_type, r.release_date,
                                         r.total_tracks, r.barcode, r.tracks_read_at IS NOT NULL)
    FROM releases r JOIN release_names n USING (release_id) WHERE r.inactive_at IS NULL
    UNION ALL
    SELECT 'artist_releases', jsonb_build_array(a.called, r.called, ar.credited_as)
    FROM artist_releases ar JOIN artist_names a USING (artist_id) JOIN release_names r USING (release_id)
    WHERE ar.inactive_at IS NULL
    UNION ALL
    SELECT 'recordings', jsonb_build_array(n.called, r.title, r.title_normalised, r.versions, r.artist_names,
                                           r.duration_ms, r.explicit)
    FROM recordings r JOIN recording_names n USING (recording_id) WHERE r.inactive_at IS NULL
    UNION ALL
    SELECT 'isrcs', jsonb_build_array(n.called, i.isrc, i.source)
    FROM recording_isrcs i JOIN recording_names n USING (recording_id)
    UNION ALL
    SELECT 'tracks', jsonb_build_array(n.called, t.title)
    FROM active_tracks t JOIN track_names n USING (track_id)
    UNION ALL
    SELECT 'producers', jsonb_build_array(n.called, p.name, p.name_normalised, p.kind)
    FROM producers p JOIN producer_names n USING (producer_id) WHERE p.inactive_at IS NULL AND p.redirects_to IS NULL
    UNION ALL
    SELECT 'credits', jsonb_build_array(n.called, c.role, c.credited_as, round(c.confidence::numeric, 4))
    FROM credits c JOIN credit_names n USING (credit_id) WHERE c.inactive_at IS NULL
    UNION ALL
    SELECT 'credit_sources', jsonb_build_array(n.called, s.provider, s.level, s.provider_entity, s.provider_id, s.role,
                                               s.credited_as, round(s.match_confidence::numeric, 4),
                                               round(s.field_confidence::numeric, 4))
    FROM credit_sources s JOIN credit_names n USING (credit_id) JOIN credits c USING (credit_id)
    WHERE s.inactive_at IS NULL AND c.inactive_at IS NULL
    UNION ALL
    SELECT 'recording_sources', jsonb_build_array(n.called, s.source, s.provider, s.status, s.fields,
                                                  round(s.confidence::numeric, 4))
    FROM recording_sources s JOIN recordings r USING (recording_id) JOIN recording_names n USING (recording_id)
    WHERE r.inactive_at IS NULL
    UNION ALL
    SELECT 'producer_profiles', jsonb_build_array(n.called, f.url, f.source, f.service, f.handle, f.evidence,
                                                  round(f.confidence::numeric, 4))
    FROM producer_profiles f JOIN producer_names n USING (producer_id) WHERE f.inactive_at IS NULL
    UNION ALL
    SELECT 'profile_followers', jsonb_build_array(n.called, f.service, f.handle, f.followers, f.outcome)
    FROM profile_followers f JOIN producer_names n USING (producer_id)
    UNION ALL
    SELECT 'external_ids', jsonb_build_array(x.entity, x.provider, x.id, n.called, x.source, round(x.confidence::numeric, 4))
    FROM external_ids x LEFT JOIN entity_names n USING (entity, entity_id)
    UNION ALL
    SELECT 'reviews', jsonb_build_array(v.kind, coalesce(n.called, v.subject), v.candidates, v.evidence, v.status, v.chosen_id)
    FROM reviews v LEFT JOIN artist_names n ON n.artist_id::text = v.subject
    UNION ALL
    SELECT 'held', jsonb_build_array(n.called, h.entity, h.known, h.answered, h.status, (
        SELECT jsonb_agg(row_key - 'release_id' - 'track_id' - 'credit_id' ORDER BY row_key - 'release_id' - 'track_id' - 'credit_id')
        FROM jsonb_array_elements(h.row_keys) AS row_key))
    FROM held_changes h JOIN artist_names n USING (artist_id) WHERE h.status <> 'superseded'
)
SELECT names.table_name, count(fact) AS rows,
       md5(coalesce(string_agg(md5(fact::text), '' ORDER BY md5(fact::text) COLLATE "C"), '')) AS digest
FROM unnest(ARRAY['artists', 'releases', 'artist_releases', 'recordings', 'isrcs', 'tracks', 'producers', 'credits',
                  'credit_sources', 'recording_sources', 'producer_profiles', 'profile_followers', 'external_ids', 'reviews', 'held']) WITH ORDINALITY AS names (table_name, place)
LEFT JOIN facts USING (table_name)
GROUP BY names.table_name, names.place ORDER BY names.place
