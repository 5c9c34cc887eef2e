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
