/*
 * pg_copy.h
 *	  A standby's data directory: a copy of a running primary's on the same host.
 *
 * Needs no pg_basebackup, which not every build of PostgreSQL brings.
 */
#ifndef CDC_AGENT_PG_COPY_H
#define CDC_AGENT_PG_COPY_H

#include "agent/service.h"
#include "agent/sql.h"

/*
 * Copies the service's directory `from`, the data of the primary behind conn, into
 * its directory `to`, which is empty, between the beginning and the end of a
 * backup, makes it a standby's and flushes it.  WAL is not copied: a physical slot
 * that was made before holds it.  Reads and writes as the service's user.
 */
extern bool agent_pg_copy(PGconn *conn, AgentService *service, const char *from, const char *to, char **error);

#endif							/* CDC_AGENT_PG_COPY_H */
