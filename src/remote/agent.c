/*
 * agent.c
 *	  See agent.h.
 */
#include "remote/agent.h"

#include <string.h>

#include "common/json.h"
#include "common/redact.h"
#include "remote/kafka_connect.h"

static bool
all_strings(struct json_object *array)
{
	size_t		n = json_object_array_length(array);
	size_t		i;

	for (i = 0; i < n; i++)
	{
		if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_string))
			return false;
	}
	return true;
}

static void
read_job(CdcAgentState *state, struct json_object *job)
{
	state->job_id = cdc_json_string(job, "id");
	state->job_state = cdc_json_string(job, "state");
	if (state->job_id == NULL || state->job_state == NULL)
	{
		state->job = CDC_AGENT_JOB_NONE;
		return;
	}
	state->job = strcmp(state->job_state, "done") == 0 ? CDC_AGENT_JOB_DONE :
		strcmp(state->job_state, "failed") == 0 ? CDC_AGENT_JOB_FAILED : CDC_AGENT_JOB_RUNNING;
	state->job_sha512 = cdc_json_string(job, "sha512");
	state->job_version = cdc_json_string(job, "version");
	state->job_error = cdc_json_string(job, "error");
}

CdcMarkSaid
cdc_agent_read_fence(struct json_object *object)
{
	struct json_object *epoch = cdc_json_get(object, "epoch");
	CdcMarkSaid said = {NULL, NULL};

	if (epoch && !(json_object_is_type(epoch, json_type_int) && json_object_get_int64(epoch) == 0))
		said.epoch = json_object_get_string(epoch);
	said.word = said.epoch ? cdc_json_string(object, "mark") : NULL;
	return said;
}

CdcAgentState *
cdc_agent_parse_state(const char *body)
{
	struct json_object *object = cdc_json_parse(body);
	struct json_object *secrets = cdc_json_array(object, "secrets");
	CdcAgentState *state;

	if (secrets == NULL || !all_strings(secrets) || cdc_json_string(object, "secret_path") == NULL)
	{
		json_object_put(object);
		return NULL;
	}
	state = palloc0(sizeof(CdcAgentState));
	state->body = object;
	state->secret_path = cdc_json_string(object, "secret_path");
	state->fence = cdc_agent_read_fence(object);
	state->secrets = secrets;
	state->nsecrets = (int) json_object_array_length(secrets);
	read_job(state, cdc_json_get(object, "job"));
	return state;
}

void
cdc_agent_state_free(CdcAgentState *state)
{
	if (state == NULL)
		return;
	json_object_put(state->body);
	pfree(state);
}

static const char *
secret_at(const CdcAgentState *state, int i)
{
	return json_object_get_string(json_object_array_get_idx(state->secrets, (size_t) i));
}

/* The first name that is not below the given one. */
static int
lower_bound(const CdcAgentState *state, const char *name)
{
	int			low = 0;
	int			high = state->nsecrets;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(secret_at(state, middle), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
cdc_agent_has_secret(const CdcAgentState *state, const char *name)
{
	int			i = lower_bound(state, name);

	return i < state->nsecrets && strcmp(secret_at(state, i), name) == 0;
}

static bool
is_one_of(const char *name, const char *const *names, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

int
cdc_agent_secrets_of(const CdcAgentState *state, const char *connector_name,
					 const char *const *keep, int nkeep, const char ***names)
{
	char	   *prefix = psprintf("%s.", connector_name);
	int			first = lower_bound(state, prefix);
	int			n = 0;
	int			i;

	*names = palloc(sizeof(char *) * (state->nsecrets - first + 1));
	for (i = first; i < state->nsecrets && strncmp(secret_at(state, i), prefix, strlen(prefix)) == 0; i++)
	{
		if (!is_one_of(secret_at(state, i), keep, nkeep))
			(*names)[n++] = secret_at(state, i);
	}
	pfree(prefix);
	return n;
}

char *
cdc_agent_secret_name(const char *connector_name, int generation)
{
	return psprintf("%s.%d", connector_name, generation);
}

char *
cdc_agent_certificate_name(const char *connector_name, const char *hash)
{
	return psprintf("%s.ca-%.16s", connector_name, hash);
}

char *
cdc_agent_url(const char *base, const char *path, const char *name, const char *installation, int64 epoch, const char *mark)
{
	char	   *url = cdc_kc_url(base, path, name);
	char	   *whole = epoch > 0 ? psprintf("%s?installation=%s&epoch=" INT64_FORMAT "%s%s", url, installation, epoch, mark ? "&mark=" : "", mark ? mark : "") :
		psprintf("%s?installation=%s", url, installation);

	pfree(url);
	return whole;
}

static char *
body_of(struct json_object *object)
{
	char	   *words = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));

	json_object_put(object);
	return words;
}

char *
cdc_agent_install_body(const char *url, const char *sha512, const char *version)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "url", json_object_new_string(url));
	json_object_object_add(object, "sha512", json_object_new_string(sha512));
	json_object_object_add(object, "version", json_object_new_string(version));
	json_object_object_add(object, "class", json_object_new_string(CDC_KC_CLASS));
	return body_of(object);
}

char *
cdc_agent_fence_body(const char *from)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "from", json_object_new_string(from));
	return body_of(object);
}

char *
cdc_agent_secret_body(const char *value)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "value", json_object_new_string(value));
	return body_of(object);
}

CdcAgentMeaning
cdc_agent_meaning(int status, const char *body, const char *const *secrets, int nsecrets, char **message)
{
	struct json_object *object;
	const char *said;

	*message = NULL;
	if (status >= 200 && status < 300)
		return CDC_AGENT_DONE;
	object = cdc_json_parse(body);
	said = cdc_json_string(object, "error");
	*message = cdc_redact_said(said ? said : "no reason given", secrets, nsecrets);
	json_object_put(object);
	if (said == NULL || status < 400 || status >= 500)
		return CDC_AGENT_MAYBE;
	return status == 409 ? CDC_AGENT_BUSY : status == 412 ? CDC_AGENT_FENCED : CDC_AGENT_REFUSED;
}

bool
cdc_agent_forbids(const char *body)
{
	struct json_object *object = cdc_json_parse(body);
	bool		said = cdc_json_string(object, "error") != NULL;

	json_object_put(object);
	return !said;
}
