/*
 * api.c
 *	  See api.h.
 */
#include "agent/api.h"

#include <json-c/json.h>

#include "agent/fence.h"
#include "agent/job.h"
#include "agent/provision.h"
#include "agent/secret.h"
#include "agent/worker_control.h"
#include "common/text.h"

static const AgentConfig *config;

void
agent_api_init(const AgentConfig *c)
{
	config = c;
}

/* Takes the object over. */
static AgentAnswer
answer(int status, struct json_object *object)
{
	AgentAnswer a;

	a.status = status;
	a.body = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return a;
}

AgentAnswer
agent_api_refuse(int status, const char *words)
{
	struct json_object *object = json_object_new_object();
	char		line[AGENT_MAX_WORDS];

	json_object_object_add(object, "error", json_object_new_string(cdc_text_line(line, sizeof(line), words ? words : "unknown fault")));
	return answer(status, object);
}

/* The same, and frees the sentence. */
static AgentAnswer
fault(int status, char *words)
{
	AgentAnswer a = agent_api_refuse(status, words);

	if (words)
		pfree(words);
	return a;
}

/* An object with one member, which is taken over. */
static AgentAnswer
one_of(int status, const char *key, struct json_object *value)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, key, value);
	return answer(status, object);
}

/* The same; NULL: the fault. */
static AgentAnswer
one(const char *key, struct json_object *value, char *error)
{
	if (value == NULL && error)
		return fault(500, error);
	return one_of(200, key, value);
}

/* What is kept of the installation that asks, which verifies it: into each answer about what is fenced. */
static void
add_fence(struct json_object *object, const AgentRequest *r)
{
	char	   *mark;

	if (r->installation == NULL)
		return;
	json_object_object_add(object, "epoch", json_object_new_int64(agent_fence_epoch(r->installation, &mark)));
	if (mark)
	{
		json_object_object_add(object, "mark", json_object_new_string(mark));
		pfree(mark);
	}
}

/* As agent_api_refuse(), with that; frees the sentence. */
static AgentAnswer
refuse_fenced(int status, char *words, const AgentRequest *r)
{
	struct json_object *object = json_object_new_object();
	char		line[AGENT_MAX_WORDS];

	json_object_object_add(object, "error", json_object_new_string(cdc_text_line(line, sizeof(line), words)));
	pfree(words);
	add_fence(object, r);
	return answer(status, object);
}

/* All that a control plane looks at, in one answer. */
static AgentAnswer
whole_state(const AgentRequest *r)
{
	char	   *error = NULL;
	struct json_object *plugins = agent_job_plugins(&error);
	struct json_object *secrets = plugins ? agent_secret_list(&error) : NULL;
	struct json_object *object;

	if (secrets == NULL)
	{
		json_object_put(plugins);
		return fault(500, error);
	}
	object = json_object_new_object();
	json_object_object_add(object, "version", json_object_new_string(AGENT_VERSION));
	json_object_object_add(object, "plugins", plugins);
	json_object_object_add(object, "job", agent_job_object());
	json_object_object_add(object, "secrets", secrets);
	json_object_object_add(object, "secret_path", json_object_new_string(config->secret_path));
	json_object_object_add(object, "connect_url", json_object_new_string(config->connect_url));
	add_fence(object, r);
	return answer(200, object);
}

static AgentAnswer
worker_state(void)
{
	struct json_object *object = json_object_new_object();
	struct json_object *job = agent_job_object();
	struct json_object *state = NULL;
	AgentWorkerLook look;
	const char *words;

	agent_worker_look(config, NULL, NULL, &look);
	json_object_object_get_ex(job, "state", &state);
	words = look.answers ? "running" :
		state && (strcmp(json_object_get_string(state), "restarting") == 0 ||
				  strcmp(json_object_get_string(state), "waiting") == 0) ? "restarting" : "down";
	json_object_object_add(object, "state", json_object_new_string(words));
	json_object_object_add(object, "connect_url", json_object_new_string(config->connect_url));
	if (look.error)
	{
		char		line[AGENT_MAX_WORDS];

		json_object_object_add(object, "error", json_object_new_string(cdc_text_line(line, sizeof(line), look.error)));
		pfree(look.error);
	}
	json_object_put(job);
	return answer(200, object);
}

static AgentAnswer
ask(const AgentRequest *r)
{
	char	   *error = NULL;

	switch (agent_job_ask(r, &error))
	{
		case AGENT_ASK_STARTED:
			{
				struct json_object *object = json_object_new_object();

				json_object_object_add(object, "job", agent_job_object());
				return answer(202, object);
			}
		case AGENT_ASK_BUSY:
			return agent_api_refuse(409, "another job is under way; see GET /v1/job");
		case AGENT_ASK_FAULT:
			break;
	}
	return fault(422, error);
}

static AgentAnswer
change_secret(const AgentRequest *r)
{
	char	   *error = NULL;
	bool		ok = r->call == AGENT_PUT_SECRET ? agent_secret_put(r->name, r->value, &error) :
		agent_secret_delete(r->name, &error);

	if (!ok)
		return fault(500, error);
	fprintf(stderr, "cdc_agent: secret %s %s\n", r->name, r->call == AGENT_PUT_SECRET ? "written" : "deleted");
	return one("name", json_object_new_string(r->name), NULL);
}

static AgentAnswer
put_certificate(const AgentRequest *r)
{
	char	   *error = NULL;
	int			status = agent_secret_put_certificate(r->name, r->value, &error);

	if (status != 0)
		return fault(status, error);
	fprintf(stderr, "cdc_agent: certificate %s written\n", r->name);
	return one("name", json_object_new_string(r->name), NULL);
}

static AgentAnswer
services(void)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "services", agent_provision_list());
	json_object_object_add(object, "versions", agent_provision_versions());
	return answer(200, object);
}

static AgentAnswer
service(const AgentRequest *r)
{
	struct json_object *object;
	struct json_object *whole;
	char	   *error = NULL;
	int			status = 200;

	if (r->call == AGENT_PUT_SERVICE)
	{
		status = agent_provision_put(r->name, r->order, &error);
		if (status != 0)
			return fault(status, error);
		status = 202;
	}
	if (r->call == AGENT_DELETE_SERVICE)
	{
		if (!agent_provision_delete(r->name, &error))
			return fault(500, error);
		status = 202;
	}
	object = agent_provision_object(r->name, &error);
	if (object == NULL)
		return error ? fault(500, error) : refuse_fenced(404, pstrdup("there is no such service"), r);
	whole = json_object_new_object();
	json_object_object_add(whole, "service", object);
	add_fence(whole, r);
	return answer(status, whole);
}

/*
 * The one change that a lower epoch may make.  It names the epoch that is there: who
 * was replaced meanwhile has looked at another one.
 */
static AgentAnswer
adopt(const AgentRequest *r)
{
	char	   *error = NULL;
	int64		known;

	if (agent_fence_adopt(r->installation, r->from, r->epoch, r->mark, &known, &error))
	{
		fprintf(stderr, "cdc_agent: epoch " INT64_FORMAT " of installation %s replaced by " INT64_FORMAT "\n", known, r->installation, r->epoch);
		return one("epoch", json_object_new_int64(r->epoch), NULL);
	}
	return error ? fault(500, error) : fault(412, psprintf("the epoch here is " INT64_FORMAT ", not " INT64_FORMAT, known, r->from));
}

AgentAnswer
agent_api_answer(const AgentRequest *r)
{
	char	   *error = NULL;
	int64		known;

	if (r->call == AGENT_PUT_FENCE)
		return adopt(r);
	if (agent_request_changes(r) && r->installation && !agent_fence_pass(r->installation, r->epoch, r->mark, &known, &error))
	{
		if (error)
			return fault(500, error);
		return refuse_fenced(412, psprintf("a control plane with epoch " INT64_FORMAT " acts here; this one has " INT64_FORMAT
										   " and has been replaced", known, r->epoch), r);
	}
	if (agent_request_is_provision(r) != (config->services_dir != NULL))
		return agent_api_refuse(404, config->services_dir ? "this agent makes services; plugins and secrets are those beside the workers'" :
								"this agent makes no services: its configuration has no services_dir");
	switch (r->call)
	{
		case AGENT_GET_STATE:
			return whole_state(r);
		case AGENT_GET_PLUGINS:
			{
				struct json_object *plugins = agent_job_plugins(&error);

				return one("plugins", plugins, error);
			}
		case AGENT_GET_JOB:
			return one("job", agent_job_object(), NULL);
		case AGENT_GET_WORKER:
			return worker_state();
		case AGENT_GET_SECRETS:
			{
				struct json_object *names = agent_secret_list(&error);

				return one("secrets", names, error);
			}
		case AGENT_PUT_SECRET:
		case AGENT_DELETE_SECRET:
			return change_secret(r);
		case AGENT_PUT_CERTIFICATE:
			return put_certificate(r);
		case AGENT_PUT_FENCE:
			break;
		case AGENT_PUT_PLUGIN:
		case AGENT_DELETE_PLUGIN:
		case AGENT_RESTART_WORKER:
			return ask(r);
		case AGENT_GET_SERVICES:
			return services();
		case AGENT_GET_SERVICE:
		case AGENT_PUT_SERVICE:
		case AGENT_DELETE_SERVICE:
			return service(r);
	}
	return agent_api_refuse(404, "there is no such path");
}
