/*
 * rows.c
 *	  Rows to write and rows that were read, as JSON; see store_parts.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/json.h"
#include "common/text.h"
#include "worker/store/store_parts.h"

static void
put_rows(void *arg)
{
	json_object_put(arg);
}

struct json_object *
cdc_rows(void)
{
	MemoryContextCallback *callback = MemoryContextAlloc(TopTransactionContext, sizeof(MemoryContextCallback));

	callback->func = put_rows;
	callback->arg = json_object_new_array();
	MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	return callback->arg;
}

struct json_object *
cdc_row_add(struct json_object *rows, int n)
{
	struct json_object *row = json_object_new_object();

	json_object_object_add(row, "n", json_object_new_int(n));
	json_object_array_add(rows, row);
	return row;
}

void
cdc_rows_write(const char *sql, struct json_object *rows)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1];

	values[0] = CStringGetTextDatum(json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN));
	/* all is valid where it came in; a turn that fails would fail for everybody */
	cdc_text_clean(VARDATA_ANY(DatumGetPointer(values[0])), VARSIZE_ANY_EXHDR(DatumGetPointer(values[0])));
	cdc_statement_run(sql, SPI_OK_SELECT, 1, types, values, NULL);
}

void
cdc_row_add_uint(struct json_object *row, const char *key, uint64 value)
{
	char		words[32];

	snprintf(words, sizeof(words), UINT64_FORMAT, value);
	cdc_json_add_string(row, key, value ? words : NULL);
}

char	  **
cdc_rows_keep(int ncolumns, int *n)
{
	char	  **rows;
	uint64		i;
	int			c;

	*n = (int) SPI_processed;
	if (SPI_processed == 0)
		return NULL;
	rows = MemoryContextAlloc(TopMemoryContext, sizeof(char *) * SPI_processed * ncolumns);
	for (i = 0; i < SPI_processed; i++)
	{
		for (c = 0; c < ncolumns; c++)
		{
			char	   *words = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, c + 1);

			rows[i * ncolumns + c] = words ? MemoryContextStrdup(TopMemoryContext, words) : NULL;
		}
	}
	return rows;
}

char	  **
cdc_rows_by(const char *sql, const char *argument, char *last, int *n)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(argument)};

	cdc_statement_run(sql, SPI_OK_SELECT, 1, types, values, NULL);
	if (last && SPI_processed > 0)
		strlcpy(last, SPI_getvalue(SPI_tuptable->vals[SPI_processed - 1], SPI_tuptable->tupdesc, 2), CDC_UUID_LEN + 1);
	return cdc_rows_keep(1, n);
}

void
cdc_rows_free(char **rows, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (rows[i])
			pfree(rows[i]);
	}
	if (rows)
		pfree(rows);
}

const char *
cdc_row_text(struct json_object *row, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) || value == NULL)
		return NULL;
	return json_object_get_string(value);
}

uint64
cdc_row_uint(struct json_object *row, const char *key)
{
	const char *digits = cdc_row_text(row, key);

	return digits ? strtoull(digits, NULL, 10) : 0;
}

bool
cdc_row_bool(struct json_object *row, const char *key, bool missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) || value == NULL)
		return missing;
	return json_object_get_boolean(value);
}

int
cdc_row_int(struct json_object *row, const char *key, int missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) || value == NULL)
		return missing;
	return json_object_get_int(value);
}

struct json_object *
cdc_row_array(struct json_object *row, const char *key, int *n)
{
	struct json_object *value;

	*n = 0;
	if (!json_object_object_get_ex(row, key, &value) ||
		!json_object_is_type(value, json_type_array))
		return NULL;
	*n = (int) json_object_array_length(value);
	return value;
}

struct json_object *
cdc_row_object(struct json_object *row, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(row, key, &value) ||
		!json_object_is_type(value, json_type_object))
		return NULL;
	return value;
}

char *
cdc_row_copy(MemoryContext context, const char *value)
{
	return value ? MemoryContextStrdup(context, value) : NULL;
}

TimestampTz
cdc_row_time(const char *words)
{
	if (words == NULL)
		return 0;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(words),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

void
cdc_row_add_time(struct json_object *row, const char *key, TimestampTz value)
{
	cdc_json_add_string(row, key, value ? timestamptz_to_str(value) : NULL);
}

const char *
cdc_key_of_service(const void *owner)
{
	return ((const CdcService *) owner)->id;
}

const char *
cdc_key_of_pipeline(const void *owner)
{
	return ((const CdcPipeline *) owner)->id;
}
