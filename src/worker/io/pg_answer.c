/*
 * pg_answer.c
 *	  What a caller is told of its statement.
 *
 * See pg_parts.h.  The only place where callers' callbacks are called with a
 * result: what they throw ends here.
 */
#include "postgres.h"

#include "common/text.h"
#include "worker/io/guard.h"
#include "worker/io/pg_parts.h"

/* A callback and what it is given, for the guard. */
typedef struct CdcPgCall
{
	const CdcPgStatement *statement;
	const CdcPgResult *result;
} CdcPgCall;

static void
call_done(void *arg)
{
	CdcPgCall  *call = arg;

	call->statement->done(call->result, call->statement->arg);
}

/* Calls back; with an ERROR's words once more where that threw one. */
static void
hand_over(const CdcPgStatement *s, const CdcPgResult *result)
{
	CdcPgCall	call = {s, result};
	CdcPgResult thrown;
	char		why[CDC_PG_ERROR_MAX];

	if (cdc_guard(call_done, &call, "the answer of a PostgreSQL server", why, sizeof(why)))
		return;
	memset(&thrown, 0, sizeof(thrown));
	thrown.outcome = CDC_PG_LOST;
	thrown.error = why;
	call.result = &thrown;
	cdc_guard(call_done, &call, "the failure of an answer", why, sizeof(why));
}

void
cdc_pg_answer(CdcPgConn *conn, CdcPgOutcome outcome, PGresult *pgresult, const char *error)
{
	CdcPgStatement *s = conn->first;
	CdcPgResult result;
	char		message[CDC_PG_ERROR_MAX];
	char		hint[CDC_PG_ERROR_MAX];
	char		details[CDC_PG_ERROR_MAX];

	memset(&result, 0, sizeof(result));
	result.outcome = outcome;
	result.pgresult = pgresult;
	result.shape = s->shape;
	if (pgresult && outcome == CDC_PG_ERROR)
	{
		const char *primary = PQresultErrorField(pgresult, PG_DIAG_MESSAGE_PRIMARY);
		const char *detail = PQresultErrorField(pgresult, PG_DIAG_MESSAGE_DETAIL);
		const char *state = PQresultErrorField(pgresult, PG_DIAG_SQLSTATE);
		const char *server_hint = PQresultErrorField(pgresult, PG_DIAG_MESSAGE_HINT);
		char		both[4 * CDC_PG_ERROR_MAX];

		snprintf(both, sizeof(both), detail ? "%s (%s)" : "%s", primary ? primary : PQresultErrorMessage(pgresult), detail);
		cdc_text_line(message, sizeof(message), both);
		if (state && strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && state[5] == '\0')
			strlcpy(result.sqlstate, state, sizeof(result.sqlstate));
		if (detail)
		{
			cdc_text_line(details, sizeof(details), detail);
			result.detail = details;
		}
		if (server_hint)
		{
			cdc_text_line(hint, sizeof(hint), server_hint);
			result.hint = hint;
		}
		result.error = message;
	}
	else if (outcome != CDC_PG_OK)
	{
		cdc_text_line(message, sizeof(message), error ? error : "connection closed");
		result.error = message;
		/* a refused connection has no PGresult */
		if (outcome == CDC_PG_REFUSED)
		{
			strlcpy(result.sqlstate, conn->login.auth.sqlstate, sizeof(result.sqlstate));
			result.said = conn->said;
		}
	}
	conn->first = s->next;
	if (conn->first == NULL)
		conn->last = NULL;
	conn->pending--;
	hand_over(s, &result);
	if (pgresult)
		PQclear(pgresult);
	for (int i = 0; i < s->nparams; i++)
	{
		cdc_pg_wipe(s->params[i]);
		if (s->params[i])
			pfree(s->params[i]);
	}
	if (s->params)
		pfree(s->params);
	cdc_pg_wipe(s->sql);
	pfree(s->sql);
	pfree(s);
}
