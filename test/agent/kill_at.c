/*
 * kill_at.c
 *	  A preload that ends its process by SIGKILL at its n-th change of the
 *	  filesystem, n from CDC_KILL_AT; the count goes to CDC_KILL_COUNT.
 *
 * "At" is just before the change: with every n, a kill has come between each
 * two of them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int	changes;

static void
change(void)
{
	const char *at = getenv("CDC_KILL_AT");
	const char *file = getenv("CDC_KILL_COUNT");
	int			n = __sync_add_and_fetch(&changes, 1);

	if (at && n == atoi(at))
		kill(getpid(), SIGKILL);
	if (file)
	{
		FILE	   *f = fopen(file, "w");

		if (f)
		{
			fprintf(f, "%d", n);
			fclose(f);
		}
	}
}

#define WRAP(name, parameters, arguments) \
int \
name parameters \
{ \
	/* NOLINTNEXTLINE(bugprone-macro-parentheses): a list of parameters is no expression */ \
	int			(*real) parameters = (int (*) parameters) dlsym(RTLD_NEXT, #name); \
	change(); \
	return real arguments; \
}

WRAP(fsync, (int fd), (fd))
WRAP(renameat, (int a, const char *b, int c, const char *d), (a, b, c, d))
WRAP(renameat2, (int a, const char *b, int c, const char *d, unsigned e), (a, b, c, d, e))
WRAP(unlinkat, (int a, const char *b, int c), (a, b, c))
WRAP(mkdirat, (int a, const char *b, mode_t c), (a, b, c))
