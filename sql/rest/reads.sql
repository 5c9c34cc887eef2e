-- rest/reads.sql: the types and routes of the REST API.

COMMENT ON TYPE cdc.rest_response IS 'An answer of the REST API.';
COMMENT ON COLUMN cdc.rest_response.status IS 'HTTP status.';
COMMENT ON COLUMN cdc.rest_response.headers IS 'Names in lower case, and their values; NULL: none but the usual.';
COMMENT ON COLUMN cdc.rest_response.body IS 'NULL: none.';

COMMENT ON TYPE cdc.rest_request IS 'A request after its route was found, as the functions behind cdc.rest() hand it to each other.';
COMMENT ON COLUMN cdc.rest_request.id IS 'Of the request.';
COMMENT ON COLUMN cdc.rest_request.first IS 'The first parameter of the path; NULL: it has none.';
COMMENT ON COLUMN cdc.rest_request.second IS 'The second one; NULL: it has none.';
COMMENT ON COLUMN cdc.rest_request.query IS 'What is after the question mark; NULL: none.';
COMMENT ON COLUMN cdc.rest_request.body IS 'As it was sent; NULL: none.';
COMMENT ON COLUMN cdc.rest_request.headers IS 'Names in lower case, and their values.';
COMMENT ON COLUMN cdc.rest_request.active IS 'The organization that X-Active-Org-ID names, where the path names none; NULL: absent.';

CREATE OR REPLACE VIEW cdc.rest_route WITH (security_invoker = true) AS SELECT * FROM cdc.rest_routes();
COMMENT ON VIEW cdc.rest_route IS 'Every route of the REST API. Readers: all members.';
COMMENT ON COLUMN cdc.rest_route.method IS 'In upper case.';
COMMENT ON COLUMN cdc.rest_route.path IS 'With {parameters}.';
COMMENT ON COLUMN cdc.rest_route.permission IS
	'service:read, service:create or admin in the organization; pg_monitor; any: shows what the caller may see.';
