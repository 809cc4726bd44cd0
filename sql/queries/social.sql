-- Social enrichment: whose profiles are to be looked up, what is known of them, what was found.

-- name: producer_to_look_up
-- The producer, or what it became when it was merged, with the ids that providers have of it.
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
-- A count that is believed replaces the last one; anything else leaves it.
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
-- The producers of an artist's recordings that nobody was asked about yet.
SELECT DISTINCT p.producer_id, p.name
FROM artist_releases ar
JOIN active_tracks t ON t.release_id = ar.release_id
JOIN credits c ON c.recording_id = t.recording_id AND c.inactive_at IS NULL
JOIN producers p ON p.producer_id = c.producer_id AND p.inactive_at IS NULL AND p.redirects_to IS NULL
WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL
  AND NOT EXISTS (SELECT FROM producer_answers a WHERE a.producer_id = p.producer_id)
ORDER BY p.producer_id

-- name: producers_due_for_look_up
-- Producers with a credit whose profiles were never looked up, or long ago, or whose followers are to be counted again.
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
