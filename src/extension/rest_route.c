/*
 * rest_route.c
 *	  The REST API's routes, and finding the one that a request means.
 *
 * Reads no table and knows nothing about what a route does.  docs/openapi.yaml
 * has the same routes; test/pgtap/070_openapi.sql keeps them in step.
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "extension/rest_route.h"

#define MAX_SEGMENTS 6
#define MAX_PATH 2048

PG_FUNCTION_INFO_V1(cdc_rest_decode);
PG_FUNCTION_INFO_V1(cdc_rest_routes_sql);

const CdcRestRoute cdc_rest_routes[CDC_REST_NUM_ROUTES + 1] = {
	{"GET", "/organizations", "any", "organizations_list", false},
	{"GET", "/organizations/{organization_id}", "service:read", "organization_get", false},
	{"GET", "/organizations/{organization_id}/pipelines", "service:read", "pipelines_list", false},
	{"POST", "/organizations/{organization_id}/pipelines", "service:create", "pipeline_create", false},
	{"GET", "/organizations/{organization_id}/pipelines/{pipeline_id}", "service:read", "pipeline_get", false},
	{"PATCH", "/organizations/{organization_id}/pipelines/{pipeline_id}", "service:create", "pipeline_change", false},
	{"DELETE", "/organizations/{organization_id}/pipelines/{pipeline_id}", "service:create", "pipeline_delete", false},
	{"POST", "/organizations/{organization_id}/pipelines/{pipeline_id}/pause", "service:create", "pipeline_pause", false},
	{"POST", "/organizations/{organization_id}/pipelines/{pipeline_id}/resume", "service:create", "pipeline_resume", false},
	{"POST", "/organizations/{organization_id}/pipelines/{pipeline_id}/restart", "service:create", "pipeline_restart", false},
	{"GET", "/organizations/{organization_id}/pipelines/{pipeline_id}/events", "service:read", "pipeline_events", false},
	{"GET", "/organizations/{organization_id}/members", "service:read", "members_list", false},
	{"POST", "/organizations/{organization_id}/members", "admin", "member_add", false},
	{"DELETE", "/organizations/{organization_id}/members/{member}", "admin", "member_remove", false},
	{"GET", "/organizations/{organization_id}/limits", "service:read", "limits_list", false},
	{"GET", "/invitations", "any", "invitations_list", false},
	{"POST", "/invitations/{organization_id}/accept", "any", "invitation_accept", false},
	{"GET", "/tokens", "any", "tokens_list", false},
	{"DELETE", "/tokens/{token_id}", "any", "token_revoke", false},
	{"GET", "/pipelines/{pipeline_id}/status", "service:read", "pipeline_status", true},
	{"GET", "/managed-services", "any", "services_list", true},
	{"POST", "/managed-services", "service:create", "service_create", true},
	{"GET", "/managed-services/{service_id}", "service:read", "service_get", true},
	{"PATCH", "/managed-services/{service_id}", "service:create", "service_change", true},
	{"DELETE", "/managed-services/{service_id}", "service:create", "service_delete", true},
	{"GET", "/managed-services/{service_id}/database-users", "service:read", "users_list", true},
	{"POST", "/managed-services/{service_id}/database-users/{username}/reveal-password", "service:create", "user_reveal", true},
	{"GET", "/metrics", "pg_monitor", "metrics", false},
	{NULL, NULL, NULL, NULL, false}
};

void
cdc_rest_refuse(int status, const char *code, const char *error,
				const char *detail, const char *hint, const char *field)
{
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE('H', 'T', '0' + status / 100, '0' + status / 10 % 10, '0' + status % 10)),
			 errmsg_internal("%s", error),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 err_generic_string(PG_DIAG_COLUMN_NAME, field ? field : ""),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, code)));
	pg_unreachable();
}

static int
hex_value(char c)
{
	return isdigit((unsigned char) c) ? c - '0' : tolower((unsigned char) c) - 'a' + 10;
}

/* A part of a URL with its percents decoded, palloc'd. */
static char *
decode(const char *encoded, int len)
{
	char	   *clear = palloc(len + 1);
	int			n = 0;
	int			i;

	for (i = 0; i < len; i++)
	{
		char		c = encoded[i];

		if (c == '%')
		{
			if (i + 2 >= len || !isxdigit((unsigned char) encoded[i + 1]) || !isxdigit((unsigned char) encoded[i + 2]))
				cdc_rest_refuse(400, "invalid_path", "a percent sign in the URL is not followed by two hexadecimal digits",
								NULL, "Write %25 for the sign itself.", NULL);
			c = (char) (hex_value(encoded[i + 1]) * 16 + hex_value(encoded[i + 2]));
			i += 2;
		}
		clear[n++] = c;
	}
	clear[n] = '\0';
	if (memchr(clear, '\0', n) != NULL || !pg_verifymbstr(clear, n, true))
		cdc_rest_refuse(400, "invalid_path", "the URL is not UTF-8, or has a zero byte in it",
						NULL, "Encode names as UTF-8 before percent-encoding them.", NULL);
	return clear;
}

/* cdc_inner.rest_decode(text) -> text: a part of a URL with its percents decoded. */
Datum
cdc_rest_decode(PG_FUNCTION_ARGS)
{
	char	   *encoded = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(decode(encoded, strlen(encoded))));
}

/*
 * The decoded segments of a path; a slash at the end counts for nothing.
 * Returns how many, -1 when no route can have this path.
 */
static int
split(const char *path, int len, char **segments)
{
	int			n = 0;
	int			start = 1;
	int			i;

	if (len < 2 || len > MAX_PATH || path[0] != '/')
		return -1;
	if (path[len - 1] == '/')
		len--;
	for (i = 1; i <= len; i++)
	{
		if (i < len && path[i] != '/')
			continue;
		if (i == start || n == MAX_SEGMENTS)
			return -1;
		segments[n++] = decode(path + start, i - start);
		start = i + 1;
	}
	return n;
}

/* 36 characters, with hyphens. */
static bool
is_uuid(const char *words)
{
	int			i;

	for (i = 0; words[i] != '\0'; i++)
	{
		bool		hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (i >= 36 || (hyphen ? words[i] != '-' : !isxdigit((unsigned char) words[i])))
			return false;
	}
	return i == 36;
}

/*
 * Does the template of a route have these segments?  The values of its
 * parameters go to values, their names ("{name") to names.
 */
static bool
matches(const char *template, char **segments, int n, char **values, const char **names)
{
	int			parameters = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		size_t		len;

		if (*template != '/')
			return false;
		template++;
		len = strcspn(template, "/");
		if (*template == '{')
		{
			names[parameters] = template + 1;
			values[parameters++] = segments[i];
		}
		else if (strlen(segments[i]) != len || strncmp(template, segments[i], len) != 0)
			return false;
		template += len;
	}
	return *template == '\0';
}

/* 400 when a parameter that must be a UUID is none; value NULL: the path has no such parameter. */
static void
check_parameter(const char *value, const char *name)
{
	int			len = value ? strcspn(name, "}") : 0;
	char	   *field;

	if (len < 3 || strncmp(name + len - 3, "_id", 3) != 0 || is_uuid(value))
		return;
	field = pnstrdup(name, len);
	cdc_rest_refuse(400, "invalid_id", psprintf("%s must be a UUID", field), NULL,
					"An id is 36 characters, with hyphens: 00000000-0000-0000-0000-000000000000.", field);
}

void
cdc_rest_find_route(const char *method, const char *path, CdcRestTarget *target)
{
	char	   *segments[MAX_SEGMENTS];
	int			len = strcspn(path, "?");
	int			n = split(path, len, segments);
	StringInfoData allowed;
	int			i;

	initStringInfo(&allowed);
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (i = 0; n > 0 && cdc_rest_routes[i].method != NULL; i++)
	{
		char	   *values[MAX_SEGMENTS] = {NULL};
		const char *names[MAX_SEGMENTS] = {NULL};

		if (!matches(cdc_rest_routes[i].path, segments, n, values, names))
			continue;
		if (strcmp(cdc_rest_routes[i].method, method) != 0)
		{
			appendStringInfo(&allowed, "%s%s%s", allowed.len ? ", " : "", cdc_rest_routes[i].method,
							 strcmp(cdc_rest_routes[i].method, "GET") == 0 ? ", HEAD" : "");
			continue;
		}
		check_parameter(values[0], names[0]);
		check_parameter(values[1], names[1]);
		target->route = i;
		target->first = values[0];
		target->second = values[1];
		target->query = path[len] == '?' ? pstrdup(path + len + 1) : NULL;
		return;
	}
	if (allowed.len == 0)
		cdc_rest_refuse(404, "unknown_path", "no such path", NULL, "GET /openapi.yaml lists every path.", NULL);
	cdc_rest_refuse(405, "method_not_allowed", "this path has no such method",
					psprintf("It has %s.", allowed.data), allowed.data, NULL);
}

/* cdc.rest_routes() -> method, path, permission: the table, in order. */
Datum
cdc_rest_routes_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const CdcRestRoute *route;

	InitMaterializedSRF(fcinfo, 0);
	for (route = cdc_rest_routes; route->method != NULL; route++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(route->method);
		values[1] = CStringGetTextDatum(route->path);
		values[2] = CStringGetTextDatum(route->permission);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
