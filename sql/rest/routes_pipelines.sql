-- rest/routes_pipelines.sql: pipelines over REST, but for their status, which is a
-- statement in src/extension/rest.c.

CREATE OR REPLACE FUNCTION cdc_inner.rest_no_pipeline() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_refuse(404, 'not_found', 'no such pipeline', 'No pipeline with this id is visible to the caller here.',
		'GET /organizations/{organization_id}/pipelines lists those that are.');
END
$$;

-- The object's text, or 404.
CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_text(organization uuid, id uuid) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	object text;
BEGIN
	SELECT row_to_json(v)::text INTO object FROM cdc.pipeline_object v WHERE v.id = id AND v.organization_id = organization;
	IF object IS NULL THEN
		PERFORM cdc_inner.rest_no_pipeline();
	END IF;
	RETURN object;
END
$$;

-- All of them, or with limit=N a page, which begins after the pipeline that after=ID
-- names (one that has been deleted since too); "next" is there while more follow.
CREATE OR REPLACE FUNCTION cdc_inner.rest_pipelines_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	most text := cdc_inner.rest_parameter(r, 'limit');
	after text := cdc_inner.rest_parameter(r, 'after');
	begins record;
	page record;
BEGIN
	PERFORM cdc_inner.rest_require(r.first, 'service:read');
	IF most !~ '^[0-9]{1,4}$' OR most::integer NOT BETWEEN 1 AND 1000 THEN
		PERFORM cdc_inner.rest_refuse(400, 'invalid_value', 'limit must be 1 to 1000', format('It was %L.', left(most, 100)), 'Leave it out for all of them.', 'limit');
	END IF;
	SELECT '-infinity'::timestamptz AS created_at, NULL::uuid AS id INTO begins;
	IF after IS NOT NULL THEN
		SELECT p.created_at, p.id INTO begins FROM cdc.pipeline_spec p WHERE p.id = cdc_inner.rest_uuid(after, 'after') AND p.organization_id = r.first;
		IF NOT FOUND THEN
			PERFORM cdc_inner.rest_refuse(400, 'invalid_value', 'after must be the id of a pipeline of this organization', format('It was %L.', left(after, 100)), 'Send the "next" of the page before.', 'after');
		END IF;
	END IF;
	-- one more than the page has tells whether another follows
	SELECT string_agg(x.object, ',' ORDER BY x.created_at, x.id) FILTER (WHERE x.n <= most::integer OR most IS NULL) AS objects,
			(array_agg(x.id ORDER BY x.created_at DESC, x.id DESC) FILTER (WHERE x.n = most::integer))[1] AS last, count(*) > most::integer AS more INTO page
		FROM (SELECT p.created_at, p.id, p.n, (SELECT row_to_json(v)::text FROM cdc.pipeline_object v WHERE v.id = p.id) AS object
			FROM (SELECT q.created_at, q.id, row_number() OVER (ORDER BY q.created_at, q.id) AS n FROM cdc.pipeline_spec q
				WHERE q.organization_id = r.first AND q.deleted_at IS NULL AND q.settled_at IS NULL AND (q.created_at, q.id) > (begins.created_at, coalesce(begins.id, '00000000-0000-0000-0000-000000000000'))
				ORDER BY q.created_at, q.id LIMIT most::integer + 1) p) x;
	RETURN ROW(200, NULL, '{"pipelines":[' || coalesce(page.objects, '') || ']' || CASE WHEN page.more THEN format(',"next":"%s"', page.last) ELSE '' END || '}')::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_create(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	sent json;
	body jsonb;
	config jsonb;
	source uuid;
	sink uuid;
	made uuid;
	field text;
BEGIN
	PERFORM cdc_inner.rest_require(r.first, 'service:create');
	SELECT b.sent, b.body INTO sent, body FROM cdc_inner.rest_body(r) b;
	PERFORM cdc_inner.rest_check(body, '{"name": "string", "pipeline_type": "string", "source_service_id": "string", "sink_service_id": "string", "config": "object"}',
		'{name,pipeline_type,source_service_id,sink_service_id}', true);
	config := coalesce(nullif(body -> 'config', 'null'), '{}');
	PERFORM cdc_inner.rest_check(config, '{"database_name": "string", "tables": "strings", "topic_prefix": "string", "snapshot_mode": "string", "options": "object"}',
		'{}', true, 'config.');
	IF config <> '{}' THEN
		PERFORM cdc_inner.rest_check_once(sent -> 'config', 'config.');
	END IF;
	source := cdc_inner.rest_uuid(body ->> 'source_service_id', 'source_service_id');
	sink := cdc_inner.rest_uuid(body ->> 'sink_service_id', 'sink_service_id');
	BEGIN
		made := cdc_inner.make_pipeline(body ->> 'name', source, sink,
			ARRAY(SELECT jsonb_array_elements_text(coalesce(nullif(config -> 'tables', 'null'), '[]'))), coalesce(config ->> 'database_name', 'defaultdb'),
			config ->> 'topic_prefix', coalesce(config ->> 'snapshot_mode', 'initial'), r.first, body ->> 'pipeline_type',
			coalesce(nullif(config -> 'options', 'null'), '{}'), CASE config WHEN '{}' THEN '{}' ELSE sent -> 'config' END, jsonb_build_object('request_id', r.id));
	EXCEPTION WHEN undefined_object THEN
		GET STACKED DIAGNOSTICS field = COLUMN_NAME;
		PERFORM cdc_inner.rest_refuse(404, 'not_found', 'no such service', 'No service with this id is visible to the caller in this organization.',
			'GET /managed-services lists those that are.', field);
	END;
	RETURN ROW(202, jsonb_build_object('location', format('/organizations/%s/pipelines/%s', r.first, made)), cdc_inner.rest_pipeline_text(r.first, made))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_get(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	id uuid := cdc_inner.rest_uuid(r.second, 'pipeline_id');
BEGIN
	PERFORM cdc_inner.rest_require(r.first, 'service:read');
	RETURN ROW(200, NULL, cdc_inner.rest_pipeline_text(r.first, id))::cdc.rest_response;
END
$$;

-- 404 when the pipeline is not there for the caller, 403 when he may not do this.
CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_require(organization uuid, id uuid, permission text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc_inner.rest_require(organization, 'service:read');
	IF NOT EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.id = id AND p.organization_id = organization AND p.deleted_at IS NULL) THEN
		PERFORM cdc_inner.rest_no_pipeline();
	END IF;
	PERFORM cdc_inner.rest_require(organization, permission);
END
$$;

-- What cdc.set_pipeline_database() does.
CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_change(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id uuid := cdc_inner.rest_uuid(r.second, 'pipeline_id');
	body jsonb;
	detail text;
BEGIN
	PERFORM cdc_inner.rest_pipeline_require(r.first, id, 'service:create');
	body := (cdc_inner.rest_body(r)).body;
	PERFORM cdc_inner.rest_check(body, '{"config": "object"}', '{config}', true);
	PERFORM cdc_inner.rest_check(body -> 'config', '{"database_name": "string"}', '{database_name}', true, 'config.');
	BEGIN
		PERFORM cdc_inner.change_database(id, body #>> '{config,database_name}', jsonb_build_object('request_id', r.id));
	EXCEPTION WHEN object_not_in_prerequisite_state THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		PERFORM cdc_inner.rest_refuse(409, 'in_use', 'the database of this pipeline cannot be changed any more', detail,
			'DELETE it, and create it again with the other database: its name is free at once.', 'config.database_name');
	END;
	RETURN ROW(200, NULL, cdc_inner.rest_pipeline_text(r.first, id))::cdc.rest_response;
END
$$;

-- What cdc.pause_pipeline(), cdc.resume_pipeline() and cdc.restart_pipeline() do.
CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_ask(r cdc.rest_request, what text) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id uuid := cdc_inner.rest_uuid(r.second, 'pipeline_id');
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM cdc_inner.rest_pipeline_require(r.first, id, 'service:create');
	BEGIN
		IF what = 'restart' THEN
			PERFORM cdc_inner.ask_restart(id, jsonb_build_object('request_id', r.id));
		ELSE
			PERFORM cdc_inner.change_pause(id, what = 'pause', jsonb_build_object('request_id', r.id));
		END IF;
	EXCEPTION WHEN object_not_in_prerequisite_state THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		PERFORM cdc_inner.rest_refuse(409, 'wrong_state', message, detail, hint);
	END;
	RETURN ROW(202, NULL, cdc_inner.rest_pipeline_text(r.first, id))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_pause(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$ SELECT cdc_inner.rest_pipeline_ask(r, 'pause') $$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_resume(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$ SELECT cdc_inner.rest_pipeline_ask(r, 'resume') $$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_restart(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$ SELECT cdc_inner.rest_pipeline_ask(r, 'restart') $$;

-- A pipeline's events, newest first: a page of limit=N, before the event that before=ID
-- names, none older than since=TIME; "next" is there while more follow.
CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_events(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id uuid := cdc_inner.rest_uuid(r.second, 'pipeline_id');
	most text := coalesce(cdc_inner.rest_parameter(r, 'limit'), '100');
	before text := cdc_inner.rest_parameter(r, 'before');
	since text := cdc_inner.rest_parameter(r, 'since');
	oldest timestamptz := '-infinity';
	page record;
BEGIN
	PERFORM cdc_inner.rest_pipeline_require(r.first, id, 'service:read');
	IF most !~ '^[0-9]{1,4}$' OR most::integer NOT BETWEEN 1 AND 1000 THEN
		PERFORM cdc_inner.rest_refuse(400, 'invalid_value', 'limit must be 1 to 1000', format('It was %L.', left(most, 100)), 'Leave it out for 100.', 'limit');
	END IF;
	IF before !~ '^[0-9]{1,18}$' THEN
		PERFORM cdc_inner.rest_refuse(400, 'invalid_value', 'before must be the id of an event', format('It was %L.', left(before, 100)), 'Send the "next" of the page before.', 'before');
	END IF;
	IF since IS NOT NULL THEN
		BEGIN
			IF since !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$' THEN
				RAISE invalid_datetime_format;
			END IF;
			oldest := since::timestamptz;
		EXCEPTION WHEN data_exception THEN
			PERFORM cdc_inner.rest_refuse(400, 'invalid_value', 'since must be a time of RFC 3339', format('It was %L.', left(since, 100)), 'For example 2026-06-22T10:00:00Z; a + is %2B in a URL.', 'since');
		END;
	END IF;
	-- one more than the page has tells whether another follows
	SELECT string_agg(x.object, ',' ORDER BY x.id DESC) FILTER (WHERE x.n <= most::integer) AS objects,
			min(x.id) FILTER (WHERE x.n <= most::integer) AS last, count(*) > most::integer AS more INTO page
		FROM (SELECT e.id, row_number() OVER (ORDER BY e.id DESC) AS n, json_build_object('id', e.id, 'at', cdc_inner.rfc3339(e.at), 'kind', e.kind, 'rule', e.rule,
				'status_from', e.status_from, 'status_to', e.status_to, 'step', e.step, 'message', e.message, 'detail', e.detail)::text AS object
			FROM cdc.pipeline_event e WHERE e.pipeline_id = id AND e.id < coalesce(before::bigint, 9223372036854775807) AND e.at >= oldest ORDER BY e.id DESC LIMIT most::integer + 1) x;
	RETURN ROW(200, NULL, '{"events":[' || coalesce(page.objects, '') || ']' || CASE WHEN page.more THEN format(',"next":%s', page.last) ELSE '' END || '}')::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_pipeline_delete(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id uuid := cdc_inner.rest_uuid(r.second, 'pipeline_id');
	force text := cdc_inner.rest_parameter(r, 'force');
BEGIN
	PERFORM cdc_inner.rest_pipeline_require(r.first, id, 'service:create');
	IF force NOT IN ('true', 'false') THEN
		PERFORM cdc_inner.rest_refuse(400, 'invalid_type', '"force" must be true or false', format('It was %L.', left(force, 100)), NULL, 'force');
	END IF;
	PERFORM cdc_inner.end_pipeline(id, coalesce(force, 'false') = 'true', jsonb_build_object('request_id', r.id));
	RETURN ROW(202, NULL, cdc_inner.rest_pipeline_text(r.first, id))::cdc.rest_response;
END
$$;
