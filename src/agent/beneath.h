/*
 * beneath.h
 *	  File work below a directory that somebody else owns.
 *
 * Whoever owns a directory decides what its names mean: at any moment a name may
 * become a symbolic link, a hard link, a FIFO or another directory.  So root does
 * no work there.  A thread takes on the owner's identity first, and the kernel
 * refuses it whatever the owner may not do; and every path is resolved below a
 * descriptor, through no link.  The two are used together.
 *
 * Everything that the agent does below a service's own directories goes through
 * here.  Where the agent is not root the identity stays what it is.
 */
#ifndef CDC_AGENT_BENEATH_H
#define CDC_AGENT_BENEATH_H

#include "common/base.h"

#include <sys/types.h>

/*
 * From now on this thread's access to files is that user's: its rights, its
 * files' owner, and none of root's capabilities for files.  Other threads are not
 * concerned.  To be ended by agent_beneath_leave(), on every way out; not nested.
 * False with *error when the kernel does not do it.
 */
extern bool agent_beneath_enter(uid_t uid, gid_t gid, char **error);
extern void agent_beneath_leave(void);

/* Once, before there are threads: no group of the starter's outlives the change. */
extern bool agent_beneath_init(char **error);

/*
 * Opens a path below dirfd: no "..", no link anywhere in it, never blocks (a
 * FIFO).  flags as open's, O_CLOEXEC is added.  -1, errno set.
 */
extern int	agent_beneath_open(int dirfd, const char *path, int flags, mode_t mode);

/* The same of a directory; -1 with *error. */
extern int	agent_beneath_open_dir(int dirfd, const char *path, char **error);

/* Is there anything of this name, reached through no link? */
extern bool agent_beneath_has(int dirfd, const char *path);

/*
 * Removes name and all in it, where dirfd is the agent's own and what is below
 * may be others': each directory is emptied as its owner.
 */
extern bool agent_beneath_remove(int dirfd, const char *name, char **error);

/*
 * Gives name and all in it to a user.  Only what belongs to from is given; a file
 * that has another name somewhere (which may be another's file) is refused with
 * *error.  Nothing is opened but directories.
 */
extern bool agent_beneath_give(int dirfd, const char *name, uid_t from, uid_t uid, gid_t gid, char **error);

#endif							/* CDC_AGENT_BENEATH_H */
