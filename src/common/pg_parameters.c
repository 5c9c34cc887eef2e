/*
 * pg_parameters.c
 *	  See pg_parameters.h.  One table of libpq's parameters, by all versions that
 *	  we know; those that the libpq at run time does not know are left out.  Makes
 *	  no connection.
 */
#include "common/pg_parameters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libpq-fe.h>

/*
 * GIVEN comes from the caller.  UNSET cannot be given: libpq takes an empty text
 * for none, and there is nothing else that means none; what it would take
 * instead comes from the environment only, and that is taken away.
 */
#define GIVEN NULL
#define UNSET ""

static const struct
{
	const char *keyword;
	const char *value;
}			parameters[] =
{
	{"host", GIVEN},
	{"hostaddr", GIVEN},
	{"port", GIVEN},
	{"dbname", GIVEN},
	{"user", GIVEN},
	{"password", GIVEN},
	{"sslmode", GIVEN},
	{"sslrootcert", GIVEN},
	{"sslcert", GIVEN},
	{"sslkey", GIVEN},
	{"sslcertmode", GIVEN},
	{"channel_binding", GIVEN},
	{"require_auth", GIVEN},
	{"passfile", CDC_NO_FILE},
	/* a directory that does not exist would make libpq look for lists there; the file alone switches both off */
	{"sslcrl", CDC_NO_FILE},
	{"sslcrldir", UNSET},
	{"sslpassword", UNSET},
	{"sslkeylogfile", UNSET},
	{"sslcompression", "0"},
	{"sslsni", "1"},
	{"sslnegotiation", "postgres"},
	{"ssl_min_protocol_version", "TLSv1.2"},
	{"ssl_max_protocol_version", UNSET},
	{"service", UNSET},
	{"servicefile", UNSET},
	{"authtype", UNSET},
	{"requiressl", UNSET},
	{"requirepeer", UNSET},
	{"replication", GIVEN},
	{"gssencmode", "disable"},
	{"gssdelegation", "0"},
	{"gsslib", UNSET},
	{"krbsrvname", "postgres"},
	{"scram_client_key", UNSET},
	{"scram_server_key", UNSET},
	{"oauth_issuer", UNSET},
	{"oauth_client_id", UNSET},
	{"oauth_client_secret", UNSET},
	{"oauth_scope", UNSET},
	{"oauth_ca_file", UNSET},
	{"min_protocol_version", "3.0"},
	{"max_protocol_version", "3.0"},
	{"target_session_attrs", "any"},
	{"load_balance_hosts", "disable"},
	{"connect_timeout", "0"},
	{"tty", UNSET},
	{"application_name", GIVEN},
	{"fallback_application_name", GIVEN},
	{"client_encoding", "UTF8"},
	{"keepalives", "1"},
	{"keepalives_idle", "10"},
	{"keepalives_interval", "5"},
	{"keepalives_count", "3"},
	{"tcp_user_timeout", "30000"},
	{"options", GIVEN},
};

/* Variables that libpq reads beside those of its parameters. */
static const char *const variables[] = {"PGDATESTYLE", "PGTZ", "PGGEQO", "PGLOCALEDIR", "PGSYSCONFDIR", "PGREALM", "PGSERVICEFILE"};

static bool known[lengthof(parameters)];	/* by the libpq at run time */

static int
find(const char *keyword)
{
	int			i;

	for (i = 0; i < (int) lengthof(parameters); i++)
	{
		if (strcmp(parameters[i].keyword, keyword) == 0)
			return i;
	}
	return -1;
}

bool
cdc_pg_parameter_known(const char *keyword)
{
	return find(keyword) >= 0;
}

void
cdc_pg_parameters_init(void)
{
	PQconninfoOption *all = PQconndefaults();
	PQconninfoOption *o;
	size_t		i;

	for (o = all; o && o->keyword; o++)
	{
		int			n = find(o->keyword);

		if (n >= 0)
			known[n] = true;
		if (o->envvar)
			unsetenv(o->envvar);
	}
	PQconninfoFree(all);
	for (i = 0; i < lengthof(variables); i++)
		unsetenv(variables[i]);
}

bool
cdc_pg_verified(const char *sslmode)
{
	return sslmode && strcmp(sslmode, "verify-full") == 0;
}

bool
cdc_pg_tls_needed(const char *sslmode)
{
	return sslmode && (strcmp(sslmode, "require") == 0 || strncmp(sslmode, "verify-", 7) == 0);
}

/* What libpq itself lets a server ask for, where it can be told. */
static const char *
methods(const CdcPgAuthPolicy *policy)
{
	if (policy->any_method)
		return UNSET;
	if (policy->cleartext && policy->verified)
		return policy->certificate ? "scram-sha-256,password,none" : "scram-sha-256,password";
	return policy->certificate ? "scram-sha-256,none" : "scram-sha-256";
}

/*
 * Where sslmode leaves open whether there is TLS, libpq cannot be told to bind
 * where there is; pg_login.c sees to it.  A login by certificate has no SCRAM to bind.
 */
static const char *
channel_binding(const CdcPgParameters *p)
{
	return cdc_pg_tls_needed(p->sslmode) && !p->policy.verified && !p->policy.certificate && !p->policy.any_method ? "require" : "prefer";
}

void
cdc_pg_parameters(const CdcPgParameters *p, const char **keys, const char **values)
{
	const struct
	{
		const char *keyword;
		const char *value;
	}			given[] =
	{
		{"host", p->host},
		{"hostaddr", p->hostaddr},
		{"port", p->port},
		{"dbname", p->database},
		{"user", p->user},
		{"password", p->password},
		{"sslmode", p->sslmode ? p->sslmode : "prefer"},
		/* a service from before these rules may be verified by the root.crt of the server's user */
		{"sslrootcert", p->ca ? p->ca : p->policy.any_method ? UNSET : CDC_NO_FILE},
		{"sslcert", p->cert ? p->cert : CDC_NO_FILE},
		{"sslkey", p->key ? p->key : CDC_NO_FILE},
		{"sslcertmode", p->cert ? "allow" : "disable"},
		{"channel_binding", channel_binding(p)},
		{"require_auth", methods(&p->policy)},
		{"application_name", p->application_name},
		{"fallback_application_name", p->application_name},
		{"replication", p->replication ? "database" : UNSET},
		{"options", p->options},
	};
	int			n = 0;
	size_t		i;
	size_t		g;

	for (i = 0; i < lengthof(parameters); i++)
	{
		const char *value = parameters[i].value;

		if (!known[i])
			continue;
		for (g = 0; value == GIVEN && g < lengthof(given); g++)
		{
			if (strcmp(given[g].keyword, parameters[i].keyword) == 0)
				value = given[g].value;
		}
		if (value == NULL || value[0] == '\0')
			continue;
		keys[n] = parameters[i].keyword;
		values[n++] = value;
	}
	keys[n] = values[n] = NULL;
}

int
cdc_memory_file(const char *name, const char *words)
{
	size_t		len = strlen(words);
	int			fd = memfd_create(name, MFD_CLOEXEC);
	int			problem;

	if (fd < 0)
		return -1;
	/* libpq takes no key that others may read */
	if (fchmod(fd, 0600) == 0 && write(fd, words, len) == (ssize_t) len)
		return fd;
	problem = errno ? errno : EIO;
	close(fd);
	errno = problem;
	return -1;
}
