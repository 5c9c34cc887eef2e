/*
 * secret.c
 *	  See secret.h.
 */
#include "agent/secret.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"

static int	secret_fd = -1;

bool
agent_secret_init(const AgentConfig *config, char **error)
{
	struct stat st;

	secret_fd = agent_open_dir(AT_FDCWD, config->secret_dir, 0700, false, error);
	if (secret_fd < 0)
		return false;
	if (fstat(secret_fd, &st) != 0 || (st.st_mode & 007) != 0)
	{
		*error = psprintf("secret_dir \"%s\" may be entered by everybody: chmod o-rwx it", config->secret_dir);
		return false;
	}
	agent_remove_leftovers(secret_fd);
	return true;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(struct json_object *const *) a),
				  json_object_get_string(*(struct json_object *const *) b));
}

struct json_object *
agent_secret_list(char **error)
{
	/* a descriptor of its own: two requests may list at the same time */
	int			fd = openat(secret_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		   *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct json_object *names;

	if (dir == NULL)
	{
		*error = psprintf("could not read the directory of secrets: %m");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	names = json_object_new_array();
	while ((entry = readdir(dir)) != NULL)
	{
		struct stat st;

		if (entry->d_name[0] != '.' && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			json_object_array_add(names, json_object_new_string(entry->d_name));
	}
	closedir(dir);
	json_object_array_sort(names, by_name);
	return names;
}

bool
agent_secret_put(const char *name, const char *value, char **error)
{
	return agent_write_file(secret_fd, name, value, strlen(value), 0600, error);
}

bool
agent_secret_delete(const char *name, char **error)
{
	return agent_remove_file(secret_fd, name, error);
}
