/*
 * source.c
 *	  Connections for actions on a source: one to each captured database on the
 *	  primary, so that a lock wait blocks no look, and on standbys.
 *
 * Opened when they are needed; closed with the database's (cdc_world_hang_up) or
 * the service's.
 */
#include "postgres.h"

#include "worker/execute/execute_parts.h"
#include "worker/world/facts.h"
#include "worker/world/reach.h"

CdcPgConn *
cdc_execute_ddl_conn(CdcPipeline *p)
{
	CdcSourceDb *db;

	if (p->source == NULL || p->source->pg.primary == NULL)
		return NULL;
	db = cdc_world_database(p->source, cdc_place_of(p));
	if (db->ddl == NULL)
	{
		CdcPgTarget target;

		cdc_reach_node(p->source->pg.primary, db->database, CDC_PEER_CHANGE, &target);
		cdc_world_connected(db, NULL, cdc_pg_open(&target));
	}
	return db->ddl;
}

CdcPgConn *
cdc_execute_node_conn(CdcNode *n, const char *database)
{
	CdcPgTarget target;
	MemoryContext old;
	CdcNodeDb  *db;
	ListCell   *cell;

	foreach(cell, n->databases)
	{
		db = lfirst(cell);
		if (strcmp(db->database, database) == 0)
			return db->conn;
	}
	old = MemoryContextSwitchTo(n->service->context);
	db = palloc0(sizeof(CdcNodeDb));
	db->database = pstrdup(database);
	n->databases = lappend(n->databases, db);
	MemoryContextSwitchTo(old);
	cdc_reach_node(n, database, CDC_PEER_CHANGE, &target);
	db->conn = cdc_pg_open(&target);
	return db->conn;
}
