/*
 * pipelines_options.c
 *	  The options of pipelines, and what may stand in a connector's
 *	  configuration, for SQL.
 *
 * Declared in sql/pipelines.  What an option may be is in
 * src/remote/debezium_options.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

#include "common/pg_json.h"
#include "remote/kafka_connect.h"

PG_FUNCTION_INFO_V1(cdc_connect_text_fault_sql);
PG_FUNCTION_INFO_V1(cdc_database_fault);
PG_FUNCTION_INFO_V1(cdc_option_fault);
PG_FUNCTION_INFO_V1(cdc_option_names);
PG_FUNCTION_INFO_V1(cdc_options);

/* A fault as text, or NULL. */
static Datum
fault_datum(FunctionCallInfo fcinfo, const char *fault)
{
	if (fault == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(fault));
}

/* cdc_inner.option_fault(key, value) -> text: why an option cannot be set so, or NULL. */
Datum
cdc_option_fault(PG_FUNCTION_ARGS)
{
	return fault_datum(fcinfo, cdc_kc_option_check(CDC_KC_GENERATION, text_to_cstring(PG_GETARG_TEXT_PP(0)),
												   text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

/* cdc_inner.connect_text_fault(what, value) -> text: why a text may not stand in a connector's configuration, or NULL. */
Datum
cdc_connect_text_fault_sql(PG_FUNCTION_ARGS)
{
	return fault_datum(fcinfo, cdc_connect_text_fault(text_to_cstring(PG_GETARG_TEXT_PP(0)),
													  text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

/* cdc_inner.database_fault(name) -> text: why Debezium cannot be sent to a database of this name, or NULL. */
Datum
cdc_database_fault(PG_FUNCTION_ARGS)
{
	return fault_datum(fcinfo, cdc_kc_database_fault(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* cdc_inner.option_names() -> text: the options of Debezium that may be set, "a, b". */
Datum
cdc_option_names(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(cdc_kc_option_names()));
}

/* cdc.options() -> the options of a pipeline. */
Datum
cdc_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CdcKcOption option;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	for (n = 0; cdc_kc_option_describe(n, &option); n++)
	{
		Datum		values[6];
		bool		nulls[6] = {false, false, false, false, false, false};

		values[0] = CStringGetTextDatum(option.name);
		values[1] = CStringGetTextDatum(option.type);
		values[2] = CStringGetTextDatum(option.rule);
		nulls[3] = option.default_value == NULL;
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(option.default_value);
		values[4] = CStringGetTextDatum(option.on_live);
		values[5] = CStringGetTextDatum(option.meaning);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
