/*
 * connect_sim.c
 *	  A Kafka Connect cluster with Debezium's PostgreSQL connector, as far as
 *	  its REST API and its source can tell: for tests, without a JVM.
 *
 * Owns the settings and the simulator's own doors; what a request does is in
 * connect_state.c.  A running connector really acts on its source, see
 * connect_task.c.  There is no Kafka: events are counted and forgotten.
 *
 *	 connect_sim [--address A] [--port P] [--state FILE] [--NAME VALUE ...]
 *
 * --state keeps connectors and offsets over a restart, as Connect's topics do.
 * NAME is any of the settings below.
 *
 * Its own doors, besides those in sim_http.h:
 *	 POST   /_sim/fail			a task fails, see sim_fail()
 *	 GET    /_sim/state			all connectors and offsets, also of deleted ones
 *	 PUT    /_sim/settings		some of the settings; GET: all of them
 */
#include "connect_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SimSettings sim_settings = {
	.status_ms = 20, .start_ms = 10, .stop_ms = 20, .snapshot_ms = 0, .flush_ms = 200,
	.retry_ms = 500, .plugin = true, .plugin_version = "3.7.0.Final"
};

static const char *state_file;

/* Settings that are times, by name. */
static int *
time_setting(const char *name)
{
	static const struct
	{
		const char *name;
		int		   *value;
	}			times[] = {
		{"status_ms", &sim_settings.status_ms},
		{"start_ms", &sim_settings.start_ms},
		{"stop_ms", &sim_settings.stop_ms},
		{"snapshot_ms", &sim_settings.snapshot_ms},
		{"flush_ms", &sim_settings.flush_ms},
		{"retry_ms", &sim_settings.retry_ms},
		{"heartbeat_ms", &sim_settings.heartbeat_ms}
	};
	size_t		i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
	{
		if (strcmp(times[i].name, name) == 0)
			return times[i].value;
	}
	return NULL;
}

static bool
set_one(const char *name, const char *value)
{
	int		   *ms = time_setting(name);
	bool		yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (ms != NULL)
		*ms = atoi(value);
	else if (strcmp(name, "hold_start") == 0)
		sim_settings.hold_start = yes;
	else if (strcmp(name, "pretend") == 0)
		sim_settings.pretend = yes;
	else if (strcmp(name, "plugin") == 0)
		sim_settings.plugin = yes;
	else if (strcmp(name, "plugin_version") == 0)
		snprintf(sim_settings.plugin_version, sizeof(sim_settings.plugin_version), "%s", value);
	else
		return false;
	return true;
}

static SimAnswer
settings(struct json_object *request)
{
	static const char *const times[] = {"status_ms", "start_ms", "stop_ms", "snapshot_ms", "flush_ms", "retry_ms", "heartbeat_ms"};
	struct json_object *object;
	size_t		i;

	if (request != NULL)
	{
		json_object_object_foreach(request, name, value)
		{
			if (!set_one(name, json_object_get_string(value)))
				return sim_error(400, "there is no setting %s", name);
		}
	}
	object = json_object_new_object();
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		json_object_object_add(object, times[i], json_object_new_int(*time_setting(times[i])));
	json_object_object_add(object, "hold_start", json_object_new_boolean(sim_settings.hold_start));
	json_object_object_add(object, "pretend", json_object_new_boolean(sim_settings.pretend));
	json_object_object_add(object, "plugin", json_object_new_boolean(sim_settings.plugin));
	json_object_object_add(object, "plugin_version", json_object_new_string(sim_settings.plugin_version));
	return sim_json(200, object);
}

static SimAnswer
control(const char *method, const char *path, struct json_object *request)
{
	static const SimAnswer none = {0, NULL, NULL};
	bool		get = strcmp(method, "GET") == 0;

	if (strcmp(path, "/_sim/state") == 0 && get)
		return sim_state();
	if (strcmp(path, "/_sim/settings") == 0)
		return settings(get ? NULL : request);
	if (strcmp(path, "/_sim/fail") == 0 && json_object_is_type(request, json_type_object))
		return sim_fail(request);
	return none;
}

static bool
option(const char *name, const char *value)
{
	if (strcmp(name, "state") != 0)
		return set_one(name, value);
	state_file = value;
	return true;
}

static void
start(void)
{
	if (state_file != NULL)
		sim_load(state_file);
}

static SimAnswer
serve(const SimRequest *request)
{
	return sim_connect(request->method, request->path, request->query, request->body, request->late);
}

static bool
recorded(const char *method, const char *path)
{
	(void) method;
	return strstr(path, "/config/validate") == NULL;
}

static void
save(void)
{
	if (state_file != NULL)
		sim_save(state_file);
}

int
main(int argc, char **argv)
{
	static const SimProgram program = {
		.name = "connect_sim", .type = "application/json", .option = option, .start = start,
		.serve = serve, .control = control, .recorded = recorded, .save = save, .end = save
	};

	return sim_run(&program, argc, argv);
}
