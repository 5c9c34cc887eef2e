/*
 * provision.c
 *	  See provision.h.  What the API asks of services, and the thread of each.
 *
 * services_dir/<id>/order.json is written before anything else of a service and
 * says {"order", "addresses", "deleted"}; what else is in the directory is made
 * by the two kinds' own files.  A directory without an order is a leftover.
 */
#include "agent/provision.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/limits.h"
#include "agent/network.h"
#include "agent/service.h"
#include "agent/service_list.h"
#include "agent/service_user.h"
#include "agent/taken_back.h"
#include "common/clock.h"
#include "common/json.h"

#define GONE_PREFIX ".gone-"
#define END_RETRY_MS 500

static const AgentConfig *config;

/* Finds addresses, and writes them down before anything listens there. */
static bool
find_addresses(AgentService *s, char **error)
{
	bool		found;

	agent_services_lock();
	found = agent_address_find(s, agent_services_has_block, error);
	agent_services_unlock();
	if (!found || agent_service_save(s, error))
		return found;
	agent_services_lock();
	s->naddresses = 0;
	agent_services_unlock();
	return false;
}

/* -- the thread ---------------------------------------------------------------- */

static void
take_wanted(AgentService *s)
{
	AgentOrder	order;
	char	   *error = NULL;

	if (s->wanted == NULL)
		return;
	if (agent_order_read(&order, s->wanted, &error))
	{
		agent_order_free(&s->order);
		s->order = order;
	}
	json_object_put(s->wanted);
	s->wanted = NULL;
}

/* Waits, but not when there is news. */
static void
wait_for_news(AgentService *s, int ms)
{
	int64		until = cdc_clock_ms() + ms;
	struct timespec ts = {until / 1000, (until % 1000) * 1000000};

	pthread_mutex_lock(&s->lock);
	while (!s->deleted && s->wanted == NULL && cdc_clock_ms() < until)
		pthread_cond_timedwait(&s->changed, &s->lock, &ts);
	take_wanted(s);
	pthread_mutex_unlock(&s->lock);
}

static bool
end_service(AgentService *s, char **error)
{
	int			services_fd = agent_services_dir();
	char		gone[sizeof(GONE_PREFIX) + sizeof(s->id)];

	snprintf(gone, sizeof(gone), GONE_PREFIX "%s", s->id);
	if (!(s->order.kafka ? agent_kafka_end(s) : agent_pg_end(s)))
	{
		*error = pstrdup("processes of the service are still ending");
		return false;
	}
	/* what has given up its lock, or was left by another way */
	if (!agent_user_end(config, s->uid))
	{
		*error = pstrdup("processes of the service's user are still ending");
		return false;
	}
	if (!agent_limits_remove(s->cgroups))
	{
		*error = pstrdup("the service's cgroup is still in use");
		return false;
	}
	if (!agent_network_remove(s, error))
		return false;
	agent_user_clean(config, s->uid);
	if (!agent_beneath_remove(services_fd, gone, error))
		return false;
	if (agent_exists(services_fd, s->id) && !agent_rename(services_fd, s->id, services_fd, gone, error))
		return false;
	return agent_beneath_remove(services_fd, gone, error);
}

/* Sets its limits, after a start of the agent and when its plan has changed. */
static void
hold(AgentService *s)
{
	AgentPlan	plan = agent_limits_of(config, s->order.plan);
	char		name[96];
	struct stat st;

	if (memcmp(&plan, &s->held, sizeof(plan)) == 0)
		return;
	s->held = plan;
	/* of this agent: another one of the host may have been given the same id */
	snprintf(name, sizeof(name), "%s.%llu", s->id, (unsigned long long) (fstat(agent_services_dir(), &st) == 0 ? st.st_ino : 0));
	agent_limits_set(config, name, &plan, s->cgroups, sizeof(s->cgroups), s->seen.limits, sizeof(s->seen.limits));
}

static void *
attend(void *arg)
{
	AgentService *s = arg;
	char	   *error = NULL;
	bool		deleted = s->deleted;

	while (!deleted)
	{
		int			wait;

		hold(s);
		if (!agent_service_adopt(s, &error) || (s->naddresses == 0 && !find_addresses(s, &error)) || !agent_network_make(s, &error))
		{
			wait = agent_service_fault(s, error);
			error = NULL;
		}
		else
			wait = s->order.kafka ? agent_kafka_step(s) : agent_pg_step(s);
		agent_service_publish(s);
		wait_for_news(s, wait);
		pthread_mutex_lock(&s->lock);
		deleted = s->deleted;
		pthread_mutex_unlock(&s->lock);
	}
	while (!end_service(s, &error))
	{
		struct timespec ts = {0, END_RETRY_MS * 1000000L};

		strlcpy(s->seen.message, error, sizeof(s->seen.message));
		pfree(error);
		error = NULL;
		agent_service_publish(s);
		nanosleep(&ts, NULL);
	}
	agent_services_lock();
	agent_services_drop(s);
	agent_services_unlock();
	fprintf(stderr, "cdc_agent: service %s: gone\n", s->id);
	agent_service_free(s);
	return NULL;
}

/* Under the list's lock. */
static bool
begin(AgentService *s, char **error)
{
	pthread_t	thread;

	if (!agent_services_add(s, error))
		return false;
	if (pthread_create(&thread, NULL, attend, s) != 0)
	{
		agent_services_drop(s);
		*error = psprintf("no thread: %m");
		return false;
	}
	pthread_detach(thread);
	return true;
}

/* Can nothing be done to it?  s may be NULL. */
static bool
is_damaged(const AgentService *s, char **error)
{
	if (s == NULL || s->damaged == NULL)
		return false;
	*error = pstrdup(s->damaged);
	return true;
}

/*
 * Goes on with what is in a directory of services_dir.  What is wrong with one
 * service is that one's, and told; false with *error is a fault of the agent.
 */
static bool
go_on_with(const char *name, char **error)
{
	int			services_fd = agent_services_dir();
	AgentService *s;
	struct stat st;
	char		path[2 * NAMEDATALEN + 512];
	char	   *fault = NULL;
	int			dir;
	bool		leftover = strncmp(name, GONE_PREFIX, sizeof(GONE_PREFIX) - 1) == 0;

	if (!leftover && (name[0] == '.' || fstatat(services_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode)))
		return true;
	snprintf(path, sizeof(path), "%s/" AGENT_ORDER_FILE, name);
	if (leftover || !agent_exists(services_fd, path))
	{
		if (!agent_beneath_remove(services_fd, name, &fault))
			fprintf(stderr, "cdc_agent: %s, which is left of a service, cannot be removed: %s\n", name, fault ? fault : "unknown fault");
		if (fault)
			pfree(fault);
		return true;
	}
	s = agent_service_load(config, agent_services_path(), name, &fault);
	if (s && (dir = agent_service_open(s, &fault)) >= 0)
	{
		agent_remove_leftovers(dir, 0);
		close(dir);
		if (agent_service_take_over(s, &fault))
			return begin(s, error);
	}
	if (s)
		agent_service_free(s);
	s = agent_service_damaged(config, agent_services_path(), name, fault);
	fprintf(stderr, "cdc_agent: service %s: %s\n", s->id, s->damaged);
	return agent_services_add(s, error);
}

/* -- for the API ----------------------------------------------------------------- */

bool
agent_provision_init(const AgentConfig *c, char **error)
{
	DIR		   *dir;
	struct dirent *entry;
	bool		ok = true;

	config = c;
	if (!agent_beneath_init(error) || !agent_user_init(c, error) || !agent_services_open(c, error))
		return false;
	agent_remove_leftovers(agent_services_dir(), 0);
	if (!agent_taken_back_init(agent_services_dir(), error))
		return false;
	dir = opendir(c->services_dir);
	agent_services_lock();
	while (ok && dir && (entry = readdir(dir)) != NULL)
		ok = go_on_with(entry->d_name, error);
	agent_services_unlock();
	if (dir)
		closedir(dir);
	return ok;
}

/*
 * A new service's directory, with its order.  It is the agent's: its user, whose
 * group it has, can go through it and change nothing in it.
 */
static bool
make_dir(AgentService *s, char **error)
{
	mode_t		mode = config->uid_count > 0 ? 0710 : 0700;
	int			services_fd = agent_services_dir();
	bool		ok;
	int			fd;

	if (config->uid_count > 0)
	{
		/* what is left of one of this id is of another user */
		if (!agent_beneath_remove(services_fd, s->id, error) || !agent_user_find(agent_services_has_user, &s->uid, error))
			return false;
		s->gid = (gid_t) s->uid;
	}
	if (mkdirat(services_fd, s->id, mode) != 0 && errno != EEXIST)
	{
		*error = psprintf("could not make the service's directory: %m");
		return false;
	}
	fd = agent_service_open(s, error);
	if (fd < 0)
		return false;
	ok = (geteuid() != 0 || fchown(fd, 0, s->gid) == 0) && fchmod(fd, mode) == 0 && (mkdirat(fd, "log", 0700) == 0 || errno == EEXIST);
	if (!ok)
		*error = psprintf("could not make the service's directory: %m");
	close(fd);
	return ok && agent_service_store(s, false, error);
}

/* A new service: its directory and its order, then its thread. */
static int
add(const char *id, AgentOrder *order, char **error)
{
	AgentService *s = agent_service_new(config, agent_services_path(), id);
	struct json_object *copy = NULL;

	/* threads share no JSON: json-c counts references without a lock */
	json_object_deep_copy(order->json, &copy, NULL);
	agent_order_read(&s->order, copy, error);
	json_object_put(copy);
	if (make_dir(s, error) && begin(s, error))
		return 0;
	agent_service_free(s);
	return 500;
}

int
agent_provision_put(const char *id, struct json_object *object, char **error)
{
	AgentOrder	order;
	AgentService *s;
	const char *conflict;
	int			status = 0;

	if (!agent_order_read(&order, object, error))
		return 400;
	agent_services_lock();
	s = agent_services_find(id);
	if (s == NULL && agent_taken_back_has(id))
	{
		*error = pstrdup("a service of this id was deleted here");
		status = 409;
	}
	else if (s == NULL)
		status = add(id, &order, error);
	else if (is_damaged(s, error))
		status = 500;
	else
	{
		pthread_mutex_lock(&s->lock);
		conflict = agent_order_conflict(&s->order, &order);
		if (s->deleted)
		{
			*error = pstrdup("a service of this id is being deleted");
			status = 409;
		}
		else if (conflict)
		{
			*error = psprintf("\"%s\" of a service cannot be changed", conflict);
			status = 409;
		}
		else if (!json_object_equal(s->wanted ? s->wanted : s->order.json, object))
		{
			if (s->former_password == NULL && strcmp(s->order.admin_password, order.admin_password) != 0)
				s->former_password = pstrdup(s->order.admin_password);
			json_object_put(s->wanted);
			s->wanted = NULL;
			json_object_deep_copy(object, &s->wanted, NULL);
			pthread_mutex_unlock(&s->lock);
			if (!agent_service_store(s, false, error))
				status = 500;
			pthread_mutex_lock(&s->lock);
			pthread_cond_broadcast(&s->changed);
		}
		pthread_mutex_unlock(&s->lock);
	}
	agent_services_unlock();
	agent_order_free(&order);
	return status;
}

bool
agent_provision_delete(const char *id, char **error)
{
	AgentService *s;
	bool		ok = true;

	agent_services_lock();
	s = agent_services_find(id);
	/* without the intent on disk nothing is taken away */
	ok = !is_damaged(s, error) && agent_taken_back_note(id, error);
	if (ok && s && !s->deleted)
	{
		ok = agent_service_store(s, true, error);
		pthread_mutex_lock(&s->lock);
		s->deleted = ok;
		if (ok)
			s->said.state = AGENT_SERVICE_DELETING;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	agent_services_unlock();
	return ok;
}

struct json_object *
agent_provision_object(const char *id, char **error)
{
	AgentService *s;
	struct json_object *object;

	agent_services_lock();
	s = agent_services_find(id);
	object = s && !is_damaged(s, error) ? agent_service_object(s) : NULL;
	agent_services_unlock();
	return object;
}

struct json_object *
agent_provision_list(void)
{
	struct json_object *list = json_object_new_array();
	AgentService *s;
	int			position = 0;

	agent_services_lock();
	while ((s = agent_services_next(&position)) != NULL)
		json_object_array_add(list, agent_service_object(s));
	agent_services_unlock();
	return list;
}

static int
by_words(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(struct json_object *const *) a), json_object_get_string(*(struct json_object *const *) b));
}

/* Names in a directory that have this file (NULL: any) in them. */
static struct json_object *
versions_in(const char *where, const char *file)
{
	struct json_object *list = json_object_new_array();
	DIR		   *dir = where ? opendir(where) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
	{
		char		path[MAXPGPATH + 512];

		snprintf(path, sizeof(path), "%s/%s/%s", where, entry->d_name, file);
		if (entry->d_name[0] != '.' && access(path, F_OK) == 0)
			json_object_array_add(list, json_object_new_string(entry->d_name));
	}
	if (dir)
		closedir(dir);
	json_object_array_sort(list, by_words);
	return list;
}

struct json_object *
agent_provision_versions(void)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "postgresql", versions_in(config->postgresql_dir, "bin/postgres"));
	json_object_object_add(object, "kafka", versions_in(config->kafka_dir, "."));
	return object;
}
