/*
 * rest.c
 *	  One REST request: find its route, run what answers it inside a
 *	  subtransaction, make an answer of an error.
 *
 * What routes do is SQL: the functions cdc_inner.rest_<handler> of sql/rest/routes_*.sql.
 * Only the status of a pipeline, which is polled all the time, is a statement
 * here, without a function around it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/uuid.h"

#include "extension/identity.h"
#include "extension/rest_route.h"

#define MAX_REQUEST_ID 128

PG_FUNCTION_INFO_V1(cdc_rest);
PG_FUNCTION_INFO_V1(cdc_rest_bearer);
PG_FUNCTION_INFO_V1(cdc_request_id);

typedef struct Request
{
	char	   *id;
	const char *method;
	const char *path;
	NullableDatum body;			/* text */
	Jsonb	   *headers;
} Request;

static const char *serving = NULL;	/* id of the request that is being answered */

/* Pointers lead to the memory context of the caller. */
typedef struct Answer
{
	int			status;
	Jsonb	   *headers;		/* NULL: none of its own */
	text	   *body;			/* NULL: none */
} Answer;

/* Permission and row by one statement: no answer differs by whether a row exists. */
static const char status_sql[] =
"SELECT 200, NULL::jsonb, row_to_json(x)::text"
" FROM (SELECT p.id, p.status, p.connector_name, o.connector_state, o.task_states, o.source_lag_bytes, p.topic_prefix,"
"  cdc_inner.rfc3339(CASE WHEN p.status = 'Running' AND o.last_health_check_at < s.pipelines_checked_at THEN s.pipelines_checked_at ELSE o.last_health_check_at END)"
"   AS last_health_check_at, p.error_message"
"  FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id LEFT JOIN cdc.service s ON s.id = p.source_service_id"
"  WHERE p.id = $2 AND p.deleted_at IS NULL AND p.organization_id = coalesce($7, p.organization_id)"
"  AND p.organization_id = coalesce(cdc_inner.caller_confined_to(), p.organization_id)"
"  AND (EXISTS (SELECT FROM cdc.membership m WHERE m.organization_id = p.organization_id AND m.role_oid = cdc_inner.caller_oid())"
"   OR cdc_inner.caller_is_superuser())) x";

static const char handler_sql[] =
"SELECT a.status, a.headers, a.body FROM cdc_inner.rest_%s(ROW($1, $2, $3, $4, $5, $6, $7)::cdc.rest_request) a";

static const char active_sql[] = "SELECT cdc_inner.rest_active_organization($1)";
static const char token_sql[] = "SELECT t.role_oid, t.organization_id FROM cdc_inner.token_identity($1, $2) t";
static const char fault_sql[] = "SELECT a.status, a.headers, a.body FROM cdc_inner.rest_fault($1, $2, $3, $4, $5, $6, $7) a";

/* The plan of a constant statement, made once a session; SPI is connected. */
static SPIPlanPtr
planned(SPIPlanPtr *kept, const char *sql, int nargs, Oid *types)
{
	if (*kept == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare: %s", sql);
		*kept = plan;
	}
	return *kept;
}

static void
run(SPIPlanPtr plan, Datum *values, const char *nulls, bool read_only)
{
	int			rc = SPI_execute_plan(plan, values, nulls, read_only, 2);

	if (rc != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan returned %s", SPI_result_code_string(rc));
}

/* Takes the one row of (status, headers, body) into the caller's memory. */
static void
take_answer(Answer *answer, MemoryContext caller)
{
	MemoryContext old;
	HeapTuple	row;
	TupleDesc	desc = SPI_tuptable->tupdesc;
	Datum		value;
	bool		isnull;

	if (SPI_processed != 1)
		elog(ERROR, "a REST answer has " UINT64_FORMAT " rows", SPI_processed);
	row = SPI_tuptable->vals[0];
	old = MemoryContextSwitchTo(caller);
	answer->status = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
	if (isnull)
		elog(ERROR, "a REST answer has no status");
	value = SPI_getbinval(row, desc, 2, &isnull);
	answer->headers = isnull ? NULL : DatumGetJsonbPCopy(value);
	value = SPI_getbinval(row, desc, 3, &isnull);
	answer->body = isnull ? NULL : DatumGetTextPCopy(value);
	MemoryContextSwitchTo(old);
}

/* A header that is a string and not empty, palloc'd; else NULL. */
static char *
header(Jsonb *headers, const char *name)
{
	JsonbValue	buffer;
	JsonbValue *value;

	if (!JB_ROOT_IS_OBJECT(headers))
		return NULL;
	value = getKeyJsonValueFromContainer(&headers->root, name, strlen(name), &buffer);
	if (value == NULL || value->type != jbvString || value->val.string.len == 0)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The caller's id of the request, if it can stand in a log as it is, or a new one. */
static char *
request_id(Jsonb *headers)
{
	char	   *id = header(headers, "x-request-id");

	if (id != NULL && id[0] != '\0' && strlen(id) <= MAX_REQUEST_ID &&
		strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/+=-") == strlen(id))
		return id;
	return DatumGetCString(DirectFunctionCall1(uuid_out, DirectFunctionCall1(gen_random_uuid, (Datum) 0)));
}

/* The organisation that X-Active-Org-ID names; null: the header is absent. */
static NullableDatum
active_organization(Jsonb *headers)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[1] = {TEXTOID};
	NullableDatum active = {(Datum) 0, true};
	char	   *name = header(headers, "x-active-org-id");

	if (name != NULL)
	{
		Datum		values[1];

		values[0] = CStringGetTextDatum(name);
		run(planned(&kept, active_sql, 1, types), values, NULL, true);
		active.value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &active.isnull);
	}
	return active;
}

static Datum
text_or_null(const char *words, char *null)
{
	*null = words ? ' ' : 'n';
	return words ? CStringGetTextDatum(words) : (Datum) 0;
}

/* Finds the route and runs what answers it.  Throws what goes wrong. */
static void
serve(const Request *request, Answer *answer, MemoryContext caller)
{
	static SPIPlanPtr kept[CDC_REST_NUM_ROUTES];
	Oid			types[7] = {TEXTOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, UUIDOID};
	Datum		values[7];
	char		nulls[7];
	CdcRestTarget target;
	NullableDatum active = {(Datum) 0, true};
	const CdcRestRoute *route;
	const char *sql = status_sql;
	bool		is_status;

	cdc_rest_find_route(request->method, request->path, &target);
	route = &cdc_rest_routes[target.route];
	if (route->scoped)
		active = active_organization(request->headers); /* analyzer: SPI_getbinval has set isnull */
	is_status = strcmp(route->handler, "pipeline_status") == 0;

	values[0] = text_or_null(request->id, &nulls[0]);
	values[1] = (Datum) 0;
	nulls[1] = 'n';
	if (target.first)
	{
		values[1] = DirectFunctionCall1(uuid_in, CStringGetDatum(target.first));
		nulls[1] = ' ';
	}
	values[2] = text_or_null(target.second, &nulls[2]);
	values[3] = text_or_null(target.query, &nulls[3]);
	values[4] = request->body.value;
	nulls[4] = request->body.isnull ? 'n' : ' ';
	values[5] = JsonbPGetDatum(request->headers);
	nulls[5] = ' ';
	values[6] = active.value;
	nulls[6] = active.isnull ? 'n' : ' ';
	if (!is_status && kept[target.route] == NULL)
		sql = psprintf(handler_sql, route->handler);
	run(planned(&kept[target.route], sql, 7, types), values, nulls, is_status);
	if (is_status && SPI_processed == 0)
		cdc_rest_refuse(404, "not_found", "no such pipeline", "No pipeline with this id is visible to the caller here.",
						"GET /organizations/{organization_id}/pipelines lists those that are.", NULL);
	take_answer(answer, caller);
}

/* The answer to a request that ended with this error. */
static void
answer_fault(const Request *request, ErrorData *error, Answer *answer, MemoryContext caller)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[7] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[7];

	values[0] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	values[1] = CStringGetTextDatum(error->message ? error->message : "");
	values[2] = CStringGetTextDatum(error->detail ? error->detail : "");
	values[3] = CStringGetTextDatum(error->hint ? error->hint : "");
	values[4] = CStringGetTextDatum(error->column_name ? error->column_name : "");
	values[5] = CStringGetTextDatum(error->constraint_name ? error->constraint_name : "");
	values[6] = CStringGetTextDatum(request->id);
	run(planned(&kept, fault_sql, 7, types), values, NULL, false);
	take_answer(answer, caller);
	if (answer->status == 500)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("REST request %s failed: %s", request->id, error->message),
				 errdetail("%s %.*s. %s", request->method, (int) strcspn(request->path, "?"), request->path,
						   error->detail ? error->detail : ""),
				 error->context ? errcontext("%s", error->context) : 0));
}

/*
 * The whole of a request; refused: there is nobody on whose behalf it could be
 * answered.  Its effects stay only if nothing was thrown.
 */
static Datum
respond(FunctionCallInfo fcinfo, const Request *request, bool refused)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext inside;
	ErrorData  *volatile error = NULL;
	Answer		answer;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	Datum		headers;

	memset(&answer, 0, sizeof(answer));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	inside = CurrentMemoryContext;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(inside);
	PG_TRY();
	{
		if (refused)
			cdc_rest_refuse(401, "unauthorized", "the token opens nothing",
							"It is unknown, expired or revoked, or its role may not log in or is in no organization.",
							"Make a new one with: SELECT cdc.create_token('name');", NULL);
		serving = request->id;
		serve(request, &answer, caller);
		serving = NULL;
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(inside);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		serving = NULL;
		MemoryContextSwitchTo(inside);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(inside);
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	/* A timeout or a cancel is nothing that the request did; it leaves no open subtransaction either. */
	if (error && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	if (error)
		answer_fault(request, error, &answer, caller);
	SPI_finish();

	headers = DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf(
																	 "{\"content-type\": \"application/json; charset=utf-8\", \"cache-control\": \"no-store\", \"x-request-id\": \"%s\"}",
																	 request->id)));
	if (answer.headers)
		headers = DirectFunctionCall2(jsonb_concat, headers, JsonbPGetDatum(answer.headers));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum(answer.status);
	values[1] = headers;
	values[2] = PointerGetDatum(answer.body);
	nulls[2] = answer.body == NULL;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* method, path, body and headers are the arguments from first on. */
static void
read_request(FunctionCallInfo fcinfo, int first, Request *request)
{
	request->method = PG_ARGISNULL(first) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(first));
	request->path = PG_ARGISNULL(first + 1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(first + 1));
	request->body.isnull = PG_ARGISNULL(first + 2);
	request->body.value = request->body.isnull ? (Datum) 0 : PG_GETARG_DATUM(first + 2);
	request->headers = PG_ARGISNULL(first + 3) ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(first + 3);
	request->id = request_id(request->headers);
}

/* cdc_inner.request_id() -> text: of the request that is being answered, NULL: none is. */
Datum
cdc_request_id(PG_FUNCTION_ARGS)
{
	if (serving == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(serving));
}

/*
 * cdc_inner.rest(method, path, body, headers) -> cdc.rest_response: one request as
 * the caller.  Never an ERROR for what the request did wrong.
 */
Datum
cdc_rest(PG_FUNCTION_ARGS)
{
	Request		request;

	read_request(fcinfo, 0, &request);
	return respond(fcinfo, &request, false);
}

/*
 * Whom a token stands for, that address uses (NULL: of the session itself);
 * InvalidOid: it opens nothing.  *confined: to *organization.
 */
static Oid
identify(Datum token, const char *address, bool *confined, pg_uuid_t *organization)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2];
	char		nulls[2] = {' ', ' '};
	Oid			role = InvalidOid;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	values[0] = token;
	values[1] = text_or_null(address, &nulls[1]);
	run(planned(&kept, token_sql, 2, types), values, nulls, false);
	if (SPI_processed == 1)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		value;

		role = DatumGetObjectId(SPI_getbinval(row, desc, 1, &isnull));
		value = SPI_getbinval(row, desc, 2, &isnull);
		*confined = !isnull;
		if (*confined)
			*organization = *DatumGetUUIDP(value);
	}
	SPI_finish();
	return role;
}

/*
 * cdc_inner.rest_bearer(token, method, path, body, headers) -> cdc.rest_response:
 * the same as the role that the token stands for, or 401.
 */
Datum
cdc_rest_bearer(PG_FUNCTION_ARGS)
{
	Request		request;
	bool		confined = false;
	pg_uuid_t	organization;
	Oid			role = InvalidOid;
	CdcIdentity identity;
	volatile Datum answer = (Datum) 0;

	read_request(fcinfo, 1, &request);
	/* the gateway says whom it serves, and passes no such header of a client on */
	if (!PG_ARGISNULL(0))
		role = identify(PG_GETARG_DATUM(0), header(request.headers, "x-cdc-client-address"), &confined, &organization);
	if (!OidIsValid(role))
		return respond(fcinfo, &request, true);
	identity = *cdc_identity();
	identity.role = role;
	identity.confined = confined;
	if (confined)
		identity.organization = organization;
	cdc_identity_push(&identity);
	PG_TRY();
	{
		answer = respond(fcinfo, &request, false);
	}
	PG_FINALLY();
	{
		cdc_identity_pop(&identity);
	}
	PG_END_TRY();
	return answer;
}
