/*
 * config.h
 *	  The gateway's settings: one table of names, types, bounds and defaults,
 *	  read from a file and from the command line.
 *
 * Read once at start (a SIGHUP reloads the certificate and reopens the access
 * log, nothing else).  Secrets are never settings: the gateway's own password
 * is in a file of its own.
 */
#ifndef CDC_GATEWAY_CONFIG_H
#define CDC_GATEWAY_CONFIG_H

#include "common/base.h"
#include <sys/socket.h>

typedef struct ProxyNet
{
	int			family;			/* AF_INET or AF_INET6 */
	int			bits;			/* length of the prefix */
	unsigned char address[16];
} ProxyNet;

typedef struct GatewayConfig
{
	char	   *listen;			/* host:port, [v6]:port; port 0: any */
	char	   *database;		/* conninfo of the metadata database */
	char	   *password_file;	/* the gateway's own password, NULL: no bearer, no health */
	char	   *tls_certificate;	/* PEM files, both or none */
	char	   *tls_key;
	char	   *access_log;		/* "-" standard output, "off", or a file */
	char	   *trusted_proxies;	/* comma separated CIDRs */
	int			max_connections;	/* of clients */
	int			address_connections;	/* of these from one address */
	int			address_handshakes; /* of TLS a second, from one address */
	int			max_memory;		/* bytes for bodies and answers, of all */
	int			max_body;		/* bytes */
	int			max_header;		/* bytes, request line included */
	int			max_uri;		/* bytes */
	int			request_timeout;	/* ms: complete after the first byte */
	int			idle_timeout;	/* ms */
	int			answer_timeout; /* ms: from complete request to answer */
	int			stop_timeout;	/* ms: for answers in flight at a stop */
	int			database_connections;	/* in all */
	int			role_connections;	/* of one role and credential */
	int			logins;			/* under way at once */
	int			max_waiting;	/* requests of one role and credential */
	int			revalidate;		/* ms: how old a proof of a password may be */
	int			session_lifetime;	/* ms */
	int			session_idle;	/* ms */

	ProxyNet   *proxies;		/* trusted_proxies, read */
	int			nproxies;
} GatewayConfig;

extern GatewayConfig config;

/*
 * Reads the command line and the file that it names.  On a mistake, says what
 * and exits with 1; --help and --version print and exit with 0.
 */
extern void config_read(int argc, char **argv);

/* Is this address one of the trusted proxies? */
extern bool config_trusts(const struct sockaddr *address);

#endif							/* CDC_GATEWAY_CONFIG_H */
