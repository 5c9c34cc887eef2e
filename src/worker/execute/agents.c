/*
 * agents.c
 *	  Actions on the agents of a sink.
 *
 * See execute.h and execute_parts.h.  An action on several agents ends when the last
 * of them has answered, by its worst answer.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "extension/settings.h"
#include "worker/execute/execute_parts.h"
#include "worker/world/agenda.h"
#include "worker/world/facts.h"
#include "worker/world/findings.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/plugin_roll.h"
#include "worker/world/fence.h"
#include "worker/world/reach.h"
#include "worker/world/wanted.h"

/* An agent writes its intent and a file before it answers, and flushes both. */
#define CHANGE_TIMEOUT_MS 15000

/* In the pipeline's op_context. */
typedef struct Several
{
	int			left;			/* answers outstanding */
	CdcOpEnd	end;
	char	   *words;
} Several;

typedef struct Ref
{
	CdcOpRef	op;
	int			agent;
} Ref;

static void
finish_one(CdcOp *op, CdcOpEnd end, const char *words)
{
	CdcPipeline *p = op->pipeline;
	Several    *several = op->state;

	if (end > several->end)
		several->end = end;
	if (words && several->words == NULL)
		several->words = MemoryContextStrdup(p->doing.op_context, words);
	if (--several->left > 0)
		return;
	/* a look that was begun before this answer says nothing about the job */
	if (op->action == CDC_ACT_INSTALL_PLUGIN)
		cdc_plugin_changed(p->sink);
	cdc_op_end(cdc_op_ref(op), several->end, several->words);
}

static void
done(const CdcHttpResult *result, void *arg)
{
	Ref		   *ref = arg;
	CdcOp	   *op = cdc_op_of(&ref->op);
	CdcService *sink = op ? op->pipeline->sink : NULL;
	int			agent = ref->agent;
	char	   *words = NULL;
	CdcOpEnd	end = CDC_OP_UNKNOWN;

	if (sink == NULL || agent >= sink->kafka.nagents)
	{
		pfree(ref);
		return;
	}
	if (result->outcome == CDC_HTTP_NOT_SENT)
		end = CDC_OP_FAILED;
	if (result->outcome != CDC_HTTP_ANSWERED)
		words = pstrdup(result->error ? result->error : "no answer");
	else
	{
		const char *sent[] = {sink->kafka.agents[agent].token, cdc_wanted_password(op->pipeline)};

		switch (cdc_agent_meaning(result->status, result->body, sent, lengthof(sent), &words))
		{
			case CDC_AGENT_DONE:
				end = CDC_OP_DONE;
				break;
			case CDC_AGENT_BUSY:
			case CDC_AGENT_FENCED:
			case CDC_AGENT_REFUSED:
				end = CDC_OP_FAILED;
				break;
			case CDC_AGENT_MAYBE:
				break;
		}
	}
	if (words)
		words = psprintf("agent %s: %s%s", sink->kafka.agents[agent].url, words,
						 strcmp(words, "there is no such path") == 0 ? " (it is of an older version: update cdc_agent there)" : "");
	finish_one(op, end, words);
	pfree(ref);
}

static void
send(CdcOp *op, int agent, CdcHttpMethod method, const char *path, const char *name, const char *body)
{
	CdcPipeline *p = op->pipeline;
	CdcAgent   *a = &p->sink->kafka.agents[agent];
	Ref		   *ref = MemoryContextAllocZero(TopMemoryContext, sizeof(Ref));
	CdcHttpRequest request;

	ref->op = cdc_op_ref(op);
	ref->agent = agent;
	memset(&request, 0, sizeof(request));
	request.method = method;
	request.url = cdc_agent_url(a->url, path, name, p->world->installation, p->world->fence.ours.number, cdc_fence_agent_word(p->world, a->url));
	request.body = body;
	request.timeout_ms = CHANGE_TIMEOUT_MS;
	cdc_reach_agent(p->sink, a, &request);
	if (cdc_http_start(&request, done, ref) == NULL)
	{
		pfree(ref);
		finish_one(op, CDC_OP_FAILED, "out of memory");
	}
}

static Several *
begin(CdcOp *op)
{
	Several    *several = MemoryContextAllocZero(op->pipeline->doing.op_context, sizeof(Several));

	/* one more than is sent, until all is: an answer may come at once */
	several->left = 1;
	several->end = CDC_OP_DONE;
	op->state = several;
	return several;
}

static void
install_plugin(CdcOp *op, Several *several)
{
	CdcPipeline *p = op->pipeline;
	int			target = cdc_agents_target(p->sink);

	if (target < 0 || p->sink->kafka.agents[target].fence.unverified)
		return;
	cdc_plugin_roll_begins(p->sink);
	several->left++;
	send(op, target, CDC_HTTP_PUT, "/v1/plugins/%s", CDC_AGENT_PLUGIN,
		 cdc_agent_install_body(cdc_debezium_plugin_url, cdc_debezium_plugin_sha512, cdc_debezium_plugin_version));
}

static void
put_secret(CdcOp *op, Several *several)
{
	CdcPipeline *p = op->pipeline;
	CdcWantedFile files[CDC_MAX_WANTED_FILES];
	int			nfiles = cdc_wanted_files(p, files);
	int			i;
	int			j;

	for (j = 0; j < nfiles; j++)
	{
		const char *path = files[j].certificate ? "/v1/certificates/%s" : "/v1/secrets/%s";
		char	   *body = cdc_agent_secret_body(files[j].value);

		for (i = 0; i < p->sink->kafka.nagents; i++)
		{
			const CdcAgentState *state = p->sink->kafka.agents[i].state;

			if (p->sink->kafka.agents[i].fence.unverified || (state && cdc_agent_has_secret(state, files[j].name)))
				continue;
			several->left++;
			send(op, i, CDC_HTTP_PUT, path, files[j].name, body);
		}
		explicit_bzero(body, strlen(body));
	}
}

/* Deleting: all of them; else those of former passwords. */
static void
delete_secret(CdcOp *op, Several *several)
{
	CdcPipeline *p = op->pipeline;
	CdcWantedFile files[CDC_MAX_WANTED_FILES];
	const char *keep[CDC_MAX_WANTED_FILES];
	int			nkeep = p->wanted.want_deleted ? 0 : cdc_wanted_files(p, files);
	int			i;
	int			j;

	for (i = 0; i < nkeep; i++)
		keep[i] = files[i].name;

	for (i = 0; i < p->sink->kafka.nagents; i++)
	{
		const CdcAgent *agent = &p->sink->kafka.agents[i];
		const char **names;
		int			n;

		if (agent->reachable != CDC_YES || agent->state == NULL)
			continue;
		n = cdc_agent_secrets_of(agent->state, p->connector_name, keep, nkeep, &names);
		for (j = 0; j < n; j++)
		{
			several->left++;
			send(op, i, CDC_HTTP_DELETE, "/v1/secrets/%s", names[j], NULL);
		}
	}
}

void
cdc_agents_execute(CdcOp *op)
{
	Several    *several = begin(op);

	switch (op->action)
	{
		case CDC_ACT_INSTALL_PLUGIN:
			install_plugin(op, several);
			break;
		case CDC_ACT_PUT_SECRET:
			put_secret(op, several);
			break;
		default:
			Assert(op->action == CDC_ACT_DELETE_SECRET);
			delete_secret(op, several);
			break;
	}
	finish_one(op, CDC_OP_DONE, NULL);
}

/* --- an agent that is adopted: its service's matter, not a pipeline's ------------- */

typedef struct Adopting
{
	CdcWorld   *world;
	char		service[CDC_UUID_LEN + 1];
	char	   *url;
} Adopting;

static void
adopted(const CdcHttpResult *result, void *arg)
{
	Adopting   *adopting = arg;
	CdcService *sink = cdc_world_service(adopting->world, adopting->service);
	char	   *words = NULL;
	CdcPipeline *p;
	int			i;

	for (i = 0; sink && i < sink->kafka.nagents; i++)
	{
		CdcAgent   *agent = &sink->kafka.agents[i];
		const char *sent[] = {agent->token};

		if (strcmp(agent->url, adopting->url) != 0)
			continue;
		agent->adopting = false;
		if (result->outcome != CDC_HTTP_ANSWERED)
			words = pstrdup(result->error ? result->error : "no answer");
		else if (cdc_agent_meaning(result->status, result->body, sent, lengthof(sent), &words) == CDC_AGENT_DONE)
			words = NULL;
		if (words)
			ereport(LOG,
					(errmsg("cdc_pipeline: an agent was not adopted: %s", words),
					 errdetail("It is the one at %s.", cdc_peer_place(agent->url)),
					 errhint("It is tried again while the finding is there. An agent of an older version cannot: update it, or stop it, remove fence.json in its state_dir, and start it.")));
	}
	/* it is looked at again */
	if (sink)
	{
		cdc_plugin_changed(sink);
		cdc_each_of_sink(p, sink)
		{
			if (p->doing.op == NULL)
				cdc_world_anew(p, CDC_ANEW_CONNECT | CDC_ANEW_NO_BACKOFF);
		}
	}
	pfree(adopting->url);
	pfree(adopting);
}

static void
adopt(CdcService *sink, CdcAgent *agent)
{
	CdcHttpRequest request;
	Adopting   *adopting = MemoryContextAllocZero(TopMemoryContext, sizeof(Adopting));

	adopting->world = sink->world;
	strlcpy(adopting->service, sink->id, sizeof(adopting->service));
	adopting->url = MemoryContextStrdup(TopMemoryContext, agent->url);
	memset(&request, 0, sizeof(request));
	request.method = CDC_HTTP_PUT;
	request.url = cdc_agent_url(agent->url, "/v1/fence", NULL, sink->world->installation, sink->world->fence.ours.number,
								cdc_fence_agent_word(sink->world, agent->url));
	request.body = cdc_agent_fence_body(agent->fence.said);
	request.timeout_ms = CHANGE_TIMEOUT_MS;
	cdc_reach_agent(sink, agent, &request);
	agent->adopting = true;
	if (cdc_http_start(&request, adopted, adopting) == NULL)
	{
		agent->adopting = false;
		pfree(adopting->url);
		pfree(adopting);
	}
}

void
cdc_agents_due(CdcWorld *world)
{
	CdcService *sink;
	int			i;

	if (!cdc_agenda_adopts(world))
		return;
	cdc_each_service(sink, world)
	{
		for (i = 0; i < sink->kafka.nagents; i++)
		{
			CdcAgent   *agent = &sink->kafka.agents[i];

			if (agent->fence.unverified && agent->fence.adopt && !agent->adopting && agent->fence.said)
				adopt(sink, agent);
		}
	}
}
