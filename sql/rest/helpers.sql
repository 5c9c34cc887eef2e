-- rest/helpers.sql: reading a request, refusing one.

-- Ends the request with this answer: an ERROR of SQLSTATE class HT, caught by
-- cdc.rest(), which takes back whatever the request has done so far.
CREATE OR REPLACE FUNCTION cdc_inner.rest_refuse(status integer, code text, error text, detail text DEFAULT NULL, hint text DEFAULT NULL, field text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'HT' || status, MESSAGE = error, DETAIL = coalesce(detail, ''), HINT = coalesce(hint, ''),
		COLUMN = coalesce(field, ''), CONSTRAINT = code;
END
$$;

-- An error's body: flat, absent members left out.
CREATE OR REPLACE FUNCTION cdc_inner.rest_error(error text, code text, detail text, hint text, field text, request_id text DEFAULT NULL) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT json_strip_nulls(row_to_json(x))::text
		FROM (SELECT rest_error.error, rest_error.code, nullif(rest_error.detail, '') AS detail, nullif(rest_error.hint, '') AS hint,
			nullif(rest_error.field, '') AS field, rest_error.request_id) x
$$;

-- The answer to a request that ended with this SQL error.  What is not the
-- request's fault is told by its id only: the rest is in the server's log.
CREATE OR REPLACE FUNCTION cdc_inner.rest_fault(sqlstate text, message text, detail text, hint text, field text, name text, request_id text) RETURNS cdc.rest_response
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	answer cdc.rest_response;
BEGIN
	answer.status := CASE
		WHEN sqlstate LIKE 'HT%' THEN right(sqlstate, 3)::integer
		WHEN sqlstate = '22023' THEN 422
		WHEN sqlstate = '42704' THEN 404
		WHEN sqlstate IN ('42710', '55006') THEN 409
		WHEN sqlstate IN ('42501', '53400') THEN 403
		WHEN sqlstate IN ('25006', '40001', '40P01', '55P03') OR left(sqlstate, 2) = '53' THEN 503
		ELSE 500 END;
	IF answer.status = 401 THEN
		answer.headers := '{"www-authenticate": "Basic realm=\"cdc_pipeline\", Bearer error=\"invalid_token\""}';
	ELSIF answer.status = 405 THEN
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
	answer.body := cdc_inner.rest_error(message, CASE
		WHEN sqlstate LIKE 'HT%' THEN name
		WHEN answer.status = 409 AND sqlstate = '55006' THEN 'in_use'
		WHEN answer.status = 409 THEN CASE field WHEN 'config.topic_prefix' THEN 'topic_conflict' ELSE 'name_conflict' END
		WHEN answer.status = 422 THEN 'invalid_value'
		WHEN answer.status = 404 THEN 'not_found'
		WHEN sqlstate = '53400' THEN 'limit_exceeded'
		WHEN answer.status = 403 THEN 'forbidden'
		WHEN answer.status = 503 THEN 'unavailable'
		ELSE 'internal_error' END, detail, hint, field, CASE WHEN answer.status >= 500 THEN request_id END);
	RETURN answer;
END
$$;

-- A part of a URL with its percents decoded, or 400.
CREATE OR REPLACE FUNCTION cdc_inner.rest_decode(encoded text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_rest_decode';

-- A UUID of 36 characters, or 400 with the field.
CREATE OR REPLACE FUNCTION cdc_inner.rest_uuid(value text, field text) RETURNS uuid
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF value ~ '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' THEN
		RETURN value::uuid;
	END IF;
	PERFORM cdc_inner.rest_refuse(400, 'invalid_id', format('%s must be a UUID', field), format('It was %L.', left(value, 100)),
		'An id is 36 characters, with hyphens: 00000000-0000-0000-0000-000000000000.', field);
END
$$;

-- A parameter of the query string, the first of that name; NULL when absent.
CREATE OR REPLACE FUNCTION cdc_inner.rest_parameter(r cdc.rest_request, name text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT cdc_inner.rest_decode(replace(substr(p, strpos(p || '=', '=') + 1), '+', ' '))
		FROM string_to_table(r.query, '&') WITH ORDINALITY x(p, n)
		WHERE cdc_inner.rest_decode(replace(split_part(p, '=', 1), '+', ' ')) = name ORDER BY n LIMIT 1
$$;

-- 400 when a member is twice in an object; inside: what the names of its fields begin with.
CREATE OR REPLACE FUNCTION cdc_inner.rest_check_once(object json, inside text DEFAULT '') RETURNS void
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	twice text;
BEGIN
	SELECT k INTO twice FROM json_object_keys(object) k GROUP BY k HAVING count(*) > 1 LIMIT 1;
	IF FOUND THEN
		PERFORM cdc_inner.rest_refuse(400, 'invalid_json', format('"%s" is in %s twice', twice, CASE inside WHEN '' THEN 'the body' ELSE rtrim(inside, '.') END), NULL,
			'Two readers could take it differently: send each member once.', inside || twice);
	END IF;
END
$$;

-- The body, an object, as it was sent (json) and to look into (jsonb); or 400.
CREATE OR REPLACE FUNCTION cdc_inner.rest_body(r cdc.rest_request, OUT sent json, OUT body jsonb)
	LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	detail text;
BEGIN
	IF octet_length(r.body) > 1048576 THEN
		PERFORM cdc_inner.rest_refuse(413, 'body_too_large', 'the body is too large', format('It has %s bytes; 1048576 are allowed.', octet_length(r.body)));
	END IF;
	IF coalesce(r.body, '') !~ '\S' THEN
		PERFORM cdc_inner.rest_refuse(400, 'missing_body', 'the request needs a body', 'It had none.', 'Send a JSON object.');
	END IF;
	BEGIN
		sent := r.body::json;
		body := r.body::jsonb;
	EXCEPTION WHEN untranslatable_character THEN
		PERFORM cdc_inner.rest_refuse(400, 'invalid_json', 'a string of the body has \u0000 in it', NULL, 'PostgreSQL has no such character.');
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		PERFORM cdc_inner.rest_refuse(400, 'invalid_json', 'the body is not JSON', coalesce(nullif(detail, ''), SQLERRM), 'Send one JSON object, encoded as UTF-8.');
	END;
	IF jsonb_typeof(body) <> 'object' THEN
		PERFORM cdc_inner.rest_refuse(400, 'invalid_type', 'the body must be a JSON object', format('It was of JSON type %s.', jsonb_typeof(body)));
	END IF;
	PERFORM cdc_inner.rest_check_once(sent);
END
$$;

-- 400 unless each member that is there (null is absent) is of its JSON type, the
-- required ones are there, and, where others are not ignored, there is no other.
-- types: {"name": "string", "ids": "strings", "count": "integer"}; inside: what
-- the names of fields in messages begin with.
CREATE OR REPLACE FUNCTION cdc_inner.rest_check(object jsonb, types jsonb, required text[], closed boolean, inside text DEFAULT '') RETURNS void
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
			PERFORM cdc_inner.rest_refuse(400, 'unknown_field', format('unknown field "%s"', inside || item.key), 'A mistyped field would silently mean its default.',
				'Known fields: ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(types) k) || '.', inside || item.key);
		END IF;
		CONTINUE WHEN jsonb_typeof(item.value) = 'null';
		fits := CASE wanted
			WHEN 'strings' THEN jsonb_typeof(item.value) = 'array' AND NOT jsonb_path_exists(item.value, 'strict $[*] ? (@.type() != "string")')
			WHEN 'integer' THEN jsonb_typeof(item.value) = 'number' AND (item.value)::numeric % 1 = 0
			ELSE jsonb_typeof(item.value) = wanted END;
		IF NOT fits THEN
			PERFORM cdc_inner.rest_refuse(400, 'invalid_type', format('"%s" must be %s', inside || item.key,
				CASE wanted WHEN 'strings' THEN 'an array of strings' WHEN 'integer' THEN 'an integer' WHEN 'object' THEN 'an object' ELSE 'a ' || wanted END),
				format('It was %s.', CASE jsonb_typeof(item.value) WHEN 'array' THEN 'an array' WHEN 'object' THEN 'an object' ELSE 'a ' || jsonb_typeof(item.value) END),
				NULL, inside || item.key);
		END IF;
	END LOOP;
	SELECT f INTO missing FROM unnest(required) WITH ORDINALITY u(f, n) WHERE coalesce(object -> f, 'null') = 'null' ORDER BY n LIMIT 1;
	IF FOUND THEN
		PERFORM cdc_inner.rest_refuse(400, 'missing_field', format('"%s" is required', inside || missing), NULL, NULL, inside || missing);
	END IF;
END
$$;

-- 404.  by: how it was named; field: where.
CREATE OR REPLACE FUNCTION cdc_inner.rest_no_organization(by text, field text DEFAULT NULL) RETURNS void
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT cdc_inner.rest_refuse(404, 'not_found', 'no such organization', format('No organization with this %s is visible to the caller.', by),
		'GET /organizations lists those that are.', field)
$$;

-- 404 for an organisation that the caller is not in, whether it exists or not;
-- 403 for one in which its role is too small.
CREATE OR REPLACE FUNCTION cdc_inner.rest_require(organization uuid, permission text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	role text := cdc_inner.member_role(organization);
BEGIN
	IF role IS NULL THEN
		PERFORM cdc_inner.rest_no_organization('id');
	END IF;
	IF permission <> 'service:read' AND NOT cdc_inner.may(organization, permission) THEN
		PERFORM cdc_inner.rest_refuse(403, 'forbidden', format('permission %s is needed in this organization', permission),
			format('Role "%s" is %s there.', cdc_inner.caller(), role), 'An owner or admin of the organization can change that.');
	END IF;
END
$$;

-- The organisation that X-Active-Org-ID names, by id, else by slug, or 404.
CREATE OR REPLACE FUNCTION cdc_inner.rest_active_organization(value text) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	found uuid;
BEGIN
	found := cdc_inner.resolve('organization', value);
	IF found IS NULL THEN
		PERFORM cdc_inner.rest_no_organization('id or slug', 'X-Active-Org-ID');
	END IF;
	RETURN found;
END
$$;
