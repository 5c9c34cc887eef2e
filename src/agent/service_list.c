/*
 * service_list.c
 *	  See service_list.h.
 */
#include "agent/service_list.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static AgentService *services[AGENT_MAX_SERVICES];	/* NULL: free */
static char services_path[MAXPGPATH];	/* as the kernel names it */
static int	services_fd = -1;

bool
agent_services_open(const AgentConfig *config, char **error)
{
	struct stat st;
	char	   *found;

	services_fd = agent_open_dir(AT_FDCWD, config->services_dir, 0711, true, error);
	if (services_fd < 0)
		return false;
	if (fstat(services_fd, &st) != 0 || (st.st_mode & 022) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))
	{
		*error = psprintf("services_dir \"%s\" may be written by others: it must be the agent's own, chmod go-w it", config->services_dir);
		return false;
	}
	/* the kernel's name: that of working directories in /proc */
	found = realpath(config->services_dir, NULL);
	if (found == NULL || strlen(found) > sizeof(services_path) - 256)
	{
		*error = psprintf("services_dir \"%s\" has no usable path", config->services_dir);
		free(found);
		return false;
	}
	strlcpy(services_path, found, sizeof(services_path));
	free(found);
	return true;
}

int
agent_services_dir(void)
{
	return services_fd;
}

const char *
agent_services_path(void)
{
	return services_path;
}

void
agent_services_lock(void)
{
	pthread_mutex_lock(&list_lock);
}

void
agent_services_unlock(void)
{
	pthread_mutex_unlock(&list_lock);
}

AgentService *
agent_services_find(const char *id)
{
	int			i;

	for (i = 0; i < AGENT_MAX_SERVICES; i++)
	{
		if (services[i] && strcmp(services[i]->id, id) == 0)
			return services[i];
	}
	return NULL;
}

bool
agent_services_add(AgentService *service, char **error)
{
	int			i;

	for (i = 0; i < AGENT_MAX_SERVICES && services[i]; i++)
		;
	if (i == AGENT_MAX_SERVICES)
	{
		*error = psprintf("there are %d services, which is all that one agent watches over", AGENT_MAX_SERVICES);
		return false;
	}
	services[i] = service;
	return true;
}

void
agent_services_drop(const AgentService *service)
{
	int			i;

	for (i = 0; i < AGENT_MAX_SERVICES; i++)
	{
		if (services[i] == service)
			services[i] = NULL;
	}
}

AgentService *
agent_services_next(int *position)
{
	while (*position < AGENT_MAX_SERVICES)
	{
		AgentService *service = services[(*position)++];

		if (service)
			return service;
	}
	return NULL;
}

bool
agent_services_has_block(uint32 first)
{
	int			i;
	int			n;

	for (i = 0; i < AGENT_MAX_SERVICES; i++)
	{
		for (n = 0; services[i] && n < services[i]->naddresses; n++)
		{
			struct in_addr address;

			inet_pton(AF_INET, services[i]->addresses[n], &address);
			if (ntohl(address.s_addr) - first < AGENT_BLOCK)
				return true;
		}
	}
	return false;
}

bool
agent_services_has_user(uid_t uid)
{
	int			i;

	for (i = 0; i < AGENT_MAX_SERVICES; i++)
	{
		if (services[i] && services[i]->uid == uid)
			return true;
	}
	return false;
}
