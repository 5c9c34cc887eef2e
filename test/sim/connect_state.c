/*
 * connect_state.c
 *	  The connectors of the simulated cluster, and what a request does to them.
 *
 * See connect_sim.h.  Codes and texts are those of Kafka 3.9:
 * ConnectorsResource, ConnectorPluginsResource, AbstractHerder,
 * DistributedHerder, HerderRequestHandler.
 */
#include "connect_sim.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEBEZIUM "io.debezium.connector.postgresql.PostgresConnector"
#define WORKER_ID "127.0.0.1:8083"

#define OFFSETS_NOT_STOPPED \
	"Connectors must be in the STOPPED state before their offsets can be modified. " \
	"This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/%s/stop' endpoint"

static SimConnector *connectors;

SimAnswer
sim_error(int status, const char *format,...)
{
	struct json_object *object = json_object_new_object();
	char	   *message;
	va_list		args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		abort();
	va_end(args);
	json_object_object_add(object, "error_code", json_object_new_int(status));
	json_object_object_add(object, "message", json_object_new_string(message));
	free(message);
	return sim_json(status, object);
}

static SimAnswer
empty(int status)
{
	SimAnswer	answer = {status, NULL, NULL};

	return answer;
}

const char *
sim_config(struct json_object *config, const char *key, const char *missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(config, key, &value) || value == NULL)
		return missing;
	return json_object_get_string(value);
}

static struct json_object *
copy_of(struct json_object *object)
{
	struct json_object *copy = NULL;

	json_object_deep_copy(object, &copy, NULL);
	return copy;
}

static SimConnector *
find(const char *name, bool make)
{
	SimConnector *c;
	SimConnector **last;

	for (last = &connectors; (c = *last) != NULL; last = &c->next)
	{
		if (strcmp(c->name, name) == 0)
			return c;
	}
	if (!make)
		return NULL;
	c = calloc(1, sizeof(SimConnector));
	c->name = strdup(name);
	c->target = "STOPPED";
	*last = c;
	return c;
}

static SimConnector *
existing(const char *name)
{
	SimConnector *c = find(name, false);

	return c != NULL && c->exists ? c : NULL;
}

static void
wake(SimTask *task)
{
	uint64_t	one = 1;

	if (write(task->wake, &one, sizeof(one)) < 0)
		perror("connect_sim: eventfd");
}

static void
forget_task(SimConnector *c)
{
	SimTask    *task = c->task;

	c->task = NULL;
	close(task->wake);
	json_object_put(task->config);
	free(task->trace);
	free(task);
}

void
sim_follow(SimConnector *c)
{
	bool		wanted = c->exists && strcmp(c->target, "STOPPED") != 0;

	if (c->task != NULL && (!wanted || c->task->version != c->version || c->restart || c->task->stop))
	{
		if (!c->task->ended)
		{
			if (!c->task->stop)
			{
				c->task->stop = true;
				wake(c->task);
			}
			return;				/* its thread calls again when it is over */
		}
		forget_task(c);
	}
	if (wanted && c->task == NULL)
	{
		SimTask    *task = calloc(1, sizeof(SimTask));

		task->connector = c;
		task->config = copy_of(c->config);
		task->version = c->version;
		task->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		task->state = c->restart ? "RESTARTING" : "UNASSIGNED";
		c->restart = false;
		c->task = task;
		c->counters.starts++;
		if (sim_task_pretends(task->config))
			sim_task_pretend(task);
		else if (task->wake < 0 || !sim_task_start(task))
		{
			task->ended = true;
			task->state = "FAILED";
			task->trace = strdup("java.lang.OutOfMemoryError: unable to create native thread");
		}
	}
}

static struct json_object *
status_of(SimConnector *c)
{
	struct json_object *status = json_object_new_object();
	struct json_object *connector = json_object_new_object();
	struct json_object *tasks = json_object_new_array();

	json_object_object_add(connector, "state", json_object_new_string(c->target));
	json_object_object_add(connector, "worker_id", json_object_new_string(WORKER_ID));
	if (c->task != NULL)
	{
		struct json_object *task = json_object_new_object();
		const char *state = c->task->state;

		if (strcmp(state, "RUNNING") == 0 && strcmp(c->target, "PAUSED") == 0)
			state = "PAUSED";
		json_object_object_add(task, "id", json_object_new_int(0));
		json_object_object_add(task, "state", json_object_new_string(state));
		json_object_object_add(task, "worker_id", json_object_new_string(WORKER_ID));
		if (c->task->trace != NULL)
			json_object_object_add(task, "trace", json_object_new_string(c->task->trace));
		json_object_array_add(tasks, task);
	}
	json_object_object_add(status, "name", json_object_new_string(c->name));
	json_object_object_add(status, "connector", connector);
	json_object_object_add(status, "tasks", tasks);
	json_object_object_add(status, "type", json_object_new_string("source"));
	return status;
}

/* A configuration takes another's place; the text is made once, not for each list. */
static void
set_config(SimConnector *c, struct json_object *config)
{
	if (c->config != NULL)
		json_object_put(c->config);
	free(c->config_text);
	c->config = config;
	c->config_text = strdup(json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Without its configuration. */
static struct json_object *
short_info_of(SimConnector *c)
{
	struct json_object *info = json_object_new_object();
	struct json_object *tasks = json_object_new_array();

	if (strcmp(c->target, "STOPPED") != 0)
	{
		struct json_object *task = json_object_new_object();

		json_object_object_add(task, "connector", json_object_new_string(c->name));
		json_object_object_add(task, "task", json_object_new_int(0));
		json_object_array_add(tasks, task);
	}
	json_object_object_add(info, "name", json_object_new_string(c->name));
	json_object_object_add(info, "tasks", tasks);
	json_object_object_add(info, "type", json_object_new_string("source"));
	return info;
}

static struct json_object *
info_of(SimConnector *c)
{
	struct json_object *info = short_info_of(c);

	json_object_object_add(info, "config", copy_of(c->config));
	return info;
}

/* Writes an object of an expanded list, but for its end; more: a configuration follows as its last member. */
static void
write_object(FILE *out, const char *key, struct json_object *object, const char *config)
{
	const char *words = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	fprintf(out, "\"%s\":%.*s", key, (int) strlen(words) - 1, words);
	if (config)
		fprintf(out, ",\"config\":%s", config);
	fputc('}', out);
	json_object_put(object);
}

/* A list of thousands is asked for all the time: it is written, not built. */
static SimAnswer
list_expanded(bool with_status, bool with_info)
{
	SimAnswer	answer = {200, NULL, NULL};
	size_t		size;
	FILE	   *out = open_memstream(&answer.body, &size);
	const char *between = "";
	SimConnector *c;

	fputc('{', out);
	for (c = connectors; c != NULL; c = c->next)
	{
		/* One without a status yet is left out of an expanded list. */
		if (!c->exists || (with_status && sim_now() - c->made_at < sim_settings.status_ms))
			continue;
		fprintf(out, "%s\"%s\":{", between, c->name);
		between = ",";
		if (with_info)
			write_object(out, "info", short_info_of(c), c->config_text);
		if (with_info && with_status)
			fputc(',', out);
		if (with_status)
			write_object(out, "status", status_of(c), NULL);
		fputc('}', out);
	}
	fputc('}', out);
	fclose(out);
	return answer;
}

static SimAnswer
list_connectors(const char *query)
{
	bool		with_status = query != NULL && strstr(query, "expand=status") != NULL;
	bool		with_info = query != NULL && strstr(query, "expand=info") != NULL;
	struct json_object *list;
	SimConnector *c;

	if (with_status || with_info)
		return list_expanded(with_status, with_info);
	list = json_object_new_array();

	for (c = connectors; c != NULL; c = c->next)
	{
		if (c->exists)
			json_object_array_add(list, json_object_new_string(c->name));
	}
	return sim_json(200, list);
}

static SimAnswer
not_found(const char *name)
{
	return sim_error(404, "Connector %s not found", name);
}

/*
 * What Connect and Debezium check before they take a configuration; status 0
 * when they would.  The lock is not held: it logs in.
 */
static SimAnswer
validate(struct json_object *config)
{
	const char *class = sim_config(config, "connector.class", NULL);
	SimAnswer	answer = {0, NULL, NULL};
	char	   *words = NULL;
	char	   *report;

	if (class == NULL)
		return sim_error(400, "Connector config %s contains no connector type",
						 json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN));
	if (strcmp(class, DEBEZIUM) != 0 || !sim_settings.plugin)
		return sim_error(500, "Failed to find any class that implements Connector and which name matches %s, available connectors are: PluginDesc{klass=class org.apache.kafka.connect.mirror.MirrorSourceConnector, name='org.apache.kafka.connect.mirror.MirrorSourceConnector', version='3.9.1', encodedVersion=3.9.1, type=source, typeName='source', location='classpath'}", class);
	if (sim_config(config, "topic.prefix", NULL) == NULL)
		words = strdup("The 'topic.prefix' value is invalid: A value is required");
	else if (sim_config(config, "database.hostname", NULL) == NULL)
		words = strdup("The 'database.hostname' value is invalid: A value is required");
	else if (!sim_task_pretends(config))
	{
		char	   *refused = sim_check_login(config);

		if (refused != NULL && asprintf(&words, "Error while validating connector config: %s", refused) < 0)
			abort();
		free(refused);
	}
	if (words == NULL)
		return answer;
	if (asprintf(&report, "Connector configuration is invalid and contains the following 1 error(s):\n%s\n"
				 "You can also find the above list of errors at the endpoint `/connector-plugins/%s/config/validate`",
				 words, class) < 0)
		abort();
	answer = sim_error(400, "%s", report);
	free(report);
	free(words);
	return answer;
}

static SimAnswer
put_config(const char *name, struct json_object *config, const char *target, bool late)
{
	const char *named = sim_config(config, "name", NULL);
	SimConnector *c;
	SimAnswer	answer = {0, NULL, NULL};
	bool		created;

	if (named != NULL && strcmp(named, name) != 0)
		return sim_error(400, "Connector name configuration (%s) doesn't match connector name in the URL (%s)", named, name);
	if (!late)
		answer = validate(config);
	if (answer.status != 0)
		return answer;

	pthread_mutex_lock(&sim_lock);
	c = find(name, true);
	if (target != NULL && c->exists)
	{
		pthread_mutex_unlock(&sim_lock);
		return sim_error(409, "Connector %s already exists", name);
	}
	created = !c->exists;
	json_object_object_add(config, "name", json_object_new_string(name));
	if (created || !json_object_equal(c->config, config))
	{
		/* another task configuration replaces the task */
		set_config(c, copy_of(config));
		c->version++;
	}
	if (created)
	{
		c->exists = true;
		c->target = target != NULL ? target : "RUNNING";
		c->made_at = sim_now();
	}
	sim_follow(c);
	answer = sim_json(created ? 201 : 200, info_of(c));
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

static SimAnswer
post_connector(struct json_object *request, bool late)
{
	const char *name = sim_config(request, "name", NULL);
	const char *initial = sim_config(request, "initial_state", "RUNNING");
	struct json_object *config = NULL;
	const char *target;

	json_object_object_get_ex(request, "config", &config);
	if (name == NULL || !json_object_is_type(config, json_type_object))
		return sim_error(400, "name and config are required");
	target = strcasecmp(initial, "STOPPED") == 0 ? "STOPPED" :
		strcasecmp(initial, "PAUSED") == 0 ? "PAUSED" : "RUNNING";
	return put_config(name, config, target, late);
}

static SimAnswer
set_target(const char *name, const char *target, int status)
{
	SimConnector *c;
	SimAnswer	answer = empty(status);

	pthread_mutex_lock(&sim_lock);
	c = existing(name);
	if (c == NULL)
		answer = not_found(name);
	else
	{
		c->target = target;
		sim_follow(c);
		if (c->task != NULL)
			wake(c->task);
	}
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

static SimAnswer
restart(const char *name, const char *query, bool one_task)
{
	bool		tasks = one_task || (query != NULL && strstr(query, "includeTasks=true") != NULL);
	bool		only_failed = query != NULL && strstr(query, "onlyFailed=true") != NULL;
	SimConnector *c;
	SimAnswer	answer = empty(204);

	pthread_mutex_lock(&sim_lock);
	c = existing(name);
	if (c == NULL)
		answer = not_found(name);
	else
	{
		if (tasks && c->task != NULL && (!only_failed || c->task->ended))
		{
			c->restart = true;
			sim_follow(c);
		}
		if (!one_task && (tasks || only_failed))
			answer = sim_json(202, status_of(c));
	}
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

static SimAnswer
delete_connector(const char *name)
{
	SimConnector *c;
	SimAnswer	answer = empty(204);

	pthread_mutex_lock(&sim_lock);
	c = existing(name);
	if (c == NULL)
		answer = not_found(name);
	else
	{
		/* offsets stay, and the task works on until it has stopped */
		c->exists = false;
		c->target = "STOPPED";
		sim_follow(c);
	}
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

static SimAnswer
get_offsets(const char *name)
{
	struct json_object *object;
	struct json_object *list;
	SimConnector *c;

	pthread_mutex_lock(&sim_lock);
	c = existing(name);
	if (c == NULL)
	{
		pthread_mutex_unlock(&sim_lock);
		return not_found(name);
	}
	object = json_object_new_object();
	list = json_object_new_array();
	if (c->offset != NULL)
	{
		struct json_object *entry = json_object_new_object();
		struct json_object *partition = json_object_new_object();

		json_object_object_add(partition, "server", json_object_new_string(c->server));
		json_object_object_add(entry, "partition", partition);
		json_object_object_add(entry, "offset", copy_of(c->offset));
		json_object_array_add(list, entry);
	}
	json_object_object_add(object, "offsets", list);
	pthread_mutex_unlock(&sim_lock);
	return sim_json(200, object);
}

/* PATCH of every partition named, or DELETE of all (request NULL). */
static SimAnswer
change_offsets(const char *name, struct json_object *request)
{
	struct json_object *entries = NULL;
	struct json_object *message;
	SimConnector *c;
	size_t		i;

	if (request != NULL &&
		(!json_object_object_get_ex(request, "offsets", &entries) || !json_object_is_type(entries, json_type_array) ||
		 json_object_array_length(entries) == 0))
		return sim_error(400, "Partitions / offsets need to be provided for an alter offsets request");
	pthread_mutex_lock(&sim_lock);
	c = existing(name);
	if (c == NULL || strcmp(c->target, "STOPPED") != 0 || c->task != NULL)
	{
		pthread_mutex_unlock(&sim_lock);
		if (c == NULL)
			return not_found(name);
		return sim_error(400, OFFSETS_NOT_STOPPED, name);
	}
	if (c->offset != NULL && request == NULL)
	{
		json_object_put(c->offset);
		c->offset = NULL;
	}
	for (i = 0; entries != NULL && i < json_object_array_length(entries); i++)
	{
		struct json_object *entry = json_object_array_get_idx(entries, i);
		struct json_object *partition = NULL;
		struct json_object *offset = NULL;

		json_object_object_get_ex(entry, "partition", &partition);
		json_object_object_get_ex(entry, "offset", &offset);
		free(c->server);
		c->server = strdup(sim_config(partition, "server", ""));
		if (c->offset != NULL)
			json_object_put(c->offset);
		c->offset = offset != NULL ? copy_of(offset) : NULL;
	}
	pthread_mutex_unlock(&sim_lock);
	message = json_object_new_object();
	json_object_object_add(message, "message", json_object_new_string(
																	  "The Connect framework-managed offsets for this connector have been altered successfully. However, if this connector manages offsets externally, they will need to be manually altered in the system that the connector uses."));
	return sim_json(200, message);
}

static SimAnswer
list_plugins(void)
{
	struct json_object *list = json_object_new_array();
	struct json_object *plugin;

	if (sim_settings.plugin)
	{
		plugin = json_object_new_object();
		json_object_object_add(plugin, "class", json_object_new_string(DEBEZIUM));
		json_object_object_add(plugin, "type", json_object_new_string("source"));
		json_object_object_add(plugin, "version", json_object_new_string(sim_settings.plugin_version));
		json_object_array_add(list, plugin);
	}
	plugin = json_object_new_object();
	json_object_object_add(plugin, "class", json_object_new_string("org.apache.kafka.connect.mirror.MirrorSourceConnector"));
	json_object_object_add(plugin, "type", json_object_new_string("source"));
	json_object_object_add(plugin, "version", json_object_new_string("3.9.1"));
	json_object_array_add(list, plugin);
	return sim_json(200, list);
}

/* 200 even with errors: whoever asks reads error_count. */
static SimAnswer
validate_plugin(const char *class, struct json_object *config)
{
	struct json_object *object = json_object_new_object();
	struct json_object *configs = json_object_new_array();
	struct json_object *one = json_object_new_object();
	struct json_object *value = json_object_new_object();
	struct json_object *errors = json_object_new_array();
	char	   *refused = sim_check_login(config);

	if (refused != NULL)
	{
		char	   *words;

		if (asprintf(&words, "Error while validating connector config: %s", refused) < 0)
			abort();
		json_object_array_add(errors, json_object_new_string(words));
		free(words);
	}
	json_object_object_add(value, "name", json_object_new_string("database.hostname"));
	json_object_object_add(value, "value", json_object_new_string(sim_config(config, "database.hostname", "")));
	json_object_object_add(value, "recommended_values", json_object_new_array());
	json_object_object_add(value, "errors", errors);
	json_object_object_add(value, "visible", json_object_new_boolean(true));
	json_object_object_add(one, "value", value);
	json_object_array_add(configs, one);
	json_object_object_add(object, "name", json_object_new_string(class));
	json_object_object_add(object, "error_count", json_object_new_int(refused != NULL));
	json_object_object_add(object, "groups", json_object_new_array());
	json_object_object_add(object, "configs", configs);
	free(refused);
	return sim_json(200, object);
}

static SimAnswer
root(void)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "version", json_object_new_string("3.9.1"));
	json_object_object_add(object, "commit", json_object_new_string("f745dfdcee2b9851"));
	json_object_object_add(object, "kafka_cluster_id", json_object_new_string("connect_sim"));
	return sim_json(200, object);
}

static SimAnswer
health(void)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "status", json_object_new_string("healthy"));
	json_object_object_add(object, "message", json_object_new_string("Worker has completed startup and is ready to handle requests."));
	return sim_json(200, object);
}

/* What is asked of one connector; rest is what follows its name. */
static SimAnswer
one_connector(const char *method, const char *name, const char *rest, const char *query,
			  struct json_object *request, bool late)
{
	bool		get = strcmp(method, "GET") == 0;
	bool		put = strcmp(method, "PUT") == 0;
	bool		post = strcmp(method, "POST") == 0;
	bool		delete = strcmp(method, "DELETE") == 0;

	if (put && strcmp(rest, "/config") == 0)
	{
		if (!json_object_is_type(request, json_type_object))
			return sim_error(400, "a configuration is a JSON object");
		return put_config(name, request, NULL, late);
	}
	if (put && strcmp(rest, "/stop") == 0)
		return set_target(name, "STOPPED", 204);
	if (put && strcmp(rest, "/pause") == 0)
		return set_target(name, "PAUSED", 202);
	if (put && strcmp(rest, "/resume") == 0)
		return set_target(name, "RUNNING", 202);
	if (post && strcmp(rest, "/restart") == 0)
		return restart(name, query, false);
	if (post && strcmp(rest, "/tasks/0/restart") == 0)
		return restart(name, NULL, true);
	if (delete && rest[0] == '\0')
		return delete_connector(name);
	if (get && strcmp(rest, "/offsets") == 0)
		return get_offsets(name);
	if (delete && strcmp(rest, "/offsets") == 0)
		return change_offsets(name, NULL);
	if (strcmp(method, "PATCH") == 0 && strcmp(rest, "/offsets") == 0)
		return change_offsets(name, request ? request : json_object_new_object());
	if (get && (rest[0] == '\0' || strcmp(rest, "/config") == 0 || strcmp(rest, "/status") == 0))
	{
		SimConnector *c;
		SimAnswer	answer;

		pthread_mutex_lock(&sim_lock);
		c = existing(name);
		if (c == NULL)
			answer = strcmp(rest, "/status") == 0 ?
				sim_error(404, "No status found for connector %s", name) : not_found(name);
		else if (strcmp(rest, "/status") == 0)
			answer = sim_now() - c->made_at < sim_settings.status_ms ?
				sim_error(404, "No status found for connector %s", name) : sim_json(200, status_of(c));
		else if (strcmp(rest, "/config") == 0)
			answer = sim_json(200, copy_of(c->config));
		else
			answer = sim_json(200, info_of(c));
		pthread_mutex_unlock(&sim_lock);
		return answer;
	}
	return sim_error(404, "HTTP 404 Not Found");
}

/* Percent-decodes in place. */
static void
decode(char *words)
{
	char	   *to = words;
	unsigned	byte;

	for (; *words != '\0'; words++)
	{
		if (words[0] == '%' && isxdigit((unsigned char) words[1]) && isxdigit((unsigned char) words[2]) &&
			sscanf(words + 1, "%2x", &byte) == 1)
		{
			*to++ = (char) byte;
			words += 2;
		}
		else
			*to++ = *words;
	}
	*to = '\0';
}

SimAnswer
sim_connect(const char *method, const char *path, const char *query, const char *body, bool late)
{
	struct json_object *request = body != NULL && body[0] != '\0' ? json_tokener_parse(body) : NULL;
	bool		get = strcmp(method, "GET") == 0;
	SimAnswer	answer;

	if (get && strcmp(path, "/") == 0)
		answer = root();
	else if (get && strcmp(path, "/health") == 0)
		answer = health();
	else if (get && strcmp(path, "/connector-plugins") == 0)
		answer = list_plugins();
	else if (get && strcmp(path, "/connectors") == 0)
	{
		pthread_mutex_lock(&sim_lock);
		answer = list_connectors(query);
		pthread_mutex_unlock(&sim_lock);
	}
	else if (strcmp(method, "POST") == 0 && strcmp(path, "/connectors") == 0)
		answer = post_connector(request, late);
	else if (strcmp(method, "PUT") == 0 && strncmp(path, "/connector-plugins/", 19) == 0 &&
			 strstr(path, "/config/validate") != NULL)
	{
		char	   *class = strndup(path + 19, strcspn(path + 19, "/"));

		decode(class);
		answer = validate_plugin(class, request);
		free(class);
	}
	else if (strncmp(path, "/connectors/", 12) == 0)
	{
		size_t		length = strcspn(path + 12, "/");
		char	   *name = strndup(path + 12, length);

		decode(name);
		answer = one_connector(method, name, path + 12 + length, query, request, late);
		free(name);
	}
	else
		answer = sim_error(404, "HTTP 404 Not Found");
	json_object_put(request);
	return answer;
}

/* {"connector", "trace", "starts": so many more starts fail, "now": the running task does} */
SimAnswer
sim_fail(struct json_object *request)
{
	const char *name = sim_config(request, "connector", "");
	struct json_object *now = NULL;
	SimConnector *c;

	pthread_mutex_lock(&sim_lock);
	c = find(name, true);
	free(c->fail_trace);
	c->fail_trace = strdup(sim_config(request, "trace", "org.apache.kafka.connect.errors.ConnectException: failed as asked"));
	c->fail_starts = atoi(sim_config(request, "starts", "0"));
	json_object_object_get_ex(request, "now", &now);
	if (c->task != NULL && !c->task->ended && (now == NULL || json_object_get_boolean(now)))
	{
		c->task->fail = true;
		wake(c->task);
	}
	pthread_mutex_unlock(&sim_lock);
	return sim_error(200, "set");
}

static struct json_object *
state_of(SimConnector *c)
{
	struct json_object *one = json_object_new_object();

	json_object_object_add(one, "exists", json_object_new_boolean(c->exists));
	json_object_object_add(one, "target", json_object_new_string(c->target));
	json_object_object_add(one, "config", c->exists ? copy_of(c->config) : NULL);
	json_object_object_add(one, "offset", c->offset ? copy_of(c->offset) : NULL);
	json_object_object_add(one, "server", c->server ? json_object_new_string(c->server) : NULL);
	json_object_object_add(one, "task", c->task ? json_object_new_string(c->task->state) : NULL);
	json_object_object_add(one, "starts", json_object_new_int(c->counters.starts));
	json_object_object_add(one, "snapshots", json_object_new_int(c->counters.snapshots));
	json_object_object_add(one, "snapshots_done", json_object_new_int(c->counters.snapshots_done));
	json_object_object_add(one, "slots_made", json_object_new_int(c->counters.slots_made));
	json_object_object_add(one, "snapshot_rows", json_object_new_int64(c->counters.snapshot_rows));
	json_object_object_add(one, "changes", json_object_new_int64(c->counters.changes));
	return one;
}

SimAnswer
sim_state(void)
{
	struct json_object *all = json_object_new_object();
	SimConnector *c;

	pthread_mutex_lock(&sim_lock);
	for (c = connectors; c != NULL; c = c->next)
		json_object_object_add(all, c->name, state_of(c));
	pthread_mutex_unlock(&sim_lock);
	return sim_json(200, all);
}

void
sim_save(const char *file)
{
	/* every request has a thread of its own, and all have the one file beside it */
	static pthread_mutex_t saving = PTHREAD_MUTEX_INITIALIZER;
	SimAnswer	state;
	char	   *beside;
	FILE	   *f;

	pthread_mutex_lock(&saving);
	state = sim_state();
	if (asprintf(&beside, "%s.new", file) < 0)
		abort();
	f = fopen(beside, "w");
	if (f == NULL || fputs(state.body, f) < 0 || fclose(f) != 0 || rename(beside, file) != 0)
		fprintf(stderr, "connect_sim: could not save %s: %s\n", file, strerror(errno));
	pthread_mutex_unlock(&saving);
	free(beside);
	free(state.body);
}

void
sim_load(const char *file)
{
	struct json_object *all = json_object_from_file(file);

	if (all == NULL)
		return;
	pthread_mutex_lock(&sim_lock);
	json_object_object_foreach(all, name, one)
	{
		SimConnector *c = find(name, true);
		struct json_object *value = NULL;
		const char *target = sim_config(one, "target", "STOPPED");

		json_object_object_get_ex(one, "exists", &value);
		c->exists = json_object_get_boolean(value);
		c->target = strcmp(target, "RUNNING") == 0 ? "RUNNING" : strcmp(target, "PAUSED") == 0 ? "PAUSED" : "STOPPED";
		value = NULL;
		json_object_object_get_ex(one, "config", &value);
		if (value)
			set_config(c, copy_of(value));
		value = NULL;
		json_object_object_get_ex(one, "offset", &value);
		c->offset = value ? copy_of(value) : NULL;
		c->server = strdup(sim_config(one, "server", ""));
		sim_follow(c);
	}
	pthread_mutex_unlock(&sim_lock);
	json_object_put(all);
}
