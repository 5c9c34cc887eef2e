/*
 * pg_client.h
 *	  Asynchronous libpq connections for the worker's loop.
 *
 * libpq-fe.h is for pg_client.c and the pg_*.c beside it.  A connection is lazy: it
 * connects at its first statement and again after a loss.  Statements of one
 * connection run one after another in the order given, each with a deadline.
 * Faults are values.  Names are resolved by c-ares (resolver.c), never by
 * libpq, which would block.  Knows no vocabulary of any peer.
 */
#ifndef CDC_PG_CLIENT_H
#define CDC_PG_CLIENT_H

#include "worker/io/event_loop.h"
#include "worker/io/owner.h"
#include "worker/io/pg_result.h"

typedef struct CdcPgTarget
{
	const char *host;			/* name or address literal; copied, as all here */
	int			port;
	const char *database;
	const char *user;
	const char *password;		/* never logged */
	const char *sslmode;		/* libpq's words, NULL: prefer */
	const char *ca;				/* PEM text, or NULL */
	const char *client_cert;	/* PEM texts of a certificate and its key to log in with, */
	const char *client_key;		/* or NULL, both; never logged */
	bool		password_in_tls;	/* with verify-full it may ask for the password itself */
	bool		any_address;	/* the operator gave the address: it is not judged */
	bool		any_method;		/* whatever login it asks for is given: registered before
								 * the rules of common/pg_auth.h */
	bool		replication;	/* a walsender's session in that database: commands of replication,
								 * and statements without parameters */
	int			connect_timeout_ms;
	CdcOwner	owner;			/* for whom, and what for: by these connections are shared out */
	CdcPeerKind kind;
} CdcPgTarget;

typedef void (*CdcPgDone) (const CdcPgResult *result, void *arg);
typedef struct CdcPgConn CdcPgConn;

extern void cdc_pg_init(CdcLoop *loop);

/* Allocates; does not connect.  application_name is "cdc_pipeline". */
extern CdcPgConn *cdc_pg_open(const CdcPgTarget *target);

/*
 * Queues one statement (the first two with nparams > 0 are prepared once a
 * connection; without parameters it is simple, which may hold several statements: the last result counts, and
 * the first error).  params are text, copied, NULL allowed.  done is called
 * exactly once, later or from cdc_pg_close; when it throws an ERROR, once more,
 * as LOST: so it frees arg last, or not at all.  deadline_ms counts from when the
 * statement is sent; connecting has its own, from when there is a descriptor for it: for
 * that a statement waits as long as it takes (descriptors.h).  A connection without a
 * statement may be closed for others, silently.  Who refused our login, or let us in and hung up,
 * is left alone for a while (peers.h): statements are REFUSED with what it said.  shape (static): what the answer
 * must be, else it is LOST; NULL: nothing of it is read.  What comes is counted
 * before it is read: an answer of more than CDC_PG_ANSWER_MAX bytes is LOST, and the
 * connection is closed.
 */
extern void cdc_pg_exec(CdcPgConn *conn, const char *sql, int nparams,
						const char *const *params, const CdcPgShape *shape, int deadline_ms,
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

/*
 * What of the rules the last login did without, since any_method was given ("md5",
 * "no password", ...); NULL: nothing.
 */
extern const char *cdc_pg_weak(const CdcPgConn *conn);

/*
 * The kind of address that the last connection went to since any_address was
 * given, and would be refused otherwise ("a loopback address"); NULL: none such.
 */
extern const char *cdc_pg_tolerated(const CdcPgConn *conn);

/* Is a connection established now?  After an idle loss: false. */
extern bool cdc_pg_connected(const CdcPgConn *conn);

/*
 * Drops the TCP connection but keeps the object (session locks are released
 * by it); queued statements reconnect.
 */
extern void cdc_pg_reset(CdcPgConn *conn);

/*
 * What failed may have failed for what the session was given when it began: the next
 * statement begins a new one, unless this one is young or works.  The client does so
 * by itself when ERRORs follow each other; this is for who sees failures that are none to libpq.
 */
extern void cdc_pg_renew(CdcPgConn *conn);

/* Ends and frees; waiting statements get CANCELLED. */
extern void cdc_pg_close(CdcPgConn *conn);

/* Closes everything of this process, silently; for on_proc_exit. */
extern void cdc_pg_shutdown(void);

#endif							/* CDC_PG_CLIENT_H */
