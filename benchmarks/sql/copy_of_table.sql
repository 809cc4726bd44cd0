-- A table of the same shape as another: columns, defaults, checks, indexes and foreign keys. Without its triggers.
CREATE FUNCTION make_copy_of_table(original regclass, copied name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    reference text;
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE %s INCLUDING ALL)', copied, original);
    FOR reference IN SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = original AND contype = 'f' LOOP
        EXECUTE format('ALTER TABLE %I ADD %s', copied, reference);
    END LOOP;
END $$;
