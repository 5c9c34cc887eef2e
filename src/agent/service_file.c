/*
 * service_file.c
 *	  A service and its file: services_dir/<id>/order.json, which says {"order",
 *	  "addresses", "deleted", "uid", ...}.
 *
 * See service.h.  What is done with it is provision.c's.
 */
#include "agent/service.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/service_list.h"
#include "agent/service_user.h"
#include "common/json.h"

#define MAX_ORDER (256 * 1024)

AgentService *
agent_service_new(const AgentConfig *config, const char *services_path, const char *id)
{
	AgentService *s = palloc0(sizeof(AgentService));
	pthread_condattr_t attributes;

	strlcpy(s->id, id, sizeof(s->id));
	snprintf(s->dir, sizeof(s->dir), "%s/%s", services_path, id);
	s->config = config;
	s->uid = config->service_uid;
	s->gid = config->service_gid;
	s->primary = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return s;
}

void
agent_service_forget_former(AgentService *s)
{
	if (s->former_password == NULL)
		return;
	explicit_bzero(s->former_password, strlen(s->former_password));
	pfree(s->former_password);
	s->former_password = NULL;
}

void
agent_service_free(AgentService *s)
{
	agent_order_free(&s->order);
	json_object_put(s->wanted);
	if (s->damaged)
		pfree(s->damaged);
	agent_service_forget_former(s);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	pfree(s);
}

bool
agent_service_store(AgentService *s, bool deleted, char **error)
{
	struct json_object *file = json_object_new_object();
	struct json_object *addresses = json_object_new_array();
	struct json_object *order = NULL;
	const char *words;
	bool		ok;
	int			fd;
	int			i;

	pthread_mutex_lock(&s->lock);
	json_object_deep_copy(s->wanted ? s->wanted : s->order.json, &order, NULL);
	for (i = 0; i < s->naddresses; i++)
		json_object_array_add(addresses, json_object_new_string(s->addresses[i]));
	json_object_object_add(file, "order", order);
	json_object_object_add(file, "addresses", addresses);
	json_object_object_add(file, "deleted", json_object_new_boolean(deleted));
	json_object_object_add(file, "network", json_object_new_string(s->network));
	json_object_object_add(file, "network_begun", json_object_new_boolean(s->network_begun));
	json_object_object_add(file, "network_asked", json_object_new_int64(s->network_asked));
	json_object_object_add(file, "uid", json_object_new_int64(s->uid));
	if (s->former_password)
		json_object_object_add(file, "former_password", json_object_new_string(s->former_password));
	json_object_object_add(file, "adopting", json_object_new_boolean(s->adopting));
	words = json_object_to_json_string_ext(file, JSON_C_TO_STRING_PLAIN);
	fd = agent_service_open(s, error);
	ok = fd >= 0 && agent_write_file(fd, AGENT_ORDER_FILE, words, strlen(words), 0600, error);
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&s->lock);
	json_object_put(file);
	return ok;
}

bool
agent_service_save(AgentService *s, char **error)
{
	bool		deleted;
	bool		ok;

	/* a deletion is written down under the list's lock, and must not be undone */
	agent_services_lock();
	pthread_mutex_lock(&s->lock);
	deleted = s->deleted;
	pthread_mutex_unlock(&s->lock);
	ok = agent_service_store(s, deleted, error);
	agent_services_unlock();
	return ok;
}

/*
 * Whose it is: a user of its own, or, of before, the one of all, who could write
 * what he liked into a file that is not root's (kept: it is).
 */
static bool
load_user(AgentService *s, struct json_object *file, bool kept, char **error)
{
	const AgentConfig *config = s->config;
	int64		uid = kept ? cdc_json_int64(file, "uid", -1) : -1;

	s->adopting = kept && cdc_json_true(file, "adopting");
	if (geteuid() == 0 && uid >= 0 && agent_user_is_own(config, (uid_t) uid))
	{
		s->uid = s->gid = (gid_t) uid;
		return true;
	}
	if (geteuid() == 0 && uid >= 0 && (uid_t) uid != config->service_uid)
	{
		*error = psprintf("its user id " INT64_FORMAT " is not in \"service_uids\" %s: set that as it was", uid, config->service_uids);
		return false;
	}
	if (config->service_uid == 0)
	{
		*error = pstrdup("it was made before each service had a user of its own: \"service_user\" must name the user of then");
		return false;
	}
	s->uid = config->service_uid;
	s->gid = config->service_gid;
	/* what he wrote must not be read again as ours */
	return kept || agent_service_store(s, s->deleted, error);
}

AgentService *
agent_service_load(const AgentConfig *config, const char *services_path, const char *id, char **error)
{
	AgentService *s = agent_service_new(config, services_path, id);
	int			fd = agent_service_open(s, error);
	char	   *words = fd < 0 ? NULL : agent_read_file(fd, AGENT_ORDER_FILE, MAX_ORDER, error);
	struct json_object *file = words ? cdc_json_parse(words) : NULL;
	struct json_object *addresses = cdc_json_array(file, "addresses");
	struct stat st;
	bool		kept = fd >= 0 && (geteuid() != 0 || (fstatat(fd, AGENT_ORDER_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == 0));
	bool		ok;
	size_t		i;

	if (fd >= 0)
		close(fd);
	if (words)
	{
		explicit_bzero(words, strlen(words));
		pfree(words);
	}
	if (words == NULL || !agent_order_read(&s->order, cdc_json_get(file, "order"), error))
	{
		json_object_put(file);
		agent_service_free(s);
		return NULL;
	}
	s->deleted = cdc_json_true(file, "deleted");
	for (i = 0; addresses && i < json_object_array_length(addresses) && i < AGENT_MAX_NODES; i++)
	{
		const char *address = json_object_get_string(json_object_array_get_idx(addresses, i));
		struct in_addr parsed;

		/* it becomes a part of files and arguments */
		if (address == NULL || inet_pton(AF_INET, address, &parsed) != 1)
			break;
		strlcpy(s->addresses[i], address, sizeof(s->addresses[i]));
		s->naddresses++;
	}
	strlcpy(s->network, cdc_json_string(file, "network") ? cdc_json_string(file, "network") : "", sizeof(s->network));
	if (cdc_json_string(file, "former_password"))
		s->former_password = pstrdup(cdc_json_string(file, "former_password"));
	s->network_begun = cdc_json_true(file, "network_begun");
	s->network_asked = cdc_json_int64(file, "network_asked", 0);
	ok = load_user(s, file, kept, error);
	json_object_put(file);
	if (!ok)
	{
		agent_service_free(s);
		return NULL;
	}
	s->made = agent_service_has(s, AGENT_MADE_FILE);
	return s;
}

AgentService *
agent_service_damaged(const AgentConfig *config, const char *services_path, const char *id, char *why)
{
	AgentService *s = agent_service_new(config, services_path, id);
	char	   *ignored = NULL;
	int			fd = agent_service_open(s, &ignored);
	struct stat st;

	/* its directory, which is the agent's own, has its user's group: nobody else is given that id */
	if (fd >= 0 && fstat(fd, &st) == 0 && agent_user_is_own(config, (uid_t) st.st_gid))
		s->uid = s->gid = st.st_gid;
	if (fd >= 0)
		close(fd);
	if (ignored)
		pfree(ignored);
	s->damaged = psprintf("its " AGENT_ORDER_FILE " on the host cannot be used: %s; nothing is done to the service until that is mended and the agent started anew", why ? why : "unknown fault");
	if (why)
		pfree(why);
	s->said.state = AGENT_SERVICE_ERROR;
	strlcpy(s->said.message, s->damaged, sizeof(s->said.message));
	return s;
}
