/*
 * hosts.h
 *	  Where the metadata database is: the connection string, its hosts and
 *	  their addresses, and which of them was the primary last.
 *
 * libpq looks names up blockingly, so names are looked up by a thread of this
 * module and libpq gets addresses.  It also has no deadline for one host of
 * several in its asynchronous interface, so the hosts are tried one by one.
 */
#ifndef CDC_GATEWAY_HOSTS_H
#define CDC_GATEWAY_HOSTS_H

#include "common/base.h"

typedef struct Target
{
	char		host[256];		/* name or socket directory, "" for libpq's default */
	char		address[64];	/* numeric, "" for a socket */
	char		port[8];
} Target;

/* Reads config.database; says what is wrong with it and exits with 1. */
extern void hosts_start(void);

/* How many targets there are now; 0 while no name can be looked up. */
extern int	hosts_count(void);

/* Target n, counted from the one that was the primary last. */
extern Target hosts_get(int n);

/* This one let somebody in and takes writes. */
extern void hosts_is_primary(const Target *target);

/* Has any been? */
extern bool hosts_primary_known(void);

/* Was it this one, when last asked? */
extern bool hosts_was_primary(const Target *target);

/*
 * The connection's parameters for libpq, NULL terminated: the connection
 * string's own, with the target, role and password given.  Arrays of at
 * least HOSTS_PARAMS; nothing is copied.
 */
#define HOSTS_PARAMS 64
extern void hosts_params(const Target *target, const char *role, const char *password,
						 const char **keywords, const char **values);

/* The role in the connection string, NULL when there is none. */
extern const char *hosts_own_role(void);

/* Is it sure that none but the server can be there: a Unix socket, or a certificate that is checked? */
extern bool hosts_is_proven(const Target *target);

#endif							/* CDC_GATEWAY_HOSTS_H */
