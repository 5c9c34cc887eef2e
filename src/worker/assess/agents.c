/*
 * agents.c
 *	  What is known of a sink's agents, as a part of a pipeline's snapshot:
 *	  may the plugin be installed on the next worker, and is the password there?
 *
 * See assess_parts.h.  Asks nobody.
 */
#include "postgres.h"

#include "common/backoff.h"
#include "common/redact.h"
#include "extension/settings.h"
#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"
#include "worker/world/wanted.h"

/* A failed installation is tried again after this, then twice as long, ... */
#define RETRY_FIRST_MS 30000
#define RETRY_MAX_MS 600000

static bool
has_url(void)
{
	return cdc_debezium_plugin_url && cdc_debezium_plugin_url[0] &&
		cdc_debezium_plugin_sha512 && cdc_debezium_plugin_sha512[0];
}

static CdcTri
plugin_current(const CdcService *sink)
{
	if (sink->kafka.nagents == 0 || !has_url())
		return CDC_YES;
	if (sink->kafka.plugin_at == 0 || sink->kafka.plugin_present == CDC_UNKNOWN)
		return CDC_UNKNOWN;
	return cdc_agents_target(sink) < 0 ? CDC_YES : CDC_NO;
}

static const char *
differing_path(const CdcService *sink)
{
	const char *path = cdc_agents_secret_path(sink);
	int			i;

	for (i = 0; i < sink->kafka.nagents; i++)
	{
		const CdcAgentState *state = sink->kafka.agents[i].state;

		if (state && path && strcmp(state->secret_path, path) != 0)
			return psprintf("they keep secrets in different directories (%s, %s): give them one secret_path", path, state->secret_path);
	}
	return NULL;
}

/* Which tasks do not run after a restart?  Words, or NULL; *failed counts FAILED ones. */
static const char *
unsettled(const CdcService *sink, int *failed)
{
	const char *which = NULL;
	int			i;

	*failed = 0;
	for (i = 0; sink->kafka.list && i < sink->kafka.list->n; i++)
	{
		const CdcKcConnector *c = &sink->kafka.list->items[i];

		*failed += cdc_connector_failed(c);
		if (c->state == CDC_CS_UNASSIGNED || c->task_state == CDC_CS_UNASSIGNED || c->task_state == CDC_CS_RESTARTING ||
			(c->state == CDC_CS_RUNNING && c->ntasks == 0))
			which = psprintf("waiting for the task of connector \"%s\" to run again", c->name);
	}
	if (sink->kafka.failed_before >= 0 && *failed > sink->kafka.failed_before && which == NULL)
		which = psprintf("%d connectors have failed since the first worker was restarted", *failed - sink->kafka.failed_before);
	return which;
}

/* What an agent says of its job, to be told. */
static const char *
said_of_job(const CdcAgent *agent, const CdcPipeline *p, const char *said)
{
	const char *sent[] = {agent->token, cdc_wanted_password(p)};

	return cdc_redact_said(said, sent, lengthof(sent));
}

/* When the last try for what is wanted failed, may it be tried again? */
static const char *
failed_for_now(const CdcService *sink, const CdcPipeline *p, int target)
{
	const CdcAgentState *state = sink->kafka.agents[target].state;

	if (!cdc_agents_job_failed(state) || p->plan.asked ||
		cdc_loop_now() - sink->kafka.install_failed_at >= cdc_backoff_ms(sink->kafka.install_failures, RETRY_FIRST_MS, RETRY_MAX_MS))
		return NULL;
	return psprintf("%s: %s", sink->kafka.connect_urls[target], state->job_error ? said_of_job(&sink->kafka.agents[target], p, state->job_error) : "it failed");
}

static CdcAgents
agents_state(const CdcPipeline *p, const CdcSnapshot *s, const char **words)
{
	const CdcService *sink = p->sink;
	bool		due = s->plugin_present == CDC_NO || s->plugin_current == CDC_NO;
	int			target = cdc_agents_target(sink);
	int			failed;
	int			i;

	for (i = 0; i < sink->kafka.nagents; i++)
	{
		if (sink->kafka.agents[i].looked_at == 0)
			return CDC_AGENTS_UNKNOWN;
	}
	for (i = 0; i < sink->kafka.nagents; i++)
	{
		if (sink->kafka.agents[i].reachable != CDC_YES)
		{
			*words = psprintf("%s: %s", sink->kafka.agents[i].url, sink->kafka.agents[i].error ? sink->kafka.agents[i].error : "no answer");
			return CDC_AGENTS_DOWN;
		}
	}
	if ((*words = differing_path(sink)) != NULL)
		return CDC_AGENTS_DOWN;
	for (i = 0; i < sink->kafka.nagents; i++)
	{
		if (sink->kafka.agents[i].state->job == CDC_AGENT_JOB_RUNNING)
		{
			*words = psprintf("%s is %s", i < sink->kafka.nurls ? sink->kafka.connect_urls[i] : sink->kafka.agents[i].url,
							  said_of_job(&sink->kafka.agents[i], p, sink->kafka.agents[i].state->job_state));
			return CDC_AGENTS_BUSY;
		}
	}
	if (!due)
		return CDC_AGENTS_READY;
	if (!has_url())
		return CDC_AGENTS_UNSET;
	if (target < 0)
		return CDC_AGENTS_READY;
	for (i = 0; i < sink->kafka.nurls && s->plugin_present == CDC_YES; i++)
	{
		if (sink->kafka.workers[i].plugin_versions == NULL)
		{
			*words = psprintf("waiting for worker %s, which does not answer, before another one is restarted", sink->kafka.connect_urls[i]);
			return CDC_AGENTS_BUSY;
		}
	}
	if (sink->kafka.plugin_changed_at)
	{
		*words = "looking whether the tasks run again";
		if (!cdc_agents_unchanged(sink) || sink->kafka.plugin_at <= sink->kafka.plugin_changed_at || sink->kafka.listed_at <= sink->kafka.plugin_changed_at)
			return CDC_AGENTS_BUSY;
		*words = unsettled(sink, &failed);
		if (*words)
			return CDC_AGENTS_BUSY;
	}
	*words = failed_for_now(sink, p, target);
	if (*words)
		return CDC_AGENTS_FAILED;
	*words = psprintf("next is %s", sink->kafka.connect_urls[target]);
	return CDC_AGENTS_READY;
}

/* Sessions that are older than the configuration by more than this used the former password. */
#define SESSION_SLACK_MS 1000

/* Does a session of before the last change of the configuration still run? */
static bool
former_session(const CdcPipeline *p)
{
	int64		age;

	if (p->doing.put_at == 0 || p->look.seen == NULL || p->look.seen->sessions_since_us == 0)
		return false;
	age = (p->look.server.now_us - p->look.seen->sessions_since_us) / 1000;
	return age > p->look.look_at - p->doing.put_at + SESSION_SLACK_MS;
}

static CdcSecret
secret_state(const CdcPipeline *p)
{
	const CdcService *sink = p->sink;
	CdcWantedFile files[CDC_MAX_WANTED_FILES];
	const char *keep[CDC_MAX_WANTED_FILES];
	int			nfiles = cdc_wanted_files(p, files);
	bool		missing = cdc_password_due(p);
	bool		partial = false;
	bool		stale = false;
	int			i;

	if (p->source && !p->source->pg.manage_role && cdc_wanted_password(p) == NULL)
		return CDC_SECRET_OK;
	for (i = 0; i < nfiles; i++)
		keep[i] = files[i].name;
	for (i = 0; i < sink->kafka.nagents; i++)
	{
		const CdcAgent *agent = &sink->kafka.agents[i];
		bool		has_all = agent->state != NULL;
		const char **names;
		int			j;

		if (agent->looked_at == 0)
			return CDC_SECRET_UNKNOWN;
		for (j = 0; j < nfiles; j++)
			has_all = has_all && cdc_agent_has_secret(agent->state, files[j].name);
		if (has_all)
			stale = stale || cdc_agent_secrets_of(agent->state, p->connector_name, keep, nfiles, &names) > 0;
		else if (agent->reachable == CDC_YES)
			missing = true;
		else
			partial = true;
	}
	return missing ? CDC_SECRET_MISSING : partial ? CDC_SECRET_PARTIAL : stale && !former_session(p) ? CDC_SECRET_STALE : CDC_SECRET_OK;
}

static CdcTri
secret_left(const CdcPipeline *p)
{
	CdcTri		left = CDC_NO;
	int			i;

	for (i = 0; i < p->sink->kafka.nagents; i++)
	{
		const CdcAgent *agent = &p->sink->kafka.agents[i];
		const char **names;

		if (agent->reachable != CDC_YES || agent->state == NULL || agent->looked_at < p->plan.connect_since)
			left = left == CDC_YES ? left : CDC_UNKNOWN;
		else if (cdc_agent_secrets_of(agent->state, p->connector_name, NULL, 0, &names) > 0)
			left = CDC_YES;
	}
	return left;
}

bool
cdc_agents_needed(const CdcPipeline *p)
{
	if (p->sink == NULL || p->sink->kafka.nagents == 0)
		return false;
	if (p->wanted.want_deleted || p->sink->kafka.plugin_present != CDC_YES || plugin_current(p->sink) != CDC_YES ||
		p->sink->kafka.connect_reachable != CDC_YES)
		return true;
	return secret_state(p) != CDC_SECRET_OK;
}

void
cdc_assess_agents(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcService *sink = p->sink;
	const char *words = NULL;

	cdc_set_detail(a, CDC_DETAIL_PLUGIN_WANTED, cdc_debezium_plugin_version);
	if (sink == NULL || sink->kafka.nagents == 0)
	{
		s->agents = CDC_AGENTS_NONE;
		s->plugin_current = CDC_YES;
		s->secret = CDC_SECRET_OK;
		s->secret_left = CDC_NO;
		return;
	}
	s->plugin_current = plugin_current(sink);
	s->agents = agents_state(p, s, &words);
	a->rolling = s->agents == CDC_AGENTS_BUSY && (s->plugin_present != CDC_YES || s->plugin_current != CDC_YES);
	a->plugin_settled = s->agents == CDC_AGENTS_READY && s->plugin_present != CDC_NO && s->plugin_current != CDC_NO;
	s->secret = secret_state(p);
	s->secret_left = secret_left(p);
	if (words == NULL && s->secret == CDC_SECRET_MISSING)
		words = sink->kafka.agents[0].url;
	cdc_set_detail(a, CDC_DETAIL_AGENTS, words);
}
