/*
 * job_file.c
 *	  See job_file.h.
 */
#include "agent/job_file.h"

#include <sys/random.h>
#include <time.h>

#include "agent/files.h"
#include "common/json.h"

#define JOB_FILE "job.json"
#define MAX_JOB_BYTES 65536

static const char *const state_names[] = {
	"checking", "downloading", "extracting", "swapping", "restarting", "waiting", "restoring", "done", "failed"
};

bool
agent_job_ended(const AgentJob *j)
{
	return j->state == JOB_DONE || j->state == JOB_FAILED;
}

void
agent_job_add_text(struct json_object *object, const char *key, const char *words)
{
	if (words)
		json_object_object_add(object, key, json_object_new_string(words));
}

const char *
agent_job_name(AgentCall call)
{
	return call == AGENT_PUT_PLUGIN ? "install" : call == AGENT_DELETE_PLUGIN ? "remove" : "restart";
}

const char *
agent_job_state_name(AgentJobState state)
{
	return state_names[state];
}

struct json_object *
agent_job_to_object(const AgentJob *j)
{
	struct json_object *object = json_object_new_object();

	agent_job_add_text(object, "id", j->id);
	agent_job_add_text(object, "kind", agent_job_name(j->call));
	agent_job_add_text(object, "plugin", j->plugin);
	agent_job_add_text(object, "url", j->url);
	agent_job_add_text(object, "sha512", j->sha512);
	agent_job_add_text(object, "version", j->version);
	agent_job_add_text(object, "class", j->class);
	agent_job_add_text(object, "state", state_names[j->state]);
	agent_job_add_text(object, "error", j->error);
	json_object_object_add(object, "starts", json_object_new_int(j->starts));
	json_object_object_add(object, "started_at", json_object_new_int64(j->started_at));
	if (j->ended_at)
		json_object_object_add(object, "ended_at", json_object_new_int64(j->ended_at));
	return object;
}

static char *
copy(const char *words)
{
	return words ? pstrdup(words) : NULL;
}

void
agent_job_free(AgentJob *j)
{
	if (j == NULL)
		return;
	pg_free(j->plugin);
	pg_free(j->url);
	pg_free(j->sha512);
	pg_free(j->version);
	pg_free(j->class);
	pg_free(j->error);
	pg_free(j);
}

/* A job file, or NULL when it is none of ours. */
static AgentJob *
from_object(struct json_object *object)
{
	const char *id = cdc_json_string(object, "id");
	const char *kind = cdc_json_string(object, "kind");
	const char *state = cdc_json_string(object, "state");
	AgentJob   *j = palloc0(sizeof(AgentJob));
	int			i;

	if (id == NULL || strlen(id) >= sizeof(j->id) || kind == NULL || state == NULL)
		return NULL;
	strlcpy(j->id, id, sizeof(j->id));
	j->call = strcmp(kind, "install") == 0 ? AGENT_PUT_PLUGIN :
		strcmp(kind, "remove") == 0 ? AGENT_DELETE_PLUGIN : AGENT_RESTART_WORKER;
	j->plugin = copy(cdc_json_string(object, "plugin"));
	j->url = copy(cdc_json_string(object, "url"));
	j->sha512 = copy(cdc_json_string(object, "sha512"));
	j->version = copy(cdc_json_string(object, "version"));
	j->class = copy(cdc_json_string(object, "class"));
	j->error = copy(cdc_json_string(object, "error"));
	j->starts = (int) cdc_json_int64(object, "starts", 0);
	j->started_at = cdc_json_int64(object, "started_at", 0);
	j->ended_at = cdc_json_int64(object, "ended_at", 0);
	if ((j->call != AGENT_RESTART_WORKER && j->plugin == NULL) ||
		(j->call == AGENT_PUT_PLUGIN && (j->url == NULL || j->sha512 == NULL || j->version == NULL)))
		return NULL;
	for (i = 0; i < (int) lengthof(state_names); i++)
	{
		if (strcmp(state, state_names[i]) == 0)
		{
			j->state = (AgentJobState) i;
			return j;
		}
	}
	return NULL;
}

bool
agent_job_save(int state_fd, const AgentJob *j, char **error)
{
	struct json_object *object = agent_job_to_object(j);
	const char *words = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	bool		ok = agent_write_file(state_fd, JOB_FILE, words, strlen(words), 0600, error);

	json_object_put(object);
	return ok;
}

bool
agent_job_load(int state_fd, AgentJob **job, char **error)
{
	char	   *words;
	struct json_object *object;

	*job = NULL;
	if (!agent_exists(state_fd, JOB_FILE))
		return true;
	words = agent_read_file(state_fd, JOB_FILE, MAX_JOB_BYTES, error);
	if (words == NULL)
		return false;
	object = cdc_json_parse(words);
	pfree(words);
	*job = from_object(object);
	json_object_put(object);
	if (*job == NULL)
		*error = psprintf("%s in state_dir is damaged; look into plugin_dir, then remove it", JOB_FILE);
	return *job != NULL;
}

AgentJob *
agent_job_new(const AgentRequest *r)
{
	AgentJob   *j = palloc0(sizeof(AgentJob));
	unsigned char noise[16];
	int			i;

	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		return NULL;
	for (i = 0; i < (int) sizeof(noise); i++)
		snprintf(j->id + 2 * i, 3, "%02x", noise[i]);
	j->call = r->call;
	j->plugin = r->call == AGENT_RESTART_WORKER ? NULL : pstrdup(r->name);
	j->url = copy(r->url);
	j->sha512 = copy(r->sha512);
	j->version = copy(r->version);
	j->class = copy(r->class);
	j->state = r->call == AGENT_PUT_PLUGIN ? JOB_CHECKING :
		r->call == AGENT_DELETE_PLUGIN ? JOB_SWAPPING : JOB_RESTARTING;
	j->started_at = (int64) time(NULL);
	return j;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
agent_job_is(const AgentJob *j, const AgentRequest *r)
{
	return j->call == r->call &&
		(r->call == AGENT_RESTART_WORKER || strcmp(j->plugin, r->name) == 0) &&
		(r->call != AGENT_PUT_PLUGIN || (same(j->sha512, r->sha512) && same(j->version, r->version)));
}
