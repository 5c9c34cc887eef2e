-- 75_rest_request.sql: the REST API's routes, reading a request, refusing one.

CREATE TYPE cdc.rest_response AS (
	status	integer,
	headers	jsonb,		-- names in lower case -> text
	body	text		-- NULL: none
);

-- A request after its route was found.
CREATE TYPE cdc.rest_request AS (
	id		text,		-- request id
	handler	text,
	first	uuid,		-- the second segment of the path
	second	text,		-- the fourth
	query	text,		-- after the ?, NULL: none
	body	text,
	headers	jsonb
);

-- Every route, and nothing that is not here is served.  Segments of a path are
-- in turn a noun and an identifier, which is all that matching needs: shape.
CREATE TABLE cdc.rest_route (
	method		text NOT NULL,
	path		text NOT NULL,
	permission	text NOT NULL,	-- service:read, service:create; pg_monitor; any: what the caller may see
	handler		text NOT NULL,
	shape		text NOT NULL GENERATED ALWAYS AS (pg_catalog.regexp_replace(path, '\{[a-z_]+\}', '{}', 'g')) STORED,
	PRIMARY KEY (shape, method)
);
INSERT INTO cdc.rest_route (method, path, permission, handler) VALUES
	('GET', '/organizations', 'any', 'organizations_list'),
	('GET', '/organizations/{organization_id}', 'service:read', 'organization_get'),
	('GET', '/organizations/{organization_id}/pipelines', 'service:read', 'pipelines_list'),
	('POST', '/organizations/{organization_id}/pipelines', 'service:create', 'pipeline_create'),
	('GET', '/organizations/{organization_id}/pipelines/{pipeline_id}', 'service:read', 'pipeline_get'),
	('DELETE', '/organizations/{organization_id}/pipelines/{pipeline_id}', 'service:create', 'pipeline_delete'),
	('GET', '/pipelines/{pipeline_id}/status', 'service:read', 'pipeline_status'),
	('GET', '/managed-services', 'any', 'services_list'),
	('POST', '/managed-services', 'service:create', 'service_create'),
	('GET', '/managed-services/{service_id}', 'service:read', 'service_get'),
	('PATCH', '/managed-services/{service_id}', 'service:create', 'service_change'),
	('DELETE', '/managed-services/{service_id}', 'service:create', 'service_delete'),
	('GET', '/managed-services/{service_id}/database-users', 'service:read', 'users_list'),
	('POST', '/managed-services/{service_id}/database-users/{username}/reveal-password', 'service:create', 'user_reveal'),
	('GET', '/metrics', 'pg_monitor', 'metrics');

-- Ends the request with this answer: an ERROR of SQLSTATE class HT, caught by
-- cdc.rest(), which takes back whatever the request has done so far.
CREATE FUNCTION cdc.rest_refuse(status integer, code text, error text, detail text DEFAULT NULL, hint text DEFAULT NULL, field text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'HT' || status, MESSAGE = error, DETAIL = coalesce(detail, ''), HINT = coalesce(hint, ''),
		COLUMN = coalesce(field, ''), CONSTRAINT = code;
END
$$;

-- An error's body: flat, absent members left out.
CREATE FUNCTION cdc.rest_error(error text, code text, detail text, hint text, field text, request_id text DEFAULT NULL) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT json_strip_nulls(row_to_json(x))::text
		FROM (SELECT rest_error.error, rest_error.code, nullif(rest_error.detail, '') AS detail, nullif(rest_error.hint, '') AS hint,
			nullif(rest_error.field, '') AS field, rest_error.request_id) x
$$;

-- The answer to a request that ended with this SQL error.  What is not the
-- request's fault is told by its id only: the rest is in the server's log.
CREATE FUNCTION cdc.rest_fault(sqlstate text, message text, detail text, hint text, field text, name text, request_id text) RETURNS cdc.rest_response
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	answer cdc.rest_response;
BEGIN
	answer.status := CASE
		WHEN sqlstate LIKE 'HT%' THEN right(sqlstate, 3)::integer
		WHEN sqlstate = '22023' THEN 422
		WHEN sqlstate = '42704' THEN 404
		WHEN sqlstate IN ('42710', '55006') THEN 409
		WHEN sqlstate = '42501' THEN 403
		WHEN sqlstate IN ('25006', '40001', '40P01', '55P03') OR left(sqlstate, 2) = '53' THEN 503
		ELSE 500 END;
	IF answer.status = 405 THEN
		answer.headers := jsonb_build_object('allow', hint);
		hint := NULL;
	ELSIF answer.status = 503 THEN
		answer.headers := '{"retry-after": "1"}';
		message := 'the request cannot be carried out at this moment';
		detail := CASE WHEN sqlstate = '25006' THEN 'This server only reads: the metadata database is failing over.' ELSE 'Another request was in its way, or the server is short of something.' END;
		hint := 'Send it again.';
	ELSIF answer.status = 500 THEN
		message := 'internal error';
		detail := 'The server''s log has the details under this request id.';
		hint := NULL;
	END IF;
	answer.body := cdc.rest_error(message, CASE
		WHEN sqlstate LIKE 'HT%' THEN name
		WHEN answer.status = 409 AND sqlstate = '55006' THEN 'in_use'
		WHEN answer.status = 409 THEN CASE field WHEN 'config.topic_prefix' THEN 'topic_conflict' ELSE 'name_conflict' END
		WHEN answer.status = 422 THEN 'invalid_value'
		WHEN answer.status = 404 THEN 'not_found'
		WHEN answer.status = 403 THEN 'forbidden'
		WHEN answer.status = 503 THEN 'unavailable'
		ELSE 'internal_error' END, detail, hint, field, CASE WHEN answer.status >= 500 THEN request_id END);
	RETURN answer;
END
$$;

-- Without credentials, or with wrong ones.
CREATE FUNCTION cdc.rest_unauthorized(headers jsonb) RETURNS cdc.rest_response
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT ROW(401, jsonb_build_object('content-type', 'application/json; charset=utf-8', 'cache-control', 'no-store',
		'www-authenticate', 'Basic realm="cdc_pipeline", Bearer error="invalid_token"', 'x-request-id', cdc.rest_request_id(headers)),
		cdc.rest_error('the token opens nothing', 'unauthorized', 'It is unknown, expired or revoked, or its role may not log in or is in no organization.',
			'Make a new one with: SELECT cdc.create_token(''name'');', NULL))::cdc.rest_response
$$;

-- The request's id: the caller's, if it can stand in a log as it is.
CREATE FUNCTION cdc.rest_request_id(headers jsonb) RETURNS text
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN headers ->> 'x-request-id' ~ '^[A-Za-z0-9._:/+=-]{1,128}$' THEN headers ->> 'x-request-id' ELSE gen_random_uuid()::text END
$$;

-- A segment of a path, or a value of a query, with its percents decoded.
CREATE FUNCTION cdc.rest_decode(encoded text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	piece text;
	bytes bytea := '';
BEGIN
	IF strpos(encoded, '%') = 0 THEN
		RETURN encoded;
	END IF;
	FOR piece IN SELECT (regexp_matches(encoded, '%[0-9A-Fa-f]{2}|%|[^%]+', 'g'))[1] LOOP
		IF piece = '%' THEN
			PERFORM cdc.rest_refuse(400, 'invalid_path', 'a percent sign in the URL is not followed by two hexadecimal digits', NULL, 'Write %25 for the sign itself.');
		END IF;
		bytes := bytes || CASE WHEN piece LIKE '\%%' THEN decode(substr(piece, 2), 'hex') ELSE convert_to(piece, 'UTF8') END;
	END LOOP;
	RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
	PERFORM cdc.rest_refuse(400, 'invalid_path', 'the URL is not UTF-8', NULL, 'Encode names as UTF-8 before percent-encoding them.');
END
$$;

-- A UUID of 36 characters, or 400 with the field.
CREATE FUNCTION cdc.rest_uuid(value text, field text) RETURNS uuid
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF value ~ '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' THEN
		RETURN value::uuid;
	END IF;
	PERFORM cdc.rest_refuse(400, 'invalid_id', format('%s must be a UUID', field), format('It was %L.', left(value, 100)),
		'An id is 36 characters, with hyphens: 00000000-0000-0000-0000-000000000000.', field);
END
$$;

-- No route has this method: 405 with those that there are, or 404.
CREATE FUNCTION cdc.rest_no_route(method text, shape text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	allowed text;
BEGIN
	SELECT string_agg(CASE t.method WHEN 'GET' THEN 'GET, HEAD' ELSE t.method END, ', ' ORDER BY t.method) INTO allowed
		FROM cdc.rest_route t WHERE t.shape = shape;
	IF allowed IS NULL THEN
		PERFORM cdc.rest_refuse(404, 'unknown_path', 'no such path', NULL, 'GET /openapi.yaml lists every path.');
	END IF;
	PERFORM cdc.rest_refuse(405, 'method_not_allowed', 'this path has no such method', format('It has %s.', allowed), allowed);
END
$$;

-- Finds the route of a request.  HEAD is GET: the HTTP side leaves the body out.
CREATE FUNCTION cdc.rest_read(method text, path text, body text, headers jsonb, request_id text) RETURNS cdc.rest_request
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	r cdc.rest_request;
	bare text := split_part(path, '?', 1);
	s text[];
	n integer;
	shape text;
BEGIN
	IF bare LIKE '%//%' OR bare NOT LIKE '/%' OR length(bare) > 2048 THEN
		PERFORM cdc.rest_no_route(method, NULL);
	END IF;
	s := string_to_array(btrim(bare, '/'), '/');
	n := cardinality(s);
	IF strpos(bare, '%') > 0 THEN
		s := ARRAY(SELECT cdc.rest_decode(x) FROM unnest(s) WITH ORDINALITY u(x, i) ORDER BY i);
	END IF;
	shape := CASE n WHEN 1 THEN '/' || s[1] WHEN 2 THEN '/' || s[1] || '/{}' WHEN 3 THEN '/' || s[1] || '/{}/' || s[3]
		WHEN 4 THEN '/' || s[1] || '/{}/' || s[3] || '/{}' WHEN 5 THEN '/' || s[1] || '/{}/' || s[3] || '/{}/' || s[5] END;
	SELECT t.handler INTO r.handler FROM cdc.rest_route t WHERE t.shape = shape AND t.method = CASE method WHEN 'HEAD' THEN 'GET' ELSE method END;
	IF r.handler IS NULL THEN
		PERFORM cdc.rest_no_route(method, shape);
	END IF;
	IF n > 1 THEN
		r.first := cdc.rest_uuid(s[2], CASE s[1] WHEN 'organizations' THEN 'organization_id' WHEN 'pipelines' THEN 'pipeline_id' ELSE 'service_id' END);
		r.second := s[4];
	END IF;
	r.id := request_id;
	r.query := nullif(substr(path, length(bare) + 2), '');
	r.body := body;
	r.headers := headers;
	RETURN r;
END
$$;

-- A parameter of the query string, the first of that name; NULL when absent.
CREATE FUNCTION cdc.rest_parameter(r cdc.rest_request, name text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT cdc.rest_decode(replace(substr(p, strpos(p || '=', '=') + 1), '+', ' '))
		FROM string_to_table(r.query, '&') WITH ORDINALITY x(p, n)
		WHERE cdc.rest_decode(replace(split_part(p, '=', 1), '+', ' ')) = name ORDER BY n LIMIT 1
$$;

-- The body, an object, as it was sent (json) and to look into (jsonb); or 400.
CREATE FUNCTION cdc.rest_body(r cdc.rest_request, OUT sent json, OUT body jsonb)
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	detail text;
	twice text;
BEGIN
	IF octet_length(r.body) > 1048576 THEN
		PERFORM cdc.rest_refuse(413, 'body_too_large', 'the body is too large', format('It has %s bytes; 1048576 are allowed.', octet_length(r.body)));
	END IF;
	IF coalesce(r.body, '') !~ '\S' THEN
		PERFORM cdc.rest_refuse(400, 'missing_body', 'the request needs a body', 'It had none.', 'Send a JSON object.');
	END IF;
	BEGIN
		sent := r.body::json;
		body := r.body::jsonb;
	EXCEPTION WHEN untranslatable_character THEN
		PERFORM cdc.rest_refuse(400, 'invalid_json', 'a string of the body has \u0000 in it', NULL, 'PostgreSQL has no such character.');
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		PERFORM cdc.rest_refuse(400, 'invalid_json', 'the body is not JSON', coalesce(nullif(detail, ''), SQLERRM), 'Send one JSON object, encoded as UTF-8.');
	END;
	IF jsonb_typeof(body) <> 'object' THEN
		PERFORM cdc.rest_refuse(400, 'invalid_type', 'the body must be a JSON object', format('It was of JSON type %s.', jsonb_typeof(body)));
	END IF;
	SELECT k INTO twice FROM json_object_keys(sent) k GROUP BY k HAVING count(*) > 1 LIMIT 1;
	IF FOUND THEN
		PERFORM cdc.rest_refuse(400, 'invalid_json', format('"%s" is in the body twice', twice), NULL, 'Two readers could take it differently: send each member once.', twice);
	END IF;
END
$$;

-- 400 unless each member that is there (null is absent) is of its JSON type, the
-- required ones are there, and, where others are not ignored, there is no other.
-- types: {"name": "string", "ids": "strings", "count": "integer"}; inside: what
-- the names of fields in messages begin with.
CREATE FUNCTION cdc.rest_check(object jsonb, types jsonb, required text[], closed boolean, inside text DEFAULT '') RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item record;
	wanted text;
	fits boolean;
	missing text;
BEGIN
	FOR item IN SELECT * FROM jsonb_each(object) LOOP
		wanted := types ->> item.key;
		IF wanted IS NULL THEN
			CONTINUE WHEN NOT closed;
			PERFORM cdc.rest_refuse(400, 'unknown_field', format('unknown field "%s"', inside || item.key), 'A mistyped field would silently mean its default.',
				'Known fields: ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(types) k) || '.', inside || item.key);
		END IF;
		CONTINUE WHEN jsonb_typeof(item.value) = 'null';
		fits := CASE wanted
			WHEN 'strings' THEN jsonb_typeof(item.value) = 'array' AND NOT jsonb_path_exists(item.value, '$[*] ? (@.type() != "string")')
			WHEN 'integer' THEN jsonb_typeof(item.value) = 'number' AND (item.value)::numeric % 1 = 0
			ELSE jsonb_typeof(item.value) = wanted END;
		IF NOT fits THEN
			PERFORM cdc.rest_refuse(400, 'invalid_type', format('"%s" must be %s', inside || item.key,
				CASE wanted WHEN 'strings' THEN 'an array of strings' WHEN 'integer' THEN 'an integer' WHEN 'object' THEN 'an object' ELSE 'a ' || wanted END),
				format('It was %s.', CASE jsonb_typeof(item.value) WHEN 'array' THEN 'an array' WHEN 'object' THEN 'an object' ELSE 'a ' || jsonb_typeof(item.value) END),
				NULL, inside || item.key);
		END IF;
	END LOOP;
	SELECT f INTO missing FROM unnest(required) WITH ORDINALITY u(f, n) WHERE coalesce(object -> f, 'null') = 'null' ORDER BY n LIMIT 1;
	IF FOUND THEN
		PERFORM cdc.rest_refuse(400, 'missing_field', format('"%s" is required', inside || missing), NULL, NULL, inside || missing);
	END IF;
END
$$;

-- 404 for an organisation that the caller is not in, whether it exists or not;
-- 403 for one in which its role is too small.
CREATE FUNCTION cdc.rest_require(organization uuid, permission text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	role text := cdc.member_role(organization);
BEGIN
	IF role IS NULL THEN
		PERFORM cdc.rest_refuse(404, 'not_found', 'no such organization', 'No organization with this id is visible to the caller.', 'GET /organizations lists those that are.');
	END IF;
	IF NOT cdc.may(organization, permission) THEN
		PERFORM cdc.rest_refuse(403, 'forbidden', format('permission %s is needed in this organization', permission),
			format('Role "%s" is %s there.', cdc.caller(), role), 'An owner or admin of the organization can change that.');
	END IF;
END
$$;

-- The organisation that X-Active-Org-ID names, by id or slug; NULL: it is absent.
CREATE FUNCTION cdc.rest_active_organization(r cdc.rest_request) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	value text := btrim(r.headers ->> 'x-active-org-id');
	found uuid;
BEGIN
	IF coalesce(value, '') = '' THEN
		RETURN NULL;
	END IF;
	SELECT o.id INTO found FROM cdc.organization o WHERE (o.slug = value OR o.id::text = lower(value)) AND o.id IN (SELECT cdc.caller_organizations());
	IF found IS NULL THEN
		PERFORM cdc.rest_refuse(404, 'not_found', 'no such organization', 'No organization with this id or slug is visible to the caller.',
			'GET /organizations lists those that are.', 'X-Active-Org-ID');
	END IF;
	RETURN found;
END
$$;
