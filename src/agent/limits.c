/*
 * limits.c
 *	  See limits.h.
 */
#include "agent/limits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"

#define MB (INT64CONST(1024) * 1024)
#define DEFAULT_MEMORY_MB 4096
#define DEFAULT_PROCESSES 1024
#define GROUP "cdc_services"
#define CPU_PERIOD 100000

typedef enum What
{
	MEMORY,
	CPU,
	PROCESSES
} What;

/*
 * A controller, where it is, and its file, by version.  In the second one all are
 * in one hierarchy, and have to be enabled in each directory above.
 */
static const struct
{
	What		what;
	const char *name;
	const char *v1_root;
	const char *v1_file;
	const char *v2_file;
}			controllers[] = {
	{MEMORY, "memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max"},
	{CPU, "cpu", "/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "cpu.max"},
	{PROCESSES, "pids", "/sys/fs/cgroup/pids", "pids.max", "pids.max"},
};

static const char *const v2_roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

/* -- the setting ------------------------------------------------------------- */

static const struct
{
	const char *name;
	int64		min;
	int64		max;
}			members[] = {{"memory_mb", 256, 16 * 1024 * 1024}, {"cpu_percent", 5, 100000}, {"processes", 64, 1000000}};

char *
agent_limits_fault(const AgentConfig *config)
{
	if (config->limits == NULL)
		return NULL;
	{
		json_object_object_foreach(config->limits, plan, object)
		{
			if (!json_object_is_type(object, json_type_object))
				return psprintf("\"limits\" of \"%.64s\" must be an object", plan);
			{
				json_object_object_foreach(object, key, value)
				{
					size_t		i;

					for (i = 0; i < lengthof(members) && strcmp(members[i].name, key) != 0; i++)
						;
					if (i == lengthof(members))
						return psprintf("\"limits\" of \"%.64s\": \"%.64s\" is none of memory_mb, cpu_percent and processes", plan, key);
					if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < members[i].min ||
						json_object_get_int64(value) > members[i].max)
						return psprintf("\"limits\" of \"%.64s\": \"%s\" must be a number from " INT64_FORMAT " to " INT64_FORMAT, plan, key,
										members[i].min, members[i].max);
				}
			}
		}
	}
	return NULL;
}

/* Half of the machine, where that is less: one service does not take all of it. */
static int64
default_memory(void)
{
	int64		machine = (int64) sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	return Min(DEFAULT_MEMORY_MB * MB, machine / 2);
}

AgentPlan
agent_limits_of(const AgentConfig *config, const char *plan)
{
	struct json_object *usual = cdc_json_get(config->limits, "default");
	struct json_object *own = plan ? cdc_json_get(config->limits, plan) : NULL;
	AgentPlan	p;

#define LIMIT(name, missing) cdc_json_int64(own, name, cdc_json_int64(usual, name, missing))
	p.memory = LIMIT("memory_mb", default_memory() / MB) * MB;
	p.cpu_percent = (int) LIMIT("cpu_percent", 0);
	p.processes = (int) LIMIT("processes", DEFAULT_PROCESSES);
#undef LIMIT
	return p;
}

/* -- the kernel's files -------------------------------------------------------- */

static bool
put(const char *dir, const char *file, const char *words)
{
	char		path[MAXPGPATH + 64];
	int			fd;
	bool		ok;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, words, strlen(words)) == (ssize_t) strlen(words);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
make_dir(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static void
value_of(char *words, size_t size, What what, const AgentPlan *plan, bool v2)
{
	int			quota = plan->cpu_percent * (CPU_PERIOD / 100);

	if (what == MEMORY)
		snprintf(words, size, INT64_FORMAT, plan->memory);
	else if (what == PROCESSES)
		snprintf(words, size, "%d", plan->processes);
	else if (v2 && plan->cpu_percent == 0)
		snprintf(words, size, "max %d", CPU_PERIOD);
	else if (v2)
		snprintf(words, size, "%d %d", quota, CPU_PERIOD);
	else
		snprintf(words, size, "%d", plan->cpu_percent ? quota : -1);
}

/* The directory of version 2 below which there is everything that we need; NULL: there is none. */
static const char *
find_v2(const AgentConfig *config)
{
	size_t		i;

	if (config->cgroup_dir)
		return config->cgroup_dir;
	for (i = 0; i < lengthof(v2_roots); i++)
	{
		char		path[MAXPGPATH];
		char		words[512] = "";
		ssize_t		n;
		int			fd;

		snprintf(path, sizeof(path), "%s/cgroup.controllers", v2_roots[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, words, sizeof(words) - 1);
		if (fd >= 0)
			close(fd);
		words[n > 0 ? n : 0] = '\0';
		if (strstr(words, "memory") && strstr(words, "pids"))
			return v2_roots[i];
	}
	return NULL;
}

/* One directory with all of them. */
static void
set_v2(const char *root, const char *name, const AgentPlan *plan, char *cgroups, size_t size, bool done[])
{
	char		parent[MAXPGPATH];
	char		own[MAXPGPATH];
	char		words[64];
	size_t		i;

	snprintf(parent, sizeof(parent), "%s/" GROUP, root);
	snprintf(own, sizeof(own), "%s/%s", parent, name);
	if (!make_dir(parent))
		return;
	for (i = 0; i < lengthof(controllers); i++)
	{
		snprintf(words, sizeof(words), "+%s", controllers[i].name);
		put(root, "cgroup.subtree_control", words);
		put(parent, "cgroup.subtree_control", words);
	}
	if (!make_dir(own))
		return;
	strlcpy(cgroups, own, size);
	for (i = 0; i < lengthof(controllers); i++)
	{
		value_of(words, sizeof(words), controllers[i].what, plan, true);
		done[controllers[i].what] = put(own, controllers[i].v2_file, words);
	}
	/* where swap is not accounted for there is no such file */
	put(own, "memory.swap.max", "0");
}

/* A hierarchy each. */
static void
set_v1(const char *name, const AgentPlan *plan, char *cgroups, size_t size, bool done[])
{
	size_t		i;

	for (i = 0; i < lengthof(controllers); i++)
	{
		char		parent[MAXPGPATH];
		char		own[MAXPGPATH];
		char		words[64];

		snprintf(parent, sizeof(parent), "%s/" GROUP, controllers[i].v1_root);
		snprintf(own, sizeof(own), "%s/%s", parent, name);
		if (access(controllers[i].v1_root, F_OK) != 0 || !make_dir(parent) || !make_dir(own))
			continue;
		value_of(words, sizeof(words), controllers[i].what, plan, false);
		done[controllers[i].what] = put(own, controllers[i].v1_file, words);
		if (cgroups[0])
			strlcat(cgroups, ":", size);
		strlcat(cgroups, own, size);
	}
}

void
agent_limits_set(const AgentConfig *config, const char *name, const AgentPlan *plan, char *cgroups, size_t size, char *words, size_t words_size)
{
	const char *root = find_v2(config);
	bool		done[lengthof(controllers)] = {false};
	char		cpus[64];

	cgroups[0] = '\0';
	if (geteuid() == 0 && root)
		set_v2(root, name, plan, cgroups, size, done);
	else if (geteuid() == 0)
		set_v1(name, plan, cgroups, size, done);
	snprintf(cpus, sizeof(cpus), plan->cpu_percent ? "%d%% of a processor" : "processors in equal shares", plan->cpu_percent);
	if (done[MEMORY] && done[CPU])
		snprintf(words, words_size, INT64_FORMAT " MB of memory, %s, %d processes", plan->memory / MB, cpus, plan->processes);
	else if (done[MEMORY])
		snprintf(words, words_size, INT64_FORMAT " MB of memory, %d processes; processors are not limited", plan->memory / MB, plan->processes);
	else if (geteuid() == 0)
		snprintf(words, words_size, "%d processes; memory and processors are not limited, the host has no cgroups for it", plan->processes);
	else
		snprintf(words, words_size, "not limited, the agent is not root");
}

bool
agent_limits_remove(const char *cgroups)
{
	char		words[2 * MAXPGPATH];
	char	   *rest;
	char	   *where;
	bool		gone = true;

	strlcpy(words, cgroups, sizeof(words));
	for (where = strtok_r(words, ":", &rest); where; where = strtok_r(NULL, ":", &rest))
		gone = (rmdir(where) == 0 || errno != EBUSY) && gone;
	return gone;
}
