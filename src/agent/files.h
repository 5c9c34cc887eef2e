/*
 * files.h
 *	  Files that survive a kill and a power cut: written whole or not at all.
 *
 * Everything is relative to an open directory and follows no symbolic link in
 * the last component.  Nothing here is safe in a directory that somebody else
 * owns: see beneath.h.  No knowledge of what the files mean.  Errors are
 * sentences (palloc'd) with the system's reason.
 */
#ifndef CDC_AGENT_FILES_H
#define CDC_AGENT_FILES_H

#include "common/base.h"

#include <dirent.h>

#include <fcntl.h>
#include <sys/types.h>

/* The file's bytes, NUL-terminated; NULL when it is absent or over max. */
extern char *agent_read_file(int dirfd, const char *name, size_t max, char **error);

/*
 * The same of the file that a setting names, which holds a secret: NULL, too,
 * when anybody but its owner (the agent's user, or root) may read it.
 */
extern char *agent_read_secret(const char *setting, const char *path, size_t max, char **error);

/*
 * Writes name with this content and mode: a temporary file, fsync, rename,
 * fsync of the directory.  A reader sees the old or the new content.
 */
extern bool agent_write_file(int dirfd, const char *name, const void *data, size_t length,
							 int mode, char **error);

/* The same of a file that belongs to that user from its first byte; for root. */
extern bool agent_write_file_for(int dirfd, const char *name, const void *data, size_t length,
								 int mode, uid_t uid, gid_t gid, char **error);

/* Removes a file; one that is absent is removed already.  fsyncs the directory. */
extern bool agent_remove_file(int dirfd, const char *name, char **error);

/*
 * Removes temporary files that a killed agent left, older than seconds: 0 where
 * no other agent writes, so that all are left of one that is dead.
 */
extern void agent_remove_leftovers(int dirfd, int seconds);

/*
 * Removes a directory and all in it; absent: done already.  However deep it is,
 * and whatever its modes are; no link is followed.
 */
extern bool agent_remove_tree(int dirfd, const char *name, char **error);

/* Removes all that is in an open directory. */
extern bool agent_empty_dir(int dirfd, char **error);

/* fsyncs every file and directory of a tree, and dirfd. */
extern bool agent_sync_tree(int dirfd, const char *name, char **error);

/* Opens a directory, making it (with this mode) when it is absent; -1 on error. */
extern int	agent_open_dir(int dirfd, const char *name, int mode, bool make, char **error);

/*
 * Is an open directory, which a setting names, the agent's own?  An agent that is
 * root must not work in one whose owner could exchange what is in it: false with
 * *error.
 */
extern bool agent_is_own_dir(int dirfd, const char *setting, const char *path, char **error);

extern bool agent_exists(int dirfd, const char *name);

/* Swaps two names in one step, then fsyncs both directories.  Both must exist. */
extern bool agent_exchange(int afd, const char *aname, int bfd, const char *bname, char **error);

/* rename, then fsync of both directories. */
extern bool agent_rename(int afd, const char *aname, int bfd, const char *bname, char **error);

/* A stream of the names in a directory below dirfd, "." for its own; leaves dirfd open.  NULL, errno set. */
extern DIR *agent_open_names(int dirfd, const char *name);

/* Is a name of a directory itself or its parent? */
extern bool agent_is_dots(const char *name);

#endif							/* CDC_AGENT_FILES_H */
