/*
 * leftover.c
 *	  See leftover.h.
 */
#include "agent/leftover.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"

static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock"};

/* The kernel's lists; each names its columns in its first line, and the second column is the id. */
static const char *const lists[] = {"/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg"};

#define MAX_OBJECTS 1024

/* -- files ---------------------------------------------------------------------- */

/* Calls what for each entry of a shared directory that is the user's; true: one of them was. */
static bool
each_file(uid_t uid, void (*what) (int dirfd, const char *name))
{
	bool		found = false;
	size_t		i;

	for (i = 0; i < lengthof(places); i++)
	{
		int			fd = open(places[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		DIR		   *dir = fd < 0 ? NULL : agent_open_names(fd, ".");
		struct dirent *entry;
		struct stat st;

		while (dir && (what || !found) && (entry = readdir(dir)) != NULL)
		{
			if (agent_is_dots(entry->d_name) || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_uid != uid)
				continue;
			found = true;
			if (what)
				what(fd, entry->d_name);
		}
		if (dir)
			closedir(dir);
		if (fd >= 0)
			close(fd);
	}
	return found;
}

static void
remove_file(int dirfd, const char *name)
{
	char	   *ignored = NULL;

	if (!agent_remove_tree(dirfd, name, &ignored))
		pfree(ignored);
}

/* -- System V's objects --------------------------------------------------------- */

/* Ids in a list of the kernel's that the user owns or made, at most MAX_OBJECTS. */
static int
read_objects(const char *list, uid_t uid, int *ids)
{
	FILE	   *file = fopen(list, "re");
	char		line[512];
	int			uid_at = -1;
	int			cuid_at = -1;
	int			n = 0;
	bool		header = true;

	while (file && n < MAX_OBJECTS && fgets(line, sizeof(line), file))
	{
		char	   *rest = line;
		char	   *word;
		int			id = -1;
		bool		his = false;
		int			i;

		for (i = 0; (word = strtok_r(rest, " \t\n", &rest)) != NULL; i++)
		{
			if (header && strcmp(word, "uid") == 0)
				uid_at = i;
			else if (header && strcmp(word, "cuid") == 0)
				cuid_at = i;
			else if (!header && i == 1)
				id = atoi(word);
			else if (!header && (i == uid_at || i == cuid_at))
				his = his || strtoul(word, NULL, 10) == uid;
		}
		if (his)
			ids[n++] = id;
		header = false;
	}
	if (file)
		fclose(file);
	return n;
}

static void
remove_objects(uid_t uid, gid_t gid)
{
	static int	ids[lengthof(lists)][MAX_OBJECTS];
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int			n[lengthof(lists)];
	int			all = 0;
	size_t		i;
	pid_t		pid;

	pthread_mutex_lock(&lock);
	for (i = 0; i < lengthof(lists); i++)
		all += n[i] = read_objects(lists[i], uid, ids[i]);
	pid = all > 0 ? fork() : -1;
	if (pid == 0)
	{
		/* a copy of one thread: system calls alone; as the user, who can remove nobody else's */
		if (syscall(SYS_setresgid, gid, gid, gid) == 0 && syscall(SYS_setresuid, uid, uid, uid) == 0 && getuid() == uid && geteuid() == uid)
		{
			while (n[0] > 0)
				syscall(SYS_shmctl, ids[0][--n[0]], IPC_RMID, NULL);
			while (n[1] > 0)
				syscall(SYS_semctl, ids[1][--n[1]], 0, IPC_RMID, 0);
			while (n[2] > 0)
				syscall(SYS_msgctl, ids[2][--n[2]], IPC_RMID, NULL);
		}
		_exit(0);
	}
	pthread_mutex_unlock(&lock);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

bool
agent_leftover_any(uid_t uid)
{
	int			ids[MAX_OBJECTS];
	bool		found = geteuid() == 0 && each_file(uid, NULL);
	size_t		i;

	for (i = 0; i < lengthof(lists) && geteuid() == 0 && !found; i++)
		found = read_objects(lists[i], uid, ids) > 0;
	return found;
}

bool
agent_leftover_remove(uid_t uid, gid_t gid)
{
	char	   *ignored = NULL;

	if (geteuid() != 0 || !agent_leftover_any(uid))
		return true;
	if (agent_beneath_enter(uid, gid, &ignored))
	{
		each_file(uid, remove_file);
		agent_beneath_leave();
	}
	else
		pfree(ignored);
	remove_objects(uid, gid);
	return !agent_leftover_any(uid);
}
