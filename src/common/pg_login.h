/*
 * pg_login.h
 *	  From a connection that libpq has begun to one that is logged in, with
 *	  every message of the server looked at before libpq reads it.
 *
 * What may be asked is common/pg_auth.h's business; this is the plumbing.
 */
#ifndef CDC_PG_LOGIN_H
#define CDC_PG_LOGIN_H

#include <libpq-fe.h>

#include "common/pg_auth.h"

typedef enum CdcPgLoginState
{
	CDC_LOGIN_WAIT,				/* call again when there is something on the socket */
	CDC_LOGIN_DONE,
	CDC_LOGIN_FAILED,			/* libpq's error, or the network's */
	CDC_LOGIN_REFUSED			/* by us: auth.fault says why */
} CdcPgLoginState;

typedef struct CdcPgLogin
{
	PGconn	   *pg;
	CdcPgAuth	auth;
	bool		established;	/* the server's TCP was reached */
	bool		answered;		/* some byte of PostgreSQL's protocol came from it */
	bool		handshake;		/* it has agreed to TLS */
	int			error;			/* errno of the network, 0: none was seen */
	int			real;			/* plain text: the socket to the server, -1: libpq has it */
	int			relay;			/* and our end of the pair that libpq has instead */
	uint64		inode;			/* of the socket that libpq has, 0: not known */
	int			seen;			/* TLS: bytes that were seen and libpq has not read */
} CdcPgLogin;

/*
 * For a connection that PQconnectStartParams has begun.  Takes nothing; with
 * cdc_pg_login_end() before PQfinish it gives back what polling took: two descriptors at most, which who calls counts.
 */
extern void cdc_pg_login_begin(CdcPgLogin *login, PGconn *pg, const CdcPgAuthPolicy *policy);

/*
 * Goes on as far as it can without waiting.  The caller watches no descriptor of
 * the connection meanwhile: they change.  *fd and *write: what to wait for.
 */
extern CdcPgLoginState cdc_pg_login_poll(CdcPgLogin *login, int *fd, bool *write);

/* Gives descriptors back; the connection is libpq's alone.  May be called twice. */
extern void cdc_pg_login_end(CdcPgLogin *login);

#endif							/* CDC_PG_LOGIN_H */
