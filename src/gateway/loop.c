/*
 * loop.c
 *	  The one wait of the gateway.  Knows nothing of what it waits for.
 */
#include "gateway/loop.h"

#include <errno.h>

#include "common/clock.h"

#define BATCH 128

uint64		loop_now;

static int	epoll = -1;
static struct epoll_event batch[BATCH];
static int	batch_size;

uint64
loop_clock(void)
{
	return (uint64) cdc_clock_us();
}

static void
fatal(const char *what)
{
	fprintf(stderr, "cdc_gateway: %s: %s\n", what, strerror(errno));
	exit(1);
}

void
loop_start(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		fatal("epoll_create1");
	loop_now = loop_clock();
}

void
loop_add(LoopSource *source, int fd, uint32 events)
{
	struct epoll_event event = {.events = events, .data = {.ptr = source}};

	source->fd = fd;
	source->events = events;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		fatal("epoll_ctl add");
}

void
loop_change(LoopSource *source, uint32 events)
{
	struct epoll_event event = {.events = events, .data = {.ptr = source}};

	if (events == source->events)
		return;
	source->events = events;
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, source->fd, &event) != 0)
		fatal("epoll_ctl change");
}

void
loop_remove(LoopSource *source)
{
	int			i;

	if (source->fd < 0)
		return;
	(void) epoll_ctl(epoll, EPOLL_CTL_DEL, source->fd, NULL);
	source->fd = -1;
	for (i = 0; i < batch_size; i++)
	{
		if (batch[i].data.ptr == source)
			batch[i].data.ptr = NULL;
	}
}

void
loop_wait(uint64 until)
{
	int			timeout = 0;
	int			n;
	int			i;

	loop_now = loop_clock();
	if (until > loop_now)
	{
		uint64		ms = (until - loop_now + 999) / 1000;

		timeout = ms > 60000 ? 60000 : (int) ms;
	}
	n = epoll_wait(epoll, batch, BATCH, timeout);
	loop_now = loop_clock();
	if (n < 0)
	{
		if (errno != EINTR)
			fatal("epoll_wait");
		n = 0;
	}
	batch_size = n;
	for (i = 0; i < n; i++)
	{
		LoopSource *source = batch[i].data.ptr;

		if (source != NULL)
			source->ready(source, batch[i].events);
	}
	batch_size = 0;
}
