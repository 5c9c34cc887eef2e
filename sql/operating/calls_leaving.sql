-- operating/calls_leaving.sql: before the extension goes.

CREATE OR REPLACE FUNCTION cdc_inner.abandon_all() RETURNS TABLE (place text, kind text, name text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.abandon_all()');
	-- the worker writes no more: what it would have done next was an intent first
	LOCK TABLE cdc.pipeline_spec, cdc.service, cdc.network_peering IN SHARE ROW EXCLUSIVE MODE;
	RETURN QUERY SELECT l.place, l.kind, l.name FROM cdc_inner.left_behind() l;
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, status_from, status_to, message)
		SELECT p.id, 'user', p.status, 'Deleted', format('abandoned by role "%s": what was made for it stays where it is', cdc_inner.caller()) FROM cdc.pipeline_spec p WHERE p.settled_at IS NULL;
	UPDATE cdc.pipeline_spec p SET desired_state = 'deleted', status = 'Deleted', provision_step = NULL, error_message = NULL,
		deleted_at = coalesce(p.deleted_at, now()), settled_at = now(), updated_at = now() WHERE p.settled_at IS NULL;
	INSERT INTO cdc.service_event (service_id, kind, role, message)
		SELECT s.id, 'deleted', cdc_inner.caller(), 'abandoned: it stays as it is' FROM cdc.service s WHERE s.deleted_at IS NULL;
	UPDATE cdc.service s SET status = 'deleting', deleted_at = now(), updated_at = now() WHERE s.deleted_at IS NULL;
	DELETE FROM cdc.service_secret;
	DELETE FROM cdc.topic;
	DELETE FROM cdc.network_peering;
	DELETE FROM cdc.finding;
	PERFORM cdc_inner.end_worker();
END
$$;
COMMENT ON FUNCTION cdc_inner.abandon_all IS
	'Forgets every pipeline and service, with their secrets, changes nothing outside, and returns what is left there: nobody looks after it any more. '
	'Organizations, members and tokens stay. Then DROP EXTENSION is not refused. place: the service, server, node or host. kind: connector, password '
	'file, replication slot, publication, role, lines of pg_hba.conf, topics, network peering or service. name: as it is named there. For superusers.';
