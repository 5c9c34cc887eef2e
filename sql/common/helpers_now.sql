-- common/helpers_now.sql: what decides whether a caller may, as it is at this moment
-- (src/extension/common_now.c).

-- Of this moment, and not of when a REPEATABLE READ transaction began: who has kept
-- one open since before he was removed changes nothing any more.
CREATE OR REPLACE FUNCTION cdc_inner.member_role_now(organization uuid, role_oid oid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_member_role_now';

CREATE OR REPLACE FUNCTION cdc_inner.pipelines_by_now(service uuid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_pipelines_by_now';

CREATE OR REPLACE FUNCTION cdc_inner.live_pipeline_now(service uuid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_live_pipeline_now';

CREATE OR REPLACE FUNCTION cdc_inner.passwords_now(service uuid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_passwords_now';
