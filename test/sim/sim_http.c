/*
 * sim_http.c
 *	  The process of a simulator, HTTP, and the record of what was asked.
 *
 * See sim_http.h.  Knows no API.
 *
 *	 SIMULATOR [--address A] [--port P] [--NAME VALUE ...]
 *
 * Prints the port in a line of its own once it answers.
 */
#include "sim_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#define STACK_SIZE (512 * 1024)
#define MAX_BODY (4 * 1024 * 1024)

pthread_mutex_t sim_lock = PTHREAD_MUTEX_INITIALIZER;

static const SimProgram *program;
static struct json_object *mutations;
static int	requests;
static int	gets;
static int	offsets;			/* of those, how many ask where a connector is, */
static int	lists;				/* for a list of all */
static int	alone;				/* or how one connector is */

/* A request while it is read. */
typedef struct Request
{
	char	   *body;
	size_t		length;
	int64_t		came;			/* of the monotonic clock */
	double		came_at;		/* seconds since 1970 */
} Request;

int64_t
sim_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
sim_sleep(int64_t ms)
{
	struct timespec left = {ms / 1000, (ms % 1000) * 1000000};

	if (ms <= 0)
		return;
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

static double
wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

SimAnswer
sim_json(int status, struct json_object *object)
{
	SimAnswer	answer;

	answer.status = status;
	answer.body = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	answer.type = NULL;
	json_object_put(object);
	return answer;
}

static SimAnswer
list_mutations(bool forget)
{
	SimAnswer	answer = {200, NULL, NULL};

	pthread_mutex_lock(&sim_lock);
	answer.body = strdup(json_object_to_json_string_ext(mutations, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	if (forget)
	{
		json_object_put(mutations);
		mutations = json_object_new_array();
		requests = gets = offsets = lists = alone = 0;
	}
	pthread_mutex_unlock(&sim_lock);
	return answer;
}

static SimAnswer
count_requests(void)
{
	struct json_object *object = json_object_new_object();

	pthread_mutex_lock(&sim_lock);
	json_object_object_add(object, "requests", json_object_new_int(requests));
	json_object_object_add(object, "gets", json_object_new_int(gets));
	json_object_object_add(object, "offsets", json_object_new_int(offsets));
	json_object_object_add(object, "lists", json_object_new_int(lists));
	json_object_object_add(object, "alone", json_object_new_int(alone));
	pthread_mutex_unlock(&sim_lock);
	return sim_json(200, object);
}

/* The doors of every simulator, then its own. */
static SimAnswer
control(const char *method, const char *path, const char *body)
{
	struct json_object *request = body != NULL && body[0] != '\0' ? json_tokener_parse(body) : NULL;
	bool		get = strcmp(method, "GET") == 0;
	bool		delete = strcmp(method, "DELETE") == 0;
	SimAnswer	answer;

	if (strcmp(path, "/_sim/faults") == 0)
		answer = delete ? sim_fault_clear() : sim_fault_add(request);
	else if (strcmp(path, "/_sim/mutations") == 0 && (get || delete))
		answer = list_mutations(delete);
	else if (strcmp(path, "/_sim/requests") == 0 && get)
		answer = count_requests();
	else
		answer = program->control(method, path, request);
	if (answer.status == 0)
		answer = sim_error(404, "the simulator has no such door, or wants another body");
	json_object_put(request);
	return answer;
}

/* A line in the record of mutations; the lock guards what is filled in later. */
static struct json_object *
record(const char *method, const char *path, const char *query, double at)
{
	struct json_object *entry = NULL;

	pthread_mutex_lock(&sim_lock);
	requests++;
	if (strcmp(method, "GET") == 0)
	{
		gets++;
		if (strlen(path) > 8 && strcmp(path + strlen(path) - 8, "/offsets") == 0)
			offsets++;
		else if (strcmp(path, "/connectors") == 0)
			lists++;
		else if (strncmp(path, "/connectors/", 12) == 0)
			alone++;
	}
	else if (program->recorded(method, path))
	{
		entry = json_object_new_object();
		json_object_object_add(entry, "at", json_object_new_double(at));
		json_object_object_add(entry, "method", json_object_new_string(method));
		json_object_object_add(entry, "path", json_object_new_string(path));
		if (query[0] != '\0')
			json_object_object_add(entry, "query", json_object_new_string(query));
		json_object_array_add(mutations, json_object_get(entry));
	}
	pthread_mutex_unlock(&sim_lock);
	return entry;
}

static void
note(struct json_object *entry, const char *key, int value)
{
	if (entry == NULL)
		return;
	pthread_mutex_lock(&sim_lock);
	json_object_object_add(entry, key, json_object_new_int(value));
	pthread_mutex_unlock(&sim_lock);
}

static void
done_with(struct json_object *entry)
{
	pthread_mutex_lock(&sim_lock);
	json_object_put(entry);
	pthread_mutex_unlock(&sim_lock);
}

/* A request's effect, now or later. */
typedef struct Effect
{
	char	   *method;
	char	   *path;
	char	   *query;
	char	   *body;
	char	   *user;			/* or NULL, as the next two */
	char	   *password;
	char	   *bearer;
	bool		late;
	int64_t		due;
	struct json_object *entry;	/* of the record; NULL for GET */
} Effect;

static SimAnswer
take_effect(Effect *effect)
{
	SimRequest	request = {effect->method, effect->path, effect->query, effect->body, effect->user, effect->password, effect->bearer, effect->late};
	SimAnswer	answer;

	sim_sleep(effect->due - sim_now());
	answer = program->serve(&request);
	note(effect->entry, "effect", answer.status);
	if (effect->entry != NULL)
		program->save();
	return answer;
}

static void
free_effect(Effect *effect)
{
	done_with(effect->entry);
	free(effect->method);
	free(effect->path);
	free(effect->query);
	free(effect->body);
	free(effect->user);
	free(effect->password);
	free(effect->bearer);
	free(effect);
}

static void *
late_effect(void *arg)
{
	Effect	   *effect = arg;
	SimAnswer	answer;

	effect->late = true;
	answer = take_effect(effect);
	free(answer.body);
	free_effect(effect);
	return NULL;
}

void
sim_detach(void *(*what) (void *), void *arg)
{
	pthread_attr_t attributes;
	pthread_t	thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, what, arg) != 0)
		abort();
	pthread_attr_destroy(&attributes);
}

/* Gives half of the body, then an error: the client sees a broken answer. */
static ssize_t
give_half(void *arg, uint64_t at, char *buf, size_t max)
{
	const char *body = arg;
	size_t		half = strlen(body) / 2;

	if (at >= half)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (half - at < max)
		max = half - at;
	memcpy(buf, body + at, max);
	return (ssize_t) max;
}

static enum MHD_Result
reply(struct MHD_Connection *connection, SimAnswer answer, bool truncate)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	const char *body = answer.body ? answer.body : "";

	if (truncate)
		response = MHD_create_response_from_callback(strlen(body) + 1, 1024, give_half, strdup(body), free);
	else
		response = MHD_create_response_from_buffer(strlen(body), (void *) body, MHD_RESPMEM_MUST_COPY);
	if (answer.status != 204)
		MHD_add_response_header(response, "Content-Type", answer.type ? answer.type : program->type);
	result = MHD_queue_response(connection, (unsigned) answer.status, response);
	MHD_destroy_response(response);
	free(answer.body);
	return result;
}

static enum MHD_Result
append_query(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	char	  **query = arg;
	char	   *longer;

	(void) kind;
	if (asprintf(&longer, "%s%s%s%s%s", *query, (*query)[0] ? "&" : "", key, value ? "=" : "", value ? value : "") < 0)
		abort();
	free(*query);
	*query = longer;
	return MHD_YES;
}

static void
credentials(struct MHD_Connection *connection, Effect *effect)
{
	const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	char	   *password = NULL;
	char	   *user = MHD_basic_auth_get_username_password(connection, &password);

	effect->user = user ? strdup(user) : NULL;
	effect->password = user && password ? strdup(password) : NULL;
	MHD_free(user);
	MHD_free(password);
	if (header != NULL && strncmp(header, "Bearer ", 7) == 0)
		effect->bearer = strdup(header + 7);
}

/* Plays the fault: effect and answer each at their time. */
static enum MHD_Result
serve(struct MHD_Connection *connection, const char *method, const char *path, Request *request)
{
	Effect	   *effect = calloc(1, sizeof(Effect));
	SimAnswer	answer = {500, NULL, NULL};
	SimFault	fault;
	bool		drop;

	sim_fault_take(method, path, &fault);
	effect->method = strdup(method);
	effect->path = strdup(path);
	effect->query = strdup("");
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, append_query, &effect->query);
	effect->body = strdup(request->body ? request->body : "");
	credentials(connection, effect);
	effect->due = request->came + fault.effect_ms;
	effect->entry = record(method, path, effect->query, request->came_at);

	if (fault.status != 0)
		answer = sim_error(fault.status, "%s", fault.message ? fault.message : "as the test wants it");
	else if (fault.no_effect || fault.effect_ms > fault.delay_ms)
		answer = sim_error(500, "Request timed out.");
	drop = fault.drop;
	note(effect->entry, "status", drop ? 0 : answer.status);
	if (fault.no_effect)
		free_effect(effect);
	else if (fault.effect_ms > fault.delay_ms)
		sim_detach(late_effect, effect);
	else
	{
		SimAnswer	real = take_effect(effect);

		if (answer.body == NULL)
		{
			answer = real;
			note(effect->entry, "status", drop ? 0 : answer.status);
		}
		else
			free(real.body);
		free_effect(effect);
	}
	free(fault.message);
	sim_sleep(request->came + fault.delay_ms - sim_now());
	if (drop)
	{
		free(answer.body);
		return MHD_NO;
	}
	return reply(connection, answer, fault.truncate);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
		   const char *version, const char *data, size_t *size, void **state)
{
	Request    *request = *state;

	(void) arg;
	(void) version;
	if (request == NULL)
	{
		*state = request = calloc(1, sizeof(Request));
		request->came = sim_now();
		request->came_at = wall_clock();
		return MHD_YES;
	}
	if (*size > 0)
	{
		if (request->length + *size > MAX_BODY)
			return MHD_NO;
		request->body = realloc(request->body, request->length + *size + 1);
		memcpy(request->body + request->length, data, *size);
		request->length += *size;
		request->body[request->length] = '\0';
		*size = 0;
		return MHD_YES;
	}
	if (strncmp(path, "/_sim/", 6) == 0)
		return reply(connection, control(method, path, request->body), false);
	return serve(connection, method, path, request);
}

static void
on_end(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	Request    *request = *state;

	(void) arg;
	(void) connection;
	(void) code;
	if (request != NULL)
	{
		free(request->body);
		free(request);
	}
	*state = NULL;
}

int
sim_run(const SimProgram *what, int argc, char **argv)
{
	struct sockaddr_in address;
	struct MHD_Daemon *daemon;
	const union MHD_DaemonInfo *info;
	sigset_t	signals;
	int			signal;
	int			i;

	program = what;
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (i = 1; i + 1 < argc; i += 2)
	{
		const char *name = argv[i];
		const char *value = argv[i + 1];
		bool		known = strncmp(name, "--", 2) == 0;

		if (known && strcmp(name, "--address") == 0)
			known = inet_pton(AF_INET, value, &address.sin_addr) == 1;
		else if (known && strcmp(name, "--port") == 0)
			address.sin_port = htons((uint16_t) atoi(value));
		else if (known)
			known = program->option(name + 2, value);
		if (!known)
			break;
	}
	if (i < argc)
	{
		fprintf(stderr, "%s: what is \"%s\"?\n", program->name, argv[i]);
		return 2;
	}

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal = SIGPIPE;
	sigemptyset(&signals);
	sigaddset(&signals, signal);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	mutations = json_object_new_array();
	program->start();
	daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
							  NULL, NULL, on_request, NULL,
							  MHD_OPTION_SOCK_ADDR, (struct sockaddr *) &address,
							  MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
							  MHD_OPTION_THREAD_STACK_SIZE, (size_t) STACK_SIZE,
							  MHD_OPTION_CONNECTION_LIMIT, 1000U,
							  MHD_OPTION_END);
	if (daemon == NULL)
	{
		fprintf(stderr, "%s: could not listen: %s\n", program->name, strerror(errno));
		return 1;
	}
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	printf("%d\n", info->port);
	fflush(stdout);

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigwait(&signals, &signal);
	program->end();

#ifdef __SANITIZE_ADDRESS__
	if (__lsan_do_recoverable_leak_check() != 0)
		_exit(23);
#endif

	/* threads may wait for long: the process ends without them, as kill -9 would */
	_exit(0);
}
