-- rest/calls.sql: the REST API's doors: cdc.rest() for who has connected as itself,
-- cdc.rest_bearer() for the gateway with a token, cdc.health() for anybody.

CREATE OR REPLACE FUNCTION cdc.rest_routes() RETURNS TABLE (method text, path text, permission text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_rest_routes_sql';
COMMENT ON FUNCTION cdc.rest_routes IS
	'The rows of view cdc.rest_route. For members.';

CREATE OR REPLACE FUNCTION cdc_inner.rest(method text, path text, body text DEFAULT NULL, headers jsonb DEFAULT '{}') RETURNS cdc.rest_response
	LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'cdc_rest';
COMMENT ON FUNCTION cdc_inner.rest IS
	'Answers one request of the REST API as the caller, whole: route, permission, validation, effect, answer. What the request did wrong is an answer and '
	'no error, and its effects are gone. method: in upper case. path: as it came, query string and percents too. body: NULL: none. headers: names in lower '
	'case. For members and anybody who is invited.';

CREATE OR REPLACE FUNCTION cdc_inner.rest_bearer(token text, method text, path text, body text DEFAULT NULL, headers jsonb DEFAULT '{}') RETURNS cdc.rest_response
	LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'cdc_rest_bearer';
COMMENT ON FUNCTION cdc_inner.rest_bearer IS
	'cdc.rest() as the role that a token stands for; 401 when it stands for none. token: the bearer token. method, path, body, headers: as of cdc.rest(); '
	'body NULL: none. For the gateway''s login role (cdc.grant_gateway()): who may call it may try tokens.';

CREATE OR REPLACE FUNCTION cdc_inner.health() RETURNS cdc.rest_response
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
		answer.body := cdc_inner.rest_error(why, 'unhealthy', 'The database answers.', NULL, NULL);
	END IF;
	RETURN answer;
END
$$;
COMMENT ON FUNCTION cdc_inner.health IS
	'An answer of status 200 when the worker''s heartbeat is younger than 30 s, else 503 and why. It tells nothing that a stranger may not know. For '
	'members, the gateway and monitoring.';

CREATE OR REPLACE FUNCTION cdc_inner.grant_gateway(role name) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.grant_gateway()');
	PERFORM cdc_inner.require_role(role);
	PERFORM cdc_inner.grant_to(role, 'gateway');
END
$$;
COMMENT ON FUNCTION cdc_inner.grant_gateway IS
	'Gives the gateway''s login role what it needs, bearer tokens and the state of health, and takes back nothing. role: its name. For superusers. Errors: '
	'42704.';
