/*
 * pg_copy.h
 *	  A standby's data directory: a copy of a running primary's on the same host.
 *
 * Needs no pg_basebackup, which not every build of PostgreSQL brings.
 */
#ifndef CDC_AGENT_PG_COPY_H
#define CDC_AGENT_PG_COPY_H

#include "agent/sql.h"

#include <sys/types.h>

/*
 * Copies the data directory `from` of the primary behind conn to `to`, which must
 * not exist, between the beginning and the end of a backup, makes it a
 * standby's and flushes it.  WAL is not copied: a physical slot that was made
 * before holds it.  What is made belongs to uid and gid when the agent is root.
 */
extern bool agent_pg_copy(PGconn *conn, const char *from, const char *to, uid_t uid, gid_t gid, char **error);

#endif							/* CDC_AGENT_PG_COPY_H */
