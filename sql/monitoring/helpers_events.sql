-- monitoring/helpers_events.sql: how many events and findings are kept of an organization,
-- and how long what is gone is.

-- How many events were ever written, more or less: what is new since is known without
-- counting what there is.
CREATE OR REPLACE FUNCTION cdc_inner.events_written() RETURNS bigint
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce((SELECT max(e.id) FROM cdc.pipeline_event e), 0) + coalesce((SELECT max(e.id) FROM cdc.service_event e), 0)
		+ coalesce((SELECT max(e.id) FROM cdc.organization_event e), 0)
$$;

-- For the worker, now and then: of each organization that has more events than it may
-- the oldest go, at most so many in one call.  Returns how many may be written before it
-- is to be asked again; -1: some are left that are to go.
CREATE OR REPLACE FUNCTION cdc_inner.trim_events(most_at_once integer) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	has record;
	room bigint := (SELECT k.most FROM cdc_inner.limit_kinds() k WHERE k.what = 'events');
	usual bigint := room;
	gone integer := 0;
	n integer;
BEGIN
	FOR has IN SELECT x.organization_id, sum(x.n)::bigint AS events, coalesce(min(l.most), usual) AS most FROM (
				SELECT p.organization_id, count(*) AS n FROM cdc.pipeline_event e JOIN cdc.pipeline_spec p ON p.id = e.pipeline_id GROUP BY p.organization_id
				UNION ALL SELECT s.organization_id, count(*) FROM cdc.service_event e JOIN cdc.service s ON s.id = e.service_id GROUP BY s.organization_id
				UNION ALL SELECT e.organization_id, count(*) FROM cdc.organization_event e WHERE e.organization_id IS NOT NULL GROUP BY e.organization_id) x
			LEFT JOIN cdc.organization_limit l ON l.organization_id = x.organization_id AND l.what = 'events' GROUP BY x.organization_id LOOP
		room := least(room, greatest(has.most - has.events, 0));
		n := least(has.events - has.most, most_at_once - gone);
		CONTINUE WHEN n <= 0;
		WITH old AS (SELECT * FROM (
					(SELECT 'pipeline' AS of, e.id, e.at FROM cdc.pipeline_event e JOIN cdc.pipeline_spec p ON p.id = e.pipeline_id WHERE p.organization_id = has.organization_id ORDER BY e.at LIMIT n)
					UNION ALL (SELECT 'service', e.id, e.at FROM cdc.service_event e JOIN cdc.service s ON s.id = e.service_id WHERE s.organization_id = has.organization_id ORDER BY e.at LIMIT n)
					UNION ALL (SELECT 'organization', e.id, e.at FROM cdc.organization_event e WHERE e.organization_id = has.organization_id ORDER BY e.at LIMIT n)) x
				ORDER BY x.at LIMIT n),
			pipelines AS (DELETE FROM cdc.pipeline_event e USING old WHERE old.of = 'pipeline' AND e.id = old.id),
			services AS (DELETE FROM cdc.service_event e USING old WHERE old.of = 'service' AND e.id = old.id)
			DELETE FROM cdc.organization_event e USING old WHERE old.of = 'organization' AND e.id = old.id;
		gone := gone + n;
	END LOOP;
	RETURN CASE WHEN gone >= most_at_once THEN -1 ELSE room END;
END
$$;

-- For the worker, now and then: of each organization that has more findings than it may
-- those of the least severity go, the youngest first, and one tells that there were more.
-- They are seen again when what they are about changes.
CREATE OR REPLACE FUNCTION cdc_inner.trim_findings() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	has record;
	usual bigint := (SELECT k.most FROM cdc_inner.limit_kinds() k WHERE k.what = 'findings');
	n bigint;
BEGIN
	FOR has IN SELECT x.* FROM (SELECT f.organization_id, count(*) FILTER (WHERE f.check_name <> 'findings_cut') AS n, bool_or(f.check_name = 'findings_cut') AS told,
				coalesce((SELECT l.most FROM cdc.organization_limit l WHERE l.organization_id = f.organization_id AND l.what = 'findings'), usual) AS most
			FROM cdc.finding f GROUP BY f.organization_id) x WHERE x.n > x.most OR (x.told AND x.n < x.most) LOOP
		IF has.n < has.most THEN
			DELETE FROM cdc.finding f WHERE f.organization_id = has.organization_id AND f.check_name = 'findings_cut';
			CONTINUE;
		END IF;
		WITH over AS (SELECT f.ctid AS place FROM cdc.finding f WHERE f.organization_id = has.organization_id AND f.check_name <> 'findings_cut'
				ORDER BY CASE f.severity WHEN 'info' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, f.since DESC LIMIT has.n - has.most FOR UPDATE SKIP LOCKED)
			DELETE FROM cdc.finding f USING over WHERE f.ctid = over.place;
		GET DIAGNOSTICS n = ROW_COUNT;
		INSERT INTO cdc.finding AS f (organization_id, service_id, check_name, concern, severity, observed, required, why)
			SELECT s.organization_id, s.id, 'findings_cut', 'safety', 'warning', format('and %s more findings of this organization', n), format('at most %s', has.most), 'more are not kept: those of the least severity are not shown'
				FROM cdc.service s WHERE s.organization_id = has.organization_id AND s.deleted_at IS NULL ORDER BY s.created_at, s.id LIMIT 1
			ON CONFLICT DO NOTHING;
	END LOOP;
END
$$;

-- For the worker, now and then: rows of pipelines that have settled, and of services that
-- were deleted, before then, at most so many of each in one call; how many of the more
-- numerous went.  Nothing is looked at for them any more, nothing of them is outside, and
-- their topics, secrets and names are free; what is left is their story: as long as
-- there is an event, they stay, and a service as long as there is a pipeline.  What
-- somebody holds is left for the next time.
CREATE OR REPLACE FUNCTION cdc_inner.forget_gone(before timestamptz, most_at_once integer) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	pipelines bigint;
	services bigint;
BEGIN
	WITH gone AS MATERIALIZED (SELECT p.id FROM cdc.pipeline_spec p WHERE p.settled_at < before
				AND NOT EXISTS (SELECT FROM cdc.pipeline_event e WHERE e.pipeline_id = p.id) AND NOT EXISTS (SELECT FROM cdc.topic t WHERE t.pipeline_id = p.id)
				ORDER BY p.settled_at LIMIT most_at_once FOR UPDATE OF p SKIP LOCKED),
			observed AS (DELETE FROM cdc.pipeline_observed o USING gone WHERE o.pipeline_id = gone.id),
			standbys AS (DELETE FROM cdc.pipeline_standby s USING gone WHERE s.pipeline_id = gone.id),
			secrets AS (DELETE FROM cdc.pipeline_secret s USING gone WHERE s.pipeline_id = gone.id),
			findings AS (DELETE FROM cdc.finding f USING gone WHERE coalesce(f.pipeline_id, f.service_id) = gone.id),
			specs AS (DELETE FROM cdc.pipeline_spec p USING gone WHERE p.id = gone.id)
		SELECT count(*) INTO pipelines FROM gone;
	WITH gone AS MATERIALIZED (SELECT s.id FROM cdc.service s WHERE s.deleted_at < before
				AND NOT EXISTS (SELECT FROM cdc.service_event e WHERE e.service_id = s.id)
				AND NOT EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.source_service_id = s.id) AND NOT EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.sink_service_id = s.id)
				ORDER BY s.deleted_at LIMIT most_at_once FOR UPDATE OF s SKIP LOCKED),
			nodes AS (DELETE FROM cdc.service_node n USING gone WHERE n.service_id = gone.id),
			secrets AS (DELETE FROM cdc.service_secret s USING gone WHERE s.service_id = gone.id),
			findings AS (DELETE FROM cdc.finding f USING gone WHERE coalesce(f.pipeline_id, f.service_id) = gone.id),
			rows AS (DELETE FROM cdc.service s USING gone WHERE s.id = gone.id)
		SELECT count(*) INTO services FROM gone;
	RETURN greatest(pipelines, services);
END
$$;
