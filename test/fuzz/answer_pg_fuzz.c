/* link: src/worker/io/pg_result.c src/worker/world/shapes.c src/remote/source_observe.c src/remote/source_node.c src/remote/source_tables.c src/remote/source_trigger.c src/remote/source_columns.c src/remote/patroni.c src/remote/pg_hba.c src/remote/pg_hba_file.c src/remote/pg_hba_match.c src/common/quote.c src/common/json.c src/common/lsn.c src/common/text.c */
/* libs: -lpq -ljson-c -lpgcommon -lpgport -lcrypto */
/*
 * answer_pg_fuzz.c
 *	  Any bytes as a result of libpq: what was asked, columns, rows, format,
 *	  then the values, each with its length (0xFFFF: NULL).  What has not the
 *	  question's shape is seen by nobody; what has is read as the worker reads it.
 */
#include "arena.h"

#include "libpq-fe.h"

#include "common/json.h"
#include "common/lsn.h"
#include "common/text.h"
#include "remote/pg_hba.h"
#include "remote/source.h"
#include "remote/source_columns.h"
#include "worker/world/shapes.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every shape that the worker has: a look, a ping, a watch, pg_hba.conf, its loading, its lock, positions, outcomes. */
static const CdcPgShape *const shapes[] = {
	&cdc_shape_look, &cdc_shape_ping, &cdc_shape_watch, &cdc_shape_hba, &cdc_shape_hba_load, &cdc_shape_hba_holder, &cdc_shape_slot_moved, &cdc_shape_slot_made, &cdc_shape_why, &cdc_shape_batch, &cdc_shape_columns, &cdc_shape_identity, &cdc_shape_history
};

#define ID "a1b2c3d4-e5f6-7890-abcd-ef1234567890"

static PGresult *
build(const uint8_t *data, size_t size)
{
	PGresult   *r = PQmakeEmptyPGresult(NULL, (data[0] & 0x80) ? PGRES_COMMAND_OK : PGRES_TUPLES_OK);
	PGresAttDesc columns[8];
	int			ncolumns = data[1] % 6;
	int			nrows = data[2] % 6;
	int			row;
	int			column;
	size_t		at = 4;

	memset(columns, 0, sizeof(columns));
	for (column = 0; column < ncolumns; column++)
	{
		columns[column].name = "c";
		columns[column].format = data[3] & 1;
	}
	if (ncolumns == 0 || !PQsetResultAttrs(r, ncolumns, columns))
		return r;
	for (row = 0; row < nrows; row++)
	{
		for (column = 0; column < ncolumns; column++)
		{
			size_t		length = at + 2 <= size ? (size_t) data[at] << 8 | data[at + 1] : 0xFFFF;

			at = Min(at + 2, size);
			if (length == 0xFFFF)
				PQsetvalue(r, row, column, NULL, -1);
			else
			{
				length = Min(length, size - at);
				PQsetvalue(r, row, column, (char *) data + at, (int) length);
				at += length;
			}
		}
	}
	return r;
}

static void
read_column(const CdcSourceColumnsAnswer *answer, void *arg)
{
	CdcSourceColumns *columns = cdc_source_columns_read(answer->told);

	if (answer->pipeline_id == NULL || answer->now_us < 0 || columns->nparents > CDC_SOURCE_PARENTS_MAX + 1)
		abort();
}

static void
read_columns(const CdcPgResult *result)
{
	cdc_source_columns_parse(cdc_pg_value(result, 0, 0), read_column, NULL);
}

static void
read_look(const CdcPgResult *result)
{
	const char *rows[6];
	int			n = cdc_pg_ntuples(result);
	CdcSourceObs *obs;
	CdcHbaLine	line = {ID, "app", "mdb_pipeline_a1b2c3d4", "10.0.0.0/8"};
	int			i;

	for (i = 0; i < n; i++)
		rows[i] = cdc_pg_value(result, i, 0);
	obs = cdc_source_parse(rows, n);
	if (obs == NULL)
		return;
	if (obs->system_identifier == 0 || obs->timeline == 0 || obs->now_us < 0 || obs->started_us < 0)
		abort();
	cdc_source_find(obs, 0);
	cdc_source_node_slot(&obs->node, "mdb_pipeline_a1b2c3d4");
	for (i = 0; i < obs->n; i++)
	{
		if (obs->pipelines[i].slot_since_us < 0 || obs->pipelines[i].slot_made_us < 0 || obs->pipelines[i].sessions_since_us < 0)
			abort();
	}
	if (obs->hba_text)
	{
		const char *ids[1] = {ID};

		cdc_hba_broken(obs->hba_text);
		cdc_hba_has(cdc_hba_ours(obs->hba_text), &line, 1);
		cdc_hba_left(cdc_hba_ours(obs->hba_text), ID);
		cdc_hba_lines_hash(obs->hba_text, ids, 1);
		cdc_hba_admits(obs->hba_text, &line, 1, NULL);
	}
}

static void
read_hba(const CdcPgResult *result)
{
	CdcHbaLine	line = {ID, "app", "mdb_pipeline_a1b2c3d4", "10.0.0.0/8"};
	char	   *old = cdc_hba_decode(cdc_pg_value(result, 0, 1));
	char	   *changed = old ? cdc_hba_apply(old, &line, 1, NULL, 0) : NULL;

	if (changed && !cdc_hba_has(cdc_hba_ours(changed), &line, 1))
		abort();
	if (changed)
		cdc_hba_write_sql(cdc_pg_value(result, 0, 0), cdc_pg_value(result, 0, 2), changed, "a fuzzer");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CdcPgResult result;
	char		why[200];
	int			which;
	int			row;
	int			column;
	struct json_object *slots;

	if (size < 4)
		return 0;
	which = (data[0] & 0x7F) % lengthof(shapes);
	memset(&result, 0, sizeof(result));
	result.outcome = CDC_PG_OK;
	result.pgresult = build(data, size);
	result.shape = shapes[which];
	if (cdc_pg_fits(result.pgresult, result.shape, why, sizeof(why)))
	{
		for (row = 0; row < cdc_pg_ntuples(&result); row++)
		{
			for (column = 0; column < shapes[which]->ncolumns; column++)
			{
				char	   *value = pstrdup(cdc_pg_value(&result, row, column));

				if (!cdc_text_clean(value, strlen(value)))
					abort();
				if (cdc_pg_isnull(&result, row, column) && !shapes[which]->columns[column].may_be_null)
					abort();
			}
		}
		if (cdc_pg_value(&result, 100, 100) == NULL || cdc_pg_value(&result, -1, -1) == NULL)
			abort();
		if (which == 0)
			read_look(&result);
		else if (which == 1)
		{
			slots = cdc_json_parse(cdc_pg_value(&result, 0, 1));
			cdc_lsn_member(cdc_json_get(slots, "mdb_pipeline_a1b2c3d4"), "lsn");
			cdc_json_int64(cdc_json_get(slots, "mdb_pipeline_a1b2c3d4"), "pid", 0);
			json_object_put(slots);
		}
		else if (which == 3)
			read_hba(&result);
		else if (shapes[which] == &cdc_shape_history)
			cdc_source_read_history(cdc_pg_value(&result, 0, 1), &row);
		else if (shapes[which] == &cdc_shape_columns)
			read_columns(&result);
		else if (which == 5 || which == 6)
			cdc_lsn_parse(cdc_pg_value(&result, 0, 0));
	}
	PQclear(result.pgresult);
	arena_reset();
	return 0;
}
