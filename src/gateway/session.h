/*
 * session.h
 *	  One connection to the metadata database as one role: logs in, prepares
 *	  its calls, makes one call at a time.  Never blocks.
 *
 * The owner embeds a Session, gives it three functions, and frees it only
 * after session_close.  The functions may close the session.
 */
#ifndef CDC_GATEWAY_SESSION_H
#define CDC_GATEWAY_SESSION_H

#include "common/base.h"
#include "common/pg_login.h"
#include "lib/ilist.h"

#include "gateway/hosts.h"
#include "gateway/loop.h"

typedef enum Call
{
	CALL_REST,					/* method, path, body, headers */
	CALL_BEARER,				/* token and the same */
	CALL_HEALTH					/* nothing */
} Call;

typedef enum LoginResult
{
	LOGIN_DONE,
	LOGIN_REFUSED,				/* role or password are not right */
	LOGIN_FORBIDDEN,			/* they are, but not for this database */
	LOGIN_UNREACHABLE,			/* no host takes writes now */
	LOGIN_UNSAFE				/* the server did not ask for the password, or for more than is told it */
} LoginResult;

/* What became of a call; texts are valid during the function only. */
typedef struct Outcome
{
	bool		lost;			/* the connection went: done or not, nobody knows */
	bool		dirty;			/* a transaction is still open: close the session */
	char		sqlstate[6];	/* "" when the call answered */
	int			status;
	const char *headers;		/* JSON object, or NULL */
	const char *body;			/* or NULL */
	size_t		length;
} Outcome;

typedef struct Session Session;
typedef struct SessionEvents
{
	/* Once, unless closed before.  sqlstate: why the calls could not be prepared (LOGIN_FORBIDDEN). */
	void		(*login) (Session *session, LoginResult result, const char *sqlstate);
	/* Once a call; for a committed transaction, since ReadyForQuery came. */
	void		(*answer) (Session *session, const Outcome *outcome);
	/* The server closed an idle session. */
	void		(*lost) (Session *session);
} SessionEvents;

/* Writer: session.c */
struct Session
{
	LoopSource	source;
	const SessionEvents *events;
	struct pg_conn *conn;
	int			state;
	bool		own;			/* the gateway's own role */
	char	   *role;
	char	   *password;		/* wiped when logged in */
	Target		target;
	int			tried;			/* hosts */
	int			prepared;		/* calls */
	bool		refused;		/* by a host that may be a standby */
	bool		unsafe;			/* a host asked for more than it is told */
	bool		guarded;		/* login looks at what the server asks, before libpq does */
	CdcPgLogin	login;
	bool		calling;		/* failed while a call was under way */
	struct pg_result *result;	/* of a statement that is not over */
	uint64		deadline;		/* of the login at this host; 0: not in the list */
	dlist_node	connecting;		/* in the list of sessions with a deadline */
};

/*
 * Begins to log in; role and password are copied.  events->login is not called
 * before this returns.  own: no password is demanded by the gateway.
 */
extern void session_start(Session *session, const SessionEvents *events, const char *role, const char *password, bool own);

/* A logged in session that is not busy; values as the call wants them. */
extern void session_call(Session *session, Call call, const char *const *values);

/* Has the server closed it?  Asks the socket only. */
extern bool session_is_dead(Session *session);

/* At any time; a call under way is given up (the server may still finish it). */
extern void session_close(Session *session);

/* Gives up logins whose time is over; returns the next such time, or 0. */
extern uint64 session_expire(void);

#endif							/* CDC_GATEWAY_SESSION_H */
