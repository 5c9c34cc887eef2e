/*
 * work.c
 *	  The work queue: what is to be read, and brought into the world.
 *
 * See store_parts.h.  Rows are read inside a turn (as JSON texts, which survive
 * the commit), and loaded after it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "worker/store/store_parts.h"
#include "worker/world/agenda.h"
#include "worker/world/index.h"
#include "worker/world/organization.h"
#include "worker/world/pair.h"
#include "worker/world/reload.h"

/* Rows of the queue in one transaction. */
#define QUEUE_PAGE 500

#define TAKE(limit) \
	"DELETE FROM cdc.work WHERE seq OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT w.seq FROM cdc.work w ORDER BY w.seq" limit " FOR UPDATE OF w SKIP LOCKED)) RETURNING kind, id::pg_catalog.text"

static const char take_page_sql[] = TAKE(" LIMIT 500");
static const char take_all_sql[] = TAKE("");

#define BEFORE_ALL "00000000-0000-0000-0000-000000000000"

/* Where the reading of all there is has come to. */
static CdcLoadStage stage;
static char after[CDC_UUID_LEN + 1];
static bool reading;

/* What is of no service and no pipeline alone, and changes without a row in the queue. */
static void
read_shared(CdcWorld *world, CdcLoaded *loaded)
{
	loaded->regions = cdc_store_read_regions(&loaded->nregions);
	cdc_statement_run("SELECT l.organization_id::pg_catalog.text, l.what, l.most::pg_catalog.text FROM cdc.organization_limit l", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	loaded->limits = cdc_rows_keep(3, &loaded->nlimits);
	loaded->limits_read = true;
	cdc_agenda_shared_read(world);
}

/* A page of all.  What the queue names when that begins is in what follows. */
static void
read_all(CdcWorld *world, CdcLoaded *loaded)
{
	loaded->all = true;
	loaded->first = !reading;
	if (loaded->first)
	{
		stage = CDC_LOAD_SERVICES;
		strlcpy(after, BEFORE_ALL, sizeof(after));
	}
	loaded->stage = stage;
	strlcpy(loaded->after, after, sizeof(loaded->after));
	switch (stage)
	{
		case CDC_LOAD_SERVICES:
			loaded->services = cdc_store_read_services(NULL, loaded->after, &loaded->nservices);
			break;
		case CDC_LOAD_PIPELINES:
			loaded->pipelines = cdc_store_read_pipelines(NULL, loaded->after, &loaded->npipelines);
			break;
		case CDC_LOAD_PAIRS:
			loaded->pairs = cdc_store_read_pairs(&loaded->npairs);
			read_shared(world, loaded);
			break;
	}
}

void
cdc_store_read_work(CdcWorld *world, CdcLoaded *loaded)
{
	StringInfoData services;
	StringInfoData pipelines;
	MemoryContext old;
	ListCell   *cell;
	uint64		i;

	if (world->loaded)
		reading = false;
	if (reading)
	{
		read_all(world, loaded);
		return;
	}
	cdc_statement_run(world->loaded ? take_page_sql : take_all_sql, SPI_OK_DELETE_RETURNING, 0, NULL, NULL, NULL);
	loaded->more = world->loaded && SPI_processed == QUEUE_PAGE;
	for (i = 0; i < SPI_processed; i++)
	{
		char	   *kind = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char	   *id = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);

		if (strcmp(kind, "round") == 0 && id)
		{
			old = MemoryContextSwitchTo(TopMemoryContext);
			loaded->rounds = lappend(loaded->rounds, pstrdup(id));
			MemoryContextSwitchTo(old);
		}
		else if (strcmp(kind, "round") == 0)
			loaded->round = true;
		else if (id)
			cdc_reload_want(world, id, strcmp(kind, "service") != 0);
	}
	/* somebody asks for a round: perhaps the key is there by now */
	if (!world->loaded || (loaded->round && cdc_world_lacks_secret(world)))
	{
		read_all(world, loaded);
		return;
	}
	initStringInfo(&services);
	initStringInfo(&pipelines);
	foreach(cell, cdc_reloads_due(world, cdc_loop_now()))
	{
		const CdcReload *r = lfirst(cell);
		StringInfo	list = r->pipeline ? &pipelines : &services;

		appendStringInfo(list, "%s%s", list->len ? "," : "{", r->id);
		old = MemoryContextSwitchTo(TopMemoryContext);
		loaded->reloads = lappend(loaded->reloads, pstrdup(r->id));
		MemoryContextSwitchTo(old);
	}
	if (services.len > 0)
	{
		appendStringInfoChar(&services, '}');
		loaded->services = cdc_store_read_services(services.data, NULL, &loaded->nservices);
	}
	if (pipelines.len > 0)
	{
		appendStringInfoChar(&pipelines, '}');
		loaded->pipelines = cdc_store_read_pipelines(pipelines.data, NULL, &loaded->npipelines);
	}
	if (loaded->round || world->regions_due)
		read_shared(world, loaded);
}

/* After a page of all: where the next one begins; nothing is acted on until all is here. */
static void
turn_page(CdcWorld *world, const CdcLoaded *loaded)
{
	int			n = loaded->stage == CDC_LOAD_SERVICES ? loaded->nservices : loaded->npipelines;

	reading = true;
	cdc_agenda_read_all(world);
	if (loaded->stage != CDC_LOAD_PAIRS && n == CDC_PAGE)
		strlcpy(after, loaded->after, sizeof(after));
	else if (loaded->stage != CDC_LOAD_PAIRS)
	{
		stage = loaded->stage + 1;
		strlcpy(after, BEFORE_ALL, sizeof(after));
	}
	else
	{
		reading = false;
		cdc_agenda_all_read(world);
	}
}

void
cdc_store_apply(CdcWorld *world, CdcLoaded *loaded)
{
	ListCell   *cell;
	int			i;

	if (loaded->first)
		cdc_world_forget_rows(world);
	if (loaded->limits_read)
		cdc_world_forget_limits(world);
	for (i = 0; i < loaded->nlimits; i++)
		cdc_world_set_limit(world, loaded->limits[3 * i], loaded->limits[3 * i + 1], strtoll(loaded->limits[3 * i + 2], NULL, 10));
	for (i = 0; i < loaded->nservices; i++)
		cdc_store_load_service(world, loaded->services[i]);
	for (i = 0; i < loaded->npipelines; i++)
		cdc_store_load_pipeline(world, loaded->pipelines[i]);
	for (i = 0; i < loaded->npairs; i++)
		cdc_store_load_pair(world, loaded->pairs[i]);
	for (i = 0; i < loaded->nregions; i++)
		cdc_store_load_region(world, loaded->regions[2 * i], loaded->regions[2 * i + 1]);
	foreach(cell, loaded->reloads)
		cdc_reload_done(world, lfirst(cell), cdc_loop_now());
	foreach(cell, loaded->rounds)
		cdc_world_want_round(world, lfirst(cell), true);
	if (loaded->round)
	{
		cdc_agenda_round_asked(world);
		cdc_peers_retry(NULL, cdc_loop_now());
	}
	if (loaded->all)
		turn_page(world, loaded);
	if (loaded->more || !world->loaded)
		cdc_agenda_turn(world);
}

void
cdc_store_loaded_free(CdcLoaded *loaded)
{
	cdc_rows_free(loaded->services, loaded->nservices);
	cdc_rows_free(loaded->pipelines, loaded->npipelines);
	cdc_rows_free(loaded->pairs, loaded->npairs);
	cdc_rows_free(loaded->regions, 2 * loaded->nregions);
	cdc_rows_free(loaded->limits, 3 * loaded->nlimits);
	list_free_deep(loaded->rounds);
	list_free_deep(loaded->reloads);
}
