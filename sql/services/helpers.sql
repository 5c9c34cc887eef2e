-- services/helpers.sql: reading, checking and writing the connection of a service.

-- ERROR 22023 when a member of given is not what its key takes, or whole (not looked
-- at when NULL) lacks something or does not fit together.
CREATE OR REPLACE FUNCTION cdc_inner.check_connection(database_type text, given jsonb, whole jsonb) RETURNS void
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_check_connection';

-- ERROR 22023 when value is not what the secret takes: a key's, agent_token/N,
-- user_password/NAME.
CREATE OR REPLACE FUNCTION cdc_inner.check_secret(database_type text, purpose text, value text) RETURNS void
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_check_secret';

-- What of a connection is kept in its row, and its secrets: purpose -> clear text.
CREATE OR REPLACE FUNCTION cdc_inner.divide_connection(database_type text, given jsonb, OUT kept jsonb, OUT secrets jsonb)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_divide_connection';

-- ERROR 22023 when a service cannot have this name.
CREATE OR REPLACE FUNCTION cdc_inner.check_service_name(name text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF name IS NULL OR name !~ '^[A-Za-z0-9_-]{1,64}$' THEN
		PERFORM cdc_inner.raise_invalid('a service''s name must be 1 to 64 letters, digits, hyphens and underscores', format('It was %L.', name), 'Choose another name.', 'name');
	END IF;
END
$$;

-- Nodes with the port that they mean, in the order of their names.
CREATE OR REPLACE FUNCTION cdc_inner.normal_nodes(nodes jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_agg(jsonb_build_object('address', n ->> 'address', 'port', coalesce((n ->> 'port')::integer, 5432)) ORDER BY n ->> 'address', coalesce((n ->> 'port')::integer, 5432))
	FROM jsonb_array_elements(nodes) n
$$;

-- ERROR 53400 when the organization may not have so many nodes more as the connection has
-- than the service (NULL: a new one).
CREATE OR REPLACE FUNCTION cdc_inner.admit_nodes(organization uuid, service uuid, whole jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	more integer := coalesce(jsonb_array_length(whole -> 'nodes'), 0) - (SELECT count(*) FROM cdc.service_node n WHERE n.service_id = admit_nodes.service);
BEGIN
	IF more > 0 THEN
		PERFORM cdc_inner.admit(organization, 'nodes', more);
	END IF;
END
$$;

-- A service's connection as it was given, with a word in place of each secret.
CREATE OR REPLACE FUNCTION cdc_inner.connection_of(service uuid) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.connection - CASE WHEN s.connection ? 'connect_cidrs_from_urls' THEN '{connect_cidrs_from_urls,connect_cidrs}'::text[] ELSE '{}' END
		|| CASE WHEN s.addons <> '{}' THEN jsonb_build_object('addons', s.addons) ELSE '{}' END
		|| jsonb_strip_nulls(jsonb_build_object('network_id', s.network_id, 'nodes', (SELECT cdc_inner.normal_nodes(jsonb_agg(to_jsonb(n))) FROM cdc.service_node n WHERE n.service_id = s.id),
			'agents', (SELECT jsonb_agg(a || '{"token": "kept"}' ORDER BY k) FROM jsonb_array_elements(s.connection -> 'agents') WITH ORDINALITY x(a, k)),
			'users', (SELECT jsonb_agg(jsonb_build_object('username', u, 'password', 'kept') ORDER BY k) FROM jsonb_array_elements(s.connection -> 'users') WITH ORDINALITY x(u, k))))
		|| coalesce((SELECT jsonb_object_agg(x.purpose, 'kept') FROM cdc.service_secret x WHERE x.service_id = s.id AND x.purpose !~ '/'), '{}')
	FROM cdc.service s WHERE s.id = connection_of.service
$$;

-- Writes all of a connection but its secrets; it was checked.
CREATE OR REPLACE FUNCTION cdc_inner.write_connection(service uuid, database_type text, connection jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	kept jsonb := (cdc_inner.divide_connection(database_type, connection)).kept;
BEGIN
	IF database_type = 'kafka' THEN
		IF coalesce(jsonb_array_length(connection -> 'connect_cidrs'), 0) = 0 THEN
			kept := kept || jsonb_build_object('connect_cidrs_from_urls', true, 'connect_cidrs', (
				SELECT coalesce(jsonb_agg(DISTINCT substring(u FROM '^https?://([0-9.]+)') || '/32'), '[]')
				FROM jsonb_array_elements_text(connection -> 'connect_urls') u WHERE u ~ '^https?://[0-9.]+(:|/|$)'));
		ELSE
			kept := kept || jsonb_build_object('connect_cidrs', (SELECT jsonb_agg(DISTINCT (c::cidr)::text) FROM jsonb_array_elements_text(connection -> 'connect_cidrs') c));
		END IF;
	END IF;
	UPDATE cdc.service s SET connection = kept, network_id = (connection ->> 'network_id')::uuid,
			addons = ARRAY(SELECT DISTINCT jsonb_array_elements_text(connection -> 'addons')), updated_at = now(),
			-- another Kafka Connect is claimed anew
			connect_claimed = CASE WHEN s.connection -> 'connect_urls' IS NOT DISTINCT FROM kept -> 'connect_urls' THEN s.connect_claimed ELSE '{}' END,
			-- what a superuser's word had allowed is looked at anew without it
			system_identifier = CASE WHEN s.connection -> 'metadata_server' = 'true' AND kept -> 'metadata_server' IS DISTINCT FROM 'true' THEN NULL ELSE s.system_identifier END
		WHERE s.id = service;
	IF database_type = 'postgresql' THEN
		DELETE FROM cdc.service_node o WHERE o.service_id = service
			AND NOT EXISTS (SELECT FROM jsonb_array_elements(cdc_inner.normal_nodes(connection -> 'nodes')) n WHERE o.address = n ->> 'address' AND o.port = (n ->> 'port')::integer);
		INSERT INTO cdc.service_node (service_id, address, port)
			SELECT service, n ->> 'address', (n ->> 'port')::integer FROM jsonb_array_elements(cdc_inner.normal_nodes(connection -> 'nodes')) n
			ON CONFLICT DO NOTHING;
	END IF;
END
$$;

-- A connection without its secrets.
CREATE OR REPLACE FUNCTION cdc_inner.shown_connection(database_type text, connection jsonb, OUT kept jsonb)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT (cdc_inner.divide_connection(database_type, connection)).kept || coalesce((SELECT jsonb_object_agg(c.key, c.value) FROM jsonb_each(connection) c
		WHERE c.key IN ('nodes', 'network_id', 'addons')), '{}')
$$;

-- The network that a superuser gives a service is the organization's, by his word.
CREATE OR REPLACE FUNCTION cdc_inner.note_network(service uuid, given jsonb) RETURNS void
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO cdc.network_owner (network_id, organization_id) SELECT s.network_id, s.organization_id FROM cdc.service s
		WHERE s.id = service AND s.network_id IS NOT NULL AND given ->> 'network_id' IS NOT NULL AND cdc_inner.caller_is_superuser() ON CONFLICT DO NOTHING
$$;

-- Keeps secrets, purpose -> clear text, encrypted.
CREATE OR REPLACE FUNCTION cdc_inner.write_service_secrets(service uuid, secrets jsonb) RETURNS void
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO cdc.service_secret (service_id, purpose, key_id, ciphertext)
		SELECT service, s.key, e.key_id, e.ciphertext FROM jsonb_each_text(secrets) s, cdc_inner.encrypt(s.value, service::text, s.key) e
		ON CONFLICT (service_id, purpose) DO UPDATE SET key_id = excluded.key_id, ciphertext = excluded.ciphertext
$$;

-- The service's organisation, if the caller may read it; else the same ERROR
-- 42704 as for one that does not exist.
CREATE OR REPLACE FUNCTION cdc_inner.organization_of_service(id uuid) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found uuid;
BEGIN
	SELECT s.organization_id INTO found FROM cdc.service s WHERE s.id = organization_of_service.id AND s.deleted_at IS NULL;
	IF found IS NULL OR NOT cdc_inner.may(found, 'service:read') THEN
		PERFORM cdc_inner.raise_unknown('service', id);
	END IF;
	RETURN found;
END
$$;

-- ERROR unless the caller may make this change: keys by who may set them, those
-- that stay while a pipeline uses the service, and those that direct a secret.  The
-- last are an admin's, or every secret that they direct is given in the same call:
-- who may not see a secret could else have it sent to himself.  changed: the keys;
-- given: what was given, whose secrets' names are new_secrets.
CREATE OR REPLACE FUNCTION cdc_inner.require_change(service cdc.service, changed text[], redirected text[], given jsonb, new_secrets text[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item record;
	directed text[];
	missing text;
BEGIN
	FOR item IN SELECT k.* FROM cdc.connection_keys() k WHERE k.database_type = service.database_type AND k.key = ANY (changed) ORDER BY k.key LOOP
		IF item.set_by = 'superuser' THEN
			PERFORM cdc_inner.require_superuser(format('"%s" in connection', item.key));
		ELSIF item.set_by = 'admin' THEN
			PERFORM cdc_inner.require(service.organization_id, 'admin');
		END IF;
		IF item.in_use IS NOT NULL AND cdc_inner.passwords_now(service.id) IS NOT NULL THEN
			RAISE object_in_use USING MESSAGE = format('"%s" cannot be changed while a pipeline uses the service', item.key),
				DETAIL = format('If it were, %s.', item.in_use), HINT = 'Delete its pipelines first, or register the server once more under another name.';
		END IF;
	END LOOP;
	IF redirected = '{}' OR cdc_inner.may(service.organization_id, 'admin') THEN
		RETURN;
	END IF;
	SELECT array_agg(DISTINCT d) INTO directed FROM cdc.connection_keys() k, unnest(k.directs) d WHERE k.database_type = service.database_type AND k.key = ANY (redirected);
	SELECT string_agg(m, ', ' ORDER BY m) INTO missing FROM (
		SELECT x.purpose FROM cdc.service_secret x WHERE x.service_id = service.id AND split_part(x.purpose, '/', 1) = ANY (directed)
			AND NOT x.purpose = ANY (new_secrets) AND NOT given ? CASE split_part(x.purpose, '/', 1) WHEN 'agent_token' THEN 'agents' ELSE x.purpose END
		UNION ALL SELECT cdc_inner.passwords_now(service.id) WHERE 'pipelines' = ANY (directed)) s(m);
	IF missing IS NOT NULL THEN
		RAISE insufficient_privilege USING MESSAGE = format('a change of %s decides where secrets are sent, and needs permission admin in this organization', array_to_string(redirected, ', ')),
			DETAIL = format('Role "%s" is %s there; not given anew: %s.', cdc_inner.caller(), cdc_inner.member_role(service.organization_id), missing),
			HINT = 'Ask an owner or admin of the organization, or give all of these anew in one call of cdc.update_service(); the password of a pipeline cannot be given.';
	END IF;
END
$$;

-- The secrets of what is gone go with it; the worker sets deleted_at, settled_at.
CREATE OR REPLACE FUNCTION cdc_inner.forget_service_secrets() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM cdc.service_secret x WHERE x.service_id = NEW.id;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER forget_secrets AFTER UPDATE OF deleted_at ON cdc.service
	FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION cdc_inner.forget_service_secrets();
