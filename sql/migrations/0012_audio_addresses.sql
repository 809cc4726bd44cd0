-- A source that listens: what the operator says of where a recording's audio is, and its word on explicit lyrics after
-- that of whoever sells the recording.

CREATE INDEX operator_audio_addresses ON operator_values (entity_id) WHERE entity = 'recording' AND field = 'audio_url';

INSERT INTO field_precedence (field, source, place, minimum_confidence)
SELECT 'explicit', 'spotify', 1, 0.5 WHERE NOT EXISTS (SELECT FROM field_precedence WHERE field = 'explicit');

INSERT INTO field_precedence (field, source, place, minimum_confidence)
SELECT 'explicit', 'sonoteller', max(place) + 1, 0.5 FROM field_precedence WHERE field = 'explicit'
HAVING count(*) FILTER (WHERE source = 'sonoteller') = 0;
