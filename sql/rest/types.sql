-- rest/types.sql: the types of requests and answers of the REST API.

CREATE TYPE cdc.rest_response AS (
	status	integer,
	headers	jsonb,		-- names in lower case -> text
	body	text		-- NULL: none
);

-- A request after its route was found (src/extension/rest.c).
CREATE TYPE cdc.rest_request AS (
	id		text,		-- request id
	first	uuid,		-- first parameter of the path
	second	text,		-- the second one
	query	text,		-- after the ?, NULL: none
	body	text,
	headers	jsonb,
	active	uuid		-- organisation that X-Active-Org-ID names, where the path names none; NULL: absent
);
