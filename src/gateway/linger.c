/*
 * linger.c
 *	  Ends connections whose client is still sending.
 *
 * Bounded in number, time and bytes: who sends without end is cut off.
 */
#include "gateway/linger.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ilist.h"

#include "gateway/loop.h"

#define TIME (3 * (uint64) 1000000)
#define BYTES (16 * 1024 * 1024)
#define PIECE 65536

typedef struct Lingering
{
	LoopSource	source;			/* first */
	dlist_node	in_list;
	uint64		deadline;
	size_t		bytes;
} Lingering;

static dlist_head list = DLIST_STATIC_INIT(list);	/* oldest first */
static int	n;

static void
finish(Lingering *lingering)
{
	int			fd = lingering->source.fd;

	loop_remove(&lingering->source);
	close(fd);
	dlist_delete(&lingering->in_list);
	n--;
	pg_free(lingering);
}

static void
discard(LoopSource *source, uint32 events)
{
	static char piece[PIECE];
	Lingering  *lingering = (Lingering *) source;
	ssize_t		got = recv(source->fd, piece, sizeof(piece), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		lingering->bytes += got;
	if (got <= 0 || lingering->bytes > BYTES)
		finish(lingering);
}

void
linger(int fd)
{
	Lingering  *lingering;

	if (n >= LINGER_MOST)
		finish(dlist_head_element(Lingering, in_list, &list));
	lingering = pg_malloc0(sizeof(Lingering));
	lingering->source.ready = discard;
	lingering->deadline = loop_now + TIME;
	dlist_push_tail(&list, &lingering->in_list);
	n++;
	(void) shutdown(fd, SHUT_WR);
	loop_add(&lingering->source, fd, EPOLLIN);
}

uint64
linger_expire(void)
{
	while (!dlist_is_empty(&list))
	{
		Lingering  *lingering = dlist_head_element(Lingering, in_list, &list);

		if (lingering->deadline > loop_now)
			return lingering->deadline;
		finish(lingering);
	}
	return 0;
}
