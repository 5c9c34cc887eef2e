/*
 * pg_auth.h
 *	  Which way of logging in a PostgreSQL server may ask of us: a state machine
 *	  over the bytes that it sends before the first query.
 *
 * Pure: it is fed what came in, in pieces of any size, and says how much of it
 * libpq may read.  Who feeds it (common/pg_login.c) sees to it that libpq reads
 * nothing else: libpq 15 answers a request within the call that reads it, and
 * would answer a request for a password in clear text with the password.
 * Source: PostgreSQL manual, 55.2.1 "Start-up", 55.3 "SASL Authentication", 55.7
 * "Message Formats".
 */
#ifndef CDC_PG_AUTH_H
#define CDC_PG_AUTH_H

#include "common/base.h"

/* All that a server may send until it is ready for the first query. */
#define CDC_PG_AUTH_MAX 16384

/*
 * Most iterations of SCRAM that we count for a server: libpq does in one go, with
 * nothing else served meanwhile, what the server names; 100,000 are some 0.1 s.
 */
#define CDC_PG_AUTH_MAX_ITERATIONS 100000
/* The same for a service from before these rules: what is recommended for passwords that people choose. */
#define CDC_PG_AUTH_BEFORE_ITERATIONS 600000

/* What is accepted beside SCRAM. */
typedef struct CdcPgAuthPolicy
{
	bool		tls_needed;		/* a server without TLS is refused */
	bool		verified;		/* under TLS the server's name and certificate are checked */
	bool		cleartext;		/* under verified TLS it may ask for the password itself */
	bool		certificate;	/* under TLS our certificate may be all it asks for */
	bool		any_method;		/* as before these rules: what it asks for is given; for
								 * services that were registered then */
} CdcPgAuthPolicy;

typedef enum CdcPgAuthVerdict
{
	CDC_PG_AUTH_MORE,			/* libpq may read this, and more is to come */
	CDC_PG_AUTH_TLS,			/* libpq may read this one byte, and TLS begins */
	CDC_PG_AUTH_READY,			/* libpq may read this; the server is ready */
	CDC_PG_AUTH_REFUSED			/* libpq must not read this: end the connection */
} CdcPgAuthVerdict;

typedef enum CdcPgAuthFault
{
	CDC_PG_FAULT_NONE,
	CDC_PG_FAULT_NOT_POSTGRESQL,	/* what it says is not the protocol */
	CDC_PG_FAULT_NO_TLS,		/* TLS is needed, it has none */
	CDC_PG_FAULT_CLEARTEXT,		/* asks for the password in clear text */
	CDC_PG_FAULT_MD5,
	CDC_PG_FAULT_METHOD,		/* another method: GSS, SSPI, Kerberos, other SASL */
	CDC_PG_FAULT_UNBOUND,		/* TLS is not verified, and SCRAM is without channel binding */
	CDC_PG_FAULT_NO_LOGIN,		/* let us in without having asked for anything */
	CDC_PG_FAULT_NO_SIGNATURE,	/* let us in before it had proved to know the password */
	CDC_PG_FAULT_ORDER,			/* requests in an order that no server has */
	CDC_PG_FAULT_ITERATIONS,	/* more iterations than we count */
	CDC_PG_FAULT_TOO_LONG		/* more than CDC_PG_AUTH_MAX bytes */
} CdcPgAuthFault;

typedef enum CdcPgAuthPhase
{
	CDC_PG_PHASE_TLS_ANSWER,	/* one byte: S or N */
	CDC_PG_PHASE_FIRST,			/* no request yet */
	CDC_PG_PHASE_CLEARTEXT,
	CDC_PG_PHASE_OTHER,			/* md5, with any_method */
	CDC_PG_PHASE_SASL,
	CDC_PG_PHASE_SASL_CONTINUE,
	CDC_PG_PHASE_SASL_FINAL,
	CDC_PG_PHASE_IN				/* AuthenticationOk was accepted */
} CdcPgAuthPhase;

typedef struct CdcPgAuth
{
	CdcPgAuthPolicy policy;
	bool		tls;
	bool		shown;			/* our certificate was */
	CdcPgAuthPhase phase;
	CdcPgAuthFault fault;
	char		sqlstate[6];	/* of its ErrorResponse, "" when there is none */
	const char *weak;			/* what any_method let pass: "md5", "no password", ...; NULL */
	int			total;			/* bytes seen */
	unsigned char header[5];	/* of the message that is coming in */
	int			nheader;
	uint32		left;			/* of its body */
	char		body[2001];		/* its beginning */
	int			nbody;
} CdcPgAuth;

/*
 * Begins anew, for a new connection: tls_asked when libpq has asked for TLS
 * and waits for the one byte of the answer.
 */
extern void cdc_pg_auth_begin(CdcPgAuth *auth, const CdcPgAuthPolicy *policy, bool tls_asked);

/*
 * TLS is established: what follows is inside of it.  shown: the server has asked
 * for our certificate, and has it.
 */
extern void cdc_pg_auth_tls(CdcPgAuth *auth, bool shown);

/*
 * Looks at n bytes that have come in next.  *used: how many of them libpq may
 * read now (0 when REFUSED); what is behind them is to be shown again after
 * libpq has read these, unless the verdict is READY: then it is none of ours.
 */
extern CdcPgAuthVerdict cdc_pg_auth_see(CdcPgAuth *auth, const char *bytes, size_t n, size_t *used);

/* A fault in words, and what to do about it; NULL for NONE. */
extern const char *cdc_pg_auth_fault(CdcPgAuthFault fault);
extern const char *cdc_pg_auth_hint(CdcPgAuthFault fault);

#endif							/* CDC_PG_AUTH_H */
