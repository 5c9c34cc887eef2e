/*
 * beneath.c
 *	  See beneath.h.
 */
#include "agent/beneath.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/files.h"

#define MAX_DEPTH 100

bool
agent_beneath_init(char **error)
{
	if (geteuid() != 0 || setgroups(0, NULL) == 0)
		return true;
	*error = psprintf("could not give up the groups of the agent: %m");
	return false;
}

/* Both calls give the former value and no error: what is in force is asked for. */
static bool
become(uid_t uid, gid_t gid)
{
	/* the group first: with the user goes the right to change it */
	setfsgid(gid);
	setfsuid(uid);
	return (uid_t) setfsuid((uid_t) -1) == uid && (gid_t) setfsgid((gid_t) -1) == gid;
}

bool
agent_beneath_enter(uid_t uid, gid_t gid, char **error)
{
	if (geteuid() != 0 || become(uid, gid))
		return true;
	agent_beneath_leave();
	*error = psprintf("the agent may not act as user %u, group %u", (unsigned) uid, (unsigned) gid);
	return false;
}

void
agent_beneath_leave(void)
{
	if (geteuid() != 0)
		return;
	setfsuid(0);
	setfsgid(getegid());
}

int
agent_beneath_open(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how;

	memset(&how, 0, sizeof(how));
	/* what blocks (a FIFO) does not, and no terminal becomes ours */
	how.flags = (uint64) (unsigned) (flags | O_CLOEXEC | O_NOFOLLOW | ((flags & O_PATH) ? 0 : O_NONBLOCK | O_NOCTTY));
	how.mode = (flags & O_CREAT) ? mode : 0;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	return (int) syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

int
agent_beneath_open_dir(int dirfd, const char *path, char **error)
{
	int			fd = agent_beneath_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		*error = psprintf("could not open directory \"%s\": %m", path);
	return fd;
}

bool
agent_beneath_has(int dirfd, const char *path)
{
	int			fd = agent_beneath_open(dirfd, path, O_PATH, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Empties a directory of the agent's own, or, as its owner, of somebody else's. */
static bool
empty(int fd, const struct stat *st, char **error)
{
	DIR		   *dir;
	struct dirent *entry;
	struct stat item;
	bool		ok = true;

	if (st->st_uid != geteuid())
	{
		if (!agent_beneath_enter(st->st_uid, st->st_gid, error))
			return false;
		ok = agent_empty_dir(fd, error);
		agent_beneath_leave();
		return ok;
	}
	dir = agent_open_names(fd, ".");
	if (dir == NULL)
	{
		*error = psprintf("could not read a directory: %m");
		return false;
	}
	while (ok && (entry = readdir(dir)) != NULL)
	{
		if (!agent_is_dots(entry->d_name) && fstatat(fd, entry->d_name, &item, AT_SYMLINK_NOFOLLOW) == 0)
			ok = agent_beneath_remove(fd, entry->d_name, error);
	}
	closedir(dir);
	return ok;
}

bool
agent_beneath_remove(int dirfd, const char *name, char **error)
{
	struct stat st;
	bool		ok;
	int			fd;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return true;
	fd = agent_beneath_open_dir(dirfd, name, error);
	if (fd < 0)
		return false;
	ok = fstat(fd, &st) == 0 && empty(fd, &st, error);
	close(fd);
	if (ok && unlinkat(dirfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
	{
		*error = psprintf("could not remove \"%s\": %m", name);
		ok = false;
	}
	return ok;
}

static bool
give(int dirfd, const char *name, uid_t from, uid_t uid, gid_t gid, int depth, char **error)
{
	int			it = agent_beneath_open(dirfd, name, O_PATH, 0);
	DIR		   *dir = NULL;
	struct dirent *entry;
	struct stat st;
	bool		ok = false;

	if (it < 0)
	{
		if (errno == ENOENT)
			return true;
		*error = psprintf("could not look at \"%s\": %m", name);
		return false;
	}
	if (fstat(it, &st) != 0)
		*error = psprintf("could not look at \"%s\": %m", name);
	else if (st.st_uid != from && !(st.st_uid == uid && S_ISDIR(st.st_mode)))
		ok = true;				/* a directory that is given already may not be done */
	else if (depth > MAX_DEPTH)
		*error = psprintf("\"%s\" is too deep", name);
	else if (!S_ISDIR(st.st_mode) && st.st_nlink != 1)
		*error = psprintf("\"%s\" is a hard link: remove it, or put a copy in its place", name);
	else if (fchownat(it, "", uid, gid, AT_EMPTY_PATH) != 0)
		*error = psprintf("could not give \"%s\" to its user: %m", name);
	else if (!S_ISDIR(st.st_mode))
		ok = true;
	else if ((dir = agent_open_names(it, ".")) == NULL)
		*error = psprintf("could not read \"%s\": %m", name);
	else
	{
		ok = true;
		while (ok && (entry = readdir(dir)) != NULL)
		{
			if (!agent_is_dots(entry->d_name))
				ok = give(it, entry->d_name, from, uid, gid, depth + 1, error);
		}
	}
	if (dir)
		closedir(dir);
	close(it);
	return ok;
}

bool
agent_beneath_give(int dirfd, const char *name, uid_t from, uid_t uid, gid_t gid, char **error)
{
	return give(dirfd, name, from, uid, gid, 0, error);
}
