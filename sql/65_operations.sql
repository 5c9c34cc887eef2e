-- 65_operations.sql: what an operator calls.

-- For pg_cron: asks for a health round now and returns what needs attention as
-- of the last one, in the organisations that the caller may read.  Waits for no
-- network.  WARNING when the reconciler does not act.
CREATE FUNCTION cdc.check_health() RETURNS TABLE (pipeline_id uuid, name text, status text, error_message text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	worker record;
BEGIN
	PERFORM cdc.ask('round', NULL);
	SELECT w.pid, w.state INTO worker FROM cdc.worker_state() w;
	IF worker.pid IS NULL OR worker.state NOT IN ('running', 'starting') THEN
		RAISE WARNING USING MESSAGE = 'the reconciler does not act: nothing is looked at and nothing is repaired',
			DETAIL = CASE WHEN worker.pid IS NULL THEN 'It is not running on this server.' ELSE format('It says: %s.', worker.state) END,
			HINT = 'See docs/operations.md.';
	END IF;
	RETURN QUERY SELECT p.id, p.name, p.status, p.error_message FROM cdc.pipeline_spec p
		WHERE p.deleted_at IS NULL AND (p.status = 'Failed' OR p.error_message IS NOT NULL)
		AND p.organization_id IN (SELECT cdc.caller_organizations()) ORDER BY p.name, p.id;
END
$$;

-- Makes this copy of the metadata the acting one: a restored dump, a pg_upgrade,
-- or after a fence.  Superusers only.  The other copy stops before its next change.
CREATE FUNCTION cdc.take_over() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc.require_superuser('cdc.take_over()');
	UPDATE cdc.control_plane p SET
		installation_id = CASE WHEN p.system_identifier = c.system_identifier THEN p.installation_id ELSE gen_random_uuid() END,
		system_identifier = c.system_identifier,
		-- Above all that any copy can have by now, and two copies of which each
		-- takes over do not meet: failovers add 1 each, and nobody has one a second.
		epoch_base = greatest(p.epoch + 1, extract(epoch FROM clock_timestamp())::bigint), updated_at = now()
		FROM pg_control_system() c;
	PERFORM cdc.ask('round', NULL);
END
$$;

-- Encrypts anew, with the key in the file that cdc_pipeline.secret_key_file names
-- now, every secret that has another key; old_key_file: the file with that one.
-- Superusers only.  Returns how many.  Put the new file in place on every
-- standby first.  Errors: 55000 when a key cannot be used.
CREATE FUNCTION cdc.rotate_secret_key(old_key_file text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	present text;
	n bigint;
	m bigint;
BEGIN
	PERFORM cdc.require_superuser('cdc.rotate_secret_key()');
	present := (cdc.encrypt('', 'rotate_secret_key', 'which key is it?')).key_id;
	UPDATE cdc.service_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc.reencrypt(old_key_file, s.key_id, s.ciphertext, s.service_id::text, s.purpose) e) WHERE s.key_id <> present;
	GET DIAGNOSTICS n = ROW_COUNT;
	UPDATE cdc.pipeline_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc.reencrypt(old_key_file, s.key_id, s.ciphertext, s.pipeline_id::text, s.purpose) e) WHERE s.key_id <> present;
	GET DIAGNOSTICS m = ROW_COUNT;
	-- what could not be decrypted is read again
	PERFORM cdc.ask('round', NULL);
	RETURN n + m;
END
$$;
