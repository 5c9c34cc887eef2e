/*
 * sim_faults.c
 *	  Which requests of a simulator go wrong, and how.
 *
 * Owns the list of fault switches; does nothing about them itself.
 *
 * POST /_sim/faults takes an object:
 *	 method, path	extended regular expressions, default: all
 *	 skip			so many matching requests go well first, default 0
 *	 count			so many go wrong then, -1 for ever, default 1
 *	 delay_ms		the answer comes so late, default 0
 *	 effect_ms		the effect comes so late, even when the client is gone
 *	 effect			false: no effect at all
 *	 status, message	the answer, whatever the effect said
 *	 drop			true: the connection is closed instead of an answer
 *	 truncate		true: half of the answer, then the connection is closed
 */
#include "sim_http.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

typedef struct Switch
{
	regex_t		method;
	regex_t		path;
	int			skip;
	int			count;
	int			taken;
	SimFault	fault;
	struct Switch *next;
} Switch;

static Switch *switches;

static const char *
string_of(struct json_object *object, const char *key, const char *missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || value == NULL)
		return missing;
	return json_object_get_string(value);
}

static int64_t
int_of(struct json_object *object, const char *key, int64_t missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || value == NULL)
		return missing;
	return json_object_get_int64(value);
}

static bool
bool_of(struct json_object *object, const char *key, bool missing)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || value == NULL)
		return missing;
	return json_object_get_boolean(value);
}

SimAnswer
sim_fault_add(struct json_object *request)
{
	Switch	   *s;
	Switch	  **last;
	const char *message;

	if (!json_object_is_type(request, json_type_object))
		return sim_error(400, "a fault is a JSON object");
	s = calloc(1, sizeof(Switch));
	if (regcomp(&s->method, string_of(request, "method", ""), REG_EXTENDED | REG_NOSUB) != 0)
	{
		free(s);
		return sim_error(400, "method is not a regular expression");
	}
	if (regcomp(&s->path, string_of(request, "path", ""), REG_EXTENDED | REG_NOSUB) != 0)
	{
		regfree(&s->method);
		free(s);
		return sim_error(400, "path is not a regular expression");
	}
	s->skip = (int) int_of(request, "skip", 0);
	s->count = (int) int_of(request, "count", 1);
	s->fault.delay_ms = int_of(request, "delay_ms", 0);
	s->fault.effect_ms = int_of(request, "effect_ms", 0);
	s->fault.no_effect = !bool_of(request, "effect", true);
	s->fault.status = (int) int_of(request, "status", 0);
	message = string_of(request, "message", NULL);
	s->fault.message = message ? strdup(message) : NULL;
	s->fault.drop = bool_of(request, "drop", false);
	s->fault.truncate = bool_of(request, "truncate", false);

	pthread_mutex_lock(&sim_lock);
	for (last = &switches; *last != NULL; last = &(*last)->next)
		;
	*last = s;
	pthread_mutex_unlock(&sim_lock);
	return sim_error(200, "set");
}

SimAnswer
sim_fault_clear(void)
{
	struct json_object *object = json_object_new_object();
	int			taken = 0;

	pthread_mutex_lock(&sim_lock);
	while (switches != NULL)
	{
		Switch	   *s = switches;

		switches = s->next;
		taken += s->taken;
		regfree(&s->method);
		regfree(&s->path);
		free(s->fault.message);
		free(s);
	}
	pthread_mutex_unlock(&sim_lock);
	json_object_object_add(object, "taken", json_object_new_int(taken));
	return sim_json(200, object);
}

void
sim_fault_take(const char *method, const char *path, SimFault *fault)
{
	Switch	   *s;

	memset(fault, 0, sizeof(*fault));
	pthread_mutex_lock(&sim_lock);
	for (s = switches; s != NULL; s = s->next)
	{
		if (s->count == 0 || regexec(&s->method, method, 0, NULL, 0) != 0 ||
			regexec(&s->path, path, 0, NULL, 0) != 0)
			continue;
		if (s->skip > 0)
		{
			s->skip--;
			continue;
		}
		if (s->count > 0)
			s->count--;
		s->taken++;
		*fault = s->fault;
		if (fault->message != NULL)
			fault->message = strdup(fault->message);
		break;
	}
	pthread_mutex_unlock(&sim_lock);
}
