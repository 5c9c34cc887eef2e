-- organizations/helpers_limits.sql: what an organization may have (src/extension/limits.c,
-- organizations_limits.c).

-- ERROR 53400 when the organization may not have so many more.  Before they are
-- written.  organization NULL: organizations that a
-- role makes, or tokens for all of its.
CREATE OR REPLACE FUNCTION cdc_inner.admit(organization uuid, what text, more integer DEFAULT 1, role oid DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_admit';

-- The kinds of an organization, what holds where nothing else is said, and in words.
CREATE OR REPLACE FUNCTION cdc_inner.limit_kinds() RETURNS TABLE (what text, most bigint, meaning text)
	LANGUAGE c STABLE ROWS 11 AS 'MODULE_PATHNAME', 'cdc_limit_kinds_sql';

-- How much there is; NULL: the worker alone knows, or it is one object's.
CREATE OR REPLACE FUNCTION cdc_inner.limit_used(organization uuid, what text) RETURNS bigint
	LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cdc_limit_used';
