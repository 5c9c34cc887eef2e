/*
 * sdn_sim.c
 *	  UpCloud's API of networks, routers and network peerings, as its official
 *	  Go client speaks it: for tests, without a cloud.
 *
 * Owns accounts, settings, doors and the way from a path to what answers it.
 *
 *	 sdn_sim [--address A] [--port P] [--state FILE] [--hook PROGRAM]
 *			 [--user U] [--password P] [--token T] [--NAME VALUE ...]
 *
 * --state keeps all objects over a restart.  --hook: see sdn_hook.c.  NAME is
 * any of the settings below.  The account of --user is called "main"; another
 * one is added by PUT /_sim/accounts.
 *
 * Its own doors, besides those in sim_http.h (faults: message may begin with an
 * error code and a colon):
 *	 GET /_sim/state		{"networks":[],"routers":[],"servers":[],"peerings":[]},
 *							also what no answer shows; peerings with their state
 *	 PUT /_sim/state		the same: replaces each array that is given
 *	 PUT /_sim/accounts		[{"name","user","password","token"}]: all there are
 *	 PUT /_sim/peering		{"uuid","state"}: forces a state; null ends that
 *	 PUT /_sim/settings		some of the settings; GET: all of them
 *
 * Where UpCloud's documentation is silent the simulator does the natural thing:
 * deleting a peering that is not disabled is a 409, a network that goes takes
 * its own peerings with it (or cannot go: keep_peered), over the account's limit is a 403.
 */
#include "sdn_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API "/1.3/"

SdnSettings sdn_settings = {
	.provision_ms = 50, .activate_ms = 50, .max_peerings = 100
};

struct json_object *sdn_networks;
struct json_object *sdn_routers;
struct json_object *sdn_servers;
struct json_object *sdn_peerings;

static struct json_object *accounts;
static const char *state_file;
static const char *hook;

struct json_object *
sdn_get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &value);
	return value;
}

const char *
sdn_string(struct json_object *object, const char *key)
{
	struct json_object *value = sdn_get(object, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

SimAnswer
sdn_empty(int status)
{
	SimAnswer	answer = {status, NULL, NULL};

	return answer;
}

/* The shape of newer services: the code is the fragment of a URL. */
static SimAnswer
problem(int status, const char *code, const char *param, const char *message)
{
	struct json_object *object = json_object_new_object();
	SimAnswer	answer;
	char		type[200];

	snprintf(type, sizeof(type), "https://developers.upcloud.com/1.3/errors#ERROR_%s", code);
	json_object_object_add(object, "type", json_object_new_string(type));
	json_object_object_add(object, "title", json_object_new_string(message));
	if (param != NULL)
	{
		struct json_object *params = json_object_new_array();
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "name", json_object_new_string(param));
		json_object_object_add(one, "reason", json_object_new_string(message));
		json_object_array_add(params, one);
		json_object_object_add(object, "invalid_params", params);
	}
	json_object_object_add(object, "correlation_id", json_object_new_string("01SIMULATED"));
	json_object_object_add(object, "status", json_object_new_int(status));
	answer = sim_json(status, object);
	answer.type = "application/problem+json";
	return answer;
}

static SimAnswer
error_of(int status, const char *code, const char *param, const char *message)
{
	struct json_object *object;
	struct json_object *inner;

	if (sdn_settings.problem)
		return problem(status, code, param, message);
	object = json_object_new_object();
	inner = json_object_new_object();
	json_object_object_add(inner, "error_code", json_object_new_string(code));
	json_object_object_add(inner, "error_message", json_object_new_string(message));
	json_object_object_add(object, "error", inner);
	return sim_json(status, object);
}

SimAnswer
sdn_error(int status, const char *code, const char *param, const char *format,...)
{
	SimAnswer	answer;
	char	   *message;
	va_list		args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		abort();
	va_end(args);
	answer = error_of(status, code, param, message);
	free(message);
	return answer;
}

/* "CODE: words" has its own code, other words one that fits the status. */
SimAnswer
sim_error(int status, const char *format,...)
{
	SimAnswer	answer;
	char	   *message;
	char	   *words;
	const char *code = status == 401 ? "AUTHENTICATION_FAILED" : status == 404 ? "RESOURCE_NOT_FOUND" :
		status == 429 ? "TOO_MANY_REQUESTS" : status >= 500 ? "INTERNAL_ERROR" : "REQUEST_INVALID";
	size_t		n;
	va_list		args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		abort();
	va_end(args);
	words = message;
	n = strspn(message, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	if (n > 2 && message[n] == ':')
	{
		message[n] = '\0';
		code = message;
		words = message + n + 1 + (message[n + 1] == ' ');
	}
	answer = error_of(status, code, NULL, words);
	free(message);
	return answer;
}

char *
sdn_query(const char *query, const char *name, int n)
{
	size_t		length = strlen(name);
	const char *at = query;

	while (*at != '\0')
	{
		size_t		part = strcspn(at, "&");

		if (strncmp(at, name, length) == 0 && at[length] == '=' && n-- == 0)
			return strndup(at + length + 1, part - length - 1);
		at += part + (at[part] == '&');
	}
	return NULL;
}

/* The caller's account, NULL when the credentials are nobody's. */
static const char *
account_of(const SimRequest *request)
{
	size_t		i;

	for (i = 0; i < json_object_array_length(accounts); i++)
	{
		struct json_object *account = json_object_array_get_idx(accounts, i);
		const char *user = sdn_string(account, "user");
		const char *password = sdn_string(account, "password");
		const char *token = sdn_string(account, "token");

		if (user && password && request->user && request->password &&
			strcmp(user, request->user) == 0 && strcmp(password, request->password) == 0)
			return sdn_string(account, "name");
		if (token && request->bearer && strcmp(token, request->bearer) == 0)
			return sdn_string(account, "name");
	}
	return NULL;
}

static SimAnswer
account_answer(const char *account)
{
	struct json_object *object = json_object_new_object();
	struct json_object *inner = json_object_new_object();
	struct json_object *limits = json_object_new_object();

	json_object_object_add(limits, "network_peerings", json_object_new_int(sdn_settings.max_peerings));
	json_object_object_add(inner, "username", json_object_new_string(account));
	json_object_object_add(inner, "credits", json_object_new_double(0.0));
	json_object_object_add(inner, "resource_limits", limits);
	json_object_object_add(object, "account", inner);
	return sim_json(200, object);
}

static const struct Route
{
	const char *collection;
	const char *tail;			/* after the uuid, or NULL */
	const char *envelope;
	SimAnswer	(*answer) (const SdnRequest *request);
}			routes[] =
{
	{"zone", NULL, "zone", sdn_zone},
	{"network-peering", NULL, "network_peering", sdn_peering},
	{"network", NULL, "network", sdn_network},
	{"router", NULL, "router", sdn_router},
	{"server", "networking", "networking", sdn_server_networking}
};

/* The path after /1.3/: collection[/][uuid[/tail]]; the lock is held. */
static SimAnswer
route(const SimRequest *http, const char *account, const char *path, struct json_object *body)
{
	size_t		length = strcspn(path, "/");
	const char *rest = path + length + (path[length] == '/');
	size_t		i;

	if (strcmp(path, "account") == 0 && strcmp(http->method, "GET") == 0)
		return account_answer(account);
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
	{
		SdnRequest	request = {account, http->method, NULL, http->query, NULL};
		char		uuid[64] = "";
		const char *tail = strchr(rest, '/');

		if (strlen(routes[i].collection) != length || strncmp(path, routes[i].collection, length) != 0 ||
			(tail == NULL) != (routes[i].tail == NULL) || (tail != NULL && strcmp(tail + 1, routes[i].tail) != 0))
			continue;
		snprintf(uuid, sizeof(uuid), "%.*s", (int) strcspn(rest, "/"), rest);
		request.uuid = uuid[0] != '\0' ? uuid : NULL;
		if (body != NULL && !json_object_is_type(request.body = sdn_get(body, routes[i].envelope), json_type_object))
			return sdn_error(400, "REQUEST_INVALID", routes[i].envelope, "The body has no object \"%s\".", routes[i].envelope);
		/* cppcheck-suppress returnDanglingLifetime; the answer does not point to the request */
		return routes[i].answer(&request);
	}
	return sdn_error(404, "RESOURCE_NOT_FOUND", NULL, "There is no %s.", path);
}

static SimAnswer
serve(const SimRequest *request)
{
	const char *account;
	struct json_object *body = NULL;
	SimAnswer	answer;

	if (strncmp(request->path, API, strlen(API)) != 0)
		return sdn_error(404, "API_VERSION_INVALID", NULL, "The version of the API in the path is not 1.3.");
	pthread_mutex_lock(&sim_lock);
	account = account_of(request);
	if (account == NULL)
		answer = sdn_error(401, "AUTHENTICATION_FAILED", NULL, "Authentication failed using the given credentials.");
	else if (request->body[0] != '\0' && (body = json_tokener_parse(request->body)) == NULL)
		answer = sdn_error(400, "JSON_PARSE_ERROR", NULL, "The body is no JSON.");
	else
		answer = route(request, account, request->path + strlen(API), body);
	json_object_put(body);
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

/* Settings, the simulator's whole state, accounts. */
static struct
{
	const char *name;
	int		   *number;
	bool	   *flag;
}			settings[] =
{
	{"provision_ms", &sdn_settings.provision_ms, NULL},
	{"activate_ms", &sdn_settings.activate_ms, NULL},
	{"max_peerings", &sdn_settings.max_peerings, NULL},
	{"same_zone_only", NULL, &sdn_settings.same_zone_only},
	{"keep_peered", NULL, &sdn_settings.keep_peered},
	{"problem", NULL, &sdn_settings.problem}
};

#define NUM_SETTINGS (sizeof(settings) / sizeof(settings[0]))

static bool
set_one(const char *name, const char *value)
{
	size_t		i;

	for (i = 0; i < NUM_SETTINGS; i++)
	{
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (settings[i].number != NULL)
			*settings[i].number = atoi(value);
		else
			*settings[i].flag = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
		return true;
	}
	return false;
}

static SimAnswer
settings_door(struct json_object *request)
{
	struct json_object *object = json_object_new_object();
	size_t		i;

	if (request != NULL)
	{
		json_object_object_foreach(request, name, value)
		{
			if (!set_one(name, json_object_get_string(value)))
			{
				json_object_put(object);
				return sim_error(400, "there is no setting %s", name);
			}
		}
	}
	for (i = 0; i < NUM_SETTINGS; i++)
		json_object_object_add(object, settings[i].name, settings[i].number != NULL ?
							   json_object_new_int(*settings[i].number) : json_object_new_boolean(*settings[i].flag));
	return sim_json(200, object);
}

static struct
{
	const char *name;
	struct json_object **array;
}			arrays[] =
{
	{"networks", &sdn_networks}, {"routers", &sdn_routers}, {"servers", &sdn_servers}, {"peerings", &sdn_peerings}
};

#define NUM_ARRAYS (sizeof(arrays) / sizeof(arrays[0]))

/* The lock is held. */
static struct json_object *
whole_state(void)
{
	struct json_object *object = json_object_new_object();
	size_t		i;

	for (i = 0; i < json_object_array_length(sdn_peerings); i++)
	{
		struct json_object *peering = json_object_array_get_idx(sdn_peerings, i);

		json_object_object_add(peering, "state", json_object_new_string(sdn_peering_state(peering)));
	}
	for (i = 0; i < NUM_ARRAYS; i++)
		json_object_object_add(object, arrays[i].name, json_object_get(*arrays[i].array));
	return object;
}

/* Each array that is given replaces ours; the lock is held. */
static void
take_state(struct json_object *state)
{
	size_t		i;
	size_t		j;

	for (i = 0; i < NUM_ARRAYS; i++)
	{
		struct json_object *array = sdn_get(state, arrays[i].name);

		if (!json_object_is_type(array, json_type_array))
			continue;
		json_object_put(*arrays[i].array);
		*arrays[i].array = json_object_get(array);
		for (j = 0; j < json_object_array_length(array); j++)
		{
			struct json_object *object = json_object_array_get_idx(array, j);

			/* a clock of another process says nothing here */
			json_object_object_add(object, "_changed", json_object_new_int64(0));
			if (sdn_string(object, "account") == NULL)
				json_object_object_add(object, "account", json_object_new_string("main"));
			if (sdn_get(object, "labels") == NULL)
				json_object_object_add(object, "labels", json_object_new_array());
			if (*arrays[i].array == sdn_networks && sdn_string(object, "type") == NULL)
				json_object_object_add(object, "type", json_object_new_string("private"));
		}
	}
}

static SimAnswer
force(struct json_object *request)
{
	SimAnswer	answer = sdn_empty(0);
	struct json_object *peering;
	const char *uuid = sdn_string(request, "uuid");

	pthread_mutex_lock(&sim_lock);
	peering = uuid ? sdn_find(sdn_peerings, uuid, NULL) : NULL;
	if (peering != NULL)
	{
		const char *state = sdn_string(request, "state");

		json_object_object_add(peering, "_forced", state ? json_object_new_string(state) : NULL);
		answer = sdn_empty(204);
	}
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

static SimAnswer
state_door(bool get, struct json_object *request)
{
	SimAnswer	answer;

	pthread_mutex_lock(&sim_lock);
	if (!get)
		take_state(request);
	answer = sim_json(200, whole_state());
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

static SimAnswer
control(const char *method, const char *path, struct json_object *request)
{
	bool		get = strcmp(method, "GET") == 0;
	bool		put = strcmp(method, "PUT") == 0;

	if (strcmp(path, "/_sim/state") == 0 && (get || (put && json_object_is_type(request, json_type_object))))
		return state_door(get, request);
	if (strcmp(path, "/_sim/settings") == 0)
		return settings_door(get ? NULL : request);
	if (strcmp(path, "/_sim/peering") == 0 && put)
		return force(request);
	if (strcmp(path, "/_sim/accounts") == 0 && put && json_object_is_type(request, json_type_array))
	{
		pthread_mutex_lock(&sim_lock);
		json_object_put(accounts);
		accounts = json_object_get(request);
		pthread_mutex_unlock(&sim_lock);
		return sdn_empty(204);
	}
	return sdn_empty(0);
}

static struct json_object *
main_account(void)
{
	if (accounts == NULL)
	{
		struct json_object *account = json_object_new_object();

		accounts = json_object_new_array();
		json_object_object_add(account, "name", json_object_new_string("main"));
		json_object_array_add(accounts, account);
	}
	return json_object_array_get_idx(accounts, 0);
}

static bool
option(const char *name, const char *value)
{
	if (strcmp(name, "state") == 0)
		state_file = value;
	else if (strcmp(name, "hook") == 0)
		hook = value;
	else if (strcmp(name, "user") == 0 || strcmp(name, "password") == 0 || strcmp(name, "token") == 0)
		json_object_object_add(main_account(), name, json_object_new_string(value));
	else
		return set_one(name, value);
	return true;
}

static void
start(void)
{
	struct json_object *state = state_file ? json_object_from_file(state_file) : NULL;
	size_t		i;

	main_account();
	for (i = 0; i < NUM_ARRAYS; i++)
		*arrays[i].array = json_object_new_array();
	take_state(state);
	json_object_put(state);
	if (hook != NULL)
		sdn_hook_start(hook);
}

static bool
recorded(const char *method, const char *path)
{
	(void) method;
	(void) path;
	return true;
}

static void
save(void)
{
	struct json_object *state;
	char		beside[4096];

	if (state_file == NULL)
		return;
	pthread_mutex_lock(&sim_lock);
	state = whole_state();
	snprintf(beside, sizeof(beside), "%s.new", state_file);
	if (json_object_to_file_ext(beside, state, JSON_C_TO_STRING_PLAIN) == 0)
		rename(beside, state_file);
	json_object_put(state);
	pthread_mutex_unlock(&sim_lock);
}

static void
end(void)
{
	save();
	if (hook != NULL)
		sdn_hook_stop();
}

int
main(int argc, char **argv)
{
	static const SimProgram program = {
		.name = "sdn_sim", .type = "application/json; charset=UTF-8", .option = option, .start = start,
		.serve = serve, .control = control, .recorded = recorded, .save = save, .end = end
	};

	return sim_run(&program, argc, argv);
}
