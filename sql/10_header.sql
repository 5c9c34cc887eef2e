\echo Use "CREATE EXTENSION cdc_pipeline" to load this file. \quit

-- 10_header.sql: where the extension may be created, before anything is made.

CREATE FUNCTION cdc.check_installation() RETURNS void
	LANGUAGE c AS 'MODULE_PATHNAME', 'cdc_check_installation';
SELECT cdc.check_installation();
