/*
 * pg_parts.h
 *	  A connection to a PostgreSQL server, for the files that make up the client.
 *
 * pg_client.c drives: it alone knows what comes after what, and calls the others.
 * pg_connect.c (an address, a login), pg_query.c (the statement under way) and
 * pg_answer.c (what a caller is told) do their part and say by what they return
 * how it went; they share pg_socket.c, and call nobody else of these.
 */
#ifndef CDC_PG_PARTS_H
#define CDC_PG_PARTS_H

#include "libpq-fe.h"

#include "common/pg_login.h"
#include "worker/io/descriptors.h"
#include "worker/io/peers.h"
#include "worker/io/pg_client.h"
#include "worker/io/resolver.h"

#define CDC_PG_ERROR_MAX 1024

/* What is prepared on a connection. */
#define CDC_PG_PREPARED_MAX 3

typedef enum CdcPgState
{
	PG_IDLE,
	PG_WAITING,					/* for a descriptor */
	PG_RESOLVING,
	PG_CONNECTING,
	PG_READY,
	PG_BUSY
} CdcPgState;

typedef struct CdcPgStatement
{
	char	   *sql;
	int			nparams;
	char	  **params;
	const CdcPgShape *shape;
	int			deadline_ms;
	CdcPgDone	done;
	void	   *arg;
	struct CdcPgStatement *next;
} CdcPgStatement;

/* A resolver's answer may come after its connection is gone. */
typedef struct CdcPgResolve
{
	CdcPgConn  *conn;
} CdcPgResolve;

struct CdcPgConn
{
	MemoryContext context;
	CdcLoop    *loop;
	CdcIoCallback on_io;		/* pg_client.c's, with the connection as its argument */
	char	   *host;
	char		port[12];
	char	   *database;
	char	   *user;
	char	   *password;
	char	   *sslmode;
	char	   *ca;				/* PEM texts, and the memory files that libpq reads */
	char	   *cert;
	char	   *key;
	int			ca_fd;
	int			cert_fd;
	int			key_fd;
	CdcPgAuthPolicy policy;
	CdcOwner	owner;
	CdcPeerKind kind;
	char	   *place;			/* what is remembered of, see peers.h */
	uint64		credentials;
	CdcDescriptors descriptors;
	int64		ready_at;		/* when it was logged in */
	bool		any_address;
	bool		replication;
	int			connect_timeout_ms;
	int64		connect_until;
	CdcAddress	addresses[CDC_RESOLVED_MAX];
	int			naddresses;
	int			address;		/* the next one to be tried */
	CdcPgLogin	login;
	const char *weak;			/* how the last login went, see cdc_pg_weak() */
	const char *tolerated;		/* and to where, see cdc_pg_tolerated() */
	char	   *why;			/* failed, which the timer tells: never from within a call of ours */
	char	   *logged;			/* what the log was told last */
	char	   *said;			/* libpq's text while its failure is told, else NULL */
	int			inside;			/* functions of ours on the stack */
	CdcPgState	state;
	PGconn	   *pg;
	int			fd;				/* watched, -1: none */
	CdcTimer   *timer;
	CdcPgStatement *first;
	CdcPgStatement *last;
	int			pending;
	PGresult   *result;			/* what the running statement brought so far */
	uint64		counted;		/* what the socket had received when the question was sent */
	bool		copy;			/* it entered a COPY state: not ours to serve */
	char	   *prepared[CDC_PG_PREPARED_MAX];	/* texts of the statements that are prepared */
	int			errors;			/* statements in a row that ended with an ERROR */
	bool		settled;		/* it has the settings that its version alone has */
	bool		settling;		/* these are being sent, before the first statement */
	int			preparing;		/* number + 1 under which the first statement is, before
								 * it runs; 0: it is not */
	int			version;
	CdcPgResolve *resolving;
	CdcPgLost	lost;
	void	   *lost_arg;
	bool		closing;
	CdcPgConn  *next;			/* all of this process */
};

/* Overwrites a secret, or NULL, that is about to be freed. */
static inline void
cdc_pg_wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
}

/* --- pg_socket.c ------------------------------------------------------------ */

/* Watches fd for events (CDC_IO_*) in place of what was watched; -1: nothing. */
extern void cdc_pg_socket_watch(CdcPgConn *conn, int fd, int events);
extern void cdc_pg_socket_forget(CdcPgConn *conn);

/* Closes the memory files of its certificates. */
extern void cdc_pg_forget_files(CdcPgConn *conn);

/* What the socket has received since it was opened, read or not; 0: there is none. */
extern uint64 cdc_pg_socket_received(const CdcPgConn *conn);

/* Has more come than what is waited for may have?  Then how much it may have, else 0. */
extern int	cdc_pg_socket_too_much(const CdcPgConn *conn);

/* Ends what libpq has. */
extern void cdc_pg_hang_up(CdcPgConn *conn);

/* The same, and all that was under way is forgotten, but for the statements: it is IDLE, and has no descriptors. */
extern void cdc_pg_disconnect(CdcPgConn *conn);

/* The server has nothing prepared, or no longer. */
extern void cdc_pg_forget_prepared(CdcPgConn *conn);

/* --- pg_connect.c ----------------------------------------------------------- */

/* A place's descriptors: libpq's, two while it logs in, and its certificates'. */
extern int	cdc_pg_descriptors(const CdcPgConn *conn);

/*
 * Begins to connect; it was IDLE, and has its descriptors.  What goes wrong before there is a socket is
 * told later: conn->why is set and the timer is due, since who gave the statement
 * may not be called back before it was taken.
 */
extern void cdc_pg_connect(CdcPgConn *conn);

/* Tells later, as that does, what was remembered of the place; it was IDLE. */
extern void cdc_pg_connect_refused(CdcPgConn *conn, const CdcPeerRefusal *refusal);

/* Goes on with the login as far as it can.  DONE: it is READY. */
extern CdcPgLoginState cdc_pg_connect_poll(CdcPgConn *conn);

/*
 * The present address did not let us in, by that state; the log is told.  True:
 * another one is tried.  False: there is none; words (size bytes) has why, and
 * conn->said libpq's own text (palloc'd, the caller's to free) or NULL.
 */
extern bool cdc_pg_connect_next(CdcPgConn *conn, CdcPgLoginState state, char *words, size_t size);

/* --- pg_query.c ------------------------------------------------------------- */

typedef enum CdcPgStep
{
	PG_STEP_WAIT,				/* there is more to come */
	PG_STEP_ANSWERED,			/* conn->result is the answer, and it is READY */
	PG_STEP_LOST				/* what came is none, or the connection is gone */
} CdcPgStep;

/* Sends the first statement; it is BUSY.  False: it could not be sent, libpq says why. */
extern bool cdc_pg_query_send(CdcPgConn *conn);

/* Reads what libpq has; it is BUSY.  LOST: why (size bytes) is set. */
extern CdcPgStep cdc_pg_query_read(CdcPgConn *conn, char *why, size_t size);

/* --- pg_answer.c ------------------------------------------------------------ */

/*
 * Ends the first statement: takes it from the queue, tells its caller, frees it
 * and pgresult (NULL: there is none, error says why).  The connection's state is
 * already what it is; it may be another when this returns.
 */
extern void cdc_pg_answer(CdcPgConn *conn, CdcPgOutcome outcome, PGresult *pgresult, const char *error);

#endif							/* CDC_PG_PARTS_H */
