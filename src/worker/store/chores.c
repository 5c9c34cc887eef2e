/*
 * chores.c
 *	  What is done beside the turn: services end, findings of what was deleted,
 *	  old events and what has been gone for as long go, members are kept as their roles are.
 *
 * See store.h and store_parts.h.  Each chore is a short transaction of its own that
 * takes so many rows and no more, and none that somebody holds.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "extension/settings.h"
#include "worker/store/store.h"
#include "worker/store/store_parts.h"
#include "worker/world/index.h"

/* Rows a transaction. */
#define PAGE "1000"
/* Events that are too many go so many in one transaction. */
#define EVENTS_AT_ONCE 5000
/* What is left, since somebody holds it or there was more, is looked at again after this. */
#define AGAIN_MS 1000

typedef struct Chore
{
	void		(*what) (struct Chore *chore);
	CdcWorld   *world;
	const char *sql;			/* one that is said by its statement alone, */
	bool		retention;		/* of which the argument is cdc_event_retention */
	bool		left;			/* there is more to do */
	int			nended;			/* services that have ended */
	char	  **ended;
} Chore;

static bool due;				/* services may end, or findings be nobody's */
static int64 not_before;

/* Services that are being deleted, whose provider has nothing of them and that no pipeline needs. */
#define ENDING \
	"FROM cdc.service s WHERE s.status OPERATOR(pg_catalog.=) 'deleting' AND s.deleted_at IS NULL" \
	"  AND (s.provider OPERATOR(pg_catalog.=) 'external' OR s.id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[]))" \
	"  AND NOT EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.settled_at IS NULL AND (p.source_service_id OPERATOR(pg_catalog.=) s.id" \
	"   OR p.sink_service_id OPERATOR(pg_catalog.=) s.id))"

static const char end_services_sql[] =
"UPDATE cdc.service e SET deleted_at = pg_catalog.now(), updated_at = pg_catalog.now()"
" WHERE e.id IN (SELECT s.id " ENDING " LIMIT " PAGE " FOR NO KEY UPDATE OF s SKIP LOCKED) RETURNING e.id::pg_catalog.text";

static const char services_left_sql[] = "SELECT EXISTS (SELECT " ENDING ")";

/* Deleted services and pipelines have no findings. */
#define NOBODYS \
	"FROM cdc.finding f WHERE NOT EXISTS (SELECT FROM cdc.service s WHERE s.id OPERATOR(pg_catalog.=) f.service_id AND s.deleted_at IS NULL)" \
	" AND NOT EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.id OPERATOR(pg_catalog.=) f.pipeline_id AND p.deleted_at IS NULL)"

static const char forget_findings_sql[] =
"DELETE FROM cdc.finding d WHERE d.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT f.ctid " NOBODYS " LIMIT " PAGE " FOR UPDATE OF f SKIP LOCKED))";

static const char findings_left_sql[] = "SELECT EXISTS (SELECT " NOBODYS ")";

#define EXPIRE(table) \
	"WITH gone AS (DELETE FROM cdc." table " WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT e.id FROM cdc." table " e" \
	"  WHERE e.at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1))" \
	"  ORDER BY e.at LIMIT " PAGE " FOR UPDATE OF e SKIP LOCKED)) RETURNING id)" \
	" SELECT pg_catalog.count(*) OPERATOR(pg_catalog.=) " PAGE " FROM gone"

static void
do_chore(void *arg)
{
	Chore	   *chore = arg;

	chore->what(chore);
}

/* Housekeeping; only where every table is to be had at once.  False: it failed, which is logged. */
static bool
keep_house(Chore *chore)
{
	CdcApart	end = cdc_store_apart(true, do_chore, chore);

	chore->left = chore->left || end == CDC_APART_IN_THE_WAY;
	pgstat_report_stat(true);
	return end != CDC_APART_FAILED;
}

static bool
said(void)
{
	bool		isnull;

	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* The chore's one statement, which says whether there is more. */
static void
by_statement(Chore *chore)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(cdc_event_retention)};

	cdc_statement_run(chore->sql, SPI_OK_SELECT, chore->retention ? 1 : 0, types, values, NULL);
	chore->left = said();
}

static void
end_services(Chore *chore)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	StringInfoData gone;
	dlist_iter	iter;

	initStringInfo(&gone);
	dlist_foreach(iter, &chore->world->gone)
		appendStringInfo(&gone, "%s%s", gone.len ? "," : "{", dlist_container(CdcService, made.gone_node, iter.cur)->id);
	appendStringInfoString(&gone, gone.len ? "}" : "{}");
	values[0] = CStringGetTextDatum(gone.data);
	cdc_statement_run(end_services_sql, SPI_OK_UPDATE_RETURNING, 1, types, values, NULL);
	chore->ended = cdc_rows_keep(1, &chore->nended);
	cdc_statement_run(services_left_sql, SPI_OK_SELECT, 1, types, values, NULL);
	chore->left = said();
}

static void
forget_findings(Chore *chore)
{
	cdc_statement_run(forget_findings_sql, SPI_OK_DELETE, 0, NULL, NULL, NULL);
	cdc_statement_run(findings_left_sql, SPI_OK_SELECT, 0, NULL, NULL, NULL);
	chore->left = said();
}

void
cdc_chores_expect(const CdcBatch *batch)
{
	ListCell   *cell;

	foreach(cell, batch->rows[CDC_ROW_SPEC])
	{
		const CdcPipeline *p = ((CdcDirty *) lfirst(cell))->owner;

		due = due || p->kept.absent || p->kept.status == CDC_DELETED;
	}
}

void
cdc_chores_run(CdcWorld *world, bool read)
{
	Chore		services = {.what = end_services, .world = world};
	Chore		findings = {.what = forget_findings, .world = world};
	bool		done;
	int			i;

	due = due || read || !dlist_is_empty(&world->gone);
	if (!due || cdc_loop_now() < not_before)
		return;
	done = keep_house(&services);
	for (i = 0; done && i < services.nended; i++)
	{
		CdcService *s = cdc_world_service(world, services.ended[i]);

		if (s)
			cdc_world_remove_service(s);
	}
	cdc_rows_free(services.ended, services.nended);
	done = keep_house(&findings) && done;
	due = !done || services.left || findings.left;
	if (due)
		not_before = cdc_loop_now() + AGAIN_MS;
}

bool
cdc_store_expire_events(void)
{
	/* what is gone is forgotten when nothing tells of it any more */
	static const char *const statements[] = {EXPIRE("pipeline_event"), EXPIRE("service_event"), EXPIRE("organization_event"),
		"SELECT cdc_inner.forget_gone(pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1), " PAGE ") OPERATOR(pg_catalog.=) " PAGE};
	bool		more = false;
	int			i;

	for (i = 0; i < (int) lengthof(statements); i++)
	{
		Chore		chore = {.what = by_statement, .sql = statements[i], .retention = true};

		more = keep_house(&chore) && chore.left ? true : more;
	}
	return more;
}

/* They are counted again when so many were written; with the next look when some are left. */
static int64 events_enough;

static int64
number(void)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static void
trim_events(Chore *chore)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(EVENTS_AT_ONCE)};
	int64		written;
	int64		room;

	cdc_statement_run("SELECT cdc_inner.trim_findings()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	cdc_statement_run("SELECT cdc_inner.events_written()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	written = number();
	if (written < events_enough)
		return;
	cdc_statement_run("SELECT cdc_inner.trim_events($1)", SPI_OK_SELECT, 1, types, values, NULL);
	room = number();
	chore->left = room < 0;
	/* who has all that it may is not counted for each one more */
	events_enough = chore->left ? 0 : written + Max(room, EVENTS_AT_ONCE / 10);
}

bool
cdc_store_trim_events(void)
{
	Chore		chore = {.what = trim_events};

	return keep_house(&chore) && chore.left;
}

void
cdc_store_tend_members(void)
{
	Chore		chore = {.what = by_statement, .sql = "SELECT cdc_inner.tend_members() IS NULL"};

	(void) keep_house(&chore);
}
