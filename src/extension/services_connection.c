/*
 * services_connection.c
 *	  The tables of connection keys, for SQL: read, and applied to a connection.
 *
 * Declared in sql/services.  What a key may be is in src/remote/connection_keys*.c;
 * here it is carried to and from jsonb, and a refusal becomes an ERROR.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "common/json.h"
#include "common/pg_json.h"
#include "extension/settings.h"
#include "remote/connection_keys.h"

PG_FUNCTION_INFO_V1(cdc_check_connection);
PG_FUNCTION_INFO_V1(cdc_check_secret);
PG_FUNCTION_INFO_V1(cdc_connection_keys);
PG_FUNCTION_INFO_V1(cdc_divide_connection);

/* ERROR 22023; the column tells REST where in the request it stands. */
static void
refuse(const CdcFault *fault)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", fault->message),
			 errdetail("%s", fault->detail),
			 errhint("%s", fault->hint),
			 err_generic_string(PG_DIAG_COLUMN_NAME, "connection")));
}

/* An argument as json-c's; NULL: SQL's NULL, or JSON's.  json_object_put by the caller. */
static struct json_object *
argument(FunctionCallInfo fcinfo, int n)
{
	Jsonb	   *value;

	if (PG_ARGISNULL(n))
		return NULL;
	value = PG_GETARG_JSONB_P(n);
	return cdc_json_parse(JsonbToCString(NULL, &value->root, VARSIZE(value)));
}

static const CdcConnectionPeer *
peer_of(FunctionCallInfo fcinfo)
{
	const char *name = PG_ARGISNULL(0) ? "NULL" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CdcConnectionPeer *peer = cdc_connection_peer(name);

	if (peer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown database_type"),
				 errdetail("It was %s.", PG_ARGISNULL(0) ? "NULL" : cdc_shown(name)),
				 errhint("Use postgresql or kafka.")));
	return peer;
}

/*
 * cdc_inner.check_connection(database_type, given jsonb, whole jsonb) -> void: ERROR
 * 22023 when a member of given is not what its key takes, or whole (the
 * connection that it becomes; NULL: not looked at) lacks something or does not
 * fit together.
 */
Datum
cdc_check_connection(PG_FUNCTION_ARGS)
{
	const CdcConnectionPeer *peer = peer_of(fcinfo);
	struct json_object *given = argument(fcinfo, 1);
	struct json_object *whole = argument(fcinfo, 2);
	CdcFault	fault;
	bool		fine;

	fine = cdc_connection_check(peer, given, false, &fault) &&
		(PG_ARGISNULL(2) || peer->whole(whole, cdc_sdn_url && cdc_sdn_url[0], &fault));
	json_object_put(given);
	json_object_put(whole);
	if (!fine)
		refuse(&fault);
	PG_RETURN_VOID();
}

static Datum
jsonb_of(struct json_object *object)
{
	Datum		value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN)));

	json_object_put(object);
	return value;
}

/*
 * cdc_inner.divide_connection(database_type, given jsonb) -> (kept jsonb, secrets
 * jsonb) of one that was checked: what cdc.service.connection has, and purpose
 * -> clear text.
 */
Datum
cdc_divide_connection(PG_FUNCTION_ARGS)
{
	const CdcConnectionPeer *peer = peer_of(fcinfo);
	struct json_object *given = argument(fcinfo, 1);
	struct json_object *kept;
	struct json_object *secrets;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	cdc_connection_divide(peer, given, &kept, &secrets);
	json_object_put(given);
	values[0] = jsonb_of(kept);
	values[1] = jsonb_of(secrets);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static Datum
words_of(const char *words, bool *isnull)
{
	Datum		items[8];
	int			n = 0;
	char	   *rest = words ? pstrdup(words) : NULL;
	char	   *word;

	*isnull = words == NULL;
	if (words == NULL)
		return (Datum) 0;
	while ((word = strsep(&rest, " ")) != NULL && n < (int) lengthof(items))
		items[n++] = CStringGetTextDatum(word);
	return PointerGetDatum(construct_array(items, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* cdc.connection_keys() -> the tables of all peers. */
Datum
cdc_connection_keys(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const CdcConnectionPeer *const *peer;
	const CdcConnectionKey *k;

	InitMaterializedSRF(fcinfo, 0);
	for (peer = cdc_connection_peers(); *peer; peer++)
	{
		for (k = (*peer)->keys; k->key; k++)
		{
			Datum		values[10];
			bool		nulls[10] = {false, false, false, false, false, false, false, false, false, false};

			values[0] = CStringGetTextDatum((*peer)->database_type);
			values[1] = CStringGetTextDatum(k->key);
			values[2] = CStringGetTextDatum(json_type_to_name(k->type));
			values[3] = CStringGetTextDatum(k->rule);
			values[4] = CStringGetTextDatum(cdc_set_by_name(k->set_by));
			values[5] = BoolGetDatum(k->kept == CDC_KEPT_SECRET || k->inner_secret != NULL);
			values[6] = BoolGetDatum(k->directs != NULL);
			values[7] = CStringGetTextDatum(k->on_change);
			values[8] = words_of(k->directs, &nulls[8]);
			nulls[9] = k->in_use == NULL;
			if (k->in_use)
				values[9] = CStringGetTextDatum(k->in_use);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}

/*
 * cdc_inner.check_secret(database_type, purpose, value) -> void: ERROR 22023 when
 * value is not one that the secret takes.
 */
Datum
cdc_check_secret(PG_FUNCTION_ARGS)
{
	CdcFault	fault;

	if (!cdc_connection_check_secret(peer_of(fcinfo), text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2)), &fault))
		refuse(&fault);
	PG_RETURN_VOID();
}
