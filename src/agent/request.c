/*
 * request.c
 *	  See request.h.
 */
#include "agent/request.h"

#include <ctype.h>

#include "common/json.h"
#include "common/mark.h"

#define MAX_URL 2048
#define MAX_WORD 256

typedef struct Route
{
	const char *method;
	const char *path;			/* ends with / when a name follows */
	AgentCall	call;
} Route;

static const Route routes[] = {
	{"GET", "/v1/state", AGENT_GET_STATE},
	{"GET", "/v1/plugins", AGENT_GET_PLUGINS},
	{"PUT", "/v1/plugins/", AGENT_PUT_PLUGIN},
	{"DELETE", "/v1/plugins/", AGENT_DELETE_PLUGIN},
	{"GET", "/v1/job", AGENT_GET_JOB},
	{"GET", "/v1/worker", AGENT_GET_WORKER},
	{"POST", "/v1/worker/restart", AGENT_RESTART_WORKER},
	{"GET", "/v1/secrets", AGENT_GET_SECRETS},
	{"PUT", "/v1/secrets/", AGENT_PUT_SECRET},
	{"DELETE", "/v1/secrets/", AGENT_DELETE_SECRET},
	{"PUT", "/v1/certificates/", AGENT_PUT_CERTIFICATE},
	{"PUT", "/v1/fence", AGENT_PUT_FENCE},
	{"GET", "/v1/services", AGENT_GET_SERVICES},
	{"GET", "/v1/services/", AGENT_GET_SERVICE},
	{"PUT", "/v1/services/", AGENT_PUT_SERVICE},
	{"DELETE", "/v1/services/", AGENT_DELETE_SERVICE},
};

bool
agent_request_changes(const AgentRequest *r)
{
	return r->call == AGENT_PUT_PLUGIN || r->call == AGENT_DELETE_PLUGIN || r->call == AGENT_RESTART_WORKER ||
		r->call == AGENT_PUT_SECRET || r->call == AGENT_DELETE_SECRET || r->call == AGENT_PUT_CERTIFICATE || r->call == AGENT_PUT_FENCE || r->call == AGENT_PUT_SERVICE || r->call == AGENT_DELETE_SERVICE;
}

bool
agent_request_is_provision(const AgentRequest *r)
{
	return r->call >= AGENT_GET_SERVICES;
}

/* Only ASCII letters, digits and what is in more, 1 to max bytes. */
static bool
is_word(const char *words, const char *more, size_t max)
{
	size_t		i;

	for (i = 0; words[i]; i++)
	{
		unsigned char c = (unsigned char) words[i];

		if (i >= max || !((c < 0x80 && isalnum(c)) || strchr(more, c)))
			return false;
	}
	return i > 0;
}

/* A file's name of ours: no path, nothing hidden. */
static bool
is_name(const char *name)
{
	return is_word(name, "._-", AGENT_MAX_NAME) && isalnum((unsigned char) name[0]);
}

static int
find_call(AgentRequest *r, const char *method, const char *path, char **error)
{
	bool		known = false;
	size_t		i;

	for (i = 0; i < lengthof(routes); i++)
	{
		const Route *route = &routes[i];
		size_t		length = strlen(route->path);
		bool		named = route->path[length - 1] == '/';

		if (named ? strncmp(path, route->path, length) != 0 : strcmp(path, route->path) != 0)
			continue;
		known = true;
		if (strcmp(method, route->method) != 0)
			continue;
		r->call = route->call;
		if (named && !is_name(path + length))
		{
			*error = pstrdup("a name must be 1 to 128 letters, digits, dots, hyphens and underscores, and begin with a letter or digit");
			return 400;
		}
		if (named)
			strlcpy(r->name, path + length, sizeof(r->name));
		return 0;
	}
	*error = pstrdup(known ? "this path does not take this method" : "there is no such path; see docs/agent.md");
	return known ? 405 : 404;
}

static int
read_epoch(AgentRequest *r, const char *installation, const char *epoch, const char *mark, char **error)
{
	char	   *end;

	if (mark && !is_word(mark, ".", CDC_MARK_WORD_LEN))
	{
		*error = pstrdup("mark must be letters, digits and a dot");
		return 400;
	}
	if (installation == NULL && epoch == NULL && r->call != AGENT_PUT_FENCE)
		return 0;
	if (installation && is_word(installation, "-", 64))
	{
		r->installation = pstrdup(installation);
		if (epoch == NULL && !agent_request_changes(r))
			return 0;			/* a look needs none */
		if (epoch && is_word(epoch, "", 18))
		{
			r->epoch = strtoll(epoch, &end, 10);
			if (*end == '\0')
			{
				r->mark = mark ? pstrdup(mark) : NULL;
				return 0;
			}
		}
	}
	*error = pstrdup("installation must be a UUID and epoch a number, and a change needs both or neither");
	return 400;
}

/* The members that a body may have, each a text; NULL at the end. */
static bool
only_has(struct json_object *object, const char *const *names)
{
	json_object_object_foreach(object, key, value)
	{
		int			i;

		for (i = 0; names[i] && strcmp(names[i], key) != 0; i++)
			;
		/* a NUL inside a text would end it early for whoever reads it */
		if (names[i] == NULL || !json_object_is_type(value, json_type_string) ||
			strlen(json_object_get_string(value)) != (size_t) json_object_get_string_len(value))
			return false;
	}
	return true;
}

static int
read_plugin(AgentRequest *r, struct json_object *object, char **error)
{
	static const char *const names[] = {"url", "sha512", "version", "class", NULL};
	const char *url = cdc_json_string(object, "url");
	const char *sha512 = cdc_json_string(object, "sha512");
	const char *version = cdc_json_string(object, "version");
	const char *class = cdc_json_string(object, "class");
	char	   *p;

	if (!only_has(object, names) || url == NULL || sha512 == NULL || version == NULL)
		*error = pstrdup("the body must be {\"url\": \"...\", \"sha512\": \"...\", \"version\": \"...\"}, and may have \"class\"");
	else if (strlen(url) > MAX_URL || url[strspn(url, "!#$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~")] != '\0')
		*error = psprintf("url must be at most %d characters of those that a URL has", MAX_URL);
	else if (strlen(sha512) != 128 || strspn(sha512, "0123456789abcdefABCDEF") != 128)
		*error = pstrdup("sha512 must be 128 hexadecimal digits");
	else if (!is_word(version, "._+-", MAX_WORD))
		*error = pstrdup("version must be letters, digits, dots, hyphens, underscores and plus signs");
	else if (class && !is_word(class, "._$", MAX_WORD))
		*error = pstrdup("class must be the name of a Java class");
	else
	{
		r->url = pstrdup(url);
		r->sha512 = pstrdup(sha512);
		for (p = r->sha512; *p; p++)
			*p = (char) tolower((unsigned char) *p);
		r->version = pstrdup(version);
		r->class = class ? pstrdup(class) : NULL;
		return 0;
	}
	return 400;
}

/* A number as text: json-c would bend what does not fit. */
static int
read_from(AgentRequest *r, struct json_object *object, char **error)
{
	static const char *const names[] = {"from", NULL};
	const char *from = cdc_json_string(object, "from");
	char	   *end;

	if (only_has(object, names) && from && is_word(from, "", 18))
	{
		r->from = strtoll(from, &end, 10);
		if (*end == '\0')
			return 0;
	}
	*error = pstrdup("the body must be {\"from\": \"...\"}, the epoch that is to be replaced");
	return 400;
}

static int
read_value(AgentRequest *r, struct json_object *object, char **error)
{
	static const char *const names[] = {"value", NULL};
	const char *value = cdc_json_string(object, "value");
	size_t		max = r->call == AGENT_PUT_CERTIFICATE ? AGENT_MAX_CERTIFICATE : AGENT_MAX_SECRET;

	if (!only_has(object, names) || value == NULL || value[0] == '\0' || strlen(value) > max)
	{
		*error = psprintf("the body must be {\"value\": \"...\"}, 1 to %zu bytes", max);
		return 400;
	}
	r->value = pstrdup(value);
	return 0;
}

int
agent_request_read(AgentRequest *r, const char *method, const char *path,
				   const char *installation, const char *epoch, const char *mark,
				   const char *body, size_t length, char **error)
{
	struct json_object *object;
	int			status;

	memset(r, 0, sizeof(*r));
	status = find_call(r, method, path, error);
	if (status == 0)
		status = read_epoch(r, installation, epoch, mark, error);
	if (status != 0 || (r->call != AGENT_PUT_PLUGIN && r->call != AGENT_PUT_SECRET && r->call != AGENT_PUT_CERTIFICATE && r->call != AGENT_PUT_FENCE &&
						r->call != AGENT_PUT_SERVICE))
		return status;
	object = body && strlen(body) == length ? cdc_json_parse(body) : NULL;
	if (!json_object_is_type(object, json_type_object))
	{
		*error = pstrdup("the body must be one JSON object");
		status = 400;
	}
	else if (r->call == AGENT_PUT_SERVICE)
		r->order = json_object_get(object);
	else
		status = r->call == AGENT_PUT_PLUGIN ? read_plugin(r, object, error) :
			r->call == AGENT_PUT_FENCE ? read_from(r, object, error) : read_value(r, object, error);
	json_object_put(object);
	return status;
}

static void
forget(char **words)
{
	if (*words)
		pfree(*words);
	*words = NULL;
}

void
agent_request_wipe(AgentRequest *r)
{
	if (r->value)
		explicit_bzero(r->value, strlen(r->value));
	forget(&r->value);
	json_object_put(r->order);
	r->order = NULL;
	forget(&r->installation);
	forget(&r->mark);
	forget(&r->url);
	forget(&r->sha512);
	forget(&r->version);
	forget(&r->class);
}
