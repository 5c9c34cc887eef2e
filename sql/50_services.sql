-- 50_services.sql: registering servers.

-- ERROR 22023 when a JSON value of connection is not of the type that it must be.
CREATE OR REPLACE FUNCTION cdc.check_connection_types(connection jsonb, allowed jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item record;
BEGIN
	IF connection IS NULL OR jsonb_typeof(connection) <> 'object' THEN
		PERFORM cdc.raise_invalid('connection must be a JSON object', format('It was %s.', coalesce(jsonb_typeof(connection), 'null')), 'See docs/sql-api.md, cdc.register_service.');
	END IF;
	FOR item IN SELECT * FROM jsonb_each(connection) LOOP
		IF NOT allowed ? item.key THEN
			PERFORM cdc.raise_invalid(format('unknown key "%s" in connection', item.key), 'A mistyped key would silently mean its default.',
				'Known keys: ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(allowed) k) || '.');
		END IF;
		IF jsonb_typeof(item.value) <> allowed ->> item.key AND jsonb_typeof(item.value) <> 'null' THEN
			PERFORM cdc.raise_invalid(format('"%s" in connection must be of JSON type %s', item.key, allowed ->> item.key),
				format('It was of type %s.', jsonb_typeof(item.value)), 'See docs/sql-api.md, cdc.register_service.');
		END IF;
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION cdc.check_ca(connection jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF connection ->> 'ca' !~ '-----BEGIN CERTIFICATE-----' OR connection ->> 'ca' ~ 'PRIVATE KEY' THEN
		PERFORM cdc.raise_invalid('ca must be the certificate itself, as PEM text', 'It has no "-----BEGIN CERTIFICATE-----", or a private key.',
			'Give the text of the CA''s certificate; never a key, never a path.');
	END IF;
END
$$;

-- users: logins that applications use, kept so that their passwords can be shown.
CREATE OR REPLACE FUNCTION cdc.check_users(connection jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item jsonb;
BEGIN
	FOR item IN SELECT jsonb_array_elements(connection -> 'users') WHERE jsonb_typeof(connection -> 'users') = 'array' LOOP
		IF jsonb_typeof(item) <> 'object' OR jsonb_typeof(item -> 'username') IS DISTINCT FROM 'string' OR item ->> 'username' !~ '^[^[:cntrl:]]{1,63}$'
			OR jsonb_typeof(item -> 'password') IS DISTINCT FROM 'string' OR item ->> 'password' = ''
			OR EXISTS (SELECT FROM jsonb_object_keys(item) k WHERE k NOT IN ('username', 'password')) THEN
			PERFORM cdc.raise_invalid('a user must be {"username": "...", "password": "..."}', 'username or password is missing or of another form.', 'Give both and nothing else.');
		END IF;
	END LOOP;
	IF jsonb_typeof(connection -> 'users') = 'array' AND (SELECT count(*) <> count(DISTINCT name)
		FROM (SELECT u ->> 'username' FROM jsonb_array_elements(connection -> 'users') u UNION ALL SELECT connection ->> 'admin_user' WHERE connection ? 'admin_user') x(name)) THEN
		PERFORM cdc.raise_invalid('a user is named twice', 'The names in users, and admin_user, must differ.', 'Name each login once.');
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION cdc.check_postgresql_connection(connection jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	node jsonb;
	fault text;
BEGIN
	PERFORM cdc.check_connection_types(connection, '{"nodes":"array","database":"string","admin_user":"string","admin_password":"string",
		"sslmode":"string","ca":"string","manage_hba":"boolean","manage_role":"boolean","connector_user":"string","connector_password":"string",
		"network_id":"string","users":"array"}');
	IF coalesce(jsonb_array_length(nullif(connection -> 'nodes', 'null')), 0) = 0 THEN
		PERFORM cdc.raise_invalid('a PostgreSQL service needs at least one node', 'connection.nodes is empty or missing.',
			'Give "nodes": [{"address": "10.0.0.5", "port": 5432}], every server of the cluster, standbys too.');
	END IF;
	FOR node IN SELECT jsonb_array_elements(connection -> 'nodes') LOOP
		IF jsonb_typeof(node) <> 'object' OR coalesce(node ->> 'address', '') = '' OR jsonb_typeof(node -> 'address') <> 'string'
			OR (node ? 'port' AND (jsonb_typeof(node -> 'port') <> 'number' OR (node ->> 'port') !~ '^[0-9]{1,5}$'
				OR (node ->> 'port')::integer NOT BETWEEN 1 AND 65535))
			OR EXISTS (SELECT FROM jsonb_object_keys(node) k WHERE k NOT IN ('address', 'port')) THEN
			-- the values are not shown: a password may be among them
			PERFORM cdc.raise_invalid('a node must be {"address": "...", "port": 1 to 65535}',
				CASE jsonb_typeof(node) WHEN 'object' THEN format('It has: %s.', (SELECT string_agg(k, ', ') FROM jsonb_object_keys(node) k))
					ELSE format('It was of JSON type %s.', jsonb_typeof(node)) END, 'Give both and nothing else; port may be absent: 5432.');
		END IF;
		IF node ->> 'address' !~ '^[A-Za-z0-9_.-]+$' THEN
			PERFORM cdc.raise_invalid('a node''s address must be a host name or an IPv4 address', format('It was %L.', node ->> 'address'),
				'Debezium takes no other characters in database.hostname.');
		END IF;
	END LOOP;
	IF (SELECT count(*) <> count(DISTINCT (n ->> 'address', coalesce(n ->> 'port', '5432'))) FROM jsonb_array_elements(connection -> 'nodes') n) THEN
		PERFORM cdc.raise_invalid('a node is named twice', format('There are %s nodes.', jsonb_array_length(connection -> 'nodes')), 'Name each server once.');
	END IF;
	IF coalesce(connection ->> 'admin_user', '') = '' THEN
		PERFORM cdc.raise_invalid('a PostgreSQL service needs an admin_user', 'connection.admin_user is missing.',
			'Name a superuser of the source, with "admin_password".');
	END IF;
	IF coalesce((connection -> 'manage_role')::text, 'true') <> 'false' THEN
		IF connection ->> 'connector_user' IS NOT NULL OR connection ->> 'connector_password' IS NOT NULL THEN
			PERFORM cdc.raise_invalid('connector_user and connector_password are for "manage_role": false', 'Every pipeline of this source is given a role of its own.',
				'Add "manage_role": false, or leave them out.');
		END IF;
	ELSIF coalesce(connection ->> 'connector_user', '') !~ '^[^[:cntrl:]]{1,63}$' OR coalesce(connection ->> 'connector_password', '') = '' THEN
		PERFORM cdc.raise_invalid('with "manage_role": false the role of the connectors must be given', 'connector_user or connector_password is missing.',
			'Give "connector_user", a role with LOGIN, REPLICATION and SELECT on the tables, and "connector_password".');
	END IF;
	FOR fault IN SELECT cdc.connect_text_fault(k, connection ->> k) FROM unnest('{connector_user,connector_password}'::text[]) k LOOP
		IF fault IS NOT NULL THEN
			PERFORM cdc.raise_invalid(fault, 'A configuration''s references to secrets are made by the worker alone.', 'Give the role''s own name and password.');
		END IF;
	END LOOP;
	PERFORM cdc.check_users(connection);
	PERFORM cdc.check_ca(connection);
	IF connection ->> 'sslmode' NOT IN ('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full') THEN
		PERFORM cdc.raise_invalid('unknown sslmode', format('It was %L.', connection ->> 'sslmode'),
			'Use disable, allow, prefer, require, verify-ca or verify-full.');
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION cdc.check_kafka_connection(connection jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item jsonb;
	parsed cidr;
BEGIN
	PERFORM cdc.check_connection_types(connection, '{"bootstrap":"string","connect_urls":"array","connect_user":"string","connect_password":"string","ca":"string",
		"agents":"array","connect_cidrs":"array","network_id":"string","addons":"array","plaintext_connector_password":"boolean","users":"array"}');
	PERFORM cdc.check_users(connection);
	PERFORM cdc.check_ca(connection);
	IF connection ->> 'bootstrap' !~ '^[A-Za-z0-9_.\[\]:-]+:[0-9]{1,5}(,[A-Za-z0-9_.\[\]:-]+:[0-9]{1,5})*$' THEN
		PERFORM cdc.raise_invalid('bootstrap must be host:port, or several with commas between', format('It was %L.', connection ->> 'bootstrap'),
			'Give "bootstrap": "10.0.1.7:9093".');
	END IF;
	FOR item IN SELECT jsonb_array_elements(connection -> 'connect_urls') WHERE jsonb_typeof(connection -> 'connect_urls') = 'array' LOOP
		IF jsonb_typeof(item) <> 'string' OR item #>> '{}' !~ '^https?://[A-Za-z0-9_.:\[\]-]+/?$' THEN
			PERFORM cdc.raise_invalid('a Connect URL must be http://host:port or https://host:port',
				format('It was %s.', CASE WHEN item::text ~ '@' THEN 'one with credentials' ELSE item::text END),
				'Credentials go into "connect_user" and "connect_password".');
		END IF;
	END LOOP;
	FOR item IN SELECT jsonb_array_elements(connection -> 'connect_cidrs') WHERE jsonb_typeof(connection -> 'connect_cidrs') = 'array' LOOP
		BEGIN
			parsed := (item #>> '{}')::cidr;
		EXCEPTION WHEN invalid_text_representation THEN
			PERFORM cdc.raise_invalid('an entry of connect_cidrs is no network', format('It was %s.', item), 'Give for example "10.0.1.0/24", without bits to the right of the mask.');
		END;
	END LOOP;
	FOR item IN SELECT jsonb_array_elements(connection -> 'agents') WHERE jsonb_typeof(connection -> 'agents') = 'array' LOOP
		IF jsonb_typeof(item) <> 'object' OR coalesce(item ->> 'url', '') !~ '^https?://[A-Za-z0-9_.:\[\]-]+/?$' OR jsonb_typeof(item -> 'token') <> 'string' OR coalesce(item ->> 'token', '') = ''
			OR EXISTS (SELECT FROM jsonb_object_keys(item) k WHERE k NOT IN ('url', 'token')) THEN
			PERFORM cdc.raise_invalid('an agent must be {"url": "https://host:port", "token": "..."}', 'url or token is missing or of another form.', 'One agent runs on each Kafka Connect host.');
		END IF;
	END LOOP;
	FOR item IN SELECT jsonb_array_elements(connection -> 'addons') WHERE jsonb_typeof(connection -> 'addons') = 'array' LOOP
		IF item IS DISTINCT FROM '"kafka-connect"' THEN
			PERFORM cdc.raise_invalid('unknown addon', format('It was %s.', item), 'The only addon is "kafka-connect".');
		END IF;
	END LOOP;
	IF connection -> 'addons' ? 'kafka-connect' AND coalesce(jsonb_array_length(nullif(connection -> 'connect_urls', 'null')), 0) = 0 THEN
		PERFORM cdc.raise_invalid('a Kafka service with the addon kafka-connect needs connect_urls', 'connection.connect_urls is empty or missing.',
			'Give "connect_urls": ["http://10.0.1.7:8083"], one for each worker.');
	END IF;
	IF coalesce(jsonb_array_length(nullif(connection -> 'agents', 'null')), 0) NOT IN (0, coalesce(jsonb_array_length(nullif(connection -> 'connect_urls', 'null')), 0)) THEN
		PERFORM cdc.raise_invalid('agents and connect_urls must be of one length', format('There are %s agents and %s Connect URLs.',
			jsonb_array_length(connection -> 'agents'), coalesce(jsonb_array_length(nullif(connection -> 'connect_urls', 'null')), 0)),
			'Give one agent for each worker, in the same order, or none.');
	END IF;
	-- of a service with a network, where an SDN API can be asked, its ranges are learned
	IF connection -> 'addons' ? 'kafka-connect' AND coalesce(jsonb_array_length(nullif(connection -> 'connect_cidrs', 'null')), 0) = 0
		AND (coalesce(connection ->> 'network_id', '') = '' OR coalesce(current_setting('cdc_pipeline.sdn_url', true), '') = '')
		AND EXISTS (SELECT FROM jsonb_array_elements_text(connection -> 'connect_urls') u WHERE u !~ '^https?://[0-9.]+(:|/|$)') THEN
		PERFORM cdc.raise_invalid('connect_cidrs is needed when a Connect URL has a host name', 'pg_hba.conf of the source needs the addresses that Connect comes from.',
			'Give "connect_cidrs": ["10.0.1.0/24"].');
	END IF;
END
$$;

-- Registers an existing server.  Its connection is checked, its secrets are
-- taken out of it and encrypted, and the worker looks at it after the commit:
-- status goes from pending to running when it answers.  Needs service:create.
-- Errors: 22023 bad argument, 42710 name taken, 42704/42501 organisation.
CREATE OR REPLACE FUNCTION cdc_inner.register_service(name text, database_type text, zone text, connection jsonb,
		version text DEFAULT NULL, organization uuid DEFAULT NULL) RETURNS uuid
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
	kept jsonb := connection - 'admin_password' - 'connector_password' - 'connect_password' - 'nodes' - 'agents' - 'network_id' - 'addons' - 'users';
	network uuid;
	secrets jsonb := '{}';
BEGIN
	organization := coalesce(organization, cdc.default_organization());
	PERFORM cdc.require(organization, 'service:create');
	IF name IS NULL OR name !~ '^[A-Za-z0-9_-]{1,64}$' THEN
		PERFORM cdc.raise_invalid('a service''s name must be 1 to 64 letters, digits, hyphens and underscores', format('It was %L.', name), 'Choose another name.');
	END IF;
	IF coalesce(zone, '') !~ '^[A-Za-z0-9_.-]{1,64}$' THEN
		PERFORM cdc.raise_invalid('a service''s zone must be 1 to 64 letters, digits, hyphens, dots and underscores', format('It was %L.', zone), 'SELECT zone FROM cdc.zone lists those that are known.');
	END IF;
	CASE database_type
		WHEN 'postgresql' THEN
			PERFORM cdc.check_postgresql_connection(connection);
			secrets := jsonb_strip_nulls(jsonb_build_object('admin_password', connection -> 'admin_password', 'connector_password', connection -> 'connector_password'));
		WHEN 'kafka' THEN
			PERFORM cdc.check_kafka_connection(connection);
			secrets := jsonb_strip_nulls(jsonb_build_object('connect_password', connection -> 'connect_password')) || coalesce((
				SELECT jsonb_object_agg('agent_token/' || (n - 1), a -> 'token') FROM jsonb_array_elements(connection -> 'agents') WITH ORDINALITY x(a, n)), '{}');
			IF jsonb_typeof(connection -> 'agents') = 'array' THEN
				kept := kept || jsonb_build_object('agents', (SELECT coalesce(jsonb_agg(jsonb_build_object('url', a -> 'url') ORDER BY n), '[]')
					FROM jsonb_array_elements(connection -> 'agents') WITH ORDINALITY x(a, n)));
			END IF;
			IF coalesce(jsonb_array_length(nullif(connection -> 'connect_cidrs', 'null')), 0) = 0 THEN
				kept := kept || jsonb_build_object('connect_cidrs_from_urls', true, 'connect_cidrs', (
					SELECT coalesce(jsonb_agg(DISTINCT substring(u FROM '^https?://([0-9.]+)') || '/32'), '[]')
					FROM jsonb_array_elements_text(connection -> 'connect_urls') u WHERE u ~ '^https?://[0-9.]+(:|/|$)'));
			ELSE
				kept := kept || jsonb_build_object('connect_cidrs', (SELECT jsonb_agg(DISTINCT (c::cidr)::text) FROM jsonb_array_elements_text(connection -> 'connect_cidrs') c));
			END IF;
		ELSE
			PERFORM cdc.raise_invalid('unknown database_type', format('It was %L.', database_type), 'Use postgresql or kafka.');
	END CASE;
	IF jsonb_typeof(connection -> 'users') = 'array' THEN
		kept := kept || jsonb_build_object('users', (SELECT coalesce(jsonb_agg(u ->> 'username' ORDER BY n), '[]')
			FROM jsonb_array_elements(connection -> 'users') WITH ORDINALITY x(u, n)));
		secrets := secrets || coalesce((SELECT jsonb_object_agg('user_password/' || (u ->> 'username'), u -> 'password') FROM jsonb_array_elements(connection -> 'users') u), '{}');
	END IF;
	BEGIN
		network := (connection ->> 'network_id')::uuid;
	EXCEPTION WHEN invalid_text_representation THEN
		PERFORM cdc.raise_invalid('network_id must be a UUID', format('It was %L.', connection ->> 'network_id'), 'It is the UUID of the service''s private network.');
	END;
	BEGIN
		INSERT INTO cdc.service AS s (organization_id, name, database_type, version, zone, connection, network_id, addons)
			VALUES (organization, name, database_type, version, zone, kept, network,
				coalesce((SELECT array_agg(a) FROM jsonb_array_elements_text(nullif(connection -> 'addons', 'null')) a), '{}'))
			RETURNING s.id INTO made;
	EXCEPTION WHEN unique_violation THEN
		RAISE duplicate_object USING MESSAGE = format('a service named "%s" already exists', name),
			DETAIL = 'Names of services are unique in an organization.', HINT = 'Choose another name.';
	END;
	IF database_type = 'postgresql' THEN
		INSERT INTO cdc.service_node (service_id, address, port)
			SELECT made, n ->> 'address', coalesce((n ->> 'port')::integer, 5432) FROM jsonb_array_elements(connection -> 'nodes') n;
	END IF;
	INSERT INTO cdc.service_secret (service_id, purpose, key_id, ciphertext)
		SELECT made, s.key, e.key_id, e.ciphertext FROM jsonb_each_text(secrets) s, cdc.encrypt(s.value, made::text, s.key) e;
	PERFORM cdc.ask('service', made);
	RETURN made;
END
$$;

-- The service's organisation, if the caller may read it; else the same ERROR
-- 42704 as for one that does not exist.
CREATE OR REPLACE FUNCTION cdc.organization_of_service(id uuid) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found uuid;
BEGIN
	SELECT s.organization_id INTO found FROM cdc.service s WHERE s.id = organization_of_service.id AND s.deleted_at IS NULL;
	IF found IS NULL OR NOT cdc.may(found, 'service:read') THEN
		PERFORM cdc.raise_unknown('service', id);
	END IF;
	RETURN found;
END
$$;

-- The nodes of a PostgreSQL service, all of them, as in register_service: one
-- that is new is looked at and prepared, one that is missing is not looked at any
-- more.  What is there stays as it is.  Needs service:create.  Errors: 22023,
-- 42704, 42501.
CREATE OR REPLACE FUNCTION cdc_inner.set_service_nodes(service uuid, nodes jsonb) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc.require(cdc.organization_of_service(service), 'service:create');
	-- two lists of nodes are written one after the other
	PERFORM FROM cdc.service s WHERE s.id = service FOR NO KEY UPDATE;
	IF (SELECT s.database_type FROM cdc.service s WHERE s.id = service) <> 'postgresql' THEN
		PERFORM cdc.raise_invalid('only a PostgreSQL service has nodes', 'This one is a Kafka service.', 'Give the id of the source.');
	END IF;
	IF (SELECT s.provider FROM cdc.service s WHERE s.id = service) <> 'external' THEN
		PERFORM cdc.raise_invalid('the nodes of this service are its provider''s', 'It was made, not registered.', 'Only the nodes of a registered service are yours to name.');
	END IF;
	PERFORM cdc.check_postgresql_connection(jsonb_build_object('nodes', nodes, 'admin_user', 'unchanged'));
	DELETE FROM cdc.service_node o WHERE o.service_id = service
		AND NOT EXISTS (SELECT FROM jsonb_array_elements(nodes) n WHERE o.address = n ->> 'address' AND o.port = coalesce((n ->> 'port')::integer, 5432));
	INSERT INTO cdc.service_node (service_id, address, port)
		SELECT service, n ->> 'address', coalesce((n ->> 'port')::integer, 5432) FROM jsonb_array_elements(nodes) n
		ON CONFLICT DO NOTHING;
	PERFORM cdc.ask('service', service);
END
$$;

-- Another value for one of the secrets that a service was registered with, after
-- it was changed there: admin_password, connect_password, agent_token/N (of the
-- agents in their order, from 0) or user_password/NAME.  The worker uses it from
-- its next connection on; pipelines run on.  Needs service:create.  Errors: 22023,
-- 42704, 42501, 55000 for a service that was made.
CREATE OR REPLACE FUNCTION cdc_inner.set_service_secret(service uuid, secret text, value text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	known text[];
BEGIN
	PERFORM cdc.require(cdc.organization_of_service(service), 'service:create');
	PERFORM FROM cdc.service s WHERE s.id = service FOR NO KEY UPDATE;
	IF (SELECT s.provider FROM cdc.service s WHERE s.id = service) <> 'external' THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'the secrets of this service are its provider''s',
			DETAIL = 'It was made, not registered.', HINT = 'Only the secrets of a registered service are yours to set.';
	END IF;
	SELECT array_agg(k ORDER BY k) INTO known FROM (
		SELECT CASE s.database_type WHEN 'postgresql' THEN 'admin_password' ELSE 'connect_password' END FROM cdc.service s WHERE s.id = service
		UNION SELECT x.purpose FROM cdc.service_secret x WHERE x.service_id = service AND x.purpose <> 'connector_password') n(k);
	IF secret IS NULL OR secret <> ALL (known) THEN
		-- the given name is not shown: it may be the secret itself
		PERFORM cdc.raise_invalid('the service has no such secret', CASE WHEN secret = 'connector_password' THEN 'The connectors'' configurations have connector_password.'
			ELSE format('Those it has: %s.', array_to_string(known, ', ')) END, 'cdc.set_service_secret(service, secret, value), in this order.');
	END IF;
	IF coalesce(value, '') = '' THEN
		PERFORM cdc.raise_invalid('a secret must not be empty', 'The value was empty or null.', 'Give the new value.');
	END IF;
	INSERT INTO cdc.service_secret (service_id, purpose, key_id, ciphertext)
		SELECT service, secret, e.key_id, e.ciphertext FROM cdc.encrypt(value, service::text, secret) e
		ON CONFLICT (service_id, purpose) DO UPDATE SET key_id = excluded.key_id, ciphertext = excluded.ciphertext;
	PERFORM cdc.ask('service', service);
END
$$;

-- Deletes a service: one that was registered is left as it is, one that was made
-- goes, with all that is in it.  Returns 'deleting'; the row stays until the
-- teardown of its last pipelines is over.  Errors:
-- 42704, 42501, 55006 while a live pipeline uses it.
CREATE OR REPLACE FUNCTION cdc_inner.delete_service(id uuid) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	user_name text;
BEGIN
	PERFORM cdc.require(cdc.organization_of_service(id), 'service:create');
	-- create_pipeline holds FOR KEY SHARE: from here on none of them begins
	PERFORM FROM cdc.service s WHERE s.id = id FOR UPDATE;
	SELECT p.name INTO user_name FROM cdc.pipeline_spec p
		WHERE p.desired_state = 'present' AND p.deleted_at IS NULL AND id IN (p.source_service_id, p.sink_service_id) ORDER BY p.name LIMIT 1;
	IF user_name IS NOT NULL THEN
		RAISE object_in_use USING MESSAGE = 'a live pipeline uses this service',
			DETAIL = format('Pipeline "%s" does.', user_name), HINT = 'SELECT cdc.delete_pipeline(id) first; a pipeline in Deleting does not count.';
	END IF;
	UPDATE cdc.service s SET status = 'deleting', updated_at = now() WHERE s.id = id;
	PERFORM cdc.ask('service', id);
	RETURN 'deleting';
END
$$;

-- The secrets of what is gone go with it; the worker sets deleted_at, settled_at.
CREATE OR REPLACE FUNCTION cdc.forget_service_secrets() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM cdc.service_secret x WHERE x.service_id = NEW.id;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER forget_secrets AFTER UPDATE OF deleted_at ON cdc.service
	FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION cdc.forget_service_secrets();
