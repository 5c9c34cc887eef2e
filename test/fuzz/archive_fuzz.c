/* link: src/agent/extract.c src/agent/files.c */
/* libs: -larchive -lpgcommon -lpgport */
/*
 * archive_fuzz.c
 *	  Any bytes as an archive: nothing is read or written outside of the
 *	  directory, no limit is passed, and what is there afterwards can be removed.
 */
#include "agent/extract.h"

#include <archive.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"

#define MAX_BYTES (256 * 1024)
#define MAX_ENTRIES 64

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int	top = -1;
static char place[] = "/dev/shm/cdc_fuzz.XXXXXX";

static void
leave(void)
{
	char	   *ignored = NULL;

	agent_remove_tree(AT_FDCWD, place, &ignored);
}

/* Bytes of all files below; every one must be a file or a directory. */
static int64
measure(int dirfd, const char *name)
{
	char	   *command;
	FILE	   *list;
	char		kind;
	long long	size;
	int64		sum = 0;

	(void) dirfd;
	command = psprintf("find '%s/%s' -printf '%%y %%s\\n'", place, name);
	list = popen(command, "r");
	if (list == NULL)
		abort();
	while (fscanf(list, " %c %lld", &kind, &size) == 2)
	{
		if (kind != 'f' && kind != 'd')
			abort();
		if (kind == 'f')
			sum += size;
	}
	pclose(list);
	pfree(command);
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned runs;
	AgentLimits limits = {MAX_BYTES, MAX_ENTRIES};
	struct archive *reader;
	char	   *error = NULL;
	bool		ok;
	int			in;

	if (top < 0)
	{
		if (mkdtemp(place) == NULL || (top = open(place, O_RDONLY | O_DIRECTORY)) < 0)
			abort();
		atexit(leave);
	}
	in = agent_open_dir(top, "in", 0755, true, &error);
	if (in < 0)
		abort();
	reader = agent_extract_reader();
	if (archive_read_open_memory(reader, data, size) == ARCHIVE_OK)
	{
		ok = agent_extract(reader, in, &limits, &error);
		if (!ok && error == NULL)
			abort();
	}
	archive_read_free(reader);
	/* a process for each would be all that is done */
	if (++runs % 500 == 0 && measure(top, "in") > MAX_BYTES)
		abort();
	/* what escaped would be beside */
	if (agent_exists(AT_FDCWD, "/dev/shm/escape") || agent_exists(top, "escape"))
		abort();
	close(in);
	if (error)
		pfree(error);
	if (!agent_remove_tree(top, "in", &error))
		abort();
	return 0;
}
