/*
 * connect_pg.h
 *	  A simulated task's sessions on its source server.
 *
 * Every call that waits ends early when the task is told to stop or to fail.
 */
#ifndef CONNECT_PG_H
#define CONNECT_PG_H

#include <libpq-fe.h>

#include "connect_sim.h"

/* True when the task was told something; waits at most ms (-1: for ever). */
extern bool sim_told(SimTask *task, int ms);

/*
 * Logs in as Debezium does, under this application_name.  NULL: *error
 * (malloc'd) says why, and is NULL when the task was told to stop.
 */
extern PGconn *sim_pg_connect(SimTask *task, const char *application, bool replication, char **error);

/*
 * Runs one statement; *result is the caller's to clear.  False when it failed
 * (*error as above).  A statement that is given up goes on on the server, as
 * with Debezium's driver.
 */
extern bool sim_pg_run(SimTask *task, PGconn *conn, const char *sql, PGresult **result, char **error);

/* The first column of the first row as a copy, or NULL when there is no row. */
extern bool sim_pg_value(SimTask *task, PGconn *conn, const char *sql, char **value, char **error);

/* CREATE_REPLICATION_SLOT and START_REPLICATION. */
extern char *sim_pg_create_slot_sql(const char *slot);
extern char *sim_pg_start_sql(const char *slot, const char *publication);

/* A standby status update: everything up to lsn is safe. */
extern bool sim_pg_confirm(PGconn *conn, uint64_t lsn);

/* Escaped as a literal; malloc'd. */
extern char *sim_pg_literal(PGconn *conn, const char *value);

/* "0/16B3748" as a number. */
extern uint64_t sim_pg_lsn(const char *words);

#endif							/* CONNECT_PG_H */
