/*
 * server.h
 *	  What a PostgreSQL server gives the files that are linked without one: errors that
 *	  nobody reads, its count of descriptors, and memory that is malloc'd.
 *
 * Included once a program, before what uses it.  A program whose memory is its own
 * defines OWN_MEMORY first.  An ERROR is a fault of the test: it ends there.
 */
#ifndef CDC_UNIT_SERVER_H
#define CDC_UNIT_SERVER_H

#include "postgres.h"

#include <stdlib.h>

#include "storage/fd.h"
#include "utils/memutils.h"

#undef printf
#undef snprintf

int			max_safe_fds = 1000;
sigjmp_buf *PG_exception_stack;
ErrorContextCallback *error_context_stack;

static int	external_fds;		/* that are counted now */
static int	most_fds;			/* that were at any time */

void
ReserveExternalFD(void)
{
	external_fds++;
	most_fds = Max(most_fds, external_fds);
}

void
ReleaseExternalFD(void)
{
	external_fds--;
}

void
pg_re_throw(void)
{
	abort();
}

/* A line for the log: nobody reads it. */
bool
errstart(int level, const char *domain)
{
	return false;
}

bool
errstart_cold(int level, const char *domain)
{
	abort();
}

void
errfinish(const char *file, int line, const char *function)
{
}

#define ERR_PART(name) \
int \
name(const char *format,...) \
{ \
	return 0; \
}

ERR_PART(errmsg)
ERR_PART(errmsg_internal)
ERR_PART(errdetail)
ERR_PART(errdetail_internal)
ERR_PART(errhint)

int
errcode(int sqlerrcode)
{
	return 0;
}

#ifndef OWN_MEMORY
MemoryContext TopMemoryContext;

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return calloc(1, size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return calloc(1, size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return calloc(1, size);
}

char *
MemoryContextStrdup(MemoryContext context, const char *string)
{
	return strdup(string);
}
#endif

#endif							/* CDC_UNIT_SERVER_H */
