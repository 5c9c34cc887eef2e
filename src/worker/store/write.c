/*
 * write.c
 *	  What a turn writes: which rows, in which order, and what has become of them.
 *
 * See store_parts.h.  How a row is written is its file's; here is what all have in
 * common: a statement a kind, rows that somebody holds are left out and tried again
 * later, and what of the world is clean after the commit.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "common/json.h"
#include "worker/store/store_parts.h"
#include "worker/world/index.h"
#include "worker/world/pair.h"

/* Events that wait for a row that is held: no more of them, then the oldest are lost. */
#define HELD_EVENTS_MAX 20000
/* They are tried again after this, or with the next turn. */
#define HELD_EVENTS_MS 250

#define EVENT_TABLES (CDC_TABLE(CDC_TABLE_EVENT) | CDC_TABLE(CDC_TABLE_SPEC))

/* Of what was held before comes first; gives numbers in the batch as the others do. */
static const char write_events_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, pipeline_id pg_catalog.uuid, at pg_catalog.timestamptz, kind pg_catalog.text, rule pg_catalog.text,"
"  status_from pg_catalog.text, status_to pg_catalog.text, step pg_catalog.text, message pg_catalog.text,"
"  detail pg_catalog.jsonb)),"
" p AS MATERIALIZED (SELECT s.id FROM cdc.pipeline_spec s WHERE s.id IN (SELECT u.pipeline_id FROM u) FOR KEY SHARE OF s SKIP LOCKED),"
" w AS (INSERT INTO cdc.pipeline_event (pipeline_id, at, kind, rule, status_from, status_to, step, message, detail)"
"  SELECT u.pipeline_id, u.at, u.kind, u.rule, u.status_from, u.status_to, u.step, u.message, u.detail"
"  FROM u JOIN p ON p.id OPERATOR(pg_catalog.=) u.pipeline_id ORDER BY u.n)"
" SELECT u.n FROM u JOIN cdc.pipeline_spec s ON s.id OPERATOR(pg_catalog.=) u.pipeline_id WHERE NOT EXISTS (SELECT FROM p WHERE p.id OPERATOR(pg_catalog.=) u.pipeline_id)";

CdcBatch *
cdc_batch_take(CdcWorld *world)
{
	CdcBatch   *batch = palloc0(sizeof(CdcBatch));
	dlist_mutable_iter iter;
	int			i;

	(void) cdc_dirty_due(world, cdc_loop_now());
	for (i = 0; i < CDC_NUM_ROWS; i++)
	{
		cdc_dirty_each(i, iter, world)
			batch->rows[i] = lappend(batch->rows[i], dlist_container(CdcDirty, node, iter.cur));
	}
	batch->events = cdc_world_take_events(world);
	return batch;
}

/* --- a batch a service ------------------------------------------------------ */

#define OWNER_LEN (2 * CDC_UUID_LEN + 2)

typedef struct Share
{
	char		owner[OWNER_LEN];
	CdcBatch   *batch;
} Share;

static CdcBatch *
share_of(HTAB *shares, const char *owner, List **batches)
{
	char		key[OWNER_LEN];
	bool		found;
	Share	   *share;

	strlcpy(key, owner, sizeof(key));
	share = hash_search(shares, key, HASH_ENTER, &found);
	if (!found)
	{
		share->batch = palloc0(sizeof(CdcBatch));
		*batches = lappend(*batches, share->batch);
	}
	return share->batch;
}

static const char *
owner_of(const CdcDirty *dirty)
{
	if (dirty->row < CDC_NUM_PIPELINE_ROWS)
		return ((CdcPipeline *) dirty->owner)->source_id;
	if (dirty->row < CDC_ROW_NODE)
		return ((CdcService *) dirty->owner)->id;
	if (dirty->row == CDC_ROW_NODE)
		return ((CdcNode *) dirty->owner)->service->id;
	return psprintf("%s %s", ((CdcPair *) dirty->owner)->a, ((CdcPair *) dirty->owner)->b);
}

List *
cdc_batch_split(CdcWorld *world, CdcBatch *batch)
{
	HASHCTL		control = {.keysize = OWNER_LEN, .entrysize = sizeof(Share), .hcxt = CurrentMemoryContext};
	HTAB	   *shares = hash_create("cdc_pipeline batches", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	List	   *batches = NIL;
	ListCell   *cell;
	int			i;

	for (i = 0; i < CDC_NUM_ROWS; i++)
	{
		foreach(cell, batch->rows[i])
		{
			CdcBatch   *share = share_of(shares, owner_of(lfirst(cell)), &batches);

			share->rows[i] = lappend(share->rows[i], lfirst(cell));
		}
	}
	foreach(cell, batch->events)
	{
		const char *id = cdc_json_string(lfirst(cell), "pipeline_id");
		CdcPipeline *p = cdc_world_pipeline(world, id);
		CdcBatch   *share = share_of(shares, p ? p->source_id : id, &batches);

		share->events = lappend(share->events, lfirst(cell));
	}
	hash_destroy(shares);
	return batches;
}

/* --- in the transaction ----------------------------------------------------- */

/* The numbers that the last statement gave. */
static int
number_at(uint64 row)
{
	bool		isnull;

	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull));
}

static void
write_kind(const CdcRowWriter *writer, List *dirty, uint32 tables_held)
{
	bool		held = (writer->tables & tables_held) != 0;
	struct json_object *rows;
	ListCell   *cell;
	uint64		i;
	int			n = 0;

	if (dirty == NIL)
		return;
	rows = cdc_rows();
	foreach(cell, dirty)
	{
		CdcDirty   *d = lfirst(cell);

		cdc_dirty_skip(d, held);
		if (!held)
			writer->add(rows, d->owner, n++);
	}
	if (held || json_object_array_length(rows) == 0)
		return;
	cdc_rows_write(writer->sql, rows);
	for (i = 0; i < SPI_processed; i++)
		cdc_dirty_skip(list_nth(dirty, number_at(i)), true);
}

/* Those of a pipeline whose own row is held wait for it: the story stays in order. */
static void
write_events(CdcWorld *world, CdcBatch *batch, uint32 tables_held)
{
	struct json_object *rows;
	List	   *events = NIL;
	MemoryContext old;
	ListCell   *cell;
	uint64		i;

	batch->held_events = NIL;
	if (batch->events == NIL)
		return;
	rows = cdc_rows();
	old = MemoryContextSwitchTo(GetMemoryChunkContext(batch));
	foreach(cell, batch->events)
	{
		struct json_object *event = lfirst(cell);
		CdcPipeline *p = cdc_world_pipeline(world, cdc_json_string(event, "pipeline_id"));

		if ((tables_held & EVENT_TABLES) || (p && cdc_is_dirty(&p->dirty[CDC_ROW_SPEC]) && p->dirty[CDC_ROW_SPEC].skipped))
			batch->held_events = lappend(batch->held_events, event);
		else
		{
			json_object_object_add(event, "n", json_object_new_int(list_length(events)));
			json_object_array_add(rows, json_object_get(event));
			events = lappend(events, event);
		}
	}
	MemoryContextSwitchTo(old);
	if (events == NIL)
		return;
	cdc_rows_write(write_events_sql, rows);
	MemoryContextSwitchTo(GetMemoryChunkContext(batch));
	for (i = 0; i < SPI_processed; i++)
		batch->held_events = lappend(batch->held_events, list_nth(events, number_at(i)));
	MemoryContextSwitchTo(old);
}

void
cdc_batch_write(CdcWorld *world, CdcBatch *batch, uint32 tables_held)
{
	int			i;

	for (i = 0; i < CDC_NUM_ROWS; i++)
		write_kind(cdc_row_writers[i].writer, batch->rows[cdc_row_writers[i].row], tables_held);
	write_events(world, batch, tables_held);
}

/* --- after the commit ------------------------------------------------------- */

static void
hold_events(CdcWorld *world, List *events)
{
	size_t		lost = cdc_world_hold_events(world, events, HELD_EVENTS_MAX, cdc_loop_now() + HELD_EVENTS_MS);

	if (lost > 0)
		ereport(LOG,
				(errmsg("cdc_pipeline reconciler: %zu events of pipelines are lost: the table cdc.pipeline_event, or rows that they belong to, have been locked for too long", lost)));
}

static void
put_events(CdcBatch *batch)
{
	ListCell   *cell;

	foreach(cell, batch->events)
		json_object_put(lfirst(cell));
	batch->events = NIL;
}

/* A pipeline is about to be forgotten: nothing of it is told. */
static List *
without(List *held, const CdcPipeline *p)
{
	List	   *others = NIL;
	ListCell   *cell;

	foreach(cell, held)
	{
		CdcDirty   *dirty = lfirst(cell);

		if (dirty->owner != p)
			others = lappend(others, dirty);
	}
	return others;
}

static void
settle(CdcWorld *world, CdcBatch *batch, CdcDirty *dirty, const CdcRowWriter *writer, int64 now)
{
	void	   *owner = dirty->owner;

	if (batch->why)
		cdc_dirty_skip(dirty, true);
	if (dirty->skipped)
	{
		cdc_not_written(world, dirty, now);
		batch->held = lappend(batch->held, dirty);
		return;
	}
	cdc_held_written(dirty);
	cdc_written(world, dirty);
	if (writer == &cdc_spec_writer && batch->held != NIL)
		batch->held = without(batch->held, owner);
	if (writer->written)
		writer->written(owner);
}

void
cdc_batch_settle(CdcWorld *world, CdcBatch *batch)
{
	int64		now = cdc_loop_now();
	ListCell   *cell;
	int			i;

	hold_events(world, batch->why ? batch->events : batch->held_events);
	put_events(batch);
	/* a pipeline whose row was written may be forgotten, with all of its: the last */
	for (i = CDC_NUM_ROWS - 1; i >= 0; i--)
	{
		foreach(cell, batch->rows[cdc_row_writers[i].row])
			settle(world, batch, lfirst(cell), cdc_row_writers[i].writer, now);
	}
}

void
cdc_batch_give_back(CdcWorld *world, CdcBatch *batch)
{
	hold_events(world, batch->events);
	put_events(batch);
}
