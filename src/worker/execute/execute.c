/*
 * execute.c
 *	  Actions on Kafka Connect; which file beside it does the others.
 *
 * See execute.h.  Decides nothing: what is done was decided by the state
 * table, what it means is read by the next look.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/secrets.h"
#include "extension/settings.h"
#include "worker/execute/execute_parts.h"
#include "worker/world/agenda.h"
#include "worker/world/facts.h"
#include "worker/world/fence.h"
#include "worker/world/kept.h"
#include "worker/world/reach.h"
#include "worker/world/slot_starts.h"
#include "worker/world/streamed.h"
#include "worker/world/wanted.h"

#define TERMINATE_TIMEOUT_MS 30000

/*
 * Connect writes states after it has answered.  A restart shows within this; a
 * configuration is handed to the worker that has the task first.
 */
#define RESTART_SHOWS_MS 2000
#define CONFIG_SHOWS_MS 5000

static void *
keep_ref(const CdcOp *op)
{
	CdcOpRef   *ref = MemoryContextAlloc(TopMemoryContext, sizeof(CdcOpRef));

	*ref = cdc_op_ref(op);
	return ref;
}

/* Does a task run once this is done?  A stopped connector that is PUT stays stopped. */
static bool
starts_writer(const CdcPipeline *p, CdcAction action)
{
	const CdcKcConnector *c = cdc_connector_of(p);

	return (action == CDC_ACT_PUT_CONNECTOR && !(c && c->state == CDC_CS_STOPPED)) ||
		action == CDC_ACT_RESUME_CONNECTOR || action == CDC_ACT_END_DISCARD;
}

/* Does a task that was not there begin?  That is what a restart asks for. */
static bool
begins_task(const CdcPipeline *p, CdcAction action)
{
	return action == CDC_ACT_RESUME_CONNECTOR || action == CDC_ACT_END_DISCARD ||
		(action == CDC_ACT_PUT_CONNECTOR && cdc_connector_of(p) == NULL);
}

/* Its state is the former task's for so long, unless another one shows before. */
static void
await_task(CdcPipeline *p, int shows_ms)
{
	p->doing.shows_at = cdc_loop_now() + shows_ms;
	cdc_keep_failure_over(p);
}

static bool
is_hba(CdcAction action)
{
	return action == CDC_ACT_WRITE_HBA || action == CDC_ACT_REMOVE_HBA;
}

bool
cdc_execute_reserve(CdcPipeline *p, CdcAction action)
{
	if (cdc_network_is_action(action))
		return cdc_network_reserve(p);
	if (action == CDC_ACT_INSTALL_PLUGIN)
	{
		/* another pipeline of the sink may have asked since the agents were looked at */
		if (!cdc_agents_unchanged(p->sink))
			return false;
		return cdc_turn_take(&p->sink->kafka.plugin_turn, p);
	}
	return is_hba(action) ? cdc_turn_take(&p->source->pg.hba_turn, p) : true;
}

void
cdc_execute_release(CdcPipeline *p)
{
	bool		hba = false;
	CdcOp	   *op;

	for (op = p->doing.op; op; op = op->beside)
		hba = hba || is_hba(op->action);
	if (p->source && !hba)
		cdc_turn_give(&p->source->pg.hba_turn, p);
	cdc_network_release(p);
	if (p->sink)
		cdc_turn_give(&p->sink->kafka.plugin_turn, p);
}

/* A password and its verifier, encrypted at once: the next turn writes them. */
static bool
make_password(CdcPipeline *p, char **error)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool ok = false;

	PG_TRY();
	{
		char	   *password = cdc_secret_password();
		char	   *verifier = cdc_secret_verifier(password);
		const char *purposes[2] = {"role_password", "role_verifier"};
		bytea	   *sealed[2];
		char	   *sealed_key[2];
		int			i;

		MemoryContextSwitchTo(p->context);
		for (i = 0; i < 2; i++)
			sealed[i] = cdc_secret_encrypt(i == 0 ? password : verifier, p->id, purposes[i], &sealed_key[i]);
		MemoryContextSwitchTo(caller);
		cdc_keep_password(p, password, verifier, sealed, sealed_key);
		explicit_bzero(password, strlen(password));
		ok = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		*error = psprintf("%s%s%s", edata->message, edata->hint ? ": " : "", edata->hint ? edata->hint : "");
		FreeErrorData(edata);
	}
	PG_END_TRY();
	return ok;
}

bool
cdc_execute_prepare(CdcPipeline *p, CdcAction action, char **error)
{
	bool		slot_absent = p->look.seen && !p->look.seen->slot_exists;
	const char *refused;
	CdcEpoch	theirs;

	if (cdc_network_is_action(action))
	{
		cdc_network_prepare(p);
		cdc_keep(p);
		return true;
	}
	refused = p->secret.secret_error ? p->secret.secret_error : cdc_fence_refuses(p, action, &theirs);
	if (refused)
	{
		*error = pstrdup(refused);
		return false;
	}
	if ((action == CDC_ACT_CREATE_ROLE || action == CDC_ACT_PUT_SECRET) && cdc_password_due(p) && !make_password(p, error))
		return false;
	if (action == CDC_ACT_BEGIN_DISCARD)
		cdc_keep_discarding(p);
	if (action == CDC_ACT_SET_IDENTITY)
		cdc_keep_identities(p, p->look.seen->tables_bare);
	if (action == CDC_ACT_RESTART_CONNECTOR || starts_writer(p, action))
		cdc_failover_starting(p);
	if (action == CDC_ACT_END_PAUSE)
		cdc_keep_pause_ended(p);
	if (begins_task(p, action))
		cdc_keep_restarted(p);
	if (action == CDC_ACT_END_DISCARD)
	{
		cdc_failover_forget(p);
		cdc_keep_discarded(p);
	}
	if (starts_writer(p, action) && slot_absent)
	{
		/* what is there next is ours: it was seen absent before */
		cdc_keep_slot_absent(p);
		if (!cdc_initial_only(p))
			cdc_slot_begins(p);
	}
	if (starts_writer(p, action))
	{
		/* still so when an intent was not written, and nothing was sent */
		p->doing.clean_before = p->doing.clean_before || p->kept.offsets_clean;
		cdc_keep_offsets_clean(p, false);
	}
	cdc_keep(p);
	return true;
}

/*
 * What was to start a task, or could have, has ended.  Certainly without effect: there
 * are no more offsets than before.  What Connect refuses again and again can so be
 * deleted without a connector, which it would refuse as well.
 */
static void
note_offsets(CdcPipeline *p, CdcAction action, CdcOpEnd end)
{
	if (!p->doing.clean_before || (action != CDC_ACT_PUT_CONNECTOR && action != CDC_ACT_RESUME_CONNECTOR && action != CDC_ACT_END_DISCARD))
		return;
	p->doing.clean_before = false;
	if (end == CDC_OP_FAILED)
		cdc_keep_offsets_clean(p, true);
}

/* It could not be sent. */
static void
end_unsent(CdcOp *op, const char *words)
{
	note_offsets(op->pipeline, op->action, CDC_OP_FAILED);
	cdc_op_end(cdc_op_ref(op), CDC_OP_FAILED, words);
}

/* How an operation has ended, by what Connect says. */
static CdcOpEnd
end_of(CdcAction action, CdcKcMeaning meaning)
{
	switch (meaning)
	{
		case CDC_KC_DONE:
			return CDC_OP_DONE;
		case CDC_KC_ABSENT:
			return action == CDC_ACT_DELETE_CONNECTOR ? CDC_OP_DONE : CDC_OP_FAILED;
		case CDC_KC_EXISTS:
			return action == CDC_ACT_POST_STOPPED || action == CDC_ACT_PREPARE_CONNECTOR ? CDC_OP_DONE : CDC_OP_FAILED;
		case CDC_KC_BUSY:
		case CDC_KC_INVALID:
		case CDC_KC_NOT_STOPPED:
		case CDC_KC_DENIED:
			return CDC_OP_FAILED;
		case CDC_KC_MAYBE:
			break;
	}
	return CDC_OP_UNKNOWN;
}

/* Connect has answered: what follows for what is remembered of the pipeline. */
static void
note_answer(CdcPipeline *p, CdcAction action, bool done)
{
	/* a connector is deleted only when it was seen to have no offsets */
	if (done && (action == CDC_ACT_DELETE_OFFSETS || action == CDC_ACT_DELETE_CONNECTOR))
		cdc_keep_offsets_clean(p, true);
	if (done && (action == CDC_ACT_PUT_CONNECTOR || action == CDC_ACT_POST_STOPPED || action == CDC_ACT_PREPARE_CONNECTOR))
		p->doing.put_at = cdc_loop_now();
	if (done && action == CDC_ACT_DELETE_CONNECTOR)
		p->doing.put_at = 0;
	if (action == CDC_ACT_RESTART_CONNECTOR)
	{
		p->doing.restarted_at = cdc_loop_now();
		await_task(p, RESTART_SHOWS_MS);
	}
	if (action == CDC_ACT_PUT_CONNECTOR && cdc_connector_of(p))
		await_task(p, CONFIG_SHOWS_MS);
}

static void
http_done(const CdcHttpResult *result, void *arg)
{
	CdcOpRef   *ref = arg;
	CdcOp	   *op = cdc_op_of(ref);
	CdcPipeline *p;
	CdcOpEnd	end = CDC_OP_UNKNOWN;
	char	   *words = NULL;

	if (op == NULL)
	{
		pfree(ref);
		return;
	}
	p = op->pipeline;
	if (result->outcome == CDC_HTTP_NOT_SENT)
	{
		end = CDC_OP_FAILED;
		words = pstrdup(result->error);
	}
	else if (result->outcome != CDC_HTTP_ANSWERED)
		words = psprintf("%s; it may still take effect", result->error ? result->error : "no answer");
	else
	{
		const char *sent[] = {cdc_wanted_password(p), p->sink ? p->sink->kafka.connect_password : NULL};

		end = end_of(op->action, cdc_kc_meaning(result->status, result->body, sent, lengthof(sent), &words));
		if (words)
			words = psprintf("HTTP %d: %s%s", result->status, words, end == CDC_OP_UNKNOWN ? "; it may still take effect" : "");
		note_answer(p, op->action, end == CDC_OP_DONE);
	}
	note_offsets(p, op->action, end);
	if (end == CDC_OP_FAILED && p->source)
	{
		cdc_slot_settled(p, false);
		cdc_turn_give(&p->source->pg.slot_turn, p);
	}
	cdc_op_end(*ref, end, words);
	pfree(ref);
}

static void
send_http(CdcOp *op, CdcHttpMethod method, const char *path, const char *body)
{
	CdcPipeline *p = op->pipeline;
	CdcHttpRequest request;
	const char *base = cdc_connect_url(p->sink);
	CdcOpRef   *ref = keep_ref(op);

	memset(&request, 0, sizeof(request));
	request.method = method;
	request.url = cdc_kc_url(base, path, p->connector_name);
	request.body = body;
	request.timeout_ms = cdc_request_timeout;
	cdc_reach_connect(p->sink, &request);
	if (cdc_http_start(&request, http_done, ref) == NULL)
	{
		pfree(ref);
		end_unsent(op, "out of memory");
	}
}

static void
send_config(CdcOp *op)
{
	CdcPipeline *p = op->pipeline;
	char	   *fault;
	struct json_object *config = cdc_wanted_config(p, &fault);

	if (config == NULL)
	{
		end_unsent(op, fault ? fault : "the configuration cannot be made without a primary and a password");
		return;
	}
	if (op->action == CDC_ACT_POST_STOPPED || op->action == CDC_ACT_PREPARE_CONNECTOR)
		send_http(op, CDC_HTTP_POST, "/connectors", cdc_kc_post_stopped_body(p->connector_name, config));
	else
		send_http(op, CDC_HTTP_PUT, "/connectors/%s/config",
				  json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN));
	json_object_put(config);
}

static void
terminated(const CdcPgResult *result, void *arg)
{
	CdcOpRef   *ref = arg;

	cdc_op_end(*ref, result->outcome == CDC_PG_OK ? CDC_OP_DONE :
			   result->outcome == CDC_PG_REFUSED || result->outcome == CDC_PG_ERROR ? CDC_OP_FAILED : CDC_OP_UNKNOWN, result->error);
	pfree(ref);
}

static void
terminate_walsender(CdcOp *op)
{
	CdcPgConn  *conn = cdc_execute_ddl_conn(op->pipeline);
	CdcSourceAsk ask = cdc_source_ask_of(op->pipeline);

	if (conn == NULL)
		cdc_op_end(cdc_op_ref(op), CDC_OP_FAILED, "the source has no primary");
	else
		cdc_pg_exec(conn, cdc_source_terminate_walsender_sql(&ask), 0, NULL, NULL, TERMINATE_TIMEOUT_MS, terminated, keep_ref(op));
}

void
cdc_execute(CdcOp *op)
{
	CdcPipeline *p = op->pipeline;
	CdcEpoch	theirs;
	const char *refused = cdc_fence_refuses(p, op->action, &theirs);

	/* by what was seen since it was decided: between this look and the change is what no fence closes */
	if (refused)
	{
		if (theirs.number != 0)
			cdc_world_note_higher(p->world, &theirs);
		end_unsent(op, refused);
		return;
	}
	switch (op->action)
	{
		case CDC_ACT_CREATE_PEERING:
		case CDC_ACT_ENABLE_PEERING:
			cdc_network_execute(op);
			break;
		case CDC_ACT_INSTALL_PLUGIN:
		case CDC_ACT_PUT_SECRET:
		case CDC_ACT_DELETE_SECRET:
			cdc_agents_execute(op);
			break;
		case CDC_ACT_TERMINATE_WALSENDER:
			terminate_walsender(op);
			break;
		case CDC_ACT_CREATE_ROLE:
		case CDC_ACT_CREATE_PUBLICATION:
		case CDC_ACT_ALTER_PUBLICATION:
		case CDC_ACT_SET_IDENTITY:
		case CDC_ACT_RESET_IDENTITY:
		case CDC_ACT_DROP_SLOT:
		case CDC_ACT_DROP_PUBLICATION:
		case CDC_ACT_DROP_ROLE:
			cdc_ddl_execute(op);
			break;
		case CDC_ACT_WRITE_HBA:
		case CDC_ACT_REMOVE_HBA:
			cdc_execute_hba(op);
			break;
		case CDC_ACT_PUT_CONNECTOR:
		case CDC_ACT_POST_STOPPED:
		case CDC_ACT_PREPARE_CONNECTOR:
			send_config(op);
			break;
		case CDC_ACT_END_DISCARD:
			if (cdc_connector_of(p) == NULL)
			{
				note_offsets(p, op->action, CDC_OP_FAILED);
				cdc_op_end(cdc_op_ref(op), CDC_OP_DONE, NULL);
				break;
			}
			send_http(op, CDC_HTTP_PUT, "/connectors/%s/resume", NULL);
			break;
		case CDC_ACT_RESUME_CONNECTOR:
			send_http(op, CDC_HTTP_PUT, "/connectors/%s/resume", NULL);
			break;
		case CDC_ACT_RESTART_CONNECTOR:
			send_http(op, CDC_HTTP_POST, cdc_connector_failed(cdc_connector_of(p)) ? "/connectors/%s/restart?includeTasks=true&onlyFailed=true" :
					  "/connectors/%s/restart?includeTasks=true&onlyFailed=false", NULL);
			break;
		case CDC_ACT_BEGIN_DISCARD:
			if (cdc_connector_of(p) == NULL)
			{
				cdc_op_end(cdc_op_ref(op), CDC_OP_DONE, NULL);
				break;
			}
			send_http(op, CDC_HTTP_PUT, "/connectors/%s/stop", NULL);
			break;
		case CDC_ACT_STOP_CONNECTOR:
			send_http(op, CDC_HTTP_PUT, "/connectors/%s/stop", NULL);
			break;
		case CDC_ACT_PATCH_OFFSETS:
			send_http(op, CDC_HTTP_PATCH, "/connectors/%s/offsets",
					  cdc_kc_patch_offsets_body(p->wanted.topic_prefix, cdc_failover_position(p)));
			break;
		case CDC_ACT_DROP_SHADOWS:
			cdc_execute_drop_shadows(op);
			break;
		case CDC_ACT_DELETE_OFFSETS:
			send_http(op, CDC_HTTP_DELETE, "/connectors/%s/offsets", NULL);
			break;
		case CDC_ACT_DELETE_CONNECTOR:
			send_http(op, CDC_HTTP_DELETE, "/connectors/%s", NULL);
			break;
		case CDC_ACT_NONE:
		case CDC_ACT_JUDGE_FAILOVER:
		case CDC_ACT_END_PAUSE:
		case CDC_ACT_SOFT_DELETE:
		case CDC_NUM_ACTIONS:
			cdc_op_end(cdc_op_ref(op), CDC_OP_DONE, NULL);
			break;
	}
}
