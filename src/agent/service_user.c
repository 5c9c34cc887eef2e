/*
 * service_user.c
 *	  See service_user.h.
 */
#include "agent/service_user.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/leftover.h"

/* One byte of it is one id; a lock on it lasts as long as the agent. */
#define RANGE_FILE "/run/cdc_agent.uids"

static const AgentConfig *config;
static int	range_fd = -1;		/* stays open: the range is locked as long as the agent runs */

bool
agent_user_init(const AgentConfig *c, char **error)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	config = c;
	if (c->uid_count == 0)
		return true;
	lock.l_start = c->uid_first;
	lock.l_len = c->uid_count;
	range_fd = open(RANGE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (range_fd < 0)
	{
		*error = psprintf("could not open " RANGE_FILE ": %m");
		return false;
	}
	if (fcntl(range_fd, F_OFD_SETLK, &lock) == 0)
		return true;
	*error = psprintf("another agent of this host has user ids of \"service_uids\" %s: give each agent a range of its own", c->service_uids);
	close(range_fd);
	return false;
}

/* The ids of a process (real, effective, saved, of files); false: it is gone, or ended and not yet waited for. */
static bool
read_ids(const char *pid, unsigned ids[4])
{
	char		path[300];
	char		line[256];
	FILE	   *file;
	bool		found = false;
	bool		ended = false;

	/* the directory's owner is not told of: a process that dumps no core shows root's */
	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
	{
		ended = ended || strncmp(line, "State:\tZ", 8) == 0;
		found = sscanf(line, "Uid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4;
	}
	if (file)
		fclose(file);
	return found && !ended;
}

static bool
has_id(const char *pid, uid_t uid)
{
	unsigned	ids[4];
	int			i;

	if (!read_ids(pid, ids))
		return false;
	for (i = 0; i < 4; i++)
	{
		if (ids[i] == uid)
			return true;
	}
	return false;
}

bool
agent_user_has(uid_t uid, pid_t pid)
{
	char		words[16];

	snprintf(words, sizeof(words), "%d", (int) pid);
	return has_id(words, uid);
}

bool
agent_user_is_own(const AgentConfig *c, uid_t uid)
{
	return uid - c->uid_first < c->uid_count;
}

bool
agent_user_lives(uid_t uid)
{
	DIR		   *proc = opendir("/proc");
	struct dirent *entry;
	bool		found = false;

	while (proc && !found && (entry = readdir(proc)) != NULL)
		found = atol(entry->d_name) > 1 && has_id(entry->d_name, uid);
	if (proc)
		closedir(proc);
	return found;
}

/*
 * SIGKILL to all processes of a user at once: as that user, so that it can reach
 * nobody else's, and in one call, which one that forks all the time cannot outrun.
 */
static void
kill_all(uid_t uid)
{
	pid_t		pid = fork();

	if (pid == 0)
	{
		/* a copy of one thread: system calls alone */
		if (syscall(SYS_setresgid, uid, uid, uid) == 0 && syscall(SYS_setresuid, uid, uid, uid) == 0 && getuid() == uid && geteuid() == uid)
			kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

bool
agent_user_end(const AgentConfig *c, uid_t uid)
{
	if (!agent_user_is_own(c, uid) || !agent_user_lives(uid))
		return true;
	kill_all(uid);
	return false;
}

void
agent_user_clean(const AgentConfig *c, uid_t uid)
{
	if (!agent_user_is_own(c, uid))
		return;
	if (!agent_leftover_remove(uid, (gid_t) uid))
		fprintf(stderr, "cdc_agent: user id %u has left something in a shared directory that could not be removed: it is given to nobody as long as that is there\n", (unsigned) uid);
}

static bool
is_somebodys(uid_t uid)
{
	struct passwd entry;
	struct passwd *found = NULL;
	char		words[4096];

	return getpwuid_r(uid, &entry, words, sizeof(words), &found) == 0 && found &&
		strncmp(entry.pw_name, AGENT_USER_PREFIX, sizeof(AGENT_USER_PREFIX) - 1) != 0;
}

bool
agent_user_find(bool (*used) (uid_t uid), uid_t *found, char **error)
{
	uint32		start = 0;
	uint32		i;

	/* from anywhere: an id that was free a moment ago is seldom the next */
	if (getrandom(&start, sizeof(start), 0) != sizeof(start))
		start = 0;
	for (i = 0; i < config->uid_count; i++)
	{
		uid_t		uid = config->uid_first + (start % config->uid_count + i) % config->uid_count;

		if (used(uid) || is_somebodys(uid) || agent_user_lives(uid) || agent_leftover_any(uid))
			continue;
		*found = uid;
		return true;
	}
	*error = psprintf("no user id of service_uids %s is free: set it to a larger range", config->service_uids);
	return false;
}
