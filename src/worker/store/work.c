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
#include "worker/world/index.h"
#include "worker/world/organization.h"
#include "worker/world/pair.h"

void
cdc_store_read_work(CdcWorld *world, CdcLoaded *loaded)
{
	StringInfoData services;
	StringInfoData pipelines;
	MemoryContext old;
	uint64		i;

	cdc_statement_run("DELETE FROM cdc.work RETURNING kind, id::pg_catalog.text", SPI_OK_DELETE_RETURNING, 0, NULL, NULL, NULL);
	initStringInfo(&services);
	initStringInfo(&pipelines);
	for (i = 0; i < SPI_processed; i++)
	{
		char	   *kind = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char	   *id = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		StringInfo	list = NULL;

		if (strcmp(kind, "round") == 0 && id)
		{
			old = MemoryContextSwitchTo(TopMemoryContext);
			loaded->rounds = lappend(loaded->rounds, pstrdup(id));
			MemoryContextSwitchTo(old);
		}
		else if (strcmp(kind, "round") == 0)
			loaded->round = true;
		else if (strcmp(kind, "service") == 0)
			list = &services;
		else
			list = &pipelines;
		if (list && id)
			appendStringInfo(list, "%s%s", list->len ? "," : "{", id);
	}
	/* somebody asks for a round: perhaps the key is there by now */
	loaded->all = !world->loaded || (loaded->round && cdc_world_lacks_secret(world));
	if (loaded->all || services.len > 0)
	{
		if (services.len > 0)
			appendStringInfoChar(&services, '}');
		loaded->services = cdc_store_read_services(loaded->all ? NULL : services.data, &loaded->nservices);
	}
	if (loaded->all || pipelines.len > 0)
	{
		if (pipelines.len > 0)
			appendStringInfoChar(&pipelines, '}');
		loaded->pipelines = cdc_store_read_pipelines(loaded->all ? NULL : pipelines.data, &loaded->npipelines);
	}
	if (loaded->all)
		loaded->pairs = cdc_store_read_pairs(&loaded->npairs);
	if (loaded->all || loaded->round || world->regions_due)
	{
		loaded->regions = cdc_store_read_regions(&loaded->nregions);
		cdc_statement_run("SELECT l.organization_id::pg_catalog.text, l.what, l.most::pg_catalog.text FROM cdc.organization_limit l", SPI_OK_SELECT, 0, NULL, NULL, NULL);
		loaded->limits = cdc_rows_keep(3, &loaded->nlimits);
		loaded->limits_read = true;
		world->regions_due = false;
	}
}

void
cdc_store_apply(CdcWorld *world, CdcLoaded *loaded)
{
	ListCell   *cell;
	int			i;

	if (loaded->all)
	{
		cdc_world_forget_rows(world);
		world->next_round = cdc_loop_now();
	}
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
	for (i = 0; i < loaded->nended; i++)
	{
		CdcService *s = cdc_world_service(world, loaded->ended[i]);

		if (s)
			cdc_world_remove_service(s);
	}
	foreach(cell, loaded->rounds)
		cdc_world_want_round(world, lfirst(cell), true);
	if (loaded->round)
	{
		world->next_round = cdc_loop_now();
		world->round_asked = true;
		cdc_peers_retry(NULL, cdc_loop_now());
	}
	world->loaded = true;
}

void
cdc_store_loaded_free(CdcLoaded *loaded)
{
	cdc_rows_free(loaded->services, loaded->nservices);
	cdc_rows_free(loaded->pipelines, loaded->npipelines);
	cdc_rows_free(loaded->pairs, loaded->npairs);
	cdc_rows_free(loaded->ended, loaded->nended);
	cdc_rows_free(loaded->regions, 2 * loaded->nregions);
	cdc_rows_free(loaded->limits, 3 * loaded->nlimits);
	list_free_deep(loaded->rounds);
}
