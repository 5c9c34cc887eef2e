-- rest/routes_services.sql: services and their users over REST.

-- Texts and numbers are never null: clients in typed languages read them as such.
CREATE OR REPLACE VIEW cdc.service_object WITH (security_invoker = true) AS
	SELECT s.id, s.id AS uuid, s.organization_id, s.name, s.database_type, coalesce(s.version, '') AS version, s.status, s.status_message,
		coalesce(s.plan_name, '') AS plan_name, s.zone, coalesce(s.storage_size_gb, 0) AS storage_size_gb, coalesce(s.storage_tier, '') AS storage_tier,
		coalesce(s.node_count, greatest((SELECT count(*) FROM cdc.service_node n WHERE n.service_id = s.id), 1)::integer) AS node_count,
		s.addons, s.addon_status, s.allowed_cidrs, '[]'::json AS dns_records, s.auto_failover_enabled, s.encryption_enabled,
		coalesce(s.replication_mode, '') AS replication_mode, coalesce(s.maintenance_window, '') AS maintenance_window, s.labels, s.is_ephemeral, s.ttl_hours,
		s.provider, cdc_inner.service_notes(s) AS notes, cdc_inner.rfc3339(s.created_at) AS created_at, cdc_inner.rfc3339(s.updated_at) AS updated_at
	FROM cdc.service s WHERE s.deleted_at IS NULL;
COMMENT ON VIEW cdc.service_object IS 'The REST object of a service, a column a member. Readers: superusers.';

-- The members of a body that are echoed, and their JSON types.
CREATE OR REPLACE FUNCTION cdc_inner.rest_service_fields() RETURNS jsonb
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '{"name": "string", "database_type": "string", "version": "string", "plan_name": "string", "zone": "string", "storage_size_gb": "integer",
		"storage_tier": "string", "node_count": "integer", "allowed_cidrs": "strings", "addons": "strings", "auto_failover_enabled": "boolean",
		"replication_mode": "string", "encryption_enabled": "boolean", "maintenance_window": "string", "labels": "object", "organization_id": "string",
		"is_ephemeral": "boolean", "ephemeral": "boolean", "ttl_hours": "integer", "provider": "string", "connection": "object"}'::jsonb
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_no_service() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_refuse(404, 'not_found', 'no such service', 'No service with this id is visible to the caller here.', 'GET /managed-services lists those that are.');
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_service_text(id uuid) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT row_to_json(v)::text FROM cdc.service_object v WHERE v.id = rest_service_text.id
$$;

-- The organisation of the service that the path names: 404 when the caller does
-- not see it there, 403 when it may not do this.
CREATE OR REPLACE FUNCTION cdc_inner.rest_service_require(r cdc.rest_request, permission text) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	owner uuid;
BEGIN
	SELECT s.organization_id INTO owner FROM cdc.service s
		WHERE s.id = r.first AND s.deleted_at IS NULL AND s.organization_id IN (SELECT cdc_inner.caller_organizations())
		AND (r.active IS NULL OR s.organization_id = r.active);
	IF owner IS NULL THEN
		PERFORM cdc_inner.rest_no_service();
	END IF;
	PERFORM cdc_inner.rest_require(owner, permission);
	RETURN owner;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_services_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN ROW(200, NULL, (SELECT '{"services":[' || coalesce(string_agg(x.object, ','), '') || ']}'
		FROM (SELECT row_to_json(v)::text AS object FROM cdc.service s JOIN cdc.service_object v ON v.id = s.id
			WHERE s.organization_id IN (SELECT cdc_inner.caller_organizations()) AND (r.active IS NULL OR s.organization_id = r.active)
			ORDER BY s.created_at, s.id) x))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_service_get(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_service_require(r, 'service:read');
	RETURN ROW(200, NULL, cdc_inner.rest_service_text(r.first))::cdc.rest_response;
END
$$;

-- Values that no provider could take: 422.
CREATE OR REPLACE FUNCTION cdc_inner.rest_check_service(body jsonb) RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item record;
	parsed inet;
BEGIN
	FOR item IN SELECT f.key, body ->> f.key AS value, f.value #>> '{}' AS type FROM jsonb_each(cdc_inner.rest_service_fields()) f
		WHERE coalesce(body -> f.key, 'null') <> 'null' ORDER BY f.key LOOP
		IF item.type = 'integer' AND item.value::numeric NOT BETWEEN 1 AND 1000000 THEN
			PERFORM cdc_inner.raise_invalid(format('%s must be 1 to 1000000', item.key), format('It was %s.', left(item.value, 40)), 'Choose another value.', item.key);
		ELSIF item.type = 'string' AND (length(item.value) > 255 OR item.value ~ '[[:cntrl:]]') THEN
			PERFORM cdc_inner.raise_invalid(format('%s must be at most 255 characters, on one line', item.key), format('It has %s characters.', length(item.value)), 'Choose another value.', item.key);
		END IF;
	END LOOP;
	FOR item IN SELECT c AS value FROM jsonb_array_elements_text(coalesce(nullif(body -> 'allowed_cidrs', 'null'), '[]')) c LOOP
		BEGIN
			parsed := item.value::inet;
		EXCEPTION WHEN invalid_text_representation THEN
			PERFORM cdc_inner.raise_invalid('an entry of allowed_cidrs is no network', format('It was %L.', left(item.value, 100)), 'Give for example "10.0.1.0/24".', 'allowed_cidrs');
		END;
	END LOOP;
END
$$;

-- Writes what of a body is echoed; what is not in it stays.
CREATE OR REPLACE FUNCTION cdc_inner.rest_keep_service(id uuid, sent json, body jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	UPDATE cdc.service s SET plan_name = coalesce(body ->> 'plan_name', s.plan_name), storage_size_gb = coalesce((body ->> 'storage_size_gb')::numeric::integer, s.storage_size_gb),
		storage_tier = coalesce(body ->> 'storage_tier', s.storage_tier), node_count = coalesce((body ->> 'node_count')::numeric::integer, s.node_count),
		allowed_cidrs = CASE WHEN jsonb_typeof(body -> 'allowed_cidrs') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(body -> 'allowed_cidrs')) ELSE s.allowed_cidrs END,
		auto_failover_enabled = coalesce((body ->> 'auto_failover_enabled')::boolean, s.auto_failover_enabled), replication_mode = coalesce(body ->> 'replication_mode', s.replication_mode),
		encryption_enabled = coalesce((body ->> 'encryption_enabled')::boolean, s.encryption_enabled), maintenance_window = coalesce(body ->> 'maintenance_window', s.maintenance_window),
		labels = CASE WHEN jsonb_typeof(body -> 'labels') = 'object' THEN sent -> 'labels' ELSE s.labels END,
		is_ephemeral = coalesce((body ->> 'is_ephemeral')::boolean, (body ->> 'ephemeral')::boolean, s.is_ephemeral),
		ttl_hours = coalesce((body ->> 'ttl_hours')::numeric::integer, s.ttl_hours), updated_at = now()
		WHERE s.id = id;
END
$$;

-- Who did what; the request's id in detail.
CREATE OR REPLACE FUNCTION cdc_inner.rest_note_service(r cdc.rest_request, id uuid, kind text, message text) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO cdc.service_event (service_id, kind, role, message, detail)
		VALUES (rest_note_service.id, rest_note_service.kind, cdc_inner.caller(), rest_note_service.message, jsonb_build_object('request_id', r.id))
$$;

-- The organisation that a new service goes to: the body's, the header's, the
-- token's, or the caller's personal or first.
CREATE OR REPLACE FUNCTION cdc_inner.rest_new_service_organization(r cdc.rest_request, body jsonb) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	organization uuid;
BEGIN
	IF NOT EXISTS (SELECT cdc_inner.caller_organizations()) THEN
		PERFORM cdc_inner.rest_refuse(403, 'forbidden', 'the caller is in no organization', format('Role "%s" is no member of any.', cdc_inner.caller()),
			'An owner or admin of an organization can change that.');
	END IF;
	IF body ->> 'organization_id' IS NOT NULL THEN
		organization := cdc_inner.rest_uuid(body ->> 'organization_id', 'organization_id');
		IF cdc_inner.member_role(organization) IS NULL THEN
			PERFORM cdc_inner.rest_no_organization('id', 'organization_id');
		END IF;
		RETURN organization;
	END IF;
	RETURN coalesce(r.active, cdc_inner.caller_confined_to(), cdc_inner.default_organization());
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_service_create(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	sent json;
	body jsonb;
	connection jsonb;
	organization uuid;
	made uuid;
	provider text;
BEGIN
	SELECT b.sent, b.body INTO sent, body FROM cdc_inner.rest_body(r) b;
	PERFORM cdc_inner.rest_check(body, cdc_inner.rest_service_fields(), '{}', false);
	organization := cdc_inner.rest_new_service_organization(r, body);
	PERFORM cdc_inner.rest_require(organization, 'service:create');
	provider := coalesce(body ->> 'provider', cdc_inner.default_provider(), '');
	IF provider <> 'external' THEN
		PERFORM cdc_inner.rest_check(body, cdc_inner.rest_service_fields(), '{name,database_type,plan_name}', false);
		PERFORM cdc_inner.rest_check_service(body);
		IF provider <> 'local' OR cdc_inner.default_provider() IS NULL THEN
			PERFORM cdc_inner.raise_invalid(CASE WHEN provider IN ('', 'local') THEN 'no provider is set up that makes servers' ELSE 'unknown provider' END,
				format('It was %s; here there is "external"%s.', coalesce(quote_literal(left(body ->> 'provider', 100)), 'absent'), CASE WHEN cdc_inner.default_provider() IS NULL THEN ' alone' ELSE ' and "local"' END),
				'Send "provider": "external" with the "connection" of a server that exists' || CASE WHEN cdc_inner.default_provider() IS NULL THEN '; a superuser can set cdc_pipeline.provision_url.' ELSE ', or none.' END, 'provider');
		END IF;
		IF coalesce(body -> 'connection', 'null') <> 'null' THEN
			PERFORM cdc_inner.raise_invalid('a service that is made has no connection of yours', 'The members of "connection" describe a server that exists.', 'Leave it out, or send "provider": "external".', 'connection');
		END IF;
		PERFORM cdc_inner.check_provided(body);
		made := cdc_inner.provide_service(organization, body);
		PERFORM cdc_inner.rest_keep_service(made, sent, body);
		PERFORM cdc_inner.rest_note_service(r, made, 'created', 'ordered');
		RETURN ROW(201, jsonb_build_object('location', '/managed-services/' || made), cdc_inner.rest_service_text(made))::cdc.rest_response;
	END IF;
	PERFORM cdc_inner.rest_check(body, cdc_inner.rest_service_fields(), '{name,database_type,connection}', false);
	PERFORM cdc_inner.rest_check_service(body);
	connection := body -> 'connection';
	IF coalesce(body -> 'addons', 'null') <> 'null' THEN
		IF body ->> 'database_type' = 'kafka' THEN
			connection := connection || jsonb_build_object('addons', body -> 'addons');
		ELSIF body -> 'addons' <> '[]' THEN
			PERFORM cdc_inner.raise_invalid('this type of service has no addons', format('They were %s.', left((body -> 'addons')::text, 100)), 'The addon kafka-connect is for kafka.', 'addons');
		END IF;
	END IF;
	made := cdc_inner.register_service(body ->> 'name', body ->> 'database_type', coalesce(body ->> 'zone', 'default'), connection, body ->> 'version', organization);
	PERFORM cdc_inner.rest_keep_service(made, sent, body);
	PERFORM cdc_inner.rest_note_service(r, made, 'created', 'registered');
	RETURN ROW(201, jsonb_build_object('location', '/managed-services/' || made), cdc_inner.rest_service_text(made))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_service_change(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	sent json;
	body jsonb;
	fixed text;
	before cdc.service;
BEGIN
	PERFORM cdc_inner.rest_service_require(r, 'service:create');
	SELECT b.sent, b.body INTO sent, body FROM cdc_inner.rest_body(r) b;
	PERFORM cdc_inner.rest_check(body, cdc_inner.rest_service_fields(), '{}', false);
	PERFORM cdc_inner.rest_check_service(body);
	SELECT s.* INTO before FROM cdc.service s WHERE s.id = r.first FOR NO KEY UPDATE;
	-- the same value again is no change
	SELECT f INTO fixed FROM unnest('{database_type,version,zone,organization_id,provider,addons}'::text[]) WITH ORDINALITY u(f, n)
		WHERE coalesce(body -> f, 'null') <> 'null' AND body -> f IS DISTINCT FROM to_jsonb(before) -> f ORDER BY n LIMIT 1;
	IF FOUND THEN
		PERFORM cdc_inner.raise_invalid(format('"%s" of a service cannot be changed', fixed), 'It is what the service was made with.', 'Delete the service and make it again.', fixed);
	END IF;
	IF before.provider <> 'external' THEN
		SELECT f INTO fixed FROM unnest('{allowed_cidrs,node_count}'::text[]) f
			WHERE coalesce(body -> f, 'null') <> 'null' AND CASE f WHEN 'node_count' THEN (body ->> f)::numeric <> before.node_count ELSE body -> f <> to_jsonb(before.allowed_cidrs) END LIMIT 1;
		IF FOUND THEN
			PERFORM cdc_inner.raise_invalid(format('"%s" of a service that was made cannot be changed', fixed), 'It is what the service was made with.', 'Delete the service and make it again.', fixed);
		END IF;
		PERFORM cdc_inner.check_provided(jsonb_build_object('database_type', before.database_type) || (body - '{database_type,version,zone}'::text[]));
	END IF;
	IF body ->> 'name' <> before.name THEN
		PERFORM cdc_inner.check_service_name(body ->> 'name');
		BEGIN
			UPDATE cdc.service s SET name = body ->> 'name' WHERE s.id = r.first;
		EXCEPTION WHEN unique_violation THEN
			PERFORM cdc_inner.raise_name_taken('service', body ->> 'name');
		END;
	END IF;
	IF coalesce(body -> 'connection', 'null') NOT IN ('null', before.connection) THEN
		PERFORM cdc_inner.update_service(r.first, body -> 'connection');
	END IF;
	PERFORM cdc_inner.rest_keep_service(r.first, sent, body);
	PERFORM cdc_inner.rest_note_service(r, r.first, 'changed', 'changed: ' || coalesce((SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(body) k WHERE cdc_inner.rest_service_fields() ? k), 'nothing'));
	PERFORM cdc_inner.ask('service', r.first);
	RETURN ROW(200, NULL, cdc_inner.rest_service_text(r.first))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_service_delete(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_service_require(r, 'service:create');
	BEGIN
		PERFORM cdc_inner.delete_service(r.first);
	EXCEPTION WHEN object_in_use THEN
		PERFORM cdc_inner.rest_refuse(409, 'in_use', 'a live pipeline uses this service', (SELECT format('Pipeline "%s" (%s) does.', p.name, p.id) FROM cdc.pipeline_spec p
			WHERE p.desired_state = 'present' AND p.deleted_at IS NULL AND r.first IN (p.source_service_id, p.sink_service_id) ORDER BY p.name LIMIT 1),
			'DELETE the pipeline first; one in Deleting does not count.');
	END;
	PERFORM cdc_inner.rest_note_service(r, r.first, 'deleted', 'deleted');
	RETURN ROW(204, NULL, NULL)::cdc.rest_response;
END
$$;

-- The users of a service whose passwords are known, app_user first.  The superuser of
-- a server that was made is its operator's: no member is told.
CREATE OR REPLACE FUNCTION cdc_inner.rest_service_users(service cdc.service) RETURNS TABLE (username text, roles text[], purpose text, rank integer)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT x.username, x.roles, x.purpose, CASE x.username WHEN 'app_user' THEN 0 ELSE 1 END + x.n::integer AS rank
		FROM (SELECT service.connection ->> 'admin_user' AS username, '{admin}'::text[] AS roles, 'admin_password' AS purpose, 1000000 AS n WHERE service.database_type = 'postgresql' AND service.provider = 'external'
			UNION ALL SELECT u, '{}', 'user_password/' || u, CASE u WHEN 'app_user' THEN 0 ELSE n END
				FROM jsonb_array_elements_text(coalesce(service.connection -> 'users', '[]')) WITH ORDINALITY y(u, n)) x
		JOIN cdc.service_secret e ON e.service_id = service.id AND e.purpose = x.purpose
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_users_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_service_require(r, 'service:read');
	RETURN ROW(200, NULL, (SELECT '{"users":[' || coalesce(string_agg(row_to_json(x)::text, ',' ORDER BY u.rank), '') || ']}'
		FROM cdc.service s, cdc_inner.rest_service_users(s) u, LATERAL (SELECT u.username, u.roles, cdc_inner.rfc3339(s.created_at) AS created_at) x
		WHERE s.id = r.first))::cdc.rest_response;
END
$$;

-- A text as it stands in a URI.
CREATE OR REPLACE FUNCTION cdc_inner.rest_encode(clear text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(string_agg(CASE WHEN c ~ '[A-Za-z0-9._~-]' THEN c ELSE regexp_replace(upper(encode(convert_to(c, 'UTF8'), 'hex')), '(..)', '%\1', 'g') END, '' ORDER BY n), '')
		FROM unnest(string_to_array(clear, NULL)) WITH ORDINALITY x(c, n)
$$;

-- Shows a password, and notes who asked for it; the note is not there without the
-- answer, nor the answer without the note.  The server's superuser's: for admins.
CREATE OR REPLACE FUNCTION cdc_inner.rest_user_reveal(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	answer cdc.rest_response;
	known record;
	owner uuid;
	host text;
	port integer;
BEGIN
	owner := cdc_inner.rest_service_require(r, 'service:create');
	SELECT u.username, u.purpose, s.database_type, s.connection, cdc_inner.decrypt(e.key_id, e.ciphertext, s.id::text, e.purpose) AS password INTO known
		FROM cdc.service s, cdc_inner.rest_service_users(s) u JOIN cdc.service_secret e ON e.purpose = u.purpose
		WHERE s.id = r.first AND e.service_id = s.id AND u.username = r.second;
	IF NOT FOUND AND EXISTS (SELECT FROM cdc.service s WHERE s.id = r.first AND s.provider <> 'external' AND s.connection ->> 'admin_user' = r.second) THEN
		PERFORM cdc_inner.rest_refuse(403, 'forbidden', 'the administrator of a server that was made is its operator''s', format('User "%s" is a superuser of it.', r.second),
			'Use app_user, which owns the database and may make others.');
	ELSIF NOT FOUND THEN
		PERFORM cdc_inner.rest_refuse(404, 'not_found', 'no such user', 'No password of a user with this name is registered with this service.',
			'GET /managed-services/{service_id}/database-users lists those that are.');
	END IF;
	IF known.purpose = 'admin_password' THEN
		-- a superuser of the source can do more there than capture
		PERFORM cdc_inner.rest_require(owner, 'admin');
	END IF;
	IF known.database_type = 'postgresql' THEN
		SELECT n.address, n.port INTO host, port FROM cdc.service_node n WHERE n.service_id = r.first
			ORDER BY (n.observed_role = 'primary') IS TRUE DESC, n.last_seen_at DESC NULLS LAST, n.address, n.port LIMIT 1;
	ELSE
		host := substring(split_part(known.connection ->> 'bootstrap', ',', 1) FROM '^(.*):[0-9]+$');
		port := substring(split_part(known.connection ->> 'bootstrap', ',', 1) FROM ':([0-9]+)$')::integer;
	END IF;
	SELECT row_to_json(x)::text INTO answer.body FROM (SELECT known.username, known.password, coalesce(host, '') AS host, coalesce(port, 0) AS port,
		CASE known.database_type WHEN 'postgresql' THEN coalesce(known.connection ->> 'database', 'postgres') ELSE '' END AS database,
		CASE known.database_type WHEN 'postgresql' THEN format('postgresql://%s:%s@%s:%s/%s%s', cdc_inner.rest_encode(known.username), cdc_inner.rest_encode(known.password), host, port,
				cdc_inner.rest_encode(coalesce(known.connection ->> 'database', 'postgres')), coalesce('?sslmode=' || (known.connection ->> 'sslmode'), ''))
			ELSE coalesce(known.connection ->> 'bootstrap', '') END AS connection_string) x;
	PERFORM cdc_inner.rest_note_service(r, r.first, 'revealed', format('the password of user "%s" was shown', known.username));
	answer.status := 200;
	RETURN answer;
END
$$;
