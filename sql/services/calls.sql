-- services/calls.sql: registering, changing and deleting services.

-- src/remote/connection_keys*.c: every door reads them, nothing about a key is
-- checked elsewhere.
CREATE OR REPLACE FUNCTION cdc.connection_keys() RETURNS TABLE (database_type text, key text, type text, rule text, set_by text,
	secret boolean, directs_secret boolean, on_change text, directs text[], in_use text)
	LANGUAGE c STABLE ROWS 30 AS 'MODULE_PATHNAME', 'cdc_connection_keys';
COMMENT ON FUNCTION cdc.connection_keys IS
	'The rows of view cdc.connection_key, and two columns more. directs: the secrets that go where the key says, NULL: none. in_use: why it stays while a '
	'pipeline uses the service, NULL: it may be changed. For members.';

CREATE OR REPLACE FUNCTION cdc_inner.register_service(name text, database_type text, zone text, connection jsonb,
		version text DEFAULT NULL, organization uuid DEFAULT NULL) RETURNS uuid
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
	whole jsonb := CASE jsonb_typeof(connection) WHEN 'object' THEN (SELECT coalesce(jsonb_object_agg(c.key, c.value), '{}') FROM jsonb_each(connection) c WHERE c.value <> 'null') END;
BEGIN
	organization := coalesce(organization, cdc_inner.default_organization());
	PERFORM cdc_inner.require(organization, 'service:create');
	PERFORM cdc_inner.check_service_name(name);
	zone := coalesce(zone, 'default');
	IF zone !~ '^[A-Za-z0-9_.-]{1,64}$' THEN
		PERFORM cdc_inner.raise_invalid('a service''s zone must be 1 to 64 letters, digits, hyphens, dots and underscores', format('It was %L.', zone), 'SELECT zone FROM cdc.zone lists those that are known.');
	END IF;
	IF length(version) > 255 OR version ~ '[[:cntrl:]]' THEN
		PERFORM cdc_inner.raise_invalid('a service''s version must be at most 255 characters, on one line', format('It has %s characters.', length(version)), 'For example ''17''; or leave it out.', 'version');
	END IF;
	PERFORM cdc_inner.check_connection(database_type, connection, whole);
	IF EXISTS (SELECT FROM cdc.connection_keys() k WHERE k.database_type = database_type AND k.set_by = 'superuser' AND whole ? k.key) THEN
		PERFORM cdc_inner.require_superuser(format('"%s" in connection', (SELECT k.key FROM cdc.connection_keys() k WHERE k.database_type = database_type AND k.set_by = 'superuser' AND whole ? k.key LIMIT 1)));
	END IF;
	PERFORM cdc_inner.admit(organization, 'services'), cdc_inner.admit_nodes(organization, NULL, whole);
	BEGIN
		INSERT INTO cdc.service AS s (organization_id, name, database_type, version, zone, connection_set_by)
			VALUES (organization, name, database_type, version, zone, CASE WHEN cdc_inner.caller_is_superuser() THEN 'superuser' ELSE 'member' END) RETURNING s.id INTO made;
	EXCEPTION WHEN unique_violation THEN
		PERFORM cdc_inner.raise_name_taken('service', name);
	END;
	PERFORM cdc_inner.write_connection(made, database_type, whole);
	PERFORM cdc_inner.note_network(made, whole);
	PERFORM cdc_inner.write_service_secrets(made, (cdc_inner.divide_connection(database_type, whole)).secrets);
	IF database_type = 'postgresql' AND coalesce(connection ->> 'pipelines_by', 'member') = 'member' AND coalesce(connection -> 'manage_hba', 'true') = 'true' THEN
		RAISE NOTICE USING MESSAGE = format('every member of the organization can make pipelines from service "%s", and whoever does can read the whole server', name),
			DETAIL = 'A pipeline''s role logs in with replication=database, which PostgreSQL lets take a base backup: every database, and the password verifiers of all roles.',
			HINT = 'Add "pipelines_by": "admin", and keep connect_cidrs of the sinks narrow; see docs/configuration.md.';
	END IF;
	IF database_type = 'postgresql' AND coalesce(connection ->> 'sslmode', 'prefer') <> 'verify-full' THEN
		RAISE WARNING USING MESSAGE = format('the connection to service "%s" is not protected against whoever is in between', name),
			DETAIL = format('sslmode is %s: the server is not verified%s.', coalesce(connection ->> 'sslmode', 'prefer'),
				CASE WHEN connection ->> 'sslmode' IN ('require', 'verify-ca') THEN '' ELSE ', and may say that it has no TLS' END),
			HINT = 'Give "sslmode": "verify-full", and the certificate of its CA as "ca".';
	END IF;
	PERFORM cdc_inner.ask('service', made);
	RETURN made;
END
$$;
COMMENT ON FUNCTION cdc_inner.register_service IS
	'Registers a server that exists and returns the service''s id: its secrets are taken out and encrypted, and the worker looks at it after COMMIT: status '
	'goes from pending to running when it answers. name: 1 to 64 letters, digits, - and _, unique in the organization. database_type: postgresql or kafka. '
	'zone: where it is (cdc.zone), which matters with an SDN alone; NULL: default. connection: how it is reached, with the keys of cdc.connection_key. version: in words; NULL: not said. organization: '
	'whose it is; NULL: the caller''s personal or only one. For members. Errors: 22023 bad argument, 42710 name taken, 53400 too many, 42704 or 42501 organization.';

CREATE OR REPLACE FUNCTION cdc_inner.update_service(id uuid, connection jsonb) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	service cdc.service;
	before jsonb;
	whole jsonb;
	secrets jsonb;
	changed text[];
	redirected text[];
	not_named text[];
	names text[];
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_service(id), 'service:create');
	-- Two changes are made one after the other, and no pipeline begins to use the service
	-- while it is decided by there being none.  No lock on its row, for which the worker waits.
	PERFORM cdc_inner.lock('service ' || id);
	SELECT s.* INTO service FROM cdc.service s WHERE s.id = id FOR NO KEY UPDATE;
	IF service.provider <> 'external' AND connection - 'pipelines_by' <> '{}' THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'the connection of this service is its provider''s',
			DETAIL = 'It was made, not registered.', HINT = 'Only pipelines_by can be changed; everything else only of a registered service.';
	END IF;
	before := cdc_inner.connection_of(id);
	IF jsonb_typeof(connection) = 'object' THEN
		whole := (SELECT jsonb_object_agg(c.key, c.value) FROM jsonb_each(before || connection) c WHERE c.value <> 'null');
	END IF;
	PERFORM cdc_inner.check_connection(service.database_type, connection, CASE service.provider WHEN 'external' THEN whole END);
	IF whole ? 'nodes' THEN
		whole := whole || jsonb_build_object('nodes', cdc_inner.normal_nodes(whole -> 'nodes'));
	END IF;
	secrets := (cdc_inner.divide_connection(service.database_type, connection)).secrets;
	names := ARRAY(SELECT jsonb_object_keys(secrets));
	changed := ARRAY(SELECT k FROM jsonb_object_keys(connection) k WHERE before -> k IS DISTINCT FROM whole -> k ORDER BY k);
	-- fewer of what is there directs nothing elsewhere
	redirected := ARRAY(SELECT k.key FROM cdc.connection_keys() k WHERE k.database_type = service.database_type AND k.directs_secret AND k.key = ANY (changed)
		AND NOT (k.type = 'array' AND coalesce(before -> k.key @> (whole -> k.key), false)) ORDER BY k.key);
	PERFORM cdc_inner.require_change(service, changed, redirected, connection, names);
	PERFORM cdc_inner.admit_nodes(service.organization_id, id, whole);
	IF service.provider = 'external' THEN
		PERFORM cdc_inner.write_connection(id, service.database_type, whole);
		PERFORM cdc_inner.note_network(id, connection);
	ELSE
		UPDATE cdc.service s SET connection = (s.connection || connection) - CASE connection -> 'pipelines_by' WHEN 'null' THEN 'pipelines_by' ELSE '' END WHERE s.id = id;
	END IF;
	-- of agents and users all are given, of the others each
	DELETE FROM cdc.service_secret x WHERE x.service_id = id
		AND connection ? CASE split_part(x.purpose, '/', 1) WHEN 'agent_token' THEN 'agents' WHEN 'user_password' THEN 'users' ELSE x.purpose END;
	PERFORM cdc_inner.write_service_secrets(id, secrets);
	-- other agents name another directory
	IF changed && '{agents}' THEN
		UPDATE cdc.service s SET secret_path = NULL WHERE s.id = id;
	END IF;
	-- Whoever names addresses answers for them, and for no others: with a superuser's
	-- agents a member's connect_urls stay a member's.  What was kept from before the rules
	-- is kept until it is changed.
	IF redirected && '{nodes,connect_urls,agents}' OR (redirected <> '{}' AND service.connection_set_by = 'before') THEN
		not_named := ARRAY(SELECT a FROM unnest('{nodes,connect_urls,agents}'::text[]) a WHERE whole ? a AND NOT connection ? a);
		UPDATE cdc.service s SET connection_set_by = CASE WHEN cdc_inner.caller_is_superuser() AND (not_named = '{}' OR service.connection_set_by <> 'member')
			THEN 'superuser' ELSE 'member' END WHERE s.id = id;
		IF cdc_inner.caller_is_superuser() AND not_named <> '{}' AND service.connection_set_by = 'member' THEN
			RAISE NOTICE USING MESSAGE = format('the addresses of service "%s" are judged as a member''s', service.name),
				DETAIL = format('A member has given %s.', array_to_string(not_named, ', ')), HINT = 'Give all of them in one call to answer for them.';
		END IF;
	END IF;
	IF changed <> '{}' OR names <> '{}' THEN
		INSERT INTO cdc.service_event (service_id, kind, role, message, detail)
			VALUES (id, 'changed', cdc_inner.caller(), 'connection changed: ' || array_to_string(ARRAY(SELECT DISTINCT k FROM unnest(changed || names) k ORDER BY k), ', '),
				jsonb_strip_nulls(jsonb_build_object('secrets_given', nullif(to_jsonb(names), '[]')) || coalesce((
					SELECT jsonb_object_agg(k, jsonb_build_object('from', was.kept -> k, 'to', becomes.kept -> k))
					FROM cdc_inner.shown_connection(service.database_type, before) was, cdc_inner.shown_connection(service.database_type, whole) becomes, unnest(changed) k
					WHERE was.kept ? k OR becomes.kept ? k), '{}')));
	END IF;
	PERFORM cdc_inner.ask('service', id);
END
$$;
COMMENT ON FUNCTION cdc_inner.update_service IS
	'Changes the connection of a registered service; each change is a row of cdc.service_event. id: the service''s. connection: members given replace those '
	'there are, a null member takes one away. Of a service that was made only pipelines_by is the users''. For members, and whom cdc.connection_key names '
	'for the key. Errors: 22023, 42704, 42501, 55000 for one that was made, 55006 for a key that stays while a pipeline uses the service.';

CREATE OR REPLACE FUNCTION cdc_inner.set_service_nodes(service uuid, nodes jsonb) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	it cdc.service;
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_service(service), 'service:create');
	SELECT s.* INTO it FROM cdc.service s WHERE s.id = service;
	IF it.database_type <> 'postgresql' THEN
		PERFORM cdc_inner.raise_invalid('only a PostgreSQL service has nodes', 'This one is a Kafka service.', 'Give the id of the source.');
	END IF;
	IF it.provider <> 'external' THEN
		PERFORM cdc_inner.raise_invalid('the nodes of this service are its provider''s', 'It was made, not registered.', 'Only the nodes of a registered service are yours to name.');
	END IF;
	PERFORM cdc_inner.update_service(service, jsonb_build_object('nodes', nodes));
END
$$;
COMMENT ON FUNCTION cdc_inner.set_service_nodes IS
	'Replaces the nodes of a registered PostgreSQL service: a new one is looked at and prepared, one that is missing is not looked at any more, and stays '
	'as it is. service: its id. nodes: all of them, [{"address": ..., "port": ...}]. For members, and admins where a node is new. Errors: 22023, 42704, '
	'42501.';

CREATE OR REPLACE FUNCTION cdc_inner.set_service_secret(service uuid, secret text, value text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	it cdc.service;
	known text[];
	made boolean;
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_service(service), 'service:create');
	SELECT s.* INTO it FROM cdc.service s WHERE s.id = service FOR NO KEY UPDATE;
	made := it.provider <> 'external';
	IF made AND NOT (secret IS NOT DISTINCT FROM 'admin_password' AND cdc_inner.caller_is_superuser() AND it.database_type = 'postgresql') THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'the secrets of this service are its provider''s',
			DETAIL = 'It was made, not registered.', HINT = 'Only the secrets of a registered service are yours to set.';
	END IF;
	SELECT array_agg(k ORDER BY k) INTO known FROM (
		SELECT CASE it.database_type WHEN 'postgresql' THEN 'admin_password' ELSE 'connect_password' END
		UNION SELECT x.purpose FROM cdc.service_secret x WHERE x.service_id = service AND x.purpose <> 'connector_password') n(k);
	IF secret IS NULL OR secret <> ALL (known) THEN
		-- the given name is not shown: it may be the secret itself
		PERFORM cdc_inner.raise_invalid('the service has no such secret', CASE WHEN secret = 'connector_password' THEN 'The connectors'' configurations have connector_password.'
			ELSE format('Those it has: %s.', array_to_string(known, ', ')) END, 'cdc.set_service_secret(service, secret, value), in this order.');
	END IF;
	IF coalesce(value, '') = '' THEN
		PERFORM cdc_inner.raise_invalid('a secret must not be empty', 'The value was empty or null.', 'Give the new value.');
	END IF;
	PERFORM cdc_inner.check_secret(it.database_type, secret, value);
	IF made AND (value !~ '^[A-Za-z0-9._~+=-]+$' OR length(value) NOT BETWEEN 8 AND 512) THEN
		PERFORM cdc_inner.raise_invalid('a made server takes no such password', 'It must be 8 to 512 letters, digits and ._-~+=.', 'Use cdc_inner.random_secret().');
	END IF;
	PERFORM cdc_inner.write_service_secrets(service, jsonb_build_object(secret, value));
	INSERT INTO cdc.service_event (service_id, kind, role, message) VALUES (service, 'changed', cdc_inner.caller(), 'a new value was given for ' || secret);
	PERFORM cdc_inner.ask('service', service);
END
$$;
COMMENT ON FUNCTION cdc_inner.set_service_secret IS
	'Gives another value for one of the secrets that a service was registered with, after it was changed there; the worker uses it from its next connection '
	'on, and pipelines run on. service: its id. secret: admin_password, connect_password, agent_token/N (of the agents in their order, from 0) or '
	'user_password/NAME. value: the new one, not empty. For members. Errors: 22023, 42704, 42501, 55000 for a service that was made: there a superuser '
	'gives admin_password of PostgreSQL another value, which its provider sets.';

CREATE OR REPLACE FUNCTION cdc_inner.delete_service(id uuid) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	user_name text;
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_service(id), 'service:create');
	-- create_pipeline holds FOR KEY SHARE: from here on none of them begins
	PERFORM FROM cdc.service s WHERE s.id = id FOR UPDATE;
	user_name := cdc_inner.live_pipeline_now(id);
	IF user_name IS NOT NULL THEN
		RAISE object_in_use USING MESSAGE = 'a live pipeline uses this service',
			DETAIL = format('Pipeline "%s" does.', user_name), HINT = 'SELECT cdc.delete_pipeline(id) first; a pipeline in Deleting does not count.';
	END IF;
	UPDATE cdc.service s SET status = 'deleting', updated_at = now() WHERE s.id = id;
	PERFORM cdc_inner.ask('service', id);
	RETURN 'deleting';
END
$$;
COMMENT ON FUNCTION cdc_inner.delete_service IS
	'Deletes a service and returns ''deleting'': one that was registered is left as it is, one that was made goes, with all that is in it. The row stays '
	'until the teardown of its last pipelines is over. id: the service''s. For members. Errors: 42704, 42501, 55006 while a live pipeline uses it.';
