/*
 * plugin_dir.h
 *	  Plugins on disk: the directory that the worker reads, and the place
 *	  beside it where one is made ready and a former one is kept.
 *
 * Knows no job.  A plugin that the agent installed has a manifest in its
 * directory; which job put it there is how a killed agent knows whether its
 * swap took place.  Used by the job's thread alone, but for the list.
 */
#ifndef CDC_AGENT_PLUGIN_DIR_H
#define CDC_AGENT_PLUGIN_DIR_H

#include "agent/config.h"

#include <json-c/json.h>

/* Opens both; false, *error set, when they are not on one filesystem. */
extern bool agent_plugin_init(const AgentConfig *config, int state_fd, char **error);

/* [{"name","version","sha512","url","installed_at","managed"}]; NULL on error. */
extern struct json_object *agent_plugin_list(char **error);

/* The manifest of an installed plugin, or NULL; put by the caller. */
extern struct json_object *agent_plugin_manifest(const char *name);

/* Is the installed plugin the one that this job made ready? */
extern bool agent_plugin_is_of(const char *name, const char *job);

/* A new, empty file for the download; -1 with *error. */
extern int	agent_plugin_open_download(char **error);

/*
 * Unpacks the download into an empty place beside; an archive with one
 * directory at its top stands for that directory.  Writes the manifest last and
 * flushes all of it.
 */
extern bool agent_plugin_make_ready(const AgentConfig *config, const char *name, int archive_fd,
									struct json_object *manifest, char **error);

/* Swaps in what was made ready; what was there is kept. */
extern bool agent_plugin_swap_in(const char *name, char **error);

/* Takes an installed plugin away; it is kept.  Absent: done. */
extern bool agent_plugin_take_out(const char *name, char **error);

/*
 * Undoes a swap of this job: the former plugin is back, or none when there was
 * none.  Nothing to undo: done.
 */
extern bool agent_plugin_restore(const char *name, const char *job, bool taken_out, char **error);

/* Removes the download, what was made ready and what was kept. */
extern bool agent_plugin_clean(const char *name, char **error);

#endif							/* CDC_AGENT_PLUGIN_DIR_H */
