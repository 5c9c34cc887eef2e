/*
 * agents.c
 *	  Looks at the agents of a sink.
 *
 * See observe_parts.h.  One GET an agent and round, whatever the number of pipelines.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "extension/settings.h"
#include "remote/connect_value.h"
#include "worker/observe/observe_parts.h"
#include "worker/observe/peer_said.h"
#include "worker/observe/registered.h"
#include "worker/world/agenda.h"
#include "worker/world/agent_fence.h"
#include "worker/world/checks.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/plugin_roll.h"
#include "worker/world/reach.h"
#include "worker/world/service_kept.h"

typedef struct Look
{
	CdcWorld   *world;
	char		id[CDC_UUID_LEN + 1];
	int			index;
	int64		started;
} Look;

/* A job has ended: workers, their plugins and their tasks may be other ones now. */
static void
job_ended(CdcService *sink)
{
	CdcPipeline *p;

	cdc_plugin_changed(sink);
	cdc_each_of_sink(p, sink)
	{
		if (p->doing.op == NULL)
			cdc_world_anew(p, CDC_ANEW_CONNECT | CDC_ANEW_NO_BACKOFF | CDC_ANEW_WHEN_DUE);
	}
}

/*
 * The directory of secrets becomes a part of configurations, so an agent may
 * name what a path has, and the same as at first or one below.  NULL: believed,
 * else why not.
 */
static char *
path_fault(CdcService *sink, const CdcAgent *agent, const char *path)
{
	char	   *fault = cdc_connect_path_fault(path);
	bool		moved = fault == NULL && sink->kafka.secret_path != NULL && !cdc_connect_path_below(path, sink->kafka.secret_path);
	CdcFinding	finding = cdc_check(CDC_CHECK_AGENT_SECRET_PATH);

	finding.node = agent->url;
	finding.observed = moved ? psprintf("the agent names %s as its directory of secrets", path) : NULL;
	finding.required = moved ? psprintf("%s, which the agents named first", sink->kafka.secret_path) : NULL;
	cdc_finding_service(sink, &finding, moved);
	if (fault)
		return psprintf("the directory of secrets that it names %s", fault);
	if (moved)
		return psprintf("it names %s as its directory of secrets, and the agents named %s first", path, sink->kafka.secret_path);
	if (sink->kafka.secret_path == NULL)
		cdc_service_keep_secret_path(sink, path);
	return NULL;
}

/* NULL: what it keeps of our epoch is believed, else why not. */
static char *
fence_fault(CdcService *sink, CdcAgent *agent, const CdcAgentState *state)
{
	char	   *fault = cdc_agent_fence_judge(sink, &agent->fence, agent->url, state->fence);

	if (agent->fence.unverified && agent->fence.adopt)
		cdc_agenda_adopt(sink->world);
	return fault;
}

static void
take_state(CdcService *sink, CdcAgent *agent, const char *body, char **error)
{
	MemoryContext old = MemoryContextSwitchTo(sink->context);
	CdcAgentState *state = cdc_agent_parse_state(body);

	MemoryContextSwitchTo(old);
	if (state == NULL)
	{
		*error = pstrdup("the answer is not an agent's");
		return;
	}
	if ((*error = path_fault(sink, agent, state->secret_path)) != NULL)
	{
		cdc_agent_state_free(state);
		return;
	}
	if ((*error = fence_fault(sink, agent, state)) != NULL)
	{
		cdc_agent_state_free(state);
		return;
	}
	if (agent->state && agent->state->job == CDC_AGENT_JOB_RUNNING && state->job != CDC_AGENT_JOB_RUNNING)
		job_ended(sink);
	cdc_agent_state_free(agent->state);
	agent->state = state;
}

static void
look_done(const CdcHttpResult *result, void *arg)
{
	Look	   *look = arg;
	CdcService *sink = cdc_world_service(look->world, look->id);
	CdcAgent   *agent = sink && look->index < sink->kafka.nagents ? &sink->kafka.agents[look->index] : NULL;
	char	   *error = NULL;

	if (agent == NULL || !agent->looking || agent->looking_since != look->started)
	{
		pfree(look);
		return;
	}
	agent->looking = false;
	agent->looked_at = look->started;
	if (result->tolerated || result->outcome == CDC_HTTP_ANSWERED)
		cdc_registered_answered(sink, agent->url, result->tolerated);
	if (result->outcome != CDC_HTTP_ANSWERED)
		error = pstrdup(result->error);
	else if (result->status != 200)
	{
		const char *sent[] = {agent->token};

		cdc_agent_meaning(result->status, result->body, sent, lengthof(sent), &error);
		error = psprintf("HTTP %d: %s", result->status, error ? error : "");
	}
	else
		take_state(sink, agent, result->body, &error);
	agent->reachable = error ? CDC_NO : CDC_YES;
	cdc_set_string(sink->context, &agent->error, error);
	cdc_peer_said(sink, agent->url, result->said);
	cdc_world_ready_waiting(sink);
	pfree(look);
}

void
cdc_agents_look(CdcService *sink)
{
	int			i;

	for (i = 0; i < sink->kafka.nagents; i++)
	{
		CdcAgent   *agent = &sink->kafka.agents[i];
		CdcHttpRequest request;
		Look	   *look;

		if (agent->looking)
			continue;
		look = MemoryContextAllocZero(TopMemoryContext, sizeof(Look));
		look->world = sink->world;
		strlcpy(look->id, sink->id, sizeof(look->id));
		look->index = i;
		look->started = cdc_loop_now();
		memset(&request, 0, sizeof(request));
		request.method = CDC_HTTP_GET;
		request.url = cdc_agent_url(agent->url, "/v1/state", NULL, sink->world->installation, 0, NULL);
		cdc_reach_agent(sink, agent, &request);
		agent->looking = true;
		agent->looking_since = look->started;
		if (cdc_http_start(&request, look_done, look) == NULL)
		{
			agent->looking = false;
			pfree(look);
		}
	}
}
