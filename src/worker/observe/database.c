/*
 * database.c
 *	  The connection by which a database of a source is looked at: opened when a look
 *	  wants it, closed when nothing is left to do there.
 *
 * See observe_parts.h.
 */
#include "postgres.h"

#include "worker/observe/observe_parts.h"
#include "worker/world/asked.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/reach.h"
#include "worker/world/tend.h"

bool
cdc_observe_open(CdcSourceDb *db)
{
	CdcService *s = db->service;

	if (s->pg.primary == NULL)
		return false;
	if (db->conn == NULL)
	{
		CdcPgTarget target;

		cdc_reach_node(s->pg.primary, db->database, CDC_PEER_SOURCE, &target);
		cdc_world_connected(db, cdc_pg_open(&target), NULL);
		cdc_pg_watch(db->conn, cdc_observe_lost, s);
	}
	return true;
}

void
cdc_observe_leave(CdcService *s)
{
	s->pg.release_due = true;
	cdc_tend(s, CDC_TEND_LOOKS);
}

/* Does a pipeline still have something in this database, or something to do? */
static bool
is_used(CdcSourceDb *db)
{
	CdcPipeline *p;

	if (db->observing || cdc_any_asked(db) || db->watching || db->reading)
		return true;
	cdc_each_of_source(p, db->service)
	{
		if ((!p->kept.absent || p->doing.op) && strcmp(cdc_place_of(p), db->database) == 0)
			return true;
	}
	return false;
}

/*
 * A look that nobody waited for any more may have opened a connection after the
 * last visit had closed all: it is closed at the loop's next step, not in here.
 */
void
cdc_observe_unused(CdcSourceDb *db)
{
	if (!is_used(db))
		cdc_observe_leave(db->service);
}

void
cdc_observe_release(CdcService *s)
{
	ListCell   *cell;

	s->pg.release_due = false;
	foreach(cell, s->pg.databases)
	{
		CdcSourceDb *db = lfirst(cell);

		if ((db->conn || db->ddl) && !is_used(db))
			cdc_world_hang_up(db);
	}
}
