-- Where a recording's audio is, an operator says; every look for what is due asks which of these nobody listened to yet.

CREATE INDEX operator_audio_addresses ON operator_values (entity_id) WHERE entity = 'recording' AND field = 'audio_url';
