/*
 * files.c
 *	  See files.h.
 */
#include "agent/files.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMP_PREFIX ".cdc_agent-"
#define DEEP_PREFIX ".cdc_agent-deep-"
#define MAX_DEPTH 40			/* of open directories: what is deeper is moved up */
#define MAX_ROUNDS 100000

/* Swaps two names in one step; the local filesystems of Linux can. */
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

char *
agent_read_file(int dirfd, const char *name, size_t max, char **error)
{
	/* a FIFO would block */
	int			fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | (dirfd == AT_FDCWD ? 0 : O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
	struct stat st;
	StringInfoData buf;
	ssize_t		n;

	if (fd < 0)
	{
		*error = psprintf("could not open \"%s\": %m", name);
		return NULL;
	}
	if (dirfd != AT_FDCWD && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
	{
		*error = psprintf("\"%s\" is no file", name);
		close(fd);
		return NULL;
	}
	initStringInfo(&buf);
	for (;;)
	{
		enlargeStringInfo(&buf, 8192);
		n = read(fd, buf.data + buf.len, 8192);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf.len += (int) n;
		if ((size_t) buf.len > max)
			break;
	}
	if (n != 0)
	{
		*error = n < 0 ? psprintf("could not read \"%s\": %m", name) :
			psprintf("\"%s\" is larger than %zu bytes", name, max);
		close(fd);
		pfree(buf.data);
		return NULL;
	}
	close(fd);
	buf.data[buf.len] = '\0';
	return buf.data;
}

char *
agent_read_secret(const char *setting, const char *path, size_t max, char **error)
{
	struct stat st;

	if (stat(path, &st) != 0)
	{
		*error = psprintf("could not look at %s \"%s\": %m", setting, path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))
	{
		*error = psprintf("%s \"%s\" must be a file of the agent's own user (or root) that nobody else may read: chmod 600 it", setting, path);
		return NULL;
	}
	return agent_read_file(AT_FDCWD, path, max, error);
}

static bool
write_all(int fd, const char *data, size_t length)
{
	while (length > 0)
	{
		ssize_t		n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		length -= (size_t) n;
	}
	return true;
}

bool
agent_write_file(int dirfd, const char *name, const void *data, size_t length, int mode, char **error)
{
	return agent_write_file_for(dirfd, name, data, length, mode, (uid_t) -1, (gid_t) -1, error);
}

bool
agent_write_file_for(int dirfd, const char *name, const void *data, size_t length, int mode, uid_t uid, gid_t gid, char **error)
{
	unsigned char noise[8];
	char		temp[64];
	int			fd;

	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
	{
		*error = psprintf("no random numbers: %m");
		return false;
	}
	snprintf(temp, sizeof(temp), TEMP_PREFIX "%02x%02x%02x%02x%02x%02x%02x%02x", noise[0], noise[1], noise[2],
			 noise[3], noise[4], noise[5], noise[6], noise[7]);
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
	{
		*error = psprintf("could not create a file for \"%s\": %m", name);
		return false;
	}
	/* fchmod: whatever the umask is */
	if ((uid != (uid_t) -1 && fchown(fd, uid, gid) != 0) || fchmod(fd, (mode_t) mode) != 0 || !write_all(fd, data, length) || fsync(fd) != 0)
	{
		*error = psprintf("could not write \"%s\": %m", name);
		close(fd);
		unlinkat(dirfd, temp, 0);
		return false;
	}
	close(fd);
	if (renameat(dirfd, temp, dirfd, name) != 0)
	{
		*error = psprintf("could not put \"%s\" into place: %m", name);
		unlinkat(dirfd, temp, 0);
		return false;
	}
	if (fsync(dirfd) != 0)
	{
		*error = psprintf("could not flush the directory of \"%s\": %m", name);
		return false;
	}
	return true;
}

bool
agent_remove_file(int dirfd, const char *name, char **error)
{
	if ((unlinkat(dirfd, name, 0) != 0 && errno != ENOENT) || fsync(dirfd) != 0)
	{
		*error = psprintf("could not remove \"%s\": %m", name);
		return false;
	}
	return true;
}

DIR *
agent_open_names(int dirfd, const char *name)
{
	int			fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR		   *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

bool
agent_is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

void
agent_remove_leftovers(int dfd, int seconds)
{
	DIR		   *dir = agent_open_names(dfd, ".");
	struct dirent *entry;
	struct stat st;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
	{
		if (strncmp(entry->d_name, TEMP_PREFIX, sizeof(TEMP_PREFIX) - 1) == 0 &&
			fstatat(dfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			(seconds == 0 || st.st_mtime < time(NULL) - seconds))
			unlinkat(dfd, entry->d_name, 0);
	}
	closedir(dir);
}

/*
 * One directory of a tree: opened, whatever its mode was.  -1, errno set.
 */
static int
open_to_empty(int dfd, const char *name)
{
	int			flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int			fd = openat(dfd, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(dfd, name, 0700, 0) == 0)
		fd = openat(dfd, name, flags);
	if (fd >= 0)
		fchmod(fd, 0700);
	return fd;
}

/*
 * Empties a directory below top.  What lies too deep is moved up into top, where
 * it is found in the next round (*moved counts): a tree of any depth takes so many
 * descriptors and so much stack, and no more.
 */
static bool
empty_below(int top, int dfd, int depth, int *moved, char **error)
{
	DIR		   *dir = agent_open_names(dfd, ".");
	struct dirent *entry;
	bool		ok = true;

	if (dir == NULL)
	{
		*error = psprintf("could not read a directory: %m");
		return false;
	}
	while (ok && (entry = readdir(dir)) != NULL)
	{
		const char *name = entry->d_name;
		char		aside[64];
		int			fd;

		if (agent_is_dots(name) || unlinkat(dfd, name, 0) == 0 || errno == ENOENT)
			continue;
		fd = open_to_empty(dfd, name);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
		{
			*error = psprintf("could not open \"%s\": %m", name);
			ok = false;
			continue;
		}
		if (depth < MAX_DEPTH)
		{
			ok = empty_below(top, fd, depth + 1, moved, error);
			if (ok && unlinkat(dfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
			{
				*error = psprintf("could not remove \"%s\": %m", name);
				ok = false;
			}
		}
		else
		{
			snprintf(aside, sizeof(aside), DEEP_PREFIX "%d", ++*moved);
			if (renameat(dfd, name, top, aside) != 0)
			{
				*error = psprintf("could not move \"%s\": %m", name);
				ok = false;
			}
		}
		close(fd);
	}
	closedir(dir);
	return ok;
}

bool
agent_empty_dir(int dfd, char **error)
{
	int			moved = 0;
	int			before;

	do
	{
		before = moved;
		if (!empty_below(dfd, dfd, 0, &moved, error))
			return false;
	} while (moved > before && moved < MAX_ROUNDS);
	return true;
}

bool
agent_remove_tree(int dfd, const char *name, char **error)
{
	bool		ok;
	int			fd;

	if (unlinkat(dfd, name, 0) == 0 || errno == ENOENT)
		return true;
	fd = open_to_empty(dfd, name);
	if (fd < 0)
	{
		*error = psprintf("could not open \"%s\": %m", name);
		return false;
	}
	ok = agent_empty_dir(fd, error);
	close(fd);
	if (ok && unlinkat(dfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
	{
		*error = psprintf("could not remove \"%s\": %m", name);
		ok = false;
	}
	return ok;
}

static bool
sync_below(int dfd, const char *name, int depth, char **error)
{
	DIR		   *dir = depth > MAX_DEPTH ? NULL : agent_open_names(dfd, name);
	struct dirent *entry;
	bool		ok = true;

	if (depth > MAX_DEPTH)
	{
		*error = psprintf("\"%s\" is too deep", name);
		return false;
	}
	if (dir == NULL)
	{
		int			fd = errno == ENOTDIR ? openat(dfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;

		ok = fd >= 0 && fsync(fd) == 0;
		if (!ok)
			*error = psprintf("could not flush \"%s\": %m", name);
		if (fd >= 0)
			close(fd);
		return ok;
	}
	while (ok && (entry = readdir(dir)) != NULL)
	{
		if (!agent_is_dots(entry->d_name))
			ok = sync_below(dirfd(dir), entry->d_name, depth + 1, error);
	}
	if (ok && fsync(dirfd(dir)) != 0)
	{
		*error = psprintf("could not flush directory \"%s\": %m", name);
		ok = false;
	}
	closedir(dir);
	return ok;
}

static bool
sync_dir(int dfd, char **error)
{
	if (fsync(dfd) == 0)
		return true;
	*error = psprintf("could not flush a directory: %m");
	return false;
}

bool
agent_sync_tree(int dfd, const char *name, char **error)
{
	return sync_below(dfd, name, 0, error) && sync_dir(dfd, error);
}

int
agent_open_dir(int dfd, const char *name, int mode, bool make, char **error)
{
	int			fd;

	if (make && mkdirat(dfd, name, (mode_t) mode) != 0 && errno != EEXIST)
	{
		*error = psprintf("could not make directory \"%s\": %m", name);
		return -1;
	}
	fd = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (dfd == AT_FDCWD ? 0 : O_NOFOLLOW));
	if (fd < 0)
		*error = psprintf("could not open directory \"%s\": %m", name);
	return fd;
}

bool
agent_is_own_dir(int dfd, const char *setting, const char *path, char **error)
{
	struct stat st;

	if (geteuid() != 0 || (fstat(dfd, &st) == 0 && st.st_uid == 0))
		return true;
	*error = psprintf("%s \"%s\" belongs to another user, and the agent is root: run it as that user, the worker's", setting, path);
	return false;
}

bool
agent_exists(int dfd, const char *name)
{
	struct stat st;

	return fstatat(dfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
agent_rename(int afd, const char *aname, int bfd, const char *bname, char **error)
{
	if (renameat(afd, aname, bfd, bname) != 0)
	{
		*error = psprintf("could not rename \"%s\": %m", aname);
		return false;
	}
	return sync_dir(bfd, error) && sync_dir(afd, error);
}

bool
agent_exchange(int afd, const char *aname, int bfd, const char *bname, char **error)
{
	if (renameat2(afd, aname, bfd, bname, RENAME_EXCHANGE) == 0)
		return sync_dir(bfd, error) && sync_dir(afd, error);
	*error = psprintf("could not exchange \"%s\" and \"%s\": %m", aname, bname);
	return false;
}
