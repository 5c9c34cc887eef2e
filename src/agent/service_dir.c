/*
 * service_dir.c
 *	  The files and directories of a service.
 *
 * See service.h.  Its directory is the agent's; what is below one of its user's,
 * who may be hostile, is entered as that user only.
 */
#include "agent/service.h"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/service_list.h"

/* A directory just made becomes its user's; one of before is. */
static bool
owns(const AgentService *s, int fd, bool fresh)
{
	struct stat st;

	if (geteuid() != 0)
		return true;
	/* one that was made and not given, by an agent that was killed, is root's */
	if (fstat(fd, &st) == 0 && (fresh || st.st_uid == 0))
		return fchown(fd, s->uid, s->gid) == 0;
	return st.st_uid == s->uid;
}

int
agent_service_open(const AgentService *s, char **error)
{
	return agent_open_dir(agent_services_dir(), s->id, 0, false, error);
}

int
agent_service_open_as(const AgentService *s, const char *name, char **error)
{
	int			top = agent_service_open(s, error);
	int			fd = top < 0 ? -1 : agent_beneath_open_dir(top, name, error);

	if (top >= 0)
		close(top);
	if (fd >= 0 && !agent_beneath_enter(s->uid, s->gid, error))
	{
		close(fd);
		fd = -1;
	}
	return fd;
}

void
agent_service_close(int fd)
{
	agent_beneath_leave();
	close(fd);
}

bool
agent_service_has(const AgentService *s, const char *name)
{
	char	   *ignored = NULL;
	int			fd = agent_service_open(s, &ignored);
	bool		has = fd >= 0 && agent_beneath_has(fd, name);

	if (fd >= 0)
		close(fd);
	if (ignored)
		pfree(ignored);
	return has;
}

bool
agent_service_mkdir(AgentService *s, const char *name, char **error)
{
	int			top = agent_service_open(s, error);
	int			fd = -1;
	bool		fresh;
	bool		ok = false;

	if (top < 0)
		return false;
	fresh = mkdirat(top, name, 0700) == 0;
	if (!fresh && errno != EEXIST)
		*error = psprintf("could not make directory %s: %m", name);
	else if ((fd = agent_beneath_open_dir(top, name, error)) >= 0)
	{
		ok = owns(s, fd, fresh);
		if (!ok)
			*error = psprintf("could not give directory %s to its user: %m", name);
		close(fd);
	}
	close(top);
	return ok;
}

static bool
write_own(AgentService *s, const char *name, const char *words, bool readable, char **error)
{
	int			fd = agent_service_open(s, error);
	bool		ok;

	if (fd < 0)
		return false;
	ok = geteuid() == 0 && readable ? agent_write_file_for(fd, name, words, strlen(words), 0600, s->uid, s->gid, error) :
		agent_write_file(fd, name, words, strlen(words), 0600, error);
	close(fd);
	return ok;
}

bool
agent_service_write(AgentService *s, const char *name, const char *words, char **error)
{
	return write_own(s, name, words, true, error);
}

bool
agent_service_keep(AgentService *s, const char *name, const char *words, char **error)
{
	return write_own(s, name, words, false, error);
}
