-- monitoring/helpers.sql: what metrics are made of.

-- Seconds of the longest step of the reconciler's loop in this health round and the one before: for metrics().
CREATE OR REPLACE FUNCTION cdc_inner.worker_longest_step() RETURNS double precision
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_worker_longest_step';

-- The descriptors that the reconciler has for peers, those in use, and who waits for one, the first of them for so many seconds: for metrics().
CREATE OR REPLACE FUNCTION cdc_inner.worker_descriptors(OUT most integer, OUT used integer, OUT waiting integer, OUT seconds double precision)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_worker_descriptors';

-- A value of a label, in its quotes.
CREATE OR REPLACE FUNCTION cdc_inner.metric_label(value text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_metric_label';

-- Keeps the number of failovers when their events expire: one event of each has a verdict.
CREATE OR REPLACE FUNCTION cdc_inner.count_expired_failovers() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO cdc.failover_expired AS x (verdict, n, organization_id) SELECT OLD.detail ->> 'verdict', 1, p.organization_id FROM cdc.pipeline_spec p WHERE p.id = OLD.pipeline_id
		ON CONFLICT (verdict, organization_id) DO UPDATE SET n = x.n + 1;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER count_expired_failovers AFTER DELETE ON cdc.pipeline_event
	FOR EACH ROW WHEN (OLD.kind = 'failover' AND OLD.detail OPERATOR(pg_catalog.?) 'verdict') EXECUTE FUNCTION cdc_inner.count_expired_failovers();
