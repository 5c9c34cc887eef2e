/*
 * pg_client.h
 *	  Asynchronous libpq connections for the worker's loop.
 *
 * The only file with libpq-fe.h is pg_client.c.  A connection is lazy: it
 * connects at its first statement and again after a loss.  Statements of one
 * connection run one after another in the order given, each with a deadline.
 * Faults are values.  Names are resolved by c-ares (resolver.c), never by
 * libpq, which would block.  Knows no vocabulary of any peer.
 */
#ifndef CDC_PG_CLIENT_H
#define CDC_PG_CLIENT_H

#include "worker/event_loop.h"

typedef struct CdcPgTarget
{
	const char *host;			/* name or address literal; copied, as all here */
	int			port;
	const char *database;
	const char *user;
	const char *password;		/* never logged */
	const char *sslmode;		/* libpq's words, NULL: prefer */
	const char *ca;				/* PEM text, or NULL */
	int			connect_timeout_ms;
} CdcPgTarget;

typedef enum CdcPgOutcome
{
	CDC_PG_OK,
	CDC_PG_REFUSED,				/* no connection: the statement was not sent */
	CDC_PG_ERROR,				/* the server's ERROR, sqlstate is set */
	CDC_PG_LOST,				/* connection lost or deadline passed after the
								 * statement was sent: it may have taken effect */
	CDC_PG_CANCELLED			/* the connection was closed by us */
} CdcPgOutcome;

typedef struct CdcPgResult
{
	CdcPgOutcome outcome;
	char		sqlstate[6];	/* "" when there is none */
	const char *error;			/* one line "message (detail)", no secrets, NULL
								 * when OK */
	const char *hint;			/* server's hint or NULL */
	void	   *pgresult;		/* opaque, for the accessors below */
} CdcPgResult;

/* Valid during the callback only; NULL is SQL NULL. */
extern int	cdc_pg_ntuples(const CdcPgResult *result);
extern const char *cdc_pg_value(const CdcPgResult *result, int row, int column);

typedef void (*CdcPgDone) (const CdcPgResult *result, void *arg);
typedef struct CdcPgConn CdcPgConn;

extern void cdc_pg_init(CdcLoop *loop);

/* Allocates; does not connect.  application_name is "cdc_pipeline". */
extern CdcPgConn *cdc_pg_open(const CdcPgTarget *target);

/*
 * Queues one statement (the first two with nparams > 0 are prepared once a
 * connection; without parameters it is simple, which may hold several statements: the last result counts, and
 * the first error).  params are text, copied, NULL allowed.  done is called
 * exactly once, later or from cdc_pg_close.  deadline_ms counts from when the
 * statement is sent; connecting has its own.
 */
extern void cdc_pg_exec(CdcPgConn *conn, const char *sql, int nparams,
						const char *const *params, int deadline_ms,
						CdcPgDone done, void *arg);

/* Statements queued or under way. */
extern int	cdc_pg_pending(const CdcPgConn *conn);

/* The server's version as libpq numbers it (150020); 0 before the first connect. */
extern int	cdc_pg_server_version(const CdcPgConn *conn);

/*
 * lost is called when an idle connection ends without our doing: the server
 * died, or was told to close it.  NULL: nobody wants to know.
 */
typedef void (*CdcPgLost) (CdcPgConn *conn, void *arg);
extern void cdc_pg_watch(CdcPgConn *conn, CdcPgLost lost, void *arg);

/* Is a connection established now?  After an idle loss: false. */
extern bool cdc_pg_connected(const CdcPgConn *conn);

/*
 * Drops the TCP connection but keeps the object (session locks are released
 * by it); queued statements reconnect.
 */
extern void cdc_pg_reset(CdcPgConn *conn);

/* Ends and frees; waiting statements get CANCELLED. */
extern void cdc_pg_close(CdcPgConn *conn);

/* Closes everything of this process, silently; for on_proc_exit. */
extern void cdc_pg_shutdown(void);

#endif							/* CDC_PG_CLIENT_H */
