/*
 * health.c
 *	  The last answer of cdc.health().
 */
#include "gateway/health.h"

#include "gateway/loop.h"

#define FRESH (1 * (uint64) 1000000)	/* it is not asked for more often */
#define STALE (5 * (uint64) 1000000)	/* nor said when it is older, even while another one is awaited */

static struct
{
	uint64		at;				/* 0: none yet */
	int			status;
	char	   *headers;
	char	   *body;
	size_t		length;
}			last;
static uint64 asked_at;

bool
health_answer(Request *request)
{
	uint64		age = loop_now - last.at;

	if (last.at != 0 && (age < FRESH || (age < STALE && loop_now - asked_at < FRESH)))
	{
		request_answer(request, last.status, last.headers, last.body, last.length);
		return true;
	}
	asked_at = loop_now;
	return false;
}

void
health_forget(void)
{
	last.at = 0;
}

void
health_learn(int status, const char *headers, const char *body, size_t length)
{
	pg_free(last.headers);
	pg_free(last.body);
	last.at = loop_now;
	last.status = status;
	last.headers = headers != NULL ? pg_strdup(headers) : NULL;
	last.body = body != NULL ? pnstrdup(body, length) : NULL;
	last.length = body != NULL ? length : 0;
}
