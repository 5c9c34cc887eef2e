/*
 * provision.c
 *	  See provision.h.  The list of services, their order files, their threads.
 *
 * services_dir/<id>/order.json is written before anything else of a service and
 * says {"order", "addresses", "deleted"}; what else is in the directory is made
 * by the two kinds' own files.  A directory without an order is a leftover.
 * services_dir/deleted.json has the ids that were taken back within a day: an
 * order that was sent before and comes late makes nothing.
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
#include "agent/service_user.h"
#include "common/clock.h"
#include "common/json.h"

#define ORDER_FILE "order.json"
#define DELETED_FILE "deleted.json"
#define DELETED_SECONDS (24 * 60 * 60)
#define MAX_DELETED (16 * 1024 * 1024)
#define GONE_PREFIX ".gone-"
#define MAX_ORDER (256 * 1024)
#define MAX_SERVICES 256
#define END_RETRY_MS 500

static const AgentConfig *config;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static AgentService *services[MAX_SERVICES];	/* NULL: free */
static struct json_object *taken_back;	/* id -> seconds since 1970 */
static char services_path[MAXPGPATH];	/* as the kernel names it */
static int	services_fd = -1;

/* -- addresses --------------------------------------------------------------- */

/* Has a service an address of the block that begins at first? */
static bool
is_used(uint32 first)
{
	int			i;
	int			n;

	for (i = 0; i < MAX_SERVICES; i++)
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

static bool
is_free(const AgentService *s, const char *address)
{
	static const int pg_ports[] = {5432, 0};
	static const int kafka_ports[] = {9093, 9094, 8083, 8085, 0};
	const int  *ports = s->order.kafka ? kafka_ports : pg_ports;

	for (; *ports; ports++)
	{
		if (agent_port_taken(address, *ports))
			return false;
	}
	return true;
}

/*
 * Finds a block of addresses of its own, in which each node has one where its
 * ports are free, and writes them down before anything listens there.
 */
static bool
find_addresses(AgentService *s, char **error)
{
	char		found[AGENT_MAX_NODES][INET_ADDRSTRLEN];
	int			wanted = s->order.kafka ? 1 : s->order.nodes;
	int			n = 0;
	uint32		block;
	uint32		i;

	pthread_mutex_lock(&list_lock);
	for (block = 0; n < wanted && block < config->address_count; block += AGENT_BLOCK)
	{
		if (is_used(config->address_first + block))
			continue;
		/* neither the network's address nor that of broadcasts */
		for (i = 1, n = 0; n < wanted && i < AGENT_BLOCK - 1; i++)
		{
			struct in_addr address = {htonl(config->address_first + block + i)};

			inet_ntop(AF_INET, &address, found[n], INET_ADDRSTRLEN);
			if (is_free(s, found[n]))
				n++;
		}
	}
	if (n == wanted)
	{
		memcpy(s->addresses, found, sizeof(s->addresses));
		s->naddresses = n;
	}
	pthread_mutex_unlock(&list_lock);
	if (n < wanted)
	{
		*error = psprintf("no address of %s has its ports free (%s): set service_addresses of the agent to a larger range", config->service_addresses,
						  s->order.kafka ? "9093, 9094, 8083 and 8085" : "5432");
		return false;
	}
	if (agent_service_save(s, error))
		return true;
	pthread_mutex_lock(&list_lock);
	s->naddresses = 0;
	pthread_mutex_unlock(&list_lock);
	return false;
}

/* -- the order's file --------------------------------------------------------- */

static bool
write_order(AgentService *s, bool deleted, char **error)
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
	json_object_object_add(file, "adopting", json_object_new_boolean(s->adopting));
	words = json_object_to_json_string_ext(file, JSON_C_TO_STRING_PLAIN);
	fd = agent_service_open(s, error);
	ok = fd >= 0 && agent_write_file(fd, ORDER_FILE, words, strlen(words), 0600, error);
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
	pthread_mutex_lock(&list_lock);
	pthread_mutex_lock(&s->lock);
	deleted = s->deleted;
	pthread_mutex_unlock(&s->lock);
	ok = write_order(s, deleted, error);
	pthread_mutex_unlock(&list_lock);
	return ok;
}

static AgentService *
make_service(const char *id)
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

/* Has a service this id?  Under the list's lock. */
static bool
is_users(uid_t uid)
{
	int			i;

	for (i = 0; i < MAX_SERVICES; i++)
	{
		if (services[i] && services[i]->uid == uid)
			return true;
	}
	return false;
}

bool
agent_service_take_user(AgentService *s, char **error)
{
	bool		ok;

	pthread_mutex_lock(&list_lock);
	ok = agent_user_find(is_users, &s->uid, error);
	if (ok)
	{
		s->gid = (gid_t) s->uid;
		s->adopting = true;
	}
	pthread_mutex_unlock(&list_lock);
	return ok && agent_service_save(s, error);
}

static void
free_service(AgentService *s)
{
	agent_order_free(&s->order);
	json_object_put(s->wanted);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	pfree(s);
}

/* Whose it is: a user of its own, or, of before, the one of all. */
static bool
load_user(AgentService *s, struct json_object *file, char **error)
{
	int64		uid = cdc_json_int64(file, "uid", -1);

	s->adopting = cdc_json_true(file, "adopting");
	if (geteuid() == 0 && uid >= 0 && (uid_t) uid - config->uid_first < config->uid_count)
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
	return agent_service_take_over(s, error);
}

/* A service from its file; NULL with *error: damaged. */
static AgentService *
load_service(const char *id, char **error)
{
	AgentService *s = make_service(id);
	int			fd = agent_service_open(s, error);
	char	   *words = fd < 0 ? NULL : agent_read_file(fd, ORDER_FILE, MAX_ORDER, error);
	struct json_object *file = words ? cdc_json_parse(words) : NULL;
	struct json_object *addresses = cdc_json_array(file, "addresses");
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
		free_service(s);
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
	s->network_begun = cdc_json_true(file, "network_begun");
	s->network_asked = cdc_json_int64(file, "network_asked", 0);
	ok = load_user(s, file, error);
	json_object_put(file);
	if (!ok)
	{
		free_service(s);
		return NULL;
	}
	s->made = agent_service_has(s, AGENT_MADE_FILE);
	return s;
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
	snprintf(name, sizeof(name), "%s.%llu", s->id, (unsigned long long) (fstat(services_fd, &st) == 0 ? st.st_ino : 0));
	agent_limits_set(config, name, &plan, s->cgroups, sizeof(s->cgroups), s->seen.limits, sizeof(s->seen.limits));
}

static void *
attend(void *arg)
{
	AgentService *s = arg;
	char	   *error = NULL;
	bool		deleted = s->deleted;
	int			i;

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
	pthread_mutex_lock(&list_lock);
	for (i = 0; i < MAX_SERVICES; i++)
	{
		if (services[i] == s)
			services[i] = NULL;
	}
	pthread_mutex_unlock(&list_lock);
	fprintf(stderr, "cdc_agent: service %s: gone\n", s->id);
	free_service(s);
	return NULL;
}

/* Under the list's lock. */
static bool
begin(AgentService *s, char **error)
{
	pthread_t	thread;
	int			i;

	for (i = 0; i < MAX_SERVICES && services[i]; i++)
		;
	if (i == MAX_SERVICES)
	{
		*error = psprintf("there are %d services, which is all that one agent watches over", MAX_SERVICES);
		return false;
	}
	services[i] = s;
	if (pthread_create(&thread, NULL, attend, s) != 0)
	{
		services[i] = NULL;
		*error = psprintf("no thread: %m");
		return false;
	}
	pthread_detach(thread);
	return true;
}

static AgentService *
find(const char *id)
{
	int			i;

	for (i = 0; i < MAX_SERVICES; i++)
	{
		if (services[i] && strcmp(services[i]->id, id) == 0)
			return services[i];
	}
	return NULL;
}

/* -- what was taken back ---------------------------------------------------------- */

static bool
load_taken_back(char **error)
{
	char	   *words;

	taken_back = json_object_new_object();
	if (!agent_exists(services_fd, DELETED_FILE))
		return true;
	words = agent_read_file(services_fd, DELETED_FILE, MAX_DELETED, error);
	if (words == NULL)
		return false;
	json_object_put(taken_back);
	taken_back = cdc_json_parse(words);
	pfree(words);
	if (json_object_is_type(taken_back, json_type_object))
		return true;
	*error = pstrdup(DELETED_FILE " in services_dir is damaged: remove it when no order can be under way");
	return false;
}

/* Writes an id down, and forgets those of yesterday.  Under the list's lock. */
static bool
note_taken_back(const char *id, char **error)
{
	struct json_object *kept;
	const char *words;
	int64		now = (int64) time(NULL);

	if (cdc_json_get(taken_back, id))
		return true;
	kept = json_object_new_object();
	{
		json_object_object_foreach(taken_back, key, value)
		{
			if (json_object_get_int64(value) > now - DELETED_SECONDS)
				json_object_object_add(kept, key, json_object_get(value));
		}
	}
	json_object_object_add(kept, id, json_object_new_int64(now));
	words = json_object_to_json_string_ext(kept, JSON_C_TO_STRING_PLAIN);
	if (!agent_write_file(services_fd, DELETED_FILE, words, strlen(words), 0600, error))
	{
		json_object_put(kept);
		return false;
	}
	json_object_put(taken_back);
	taken_back = kept;
	return true;
}

/* -- for the API ----------------------------------------------------------------- */

bool
agent_provision_init(const AgentConfig *c, char **error)
{
	DIR		   *dir;
	struct dirent *entry;
	struct stat st;
	char	   *found;
	bool		ok = true;

	config = c;
	if (!agent_beneath_init(error) || !agent_user_init(c, error))
		return false;
	services_fd = agent_open_dir(AT_FDCWD, c->services_dir, 0711, true, error);
	if (services_fd < 0)
		return false;
	if (fstat(services_fd, &st) != 0 || (st.st_mode & 022) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))
	{
		*error = psprintf("services_dir \"%s\" may be written by others: it must be the agent's own, chmod go-w it", c->services_dir);
		return false;
	}
	/* the kernel's name: that of working directories in /proc */
	found = realpath(c->services_dir, NULL);
	if (found == NULL || strlen(found) > sizeof(services_path) - 256)
	{
		*error = psprintf("services_dir \"%s\" has no usable path", c->services_dir);
		free(found);
		return false;
	}
	strlcpy(services_path, found, sizeof(services_path));
	free(found);
	if (!load_taken_back(error))
		return false;
	dir = opendir(c->services_dir);
	pthread_mutex_lock(&list_lock);
	while (ok && dir && (entry = readdir(dir)) != NULL)
	{
		AgentService *s;
		char		path[2 * NAMEDATALEN + 512];
		char	   *fault = NULL;

		snprintf(path, sizeof(path), "%s/" ORDER_FILE, entry->d_name);
		if (strncmp(entry->d_name, GONE_PREFIX, sizeof(GONE_PREFIX) - 1) == 0)
			ok = agent_beneath_remove(services_fd, entry->d_name, error);
		else if (entry->d_name[0] == '.' || fstatat(services_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
			continue;
		else if (!agent_exists(services_fd, path))
			ok = agent_beneath_remove(services_fd, entry->d_name, error);
		else if ((s = load_service(entry->d_name, &fault)) == NULL)
		{
			*error = psprintf("%s/%s/" ORDER_FILE " is damaged: %s", c->services_dir, entry->d_name, fault ? fault : "");
			ok = false;
		}
		else
			ok = begin(s, error);
	}
	pthread_mutex_unlock(&list_lock);
	if (dir)
		closedir(dir);
	return ok;
}

int
agent_provision_dir(void)
{
	return services_fd;
}

/*
 * A new service's directory, with its order.  It is the agent's: its user, whose
 * group it has, can go through it and change nothing in it.
 */
static bool
make_dir(AgentService *s, char **error)
{
	mode_t		mode = config->uid_count > 0 ? 0710 : 0700;
	bool		ok;
	int			fd;

	if (config->uid_count > 0)
	{
		/* what is left of one of this id is of another user */
		if (!agent_beneath_remove(services_fd, s->id, error) || !agent_user_find(is_users, &s->uid, error))
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
	return ok && write_order(s, false, error);
}

/* A new service: its directory and its order, then its thread. */
static int
add(const char *id, AgentOrder *order, char **error)
{
	AgentService *s = make_service(id);
	struct json_object *copy = NULL;

	/* threads share no JSON: json-c counts references without a lock */
	json_object_deep_copy(order->json, &copy, NULL);
	agent_order_read(&s->order, copy, error);
	json_object_put(copy);
	if (make_dir(s, error) && begin(s, error))
		return 0;
	free_service(s);
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
	pthread_mutex_lock(&list_lock);
	s = find(id);
	if (s == NULL && cdc_json_get(taken_back, id))
	{
		*error = pstrdup("a service of this id was deleted here");
		status = 409;
	}
	else if (s == NULL)
		status = add(id, &order, error);
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
			json_object_put(s->wanted);
			s->wanted = NULL;
			json_object_deep_copy(object, &s->wanted, NULL);
			pthread_mutex_unlock(&s->lock);
			if (!write_order(s, false, error))
				status = 500;
			pthread_mutex_lock(&s->lock);
			pthread_cond_broadcast(&s->changed);
		}
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_unlock(&list_lock);
	agent_order_free(&order);
	return status;
}

bool
agent_provision_delete(const char *id, char **error)
{
	AgentService *s;
	bool		ok = true;

	pthread_mutex_lock(&list_lock);
	s = find(id);
	/* without the intent on disk nothing is taken away */
	ok = note_taken_back(id, error);
	if (ok && s && !s->deleted)
	{
		ok = write_order(s, true, error);
		pthread_mutex_lock(&s->lock);
		s->deleted = ok;
		if (ok)
			s->said.state = AGENT_SERVICE_DELETING;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_unlock(&list_lock);
	return ok;
}

struct json_object *
agent_provision_object(const char *id)
{
	AgentService *s;
	struct json_object *object;

	pthread_mutex_lock(&list_lock);
	s = find(id);
	object = s ? agent_service_object(s) : NULL;
	pthread_mutex_unlock(&list_lock);
	return object;
}

struct json_object *
agent_provision_list(void)
{
	struct json_object *list = json_object_new_array();
	int			i;

	pthread_mutex_lock(&list_lock);
	for (i = 0; i < MAX_SERVICES; i++)
	{
		if (services[i])
			json_object_array_add(list, agent_service_object(services[i]));
	}
	pthread_mutex_unlock(&list_lock);
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
