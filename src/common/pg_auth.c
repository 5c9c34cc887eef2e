/*
 * pg_auth.c
 *	  See pg_auth.h.  No I/O, no memory of its own, nothing is thrown.
 */
#include "common/pg_auth.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Codes of AuthenticationXXX messages. */
#define AUTH_OK 0
#define AUTH_CLEARTEXT 3
#define AUTH_MD5 5
#define AUTH_SASL 10
#define AUTH_SASL_CONTINUE 11
#define AUTH_SASL_FINAL 12

/* libpq takes longer authentication messages for no PostgreSQL, and so do we. */
#define MAX_AUTH_BODY 1996

static const struct
{
	const char *fault;
	const char *hint;
}			words[] =
{
	[CDC_PG_FAULT_NOT_POSTGRESQL] = {"what answers there is not PostgreSQL", "Look at address and port."},
	[CDC_PG_FAULT_NO_TLS] = {"the server has no TLS, and sslmode asks for it", "Set ssl = on there, or choose another sslmode."},
	[CDC_PG_FAULT_CLEARTEXT] = {"the server asks for the password in clear text; it was not sent",
		"Let pg_hba.conf say scram-sha-256; where the server must see the password (LDAP, PAM, IAM): sslmode verify-full with \"password_in_tls\": true."},
	[CDC_PG_FAULT_MD5] = {"the server asks for an MD5 hash of the password; it was not sent",
		"Set password_encryption = 'scram-sha-256' there, set the role's password anew, and let pg_hba.conf say scram-sha-256."},
	[CDC_PG_FAULT_METHOD] = {"the server asks for a way to log in that is not accepted", "Let pg_hba.conf say scram-sha-256."},
	[CDC_PG_FAULT_UNBOUND] = {"the server's certificate is not checked, and it offers no channel binding: whoever is in between could be the server",
		"Give the service its \"ca\" and \"sslmode\": \"verify-full\"."},
	[CDC_PG_FAULT_NO_LOGIN] = {"the server let us in without asking for a password", "Let pg_hba.conf say scram-sha-256, not trust."},
	[CDC_PG_FAULT_NO_SIGNATURE] = {"the server did not prove that it knows the password", "Look who answers there: a PostgreSQL server does prove it."},
	[CDC_PG_FAULT_ORDER] = {"the server asks for logins in an order that no PostgreSQL server has", "Look who answers there."},
	[CDC_PG_FAULT_ITERATIONS] = {"the server asks for more iterations of SCRAM than are counted for it",
		"Lower scram_iterations there to 100000 or less, and set the role's password anew."},
	[CDC_PG_FAULT_TOO_LONG] = {"the server says too much before the first query", "Look who answers there."},
};

const char *
cdc_pg_auth_fault(CdcPgAuthFault fault)
{
	return words[fault].fault;
}

const char *
cdc_pg_auth_hint(CdcPgAuthFault fault)
{
	return words[fault].hint;
}

void
cdc_pg_auth_begin(CdcPgAuth *auth, const CdcPgAuthPolicy *policy, bool tls_asked)
{
	CdcPgAuthPolicy kept = *policy;

	memset(auth, 0, sizeof(*auth));
	auth->policy = kept;
	auth->phase = tls_asked ? CDC_PG_PHASE_TLS_ANSWER : CDC_PG_PHASE_FIRST;
}

void
cdc_pg_auth_tls(CdcPgAuth *auth, bool shown)
{
	auth->tls = true;
	auth->shown = shown;
	auth->phase = CDC_PG_PHASE_FIRST;
}

static CdcPgAuthVerdict
refuse(CdcPgAuth *auth, CdcPgAuthFault fault)
{
	auth->fault = fault;
	return CDC_PG_AUTH_REFUSED;
}

/* Is the mechanism in the list of an AuthenticationSASL (strings, then an empty one)? */
static bool
offers(const CdcPgAuth *auth, const char *mechanism)
{
	const char *item = auth->body + 4;
	const char *end = auth->body + auth->nbody;

	while (item < end && *item)
	{
		if (strcmp(item, mechanism) == 0)
			return true;
		item += strlen(item) + 1;
	}
	return false;
}

/* The i= of a server-first message; libpq judges the rest of it. */
static bool
few_iterations(CdcPgAuth *auth)
{
	const char *attribute = auth->body + 4;
	long		most = auth->policy.any_method ? CDC_PG_AUTH_BEFORE_ITERATIONS : CDC_PG_AUTH_MAX_ITERATIONS;

	while (attribute)
	{
		if (attribute[0] == 'i' && attribute[1] == '=')
		{
			long		n = strtol(attribute + 2, NULL, 10);

			if (n < 0 || n > most)
				return false;
			if (n > CDC_PG_AUTH_MAX_ITERATIONS && auth->weak == NULL)
				auth->weak = "SCRAM with more than 100000 iterations, for which nothing else is served meanwhile";
		}
		attribute = strchr(attribute, ',');
		if (attribute)
			attribute++;
	}
	return true;
}

/* A request for which only services from before these rules are answered. */
static CdcPgAuthVerdict
tolerate(CdcPgAuth *auth, CdcPgAuthFault fault, CdcPgAuthPhase next, const char *weak)
{
	if (!auth->policy.any_method)
		return refuse(auth, fault);
	auth->weak = weak;
	auth->phase = next;
	return CDC_PG_AUTH_MORE;
}

static CdcPgAuthVerdict
on_ok(CdcPgAuth *auth)
{
	switch (auth->phase)
	{
		case CDC_PG_PHASE_SASL_FINAL:
		case CDC_PG_PHASE_CLEARTEXT:
		case CDC_PG_PHASE_OTHER:
			auth->phase = CDC_PG_PHASE_IN;
			return CDC_PG_AUTH_MORE;
		case CDC_PG_PHASE_FIRST:
			if (!auth->tls || !auth->policy.certificate || !auth->shown)
				return tolerate(auth, CDC_PG_FAULT_NO_LOGIN, CDC_PG_PHASE_IN, "no password");
			auth->phase = CDC_PG_PHASE_IN;
			return CDC_PG_AUTH_MORE;
		case CDC_PG_PHASE_SASL:
		case CDC_PG_PHASE_SASL_CONTINUE:
			return refuse(auth, CDC_PG_FAULT_NO_SIGNATURE);
		default:
			return refuse(auth, CDC_PG_FAULT_ORDER);
	}
}

static CdcPgAuthVerdict
on_sasl(CdcPgAuth *auth)
{
	bool		plus = offers(auth, "SCRAM-SHA-256-PLUS");

	if (!plus && !offers(auth, "SCRAM-SHA-256"))
		return refuse(auth, CDC_PG_FAULT_METHOD);
	if (auth->tls && !auth->policy.verified && !plus)
		return tolerate(auth, CDC_PG_FAULT_UNBOUND, CDC_PG_PHASE_SASL, "SCRAM without channel binding, in TLS that is not verified");
	auth->phase = CDC_PG_PHASE_SASL;
	return CDC_PG_AUTH_MORE;
}

/* A whole AuthenticationXXX is in auth->body. */
static CdcPgAuthVerdict
on_request(CdcPgAuth *auth)
{
	const unsigned char *b = (const unsigned char *) auth->body;
	uint32		code = (uint32) b[0] << 24 | (uint32) b[1] << 16 | (uint32) b[2] << 8 | b[3];

	if (code == AUTH_OK)
		return on_ok(auth);
	if (code == AUTH_SASL_CONTINUE)
	{
		if (auth->phase != CDC_PG_PHASE_SASL)
			return refuse(auth, CDC_PG_FAULT_ORDER);
		if (!few_iterations(auth))
			return refuse(auth, CDC_PG_FAULT_ITERATIONS);
		auth->phase = CDC_PG_PHASE_SASL_CONTINUE;
		return CDC_PG_AUTH_MORE;
	}
	if (code == AUTH_SASL_FINAL)
	{
		if (auth->phase != CDC_PG_PHASE_SASL_CONTINUE)
			return refuse(auth, CDC_PG_FAULT_ORDER);
		auth->phase = CDC_PG_PHASE_SASL_FINAL;
		return CDC_PG_AUTH_MORE;
	}
	/* what is left begins a login: never after another was begun */
	if (auth->phase != CDC_PG_PHASE_FIRST)
		return refuse(auth, code == AUTH_CLEARTEXT ? CDC_PG_FAULT_CLEARTEXT : CDC_PG_FAULT_ORDER);
	switch (code)
	{
		case AUTH_SASL:
			return on_sasl(auth);
		case AUTH_CLEARTEXT:
			if (!auth->tls || !auth->policy.verified || !auth->policy.cleartext)
				return tolerate(auth, CDC_PG_FAULT_CLEARTEXT, CDC_PG_PHASE_CLEARTEXT, "the password in clear text");
			auth->phase = CDC_PG_PHASE_CLEARTEXT;
			return CDC_PG_AUTH_MORE;
		case AUTH_MD5:
			return tolerate(auth, CDC_PG_FAULT_MD5, CDC_PG_PHASE_OTHER, "md5");
		default:
			return refuse(auth, CDC_PG_FAULT_METHOD);
	}
}

/* The SQLSTATE of an ErrorResponse, as far as its beginning is kept. */
static void
keep_sqlstate(CdcPgAuth *auth)
{
	const char *field = auth->body;
	const char *end = auth->body + auth->nbody;

	while (field < end && *field)
	{
		if (*field == 'C' && strlen(field + 1) == 5 && strspn(field + 1, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
			memcpy(auth->sqlstate, field + 1, 6);
		field += strlen(field) + 1;
	}
}

/* A header is complete: may such a message come now? */
static CdcPgAuthVerdict
on_header(CdcPgAuth *auth)
{
	const unsigned char *h = auth->header;
	uint32		length = (uint32) h[1] << 24 | (uint32) h[2] << 16 | (uint32) h[3] << 8 | h[4];
	bool		in = auth->phase == CDC_PG_PHASE_IN;

	if (length < 4 || strchr(in ? "SKNEZ" : "RE", h[0]) == NULL)
		return refuse(auth, CDC_PG_FAULT_NOT_POSTGRESQL);
	/* the sizes by which libpq tells a login's message: it must read what we read */
	if (h[0] == 'R' && (length < 8 || length > MAX_AUTH_BODY + 4))
		return refuse(auth, CDC_PG_FAULT_NOT_POSTGRESQL);
	if (h[0] == 'E' && !in && length < 8)
		return refuse(auth, CDC_PG_FAULT_NOT_POSTGRESQL);
	if (length > CDC_PG_AUTH_MAX)
		return refuse(auth, CDC_PG_FAULT_TOO_LONG);
	auth->left = length - 4;
	auth->nbody = 0;
	return CDC_PG_AUTH_MORE;
}

/* A body is complete. */
static CdcPgAuthVerdict
on_message(CdcPgAuth *auth)
{
	char		type = (char) auth->header[0];

	auth->nheader = 0;
	auth->body[auth->nbody] = '\0';
	if (type == 'R')
		return on_request(auth);
	if (type == 'E')
		keep_sqlstate(auth);
	return type == 'Z' ? CDC_PG_AUTH_READY : CDC_PG_AUTH_MORE;
}

static CdcPgAuthVerdict
on_tls_answer(CdcPgAuth *auth, char answer)
{
	if (answer == 'S')
		return CDC_PG_AUTH_TLS;
	if (answer != 'N')
		return refuse(auth, CDC_PG_FAULT_NOT_POSTGRESQL);
	if (auth->policy.tls_needed)
		return refuse(auth, CDC_PG_FAULT_NO_TLS);
	auth->phase = CDC_PG_PHASE_FIRST;
	return CDC_PG_AUTH_MORE;
}

CdcPgAuthVerdict
cdc_pg_auth_see(CdcPgAuth *auth, const char *bytes, size_t n, size_t *used)
{
	size_t		i;

	*used = 0;
	if (auth->fault != CDC_PG_FAULT_NONE)
		return CDC_PG_AUTH_REFUSED;
	if (n == 0)
		return CDC_PG_AUTH_MORE;
	if (auth->phase == CDC_PG_PHASE_TLS_ANSWER)
	{
		CdcPgAuthVerdict verdict = on_tls_answer(auth, bytes[0]);

		*used = verdict == CDC_PG_AUTH_REFUSED ? 0 : 1;
		return verdict;
	}
	if (auth->policy.tls_needed && !auth->tls)
		return refuse(auth, CDC_PG_FAULT_NO_TLS);
	for (i = 0; i < n;)
	{
		CdcPgAuthVerdict verdict = CDC_PG_AUTH_MORE;

		if (++auth->total > CDC_PG_AUTH_MAX)
			return refuse(auth, CDC_PG_FAULT_TOO_LONG);
		if (auth->nheader < (int) sizeof(auth->header))
		{
			auth->header[auth->nheader++] = (unsigned char) bytes[i++];
			if (auth->nheader < (int) sizeof(auth->header))
				continue;
			verdict = on_header(auth);
			if (verdict == CDC_PG_AUTH_MORE && auth->left == 0)
				verdict = on_message(auth);
		}
		else
		{
			if (auth->nbody < (int) sizeof(auth->body) - 1)
				auth->body[auth->nbody++] = bytes[i];
			i++;
			if (--auth->left == 0)
				verdict = on_message(auth);
		}
		if (verdict == CDC_PG_AUTH_REFUSED)
			return verdict;
		if (verdict == CDC_PG_AUTH_READY)
		{
			*used = i;
			return verdict;
		}
	}
	*used = n;
	return CDC_PG_AUTH_MORE;
}
