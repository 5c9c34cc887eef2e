/*
 * hosts.c
 *	  Where the metadata database is.
 *
 * Owns the connection string and the thread that looks names up.  The thread
 * shares nothing but `found`, under its lock.
 */
#include "gateway/hosts.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "common/pg_parameters.h"
#include "gateway/config.h"

#define MAX_TARGETS 16
#define LOOK_AGAIN 15			/* seconds */

typedef struct Host
{
	char	   *name;
	char	   *address;		/* given as hostaddr, or NULL */
	char	   *port;
} Host;

typedef struct Targets
{
	Target		target[MAX_TARGETS];
	int			n;
} Targets;

static PQconninfoOption *conninfo;
static Host hosts[MAX_TARGETS];
static int	nhosts;
static char *options_value;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Targets found;			/* under the lock */
static bool looked_up;			/* some host has a name */

static Target primary;

static const char *
option(const char *keyword)
{
	PQconninfoOption *o;

	for (o = conninfo; o->keyword != NULL; o++)
	{
		if (strcmp(o->keyword, keyword) == 0)
			return o->val;
	}
	return NULL;
}

/* Item n of a comma separated list; the only item of a list of one is any. */
static char *
item(const char *list, int n)
{
	const char *comma;

	if (list == NULL)
		return NULL;
	if (strchr(list, ',') == NULL)
		return pg_strdup(list);
	while (n-- > 0)
	{
		list = strchr(list, ',');
		if (list == NULL)
			return NULL;
		list++;
	}
	comma = strchr(list, ',');
	return comma != NULL ? pnstrdup(list, comma - list) : pg_strdup(list);
}

static int
items(const char *list)
{
	int			n = 1;

	for (; list != NULL && *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static bool
is_name(const Host *host)
{
	unsigned char ignored[16];

	return host->address == NULL && host->name[0] != '\0' && host->name[0] != '/' && host->name[0] != '@' &&
		inet_pton(AF_INET, host->name, ignored) != 1 && inet_pton(AF_INET6, host->name, ignored) != 1;
}

static void
add_target(Targets *to, const Host *host, const char *address)
{
	Target	   *target = &to->target[to->n];

	if (to->n >= MAX_TARGETS)
		return;
	strlcpy(target->host, host->name, sizeof(target->host));
	strlcpy(target->address, address, sizeof(target->address));
	strlcpy(target->port, host->port, sizeof(target->port));
	to->n++;
}

/* Looks every name up; a name that cannot be has no target. */
static void
look_up(Targets *to)
{
	int			i;

	to->n = 0;
	for (i = 0; i < nhosts; i++)
	{
		const Host *host = &hosts[i];
		struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
		struct addrinfo *list;
		struct addrinfo *a;

		if (!is_name(host))
		{
			bool		socket = host->address == NULL && (host->name[0] == '\0' || host->name[0] == '/' || host->name[0] == '@');

			add_target(to, host, socket ? "" : host->address != NULL ? host->address : host->name);
			continue;
		}
		if (getaddrinfo(host->name, NULL, &hints, &list) != 0)
			continue;
		for (a = list; a != NULL; a = a->ai_next)
		{
			char		str[64];

			if (getnameinfo(a->ai_addr, a->ai_addrlen, str, sizeof(str), NULL, 0, NI_NUMERICHOST) == 0)
				add_target(to, host, str);
		}
		freeaddrinfo(list);
	}
}

static void *
look_up_for_ever(void *arg)
{
	for (;;)
	{
		static Targets fresh;
		struct timespec pause = {.tv_sec = LOOK_AGAIN};

		nanosleep(&pause, NULL);
		look_up(&fresh);
		pthread_mutex_lock(&lock);
		/* names that cannot be looked up now keep their addresses */
		if (fresh.n > 0)
			found = fresh;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

void
hosts_start(void)
{
	char	   *message = NULL;
	const char *host_list;
	const char *address_list;
	const char *port_list;
	int			i;

	/* what libpq would otherwise take from outside could let somebody in */
	unsetenv("PGPASSWORD");
	unsetenv("PGPASSFILE");
	unsetenv("PGSERVICE");
	unsetenv("PGUSER");
	unsetenv("PGOPTIONS");

	conninfo = PQconninfoParse(config.database, &message);
	if (conninfo == NULL)
	{
		fprintf(stderr, "cdc_gateway: database: %s", message != NULL ? message : "out of memory\n");
		exit(1);
	}
	host_list = option("host");
	address_list = option("hostaddr");
	port_list = option("port");
	nhosts = Max(items(host_list), items(address_list));
	if (nhosts > MAX_TARGETS)
	{
		fprintf(stderr, "cdc_gateway: database: %d hosts, at most %d are possible\n", nhosts, MAX_TARGETS);
		exit(1);
	}
	for (i = 0; i < nhosts; i++)
	{
		hosts[i].name = item(host_list, i);
		if (hosts[i].name == NULL)
			hosts[i].name = pg_strdup("");
		hosts[i].address = item(address_list, i);
		hosts[i].port = item(port_list, i);
		if (hosts[i].port == NULL || hosts[i].port[0] == '\0')
			hosts[i].port = pg_strdup("5432");
		looked_up |= is_name(&hosts[i]);
	}
	options_value = psprintf("%s%s" CDC_PG_SESSION " -c statement_timeout=%d -c idle_in_transaction_session_timeout=%d",
							 option("options") != NULL ? option("options") : "", option("options") != NULL ? " " : "",
							 Max(config.answer_timeout - 2000, 500), config.answer_timeout);

	look_up(&found);
	if (looked_up)
	{
		pthread_t	thread;
		sigset_t	all;
		sigset_t	before;

		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		if (pthread_create(&thread, NULL, look_up_for_ever, NULL) != 0)
		{
			fprintf(stderr, "cdc_gateway: could not start a thread\n");
			exit(1);
		}
		pthread_detach(thread);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
}

int
hosts_count(void)
{
	int			n;

	pthread_mutex_lock(&lock);
	n = found.n;
	pthread_mutex_unlock(&lock);
	return n;
}

static bool
same(const Target *a, const Target *b)
{
	return strcmp(a->address, b->address) == 0 && strcmp(a->port, b->port) == 0 && strcmp(a->host, b->host) == 0;
}

Target
hosts_get(int n)
{
	Target		target = {.host = ""};
	int			first = 0;
	int			i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < found.n; i++)
	{
		if (same(&found.target[i], &primary))
			first = i;
	}
	if (found.n > 0)
		target = found.target[(first + n) % found.n];
	pthread_mutex_unlock(&lock);
	return target;
}

void
hosts_is_primary(const Target *target)
{
	primary = *target;
}

bool
hosts_primary_known(void)
{
	return primary.port[0] != '\0';
}

bool
hosts_was_primary(const Target *target)
{
	return same(target, &primary);
}

const char *
hosts_own_role(void)
{
	return option("user");
}

bool
hosts_is_proven(const Target *target)
{
	const char *sslmode = option("sslmode");

	return target->address[0] == '\0' || (sslmode != NULL && strcmp(sslmode, "verify-full") == 0);
}

void
hosts_params(const Target *target, const char *role, const char *password,
			 const char **keywords, const char **values)
{
	static const char *const replaced[] = {"host", "hostaddr", "port", "user", "password", "passfile", "service", "options",
		"target_session_attrs", "application_name", "client_encoding", "fallback_application_name", "connect_timeout"};
	PQconninfoOption *o;
	int			n = 0;

#define PARAM(k, v) (keywords[n] = (k), values[n] = (v), n++)
	for (o = conninfo; o->keyword != NULL && n < HOSTS_PARAMS - 20; o++)
	{
		bool		skip = o->val == NULL;
		size_t		i;

		for (i = 0; i < lengthof(replaced); i++)
			skip = skip || strcmp(o->keyword, replaced[i]) == 0;
		if (!skip)
			PARAM(o->keyword, o->val);
	}
	if (target->host[0] != '\0')
		PARAM("host", target->host);
	if (target->address[0] != '\0')
		PARAM("hostaddr", target->address);
	PARAM("port", target->port);
	PARAM("user", role);
	if (password != NULL)
		PARAM("password", password);
	/* no password file: an empty password must not find one */
	PARAM("passfile", "/dev/null");
	PARAM("options", options_value);
	PARAM("target_session_attrs", option("target_session_attrs") != NULL ? option("target_session_attrs") : "read-write");
	PARAM("application_name", "cdc_gateway");
	PARAM("client_encoding", "UTF8");
	/* what is looked at is plain text or TLS */
	if (option("gssencmode") == NULL)
		PARAM("gssencmode", "disable");
	/* a server that went silent, long before TCP says so */
	if (option("tcp_user_timeout") == NULL)
		PARAM("tcp_user_timeout", "10000");
	if (option("keepalives_idle") == NULL)
		PARAM("keepalives_idle", "10");
	if (option("keepalives_interval") == NULL)
		PARAM("keepalives_interval", "3");
	if (option("keepalives_count") == NULL)
		PARAM("keepalives_count", "3");
	PARAM(NULL, NULL);
#undef PARAM
}
