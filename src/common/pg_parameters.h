/*
 * pg_parameters.h
 *	  What libpq is given for a connection: every parameter, so that nothing of
 *	  the operating system's user (password file, certificates, services, PG*
 *	  variables) is lent to whoever answers at an address.
 */
#ifndef CDC_PG_PARAMETERS_H
#define CDC_PG_PARAMETERS_H

#include "common/base.h"

#include "common/pg_auth.h"

/* A path that cannot exist: libpq takes it for a file that is not there. */
#define CDC_NO_FILE "/dev/null/none"

/*
 * Settings that what we send, and what we read, depends on: given at the start of a
 * session, they come before those of ALTER DATABASE and ALTER ROLE.  Each is one
 * that anybody may set, and that PostgreSQL has had since 14.  What is waited for,
 * and for how long, each program adds for itself; synchronous_commit is the owner's.
 */
#define CDC_PG_SESSION \
	"-c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed -c default_transaction_deferrable=off" \
	" -c idle_session_timeout=0 -c row_security=on -c exit_on_error=off -c bytea_output=hex -c intervalstyle=postgres" \
	" -c standard_conforming_strings=on -c quote_all_identifiers=off -c transform_null_equals=off -c array_nulls=on" \
	" -c xmlbinary=base64 -c xmloption=content"

/* Most parameters that a libpq has, with room for those to come. */
#define CDC_PG_PARAMETERS_MAX 80

typedef struct CdcPgParameters
{
	const char *host;			/* the name, for TLS */
	const char *hostaddr;		/* the address, checked */
	const char *port;
	const char *database;
	const char *user;
	const char *password;		/* or NULL */
	const char *sslmode;		/* NULL: prefer */
	const char *ca;				/* paths, or NULL: none */
	const char *cert;
	const char *key;
	const char *application_name;
	const char *options;		/* settings of the session, or NULL */
	bool		replication;	/* a walsender's session in that database: pg_hba.conf lets it in
								 * where it lets in others of that user */
	CdcPgAuthPolicy policy;
} CdcPgParameters;

/* Once a process, before it has threads: takes the environment variables of libpq away. */
extern void cdc_pg_parameters_init(void);

/*
 * Fills keys and values, each of CDC_PG_PARAMETERS_MAX, for PQconnectStartParams;
 * ends with NULL.  The texts are p's or constant.
 */
extern void cdc_pg_parameters(const CdcPgParameters *p, const char **keys, const char **values);

/* Is the parameter one that we have thought about?  For a test. */
extern bool cdc_pg_parameter_known(const char *keyword);

/* May a service be connected to with sslmode such that the server is verified? */
extern bool cdc_pg_verified(const char *sslmode);

/* May the connection be without TLS, by sslmode? */
extern bool cdc_pg_tls_needed(const char *sslmode);

/*
 * words in a file that exists in memory only and for this process only, readable
 * again and again by its path.  Returns its descriptor, -1 with errno when it
 * cannot be made; close() takes it away.
 */
extern int	cdc_memory_file(const char *name, const char *words);

#endif							/* CDC_PG_PARAMETERS_H */
