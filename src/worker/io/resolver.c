/*
 * resolver.c
 *	  c-ares on the worker's loop; the only file with ares.h.
 */
#include "postgres.h"

#include <ares.h>
#include <netdb.h>

#include "utils/memutils.h"

#include "worker/io/resolver.h"

typedef struct CdcQuery
{
	CdcResolved resolved;
	void	   *arg;
} CdcQuery;

static CdcLoop *loop;
static ares_channel channel;
static bool ready;
static CdcTimer *timer;

static void rearm(void);

static void
on_io(int fd, int events, void *arg)
{
	ares_process_fd(channel,
					(events & (CDC_IO_READ | CDC_IO_ERROR)) ? fd : ARES_SOCKET_BAD,
					(events & CDC_IO_WRITE) ? fd : ARES_SOCKET_BAD);
	rearm();
}

static void
on_timer(void *arg)
{
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm();
}

static void
rearm(void)
{
	struct timeval tv;

	if (ares_timeout(channel, NULL, &tv))
		cdc_timer_set(timer, cdc_loop_now() + tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
	else
		cdc_timer_cancel(timer);
}

static void
on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	if (!readable && !writable)
		cdc_loop_forget(loop, fd);
	else
		cdc_loop_watch(loop, fd, (readable ? CDC_IO_READ : 0) | (writable ? CDC_IO_WRITE : 0), on_io, NULL);
}

void
cdc_resolver_init(CdcLoop *l)
{
	struct ares_options options;
	int			rc;

	loop = l;
	memset(&options, 0, sizeof(options));
	options.sock_state_cb = on_socket;
	options.timeout = 1000;
	options.tries = 2;
	rc = ares_library_init(ARES_LIB_INIT_ALL);
	if (rc == ARES_SUCCESS)
		rc = ares_init_options(&channel, &options,
							   ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (rc != ARES_SUCCESS)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not start the resolver: %s", ares_strerror(rc))));
	ready = true;
	timer = cdc_timer_create(loop, on_timer, NULL);
}

static void
on_result(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	CdcQuery   *query = arg;
	CdcAddress	found[CDC_RESOLVED_MAX];
	struct ares_addrinfo_node *node;
	int			n = 0;

	for (node = result ? result->nodes : NULL; node && n < CDC_RESOLVED_MAX; node = node->ai_next)
	{
		if (cdc_address_of(node->ai_addr, &found[n]))
			n++;
	}
	if (status != ARES_EDESTRUCTION)
		query->resolved(found, n, n > 0 ? NULL : status == ARES_SUCCESS ? "it has no address" : ares_strerror(status), query->arg);
	if (result)
		ares_freeaddrinfo(result);
	pfree(query);
}

void
cdc_resolve(const char *name, CdcResolved resolved, void *arg)
{
	CdcAddress	literal;
	struct ares_addrinfo_hints hints;
	CdcQuery   *query;

	if (cdc_address_parse(name, &literal))
	{
		resolved(&literal, 1, NULL, arg);
		return;
	}
	if (cdc_address_is_ambiguous(name))
	{
		resolved(NULL, 0, "it is neither an address nor a name", arg);
		return;
	}
	query = MemoryContextAlloc(TopMemoryContext, sizeof(CdcQuery));
	query->resolved = resolved;
	query->arg = arg;
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	ares_getaddrinfo(channel, name, NULL, &hints, on_result, query);
	rearm();
}

void
cdc_resolver_shutdown(void)
{
	if (!ready)
		return;
	ready = false;
	ares_destroy(channel);
	ares_library_cleanup();
}
