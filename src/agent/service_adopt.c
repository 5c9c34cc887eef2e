/*
 * service_adopt.c
 *	  A service that was made before each had a user of its own is given one.
 *
 * See service.h.
 */
#include "agent/service.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/service_list.h"
#include "agent/service_user.h"

/* All that may run of one, what fetches its version aside. */
static const char *const processes[] = {"initdb", "node-0", "node-1", "format", "kafka", "connect", "connect-agent"};

/* Does any of its processes live? */
static bool
lives(const AgentService *s)
{
	pid_t		pid;
	size_t		i;

	for (i = 0; i < lengthof(processes); i++)
	{
		if (agent_process_lives(s->dir, processes[i], &pid))
			return true;
	}
	return false;
}

/* A file of root's alone, and not by another name. */
static void
let_group_read(int dirfd, const char *name)
{
	int			fd = agent_beneath_open(dirfd, name, O_RDONLY, 0);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1)
		(void) fchmod(fd, 0640);
	if (fd >= 0)
		close(fd);
}

bool
agent_service_take_over(AgentService *s, char **error)
{
	static const char *const files[] = {AGENT_ORDER_FILE, AGENT_MADE_FILE, "primary", "node-0.streams", "node-1.streams", "log", "fetch.pid"};
	struct stat st;
	bool		ok;
	size_t		i;
	int			fd;

	if (geteuid() != 0 || agent_user_is_own(s->config, s->uid))
		return true;
	fd = agent_service_open(s, error);
	ok = fd >= 0 && fchown(fd, 0, s->gid) == 0 && fchmod(fd, 0710) == 0;
	if (fd >= 0 && !ok)
		*error = psprintf("could not become the owner of %s: %m", s->dir);
	/* what its user may have put in place of the logs' directory would be written to */
	if (ok && fstatat(fd, "log", &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
		ok = agent_remove_file(fd, "log", error) && mkdirat(fd, "log", 0700) == 0;
	for (i = 0; ok && i < lengthof(files); i++)
		ok = agent_beneath_give(fd, files[i], s->config->service_uid, 0, 0, error);
	for (i = 0; ok && i < lengthof(processes); i++)
	{
		char		name[64];

		/* as a launcher makes them: what runs beside a worker asks for its pid */
		snprintf(name, sizeof(name), "%s.pid", processes[i]);
		ok = agent_beneath_give(fd, name, s->config->service_uid, 0, s->gid, error);
		if (ok)
			let_group_read(fd, name);
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Finds an id for it, and writes that down; false with *error. */
static bool
take_user(AgentService *s, char **error)
{
	bool		ok;

	agent_services_lock();
	ok = agent_user_find(agent_services_has_user, &s->uid, error);
	if (ok)
	{
		s->gid = (gid_t) s->uid;
		s->adopting = true;
	}
	agent_services_unlock();
	return ok && agent_service_save(s, error);
}

bool
agent_service_adopt(AgentService *s, char **error)
{
	static const char *const dirs[] = {"node-0", "node-1", "socket-0", "socket-1", "kafka", "connect", "plugins", "secrets", "agent"};
	uid_t		from = s->config->service_uid;
	bool		ok;
	size_t		i;
	int			fd;

	if (geteuid() != 0 || (agent_user_is_own(s->config, s->uid) && !s->adopting) || lives(s))
		return true;
	/* written down first: what is given in part is given on, to the same one */
	if (!agent_user_is_own(s->config, s->uid) && !take_user(s, error))
		return false;
	fd = agent_service_open(s, error);
	ok = fd >= 0 && fchown(fd, 0, s->gid) == 0;
	if (fd >= 0 && !ok)
		*error = psprintf("could not give the service's directory to its group: %m");
	for (i = 0; ok && i < lengthof(dirs); i++)
		ok = agent_beneath_give(fd, dirs[i], from, s->uid, s->gid, error);
	if (fd >= 0)
		close(fd);
	if (ok)
	{
		s->adopting = false;
		ok = agent_service_save(s, error);
	}
	if (ok)
		fprintf(stderr, "cdc_agent: service %s: user id %u is its own from now on\n", s->id, (unsigned) s->uid);
	return ok;
}
