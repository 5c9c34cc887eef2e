/*
 * main.c
 *	  cdc_gateway: serves the REST API of cdc_pipeline over HTTP.
 *
 * HTTP in, one call of cdc.rest as the caller, HTTP out.  Which paths there
 * are, who may do what, what a body must look like is decided there; nothing
 * here knows a pipeline.  One thread, one wait, no state that another
 * gateway beside it would have to know.
 */
#include "common/base.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "gateway/access_log.h"
#include "gateway/client.h"
#include "gateway/config.h"
#include "gateway/hosts.h"
#include "gateway/http.h"
#include "gateway/linger.h"
#include "gateway/loop.h"
#include "gateway/openapi.h"
#include "gateway/pool.h"
#include "gateway/tls.h"

static LoopSource signals;
static uint64 stop_at;			/* a stop was asked for: its deadline */

static void
signalled(LoopSource *source, uint32 events)
{
	struct signalfd_siginfo info;

	while (read(source->fd, &info, sizeof(info)) == sizeof(info))
	{
		if (info.ssi_signo == SIGHUP)
		{
			(void) access_log_open();
			if (tls_load())
				fprintf(stderr, "cdc_gateway: reloaded\n");
		}
		else if (stop_at == 0)
		{
			fprintf(stderr, "cdc_gateway: stopping, %d requests in flight\n", http_in_flight());
			stop_at = loop_now + (uint64) config.stop_timeout * 1000;
			http_stop();
		}
	}
}

static void
watch_signals(void)
{
	sigset_t	set;
	int			fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
	{
		fprintf(stderr, "cdc_gateway: signalfd: %s\n", strerror(errno));
		exit(1);
	}
	signals.ready = signalled;
	loop_add(&signals, fd, EPOLLIN);
}

/* A descriptor for each connection, and no memory of passwords in a core file. */
static void
limit(void)
{
	struct rlimit files;
	int			needed = config.max_connections + client_lobby() + LINGER_MOST + config.database_connections + 32;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
	{
		files.rlim_cur = files.rlim_max;
		(void) setrlimit(RLIMIT_NOFILE, &files);
		if (files.rlim_cur < (rlim_t) needed)
		{
			fprintf(stderr, "cdc_gateway: %lu file descriptors are not enough for max_connections = %d\n",
					(unsigned long) files.rlim_cur, config.max_connections);
			exit(1);
		}
	}
#ifndef __SANITIZE_ADDRESS__	/* whose search for leaks attaches as a debugger does */
	(void) prctl(PR_SET_DUMPABLE, 0);
#endif
}

int
main(int argc, char **argv)
{
	bool		gave_up = false;

	setvbuf(stderr, NULL, _IOLBF, 0);
	config_read(argc, argv);
	limit();
	loop_start();
	watch_signals();
	openapi_start();
	if (!access_log_open())
		exit(1);
	hosts_start();
	pool_start();
	http_start();

	for (;;)
	{
		uint64		next = loop_now + 60 * (uint64) 1000000;

		next = loop_earlier(next, client_expire());
		next = loop_earlier(next, pool_expire());
		next = loop_earlier(next, http_expire());
		next = loop_earlier(next, linger_expire());
		if (stop_at != 0)
		{
			if (client_count() == 0)
				break;
			if (loop_now >= stop_at + 1000000)
				break;
			if (loop_now >= stop_at && !gave_up)
			{
				gave_up = true;
				pool_give_up();
				continue;
			}
			next = loop_earlier(next, gave_up ? stop_at + 1000000 : stop_at);
		}
		loop_wait(next);
		http_run();
		access_log_flush();
	}
	if (client_count() == 0)
		http_end();
	access_log_flush();
	return 0;
}
