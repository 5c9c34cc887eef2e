-- rest/routes_monitoring.sql: monitoring over REST.

CREATE OR REPLACE FUNCTION cdc_inner.rest_metrics(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN ROW(200, '{"content-type": "text/plain; version=0.0.4; charset=utf-8"}'::jsonb, cdc_inner.metrics())::cdc.rest_response;
END
$$;
