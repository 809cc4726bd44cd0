-- Producers: their credits, and their profiles at other services.

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

-- name: move_producer_ids
UPDATE external_ids SET entity_id = :kept_id WHERE entity = 'producer' AND entity_id = :merged_id

-- name: redirect_producer
UPDATE producers SET redirects_to = :kept_id, inactive_at = now(), inactive_reason = :reason
WHERE producer_id = :merged_id AND redirects_to IS NULL

-- name: merge_credit_sources
-- Where both producers have the same credit, the kept credit takes over the sources that only the other has.
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
-- Recordings with a producer from MusicBrainz or Discogs. Genius is not asked about these.
SELECT DISTINCT c.recording_id FROM credits c
JOIN credit_sources s ON s.credit_id = c.credit_id AND s.inactive_at IS NULL AND s.provider <> 'genius'
WHERE c.recording_id = ANY (CAST(:recording_ids AS uuid[])) AND c.inactive_at IS NULL

-- name: recordings_of_credits
SELECT DISTINCT recording_id FROM credits WHERE credit_id = ANY (CAST(:credit_ids AS uuid[]))

-- name: producer_to_look_up
-- The producer, or the one that it was merged into, with its ids at the providers.
SELECT p.producer_id, p.name,
       coalesce((SELECT jsonb_agg(jsonb_build_object('provider', x.provider, 'id', x.id, 'confidence', x.confidence)
                                  ORDER BY x.provider, x.id)
                 FROM external_ids x WHERE x.entity = 'producer' AND x.entity_id = p.producer_id), '[]') AS ids
FROM producers asked JOIN producers p ON p.producer_id = coalesce(asked.redirects_to, asked.producer_id)
WHERE asked.producer_id = CAST(:producer_id AS uuid)

-- name: profiles_of_producer
SELECT url, source, service, handle, evidence, confidence FROM producer_profiles
WHERE producer_id = :producer_id AND inactive_at IS NULL

-- name: followers_of_producer
SELECT handle, followers, fetched_at FROM profile_followers WHERE producer_id = :producer_id AND service = :service

-- name: write_producer_profiles
INSERT INTO producer_profiles (producer_id, url, source, service, handle, evidence, confidence)
SELECT :producer_id, url, source, service, handle, evidence, confidence
FROM jsonb_populate_recordset(CAST(NULL AS producer_profiles), CAST(:rows AS jsonb)) AS r
ON CONFLICT (producer_id, url, source) DO UPDATE
SET service = excluded.service, handle = excluded.handle, evidence = excluded.evidence, confidence = excluded.confidence,
    last_seen_at = now(), inactive_at = NULL, inactive_reason = NULL
WHERE (producer_profiles.service, producer_profiles.handle, producer_profiles.evidence, producer_profiles.confidence,
       producer_profiles.last_seen_at::date, producer_profiles.inactive_at)
      IS DISTINCT FROM (excluded.service, excluded.handle, excluded.evidence, excluded.confidence, now()::date, NULL)

-- name: inactivate_producer_profiles
UPDATE producer_profiles SET inactive_at = now(), inactive_reason = :reason
WHERE producer_id = :producer_id AND source = :source AND inactive_at IS NULL
  AND url = ANY (CAST(:urls AS text[]))

-- name: write_producer_answers
INSERT INTO producer_answers (producer_id, provider, outcome, items, error)
SELECT :producer_id, provider, outcome, items, error
FROM jsonb_populate_recordset(CAST(NULL AS producer_answers), CAST(:rows AS jsonb)) AS r
ON CONFLICT (producer_id, provider) DO UPDATE
SET outcome = excluded.outcome, items = excluded.items, error = excluded.error, asked_at = now()

-- name: write_profile_followers
-- A plausible count replaces the last one. Any other outcome keeps the last count.
INSERT INTO profile_followers (producer_id, service, handle, followers, fetched_at, outcome, error)
SELECT :producer_id, service, handle, followers, fetched_at, outcome, error
FROM jsonb_populate_recordset(CAST(NULL AS profile_followers), CAST(:rows AS jsonb)) AS r
ON CONFLICT (producer_id, service, handle) DO UPDATE
SET followers = coalesce(excluded.followers, profile_followers.followers),
    fetched_at = coalesce(excluded.fetched_at, profile_followers.fetched_at),
    outcome = excluded.outcome, error = excluded.error, asked_at = now()

-- name: profiles_version
SELECT count(*) AS rows, md5(string_agg(concat_ws('|', url, source, service, handle, evidence, confidence), ','
                                        ORDER BY url, source)) AS version
FROM producer_profiles WHERE producer_id = :producer_id AND inactive_at IS NULL

-- name: move_producer_profiles
UPDATE producer_profiles f SET producer_id = :kept_id
WHERE f.producer_id = :merged_id AND NOT EXISTS (
    SELECT FROM producer_profiles k WHERE k.producer_id = :kept_id AND k.url = f.url AND k.source = f.source)

-- name: move_profile_followers
UPDATE profile_followers f SET producer_id = :kept_id
WHERE f.producer_id = :merged_id AND NOT EXISTS (
    SELECT FROM profile_followers k
    WHERE k.producer_id = :kept_id AND k.service = f.service AND k.handle = f.handle)

-- name: producers_without_look_up
-- The producers of an artist's recordings whose profiles were never looked up.
SELECT DISTINCT p.producer_id, p.name
FROM artist_releases ar
JOIN active_tracks t ON t.release_id = ar.release_id
JOIN credits c ON c.recording_id = t.recording_id AND c.inactive_at IS NULL
JOIN producers p ON p.producer_id = c.producer_id AND p.inactive_at IS NULL AND p.redirects_to IS NULL
WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL
  AND NOT EXISTS (SELECT FROM producer_answers a WHERE a.producer_id = p.producer_id)
ORDER BY p.producer_id

-- name: producers_due_for_look_up
-- Producers with a credit whose profiles were never looked up or are too old, or whose followers are due again.
SELECT p.producer_id, p.name
FROM producers p
WHERE p.inactive_at IS NULL AND p.redirects_to IS NULL
  AND EXISTS (SELECT FROM credits c WHERE c.producer_id = p.producer_id AND c.inactive_at IS NULL)
  AND NOT EXISTS (SELECT FROM work w WHERE w.stage = 'social_enrichment' AND w.subject = p.producer_id::text)
  AND NOT EXISTS (SELECT FROM dead_work w WHERE w.stage = 'social_enrichment' AND w.subject = p.producer_id::text)
  AND (NOT EXISTS (SELECT FROM producer_answers a WHERE a.producer_id = p.producer_id)
       OR EXISTS (SELECT FROM producer_answers a WHERE a.producer_id = p.producer_id
                  AND a.asked_at < now() - make_interval(days => :evidence_days))
       OR EXISTS (SELECT FROM profile_followers f WHERE f.producer_id = p.producer_id AND (f.outcome <> 'skipped' OR :with_skipped)
                  AND f.asked_at < now() - make_interval(hours => :followers_hours)))
ORDER BY p.producer_id
LIMIT :limit

-- name: profile_counts
SELECT count(*) AS producers,
       count(*) FILTER (WHERE EXISTS (SELECT FROM producer_answers a WHERE a.producer_id = p.producer_id)) AS looked_up,
       count(*) FILTER (WHERE EXISTS (SELECT FROM producer_profiles f WHERE f.producer_id = p.producer_id
                                      AND f.inactive_at IS NULL)) AS with_profiles,
       count(*) FILTER (WHERE EXISTS (SELECT FROM profile_followers n WHERE n.producer_id = p.producer_id
                                      AND n.followers IS NOT NULL)) AS with_followers
FROM producers p WHERE p.inactive_at IS NULL AND p.redirects_to IS NULL
