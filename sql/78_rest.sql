-- 78_rest.sql: the REST API's doors: cdc.rest() for who has connected as itself,
-- cdc.rest_bearer() for the gateway with a token, cdc.health() for anybody.

CREATE FUNCTION cdc.rest_organization_objects(id uuid) RETURNS TABLE (object text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT row_to_json(x)::text FROM cdc.organization o,
			LATERAL (SELECT o.id, o.name, o.slug, o.is_personal, cdc.member_role(o.id) AS role, cdc.rfc3339(o.created_at) AS created_at) x
		WHERE o.id IN (SELECT cdc.caller_organizations()) AND o.id = coalesce(rest_organization_objects.id, o.id)
		ORDER BY o.is_personal DESC, o.created_at, o.id
$$;

CREATE FUNCTION cdc.rest_organizations_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ROW(200, NULL, '{"organizations":[' || coalesce(string_agg(x.object, ','), '') || ']}')::cdc.rest_response FROM cdc.rest_organization_objects(NULL) x
$$;

CREATE FUNCTION cdc.rest_organization_get(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc.rest_require(r.first, 'service:read');
	RETURN ROW(200, NULL, (SELECT x.object FROM cdc.rest_organization_objects(r.first) x))::cdc.rest_response;
END
$$;

-- One request, whole: route, permission, validation, effect, answer.  Never an
-- ERROR for what the request did wrong: an answer, and its effects are gone.
-- method: in upper case; path: as it came, query string and percents too; body
-- NULL: none; headers: names in lower case.
CREATE FUNCTION cdc.rest(method text, path text, body text DEFAULT NULL, headers jsonb DEFAULT '{}') RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	r cdc.rest_request;
	answer cdc.rest_response;
	request_id text := headers ->> 'x-request-id';
	code text;
	message text;
	detail text;
	hint text;
	field text;
	name text;
	context text;
BEGIN
	IF (request_id ~ '^[A-Za-z0-9._:/+=-]{1,128}$') IS NOT TRUE THEN
		request_id := gen_random_uuid();
	END IF;
	BEGIN
		r := cdc.rest_read(method, path, body, coalesce(headers, '{}'), request_id);
		CASE r.handler
			WHEN 'pipeline_status' THEN answer := cdc.rest_pipeline_status(r);
			WHEN 'pipeline_get' THEN answer := cdc.rest_pipeline_get(r);
			WHEN 'pipelines_list' THEN answer := cdc.rest_pipelines_list(r);
			WHEN 'pipeline_create' THEN answer := cdc.rest_pipeline_create(r);
			WHEN 'pipeline_delete' THEN answer := cdc.rest_pipeline_delete(r);
			WHEN 'service_get' THEN answer := cdc.rest_service_get(r);
			WHEN 'services_list' THEN answer := cdc.rest_services_list(r);
			WHEN 'service_create' THEN answer := cdc.rest_service_create(r);
			WHEN 'service_change' THEN answer := cdc.rest_service_change(r);
			WHEN 'service_delete' THEN answer := cdc.rest_service_delete(r);
			WHEN 'users_list' THEN answer := cdc.rest_users_list(r);
			WHEN 'user_reveal' THEN answer := cdc.rest_user_reveal(r);
			WHEN 'organizations_list' THEN answer := cdc.rest_organizations_list(r);
			WHEN 'organization_get' THEN answer := cdc.rest_organization_get(r);
			WHEN 'metrics' THEN answer := ROW(200, '{"content-type": "text/plain; version=0.0.4; charset=utf-8"}', cdc.metrics());
		END CASE;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
			field = COLUMN_NAME, name = CONSTRAINT_NAME, context = PG_EXCEPTION_CONTEXT;
		answer := cdc.rest_fault(code, message, detail, hint, field, name, request_id);
		IF answer.status = 500 THEN
			RAISE LOG USING MESSAGE = format('REST request %s failed: %s', request_id, message), ERRCODE = code,
				DETAIL = format('%s %s. %s', method, split_part(path, '?', 1), detail), HINT = context;
		END IF;
	END;
	answer.headers := jsonb_build_object('content-type', 'application/json; charset=utf-8', 'cache-control', 'no-store', 'x-request-id', request_id)
		|| coalesce(answer.headers, '{}');
	RETURN answer;
END
$$;

-- cdc.rest() as the role that a token stands for; 401 when it stands for none.
-- For the gateway's own role (cdc.grant_gateway) and nobody else: who may call it
-- may try tokens.
CREATE FUNCTION cdc.rest_bearer(token text, method text, path text, body text DEFAULT NULL, headers jsonb DEFAULT '{}') RETURNS cdc.rest_response
	LANGUAGE c VOLATILE SECURITY DEFINER AS 'MODULE_PATHNAME', 'cdc_rest_bearer';

-- 200 when the worker's heartbeat is younger than 30 s, else 503 and why.  Tells
-- nothing that a stranger may not know.
CREATE FUNCTION cdc.health() RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	answer cdc.rest_response;
	age numeric;
	why text;
BEGIN
	SELECT round(extract(epoch FROM clock_timestamp() - w.heartbeat)::numeric, 3) INTO age FROM cdc.worker_state() w WHERE w.pid IS NOT NULL;
	why := CASE WHEN pg_is_in_recovery() THEN 'this server is a standby: the reconciler runs on the primary'
		WHEN age IS NULL THEN 'the reconciler is not running'
		WHEN age >= 30 THEN format('the reconciler gave its last sign of life %s s ago', round(age)) END;
	answer.headers := '{"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}';
	IF why IS NULL THEN
		answer.status := 200;
		answer.body := format('{"status":"ok","database":"ok","heartbeat_age_seconds":%s}', greatest(age, 0));
	ELSE
		answer.status := 503;
		answer.headers := answer.headers || '{"retry-after": "5"}';
		answer.body := cdc.rest_error(why, 'unhealthy', 'The database answers.', NULL, NULL);
	END IF;
	RETURN answer;
END
$$;

-- Gives the gateway's login role what it needs, and takes back nothing: bearer
-- tokens and the state of health.  Superusers only.
CREATE FUNCTION cdc.grant_gateway(role name) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc.require_superuser('cdc.grant_gateway()');
	PERFORM pg_advisory_xact_lock(hashtextextended('cdc_pipeline grants', 0));
	EXECUTE format('GRANT USAGE ON SCHEMA cdc TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION cdc.rest_bearer(text, text, text, text, jsonb), cdc.health() TO %I', role);
END
$$;

-- Gives a role with pg_monitor what it needs to read the metrics, in SQL and over
-- REST.  Superusers only.
CREATE FUNCTION cdc.grant_monitoring(role name) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc.require_superuser('cdc.grant_monitoring()');
	PERFORM pg_advisory_xact_lock(hashtextextended('cdc_pipeline grants', 0));
	EXECUTE format('GRANT USAGE ON SCHEMA cdc TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION cdc.rest(text, text, text, jsonb), cdc.metrics(), cdc.worker_state(), cdc.health() TO %I', role);
END
$$;
