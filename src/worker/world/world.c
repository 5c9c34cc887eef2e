/*
 * world.c
 *	  The worker's memory of services and pipelines, as a whole.
 *
 * See world.h; which of them there are is in index.c.  Every service and pipeline
 * lives in a memory context of its own, so that forgetting one frees all of it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/asked.h"
#include "worker/world/index.h"
#include "worker/world/tend.h"

bool
cdc_world_lacks_secret(CdcWorld *world)
{
	CdcService *s;
	CdcPipeline *p;

	cdc_each_service(s, world)
	{
		if (s->error)
			return true;
	}
	cdc_each_pipeline(p, world)
	{
		if (p->secret.secret_error)
			return true;
	}
	return false;
}

bool
cdc_provided(const CdcService *service)
{
	return service->made.provider != CDC_PROVIDER_NONE;
}

bool
cdc_initial_only(const CdcPipeline *pipeline)
{
	return strcmp(pipeline->wanted.snapshot_mode, "initial_only") == 0;
}

CdcNode *
cdc_world_node(CdcService *source, const char *address, int port)
{
	int			i;

	for (i = 0; source && i < source->pg.nnodes; i++)
	{
		if (source->pg.nodes[i].port == port && strcmp(source->pg.nodes[i].address, address) == 0)
			return &source->pg.nodes[i];
	}
	return NULL;
}

char *
cdc_node_words(const CdcNode *n)
{
	return psprintf("%s:%d", n->address, n->port);
}

CdcSourceDb *
cdc_world_database(CdcService *source, const char *database)
{
	ListCell   *cell;
	MemoryContext old;
	CdcSourceDb *db;

	foreach(cell, source->pg.databases)
	{
		db = lfirst(cell);
		if (strcmp(db->database, database) == 0)
			return db;
	}
	old = MemoryContextSwitchTo(source->context);
	db = palloc0(sizeof(CdcSourceDb));
	db->service = source;
	db->database = pstrdup(database);
	cdc_asked_create(db);
	source->pg.databases = lappend(source->pg.databases, db);
	MemoryContextSwitchTo(old);
	return db;
}

uint64
cdc_world_serial(CdcWorld *world)
{
	return ++world->serial;
}

void
cdc_set_string(MemoryContext context, char **where, const char *value)
{
	char	   *copy = value ? MemoryContextStrdup(context, value) : NULL;

	if (*where)
		pfree(*where);
	*where = copy;
}

bool
cdc_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

void
cdc_world_connected(CdcSourceDb *db, CdcPgConn *conn, CdcPgConn *ddl)
{
	db->node = db->service->pg.primary;
	if (conn)
		db->conn = conn;
	if (ddl)
		db->ddl = ddl;
}

void
cdc_world_hang_up(CdcSourceDb *db)
{
	CdcPgConn  *conn = db->conn;
	CdcPgConn  *ddl = db->ddl;

	/* closing calls back: the callbacks must find neither */
	db->conn = db->ddl = NULL;
	db->node = NULL;
	if (conn)
		cdc_pg_close(conn);
	if (ddl)
		cdc_pg_close(ddl);
}
