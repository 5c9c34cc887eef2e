/*
 * plugin_dir.c
 *	  See plugin_dir.h.
 *
 * state_dir/
 *	 download			the archive
 *	 unpack/			what it holds, while it is unpacked
 *	 beside/<name>		made ready; after the swap: the former plugin
 */
#include "agent/plugin_dir.h"

#include <archive.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/extract.h"
#include "agent/files.h"
#include "common/json.h"
#include "common/text.h"

#define MANIFEST ".cdc_agent.json"
#define MAX_MANIFEST 65536
#define BLOCK_BYTES 65536

static int	plugins = -1;
static int	state = -1;
static int	beside = -1;

/* Whether a plugin can be swapped in one step is known before the first one is. */
static bool
can_exchange(const AgentConfig *config, char **error)
{
	char	   *ignored = NULL;
	bool		can;

	mkdirat(beside, ".a", 0700);
	mkdirat(beside, ".b", 0700);
	can = agent_exchange(beside, ".a", beside, ".b", error);
	agent_remove_tree(beside, ".a", &ignored);
	agent_remove_tree(beside, ".b", &ignored);
	if (!can)
		*error = psprintf("the filesystem of state_dir \"%s\" cannot exchange two names, which an atomic installation needs: %s",
						  config->state_dir, *error);
	return can;
}

bool
agent_plugin_init(const AgentConfig *config, int state_fd, char **error)
{
	struct stat a;
	struct stat b;

	state = state_fd;
	plugins = agent_open_dir(AT_FDCWD, config->plugin_dir, 0755, false, error);
	if (plugins < 0 || !agent_is_own_dir(plugins, "plugin_dir", config->plugin_dir, error))
		return false;
	beside = agent_open_dir(state, "beside", 0755, true, error);
	if (beside < 0)
		return false;
	if (fstat(plugins, &a) != 0 || fstat(beside, &b) != 0 || a.st_dev != b.st_dev)
	{
		*error = psprintf("state_dir \"%s\" and plugin_dir \"%s\" must be on one filesystem, or a plugin cannot be swapped in one step",
						  config->state_dir, config->plugin_dir);
		return false;
	}
	return can_exchange(config, error);
}

/* The manifest of a plugin's directory in dfd, or NULL. */
static struct json_object *
manifest_in(int dfd, const char *name)
{
	char	   *why = NULL;		/* there is none: nobody asks why */
	int			fd = agent_open_dir(dfd, name, 0, false, &why);
	char	   *words = NULL;
	struct json_object *manifest = NULL;

	if (fd >= 0)
	{
		words = agent_read_file(fd, MANIFEST, MAX_MANIFEST, &why);
		close(fd);
	}
	pg_free(why);
	if (words)
	{
		manifest = cdc_json_parse(words);
		pfree(words);
	}
	if (!json_object_is_type(manifest, json_type_object))
	{
		json_object_put(manifest);
		return NULL;
	}
	return manifest;
}

struct json_object *
agent_plugin_manifest(const char *name)
{
	return manifest_in(plugins, name);
}

bool
agent_plugin_is_of(const char *name, const char *job)
{
	struct json_object *manifest = agent_plugin_manifest(name);
	const char *of = cdc_json_string(manifest, "job");
	bool		is = of && strcmp(of, job) == 0;

	json_object_put(manifest);
	return is;
}

struct json_object *
agent_plugin_list(char **error)
{
	int			fd = openat(plugins, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		   *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct json_object *list;

	if (dir == NULL)
	{
		*error = psprintf("could not read plugin_dir: %m");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	list = json_object_new_array();
	while ((entry = readdir(dir)) != NULL)
	{
		struct stat st;
		struct json_object *manifest;
		struct json_object *item;

		if (entry->d_name[0] == '.' || !cdc_text_clean(entry->d_name, strlen(entry->d_name)) || fstatat(fd, entry->d_name, &st, 0) != 0 || !S_ISDIR(st.st_mode))
			continue;
		manifest = agent_plugin_manifest(entry->d_name);
		item = manifest ? manifest : json_object_new_object();
		json_object_object_del(item, "job");
		json_object_object_add(item, "name", json_object_new_string(entry->d_name));
		json_object_object_add(item, "managed", json_object_new_boolean(manifest != NULL));
		json_object_array_add(list, item);
	}
	closedir(dir);
	return list;
}

int
agent_plugin_open_download(char **error)
{
	int			fd = openat(state, "download", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		*error = psprintf("could not create the file for the download: %m");
	return fd;
}

static bool
unpack(const AgentConfig *config, int archive_fd, int dirfd, char **error)
{
	AgentLimits limits = {config->max_extracted_bytes, config->max_entries};
	struct archive *reader = agent_extract_reader();
	bool		ok = false;

	if (reader == NULL || lseek(archive_fd, 0, SEEK_SET) != 0)
		*error = psprintf("could not read the download: %m");
	else if (archive_read_open_fd(reader, archive_fd, BLOCK_BYTES) != ARCHIVE_OK)
		*error = psprintf("the download is no archive that can be read: %s", archive_error_string(reader));
	else
		ok = agent_extract(reader, dirfd, &limits, error);
	if (reader)
		archive_read_free(reader);
	return ok;
}

/* The one directory that is all there is in dirfd; NULL when there is more, or a file. */
static char *
only_directory(int dfd)
{
	int			fd = openat(dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		   *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;
	char	   *name = NULL;
	int			n = 0;

	if (dir == NULL)
		return NULL;
	while ((entry = readdir(dir)) != NULL)
	{
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (++n == 1 && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			name = pstrdup(entry->d_name);
	}
	closedir(dir);
	if (n != 1 && name)
	{
		pfree(name);
		name = NULL;
	}
	return name;
}

bool
agent_plugin_make_ready(const AgentConfig *config, const char *name, int archive_fd,
						struct json_object *manifest, char **error)
{
	const char *words = json_object_to_json_string_ext(manifest, JSON_C_TO_STRING_PLAIN);
	char	   *top = NULL;
	int			fd;
	int			ready;
	bool		ok;

	if (!agent_remove_tree(state, "unpack", error) || !agent_remove_tree(beside, name, error))
		return false;
	fd = agent_open_dir(state, "unpack", 0755, true, error);
	if (fd < 0)
		return false;
	ok = unpack(config, archive_fd, fd, error);
	if (ok)
	{
		top = only_directory(fd);
		ok = agent_rename(top ? fd : state, top ? top : "unpack", beside, name, error);
	}
	close(fd);
	if (top)
		pfree(top);
	ready = ok ? agent_open_dir(beside, name, 0, false, error) : -1;
	if (ready < 0)
		return false;
	ok = agent_write_file(ready, MANIFEST, words, strlen(words), 0644, error) && agent_sync_tree(beside, name, error);
	close(ready);
	return ok;
}

bool
agent_plugin_swap_in(const char *name, char **error)
{
	return agent_exists(plugins, name) ? agent_exchange(beside, name, plugins, name, error) :
		agent_rename(beside, name, plugins, name, error);
}

bool
agent_plugin_take_out(const char *name, char **error)
{
	if (!agent_exists(plugins, name))
		return true;
	return agent_remove_tree(beside, name, error) && agent_rename(plugins, name, beside, name, error);
}

bool
agent_plugin_restore(const char *name, const char *job, bool taken_out, char **error)
{
	if (taken_out)
		return agent_exists(plugins, name) || !agent_exists(beside, name) ||
			agent_rename(beside, name, plugins, name, error);
	if (!agent_plugin_is_of(name, job))
		return true;
	if (agent_exists(beside, name))
		return agent_exchange(beside, name, plugins, name, error);
	return agent_rename(plugins, name, beside, name, error);
}

bool
agent_plugin_clean(const char *name, char **error)
{
	return agent_remove_file(state, "download", error) && agent_remove_tree(state, "unpack", error) &&
		agent_remove_tree(beside, name, error);
}
