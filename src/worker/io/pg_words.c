/*
 * pg_words.c
 *	  See pg_words.h.
 */
#include "postgres.h"

#include <errno.h>

#include "worker/io/pg_words.h"

/* SQLSTATEs with which servers end a login; %s: the user, or the database. */
static const struct
{
	const char *sqlstate;
	const char *words;
	bool		database;
}			states[] =
{
	{"28P01", "password authentication failed for user \"%s\"", false},
	{"28000", "the login of user \"%s\" is refused: by pg_hba.conf, or because the role may not log in", false},
	{"3D000", "database \"%s\" does not exist", true},
	{"42501", "user \"%s\" may not connect to the database", false},
	{"53300", "too many connections: there is none left for user \"%s\"", false},
	{"57P03", "the server is starting up or shutting down", false},
};

static const char *
network_words(int problem)
{
	switch (problem)
	{
		case ECONNREFUSED:
			return "connection refused";
		case ETIMEDOUT:
			return "no answer in time";
		case EHOSTUNREACH:
		case ENETUNREACH:
			return "no way to that address";
		default:
			return "the connection was closed";
	}
}

void
cdc_pg_late(const char *what, int ms, char *words, size_t size)
{
	snprintf(words, size, "%s: within %g s", what, ms / 1000.0);
}

void
cdc_pg_words(const CdcPgLogin *login, CdcPgLoginState state,
			 const char *user, const char *database, int timeout_ms, char *words, size_t size)
{
	const char *sqlstate = login->auth.sqlstate;
	size_t		i;

	if (state == CDC_LOGIN_REFUSED)
	{
		snprintf(words, size, "%s. %s", cdc_pg_auth_fault(login->auth.fault), cdc_pg_auth_hint(login->auth.fault));
		return;
	}
	if (state == CDC_LOGIN_WAIT)
	{
		cdc_pg_late(login->established ? "it was reached, but did not answer in time" : "no answer in time", timeout_ms, words, size);
		return;
	}
	for (i = 0; i < lengthof(states); i++)
	{
		if (strcmp(states[i].sqlstate, sqlstate) == 0)
		{
			snprintf(words, size, states[i].words, states[i].database ? database : user);
			return;
		}
	}
	if (sqlstate[0])
		snprintf(words, size, "the server refuses the connection (SQLSTATE %s)", sqlstate);
	else if (login->handshake && !login->answered)
		strlcpy(words, "TLS failed: the server's certificate is not one that the service's ca and sslmode accept, or there is no TLS in common", size);
	else if (login->auth.phase == CDC_PG_PHASE_SASL_CONTINUE && login->auth.tls)
		strlcpy(words, "the login failed: the server did not go through with SCRAM, or its certificate is of a kind to which SCRAM cannot be bound (Ed25519, Ed448): give it one with an RSA or ECDSA key", size);
	else if (login->auth.phase == CDC_PG_PHASE_SASL || login->auth.phase == CDC_PG_PHASE_SASL_CONTINUE || login->auth.phase == CDC_PG_PHASE_SASL_FINAL)
		strlcpy(words, "the login failed: the server did not go through with SCRAM", size);
	else
		strlcpy(words, network_words(login->error), size);
}
