/*
 * pg_query.c
 *	  The statement under way: sent, and its results read.
 *
 * See pg_parts.h.  What has parameters comes again and again: the first three such
 * texts are prepared once a connection.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/text.h"
#include "worker/io/pg_parts.h"

static const char *const prepared_name[CDC_PG_PREPARED_MAX] = {"cdc_pipeline", "cdc_pipeline_2", "cdc_pipeline_3"};

/*
 * What has parameters comes again and again: it is parsed and planned once a
 * connection.  For the look at a source that is most of its cost.
 */
static int
send_with_params(CdcPgConn *conn, const CdcPgStatement *s)
{
	const char *const *params = (const char *const *) s->params;
	int			binary = s->shape && s->shape->columns[0].type == CDC_PG_BYTES;
	int			i;

	for (i = 0; i < CDC_PG_PREPARED_MAX && conn->prepared[i]; i++)
	{
		if (strcmp(conn->prepared[i], s->sql) == 0)
			return PQsendQueryPrepared(conn->pg, prepared_name[i], s->nparams, params, NULL, NULL, binary);
	}
	if (i == CDC_PG_PREPARED_MAX)
		return PQsendQueryParams(conn->pg, s->sql, s->nparams, NULL, params, NULL, NULL, binary);
	conn->preparing = i + 1;
	return PQsendPrepare(conn->pg, prepared_name[i], s->sql, s->nparams, NULL);
}

/*
 * What a session must be told that not every version has: given with the login, it
 * would be refused by the others.  NULL: nothing.
 */
static const char *
later_settings(const CdcPgConn *conn)
{
	return conn->version >= 170000 ? "SET transaction_timeout = 0" : NULL;
}

bool
cdc_pg_query_send(CdcPgConn *conn)
{
	CdcPgStatement *s = conn->first;
	int			sent;

	conn->state = PG_BUSY;
	conn->copy = false;
	conn->preparing = 0;
	conn->settling = !conn->settled && later_settings(conn) != NULL;
	conn->counted = cdc_pg_socket_received(conn);
	if (conn->settling)
		sent = PQsendQuery(conn->pg, later_settings(conn));
	else if (s->nparams > 0)
		sent = send_with_params(conn, s);
	else
		sent = PQsendQuery(conn->pg, s->sql);
	if (!sent)
		return false;
	cdc_timer_set(conn->timer, cdc_loop_now() + s->deadline_ms);
	cdc_pg_socket_watch(conn, PQsocket(conn->pg), PQflush(conn->pg) == 1 ? CDC_IO_READ | CDC_IO_WRITE : CDC_IO_READ);
	return true;
}

/* It was prepared, or the session has its settings: now the statement itself is sent. */
static CdcPgStep
send_itself(CdcPgConn *conn, char *why, size_t size)
{
	if (conn->settling)
		conn->settled = true;
	else
		conn->prepared[conn->preparing - 1] = MemoryContextStrdup(conn->context, conn->first->sql);
	PQclear(conn->result);
	conn->result = NULL;
	if (cdc_pg_query_send(conn))
		return PG_STEP_WAIT;
	cdc_text_line(why, size, PQerrorMessage(conn->pg));
	return PG_STEP_LOST;
}

/* All results of the statement are in: conn->result has the one that counts. */
static CdcPgStep
all_read(CdcPgConn *conn, char *why, size_t size)
{
	PGresult   *result = conn->result;
	ExecStatusType status = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;
	const char *sqlstate;

	cdc_timer_cancel(conn->timer);
	conn->counted = cdc_pg_socket_received(conn);
	if (conn->copy || PQstatus(conn->pg) == CONNECTION_BAD)
	{
		cdc_text_line(why, size, conn->copy ? "unexpected COPY" :
					  result ? PQresultErrorMessage(result) : PQerrorMessage(conn->pg));
		return PG_STEP_LOST;
	}
	if ((conn->preparing || conn->settling) && status == PGRES_COMMAND_OK)
		return send_itself(conn, why, size);
	if (conn->settling && status != PGRES_FATAL_ERROR)
	{
		cdc_text_line(why, size, "what answers a SET is no SET");
		return PG_STEP_LOST;
	}
	/* a server that does not know what it says does not know, perhaps, what it did */
	if ((status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) &&
		!cdc_pg_fits(result, conn->first->shape, why, size))
		return PG_STEP_LOST;
	sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (sqlstate && strcmp(sqlstate, "26000") == 0)
		cdc_pg_forget_prepared(conn);	/* something between us and the server has discarded it */
	conn->state = PG_READY;
	cdc_pg_socket_watch(conn, PQsocket(conn->pg), CDC_IO_READ);
	return PG_STEP_ANSWERED;
}

CdcPgStep
cdc_pg_query_read(CdcPgConn *conn, char *why, size_t size)
{
	while (!PQisBusy(conn->pg))
	{
		PGresult   *result = PQgetResult(conn->pg);
		ExecStatusType status;

		if (result == NULL)
			return all_read(conn, why, size);
		status = PQresultStatus(result);
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
		{
			PQclear(result);
			conn->copy = true;
			return all_read(conn, why, size);
		}
		/* the last result counts, and the first error */
		if (conn->result && PQresultStatus(conn->result) == PGRES_FATAL_ERROR)
			PQclear(result);
		else
		{
			if (conn->result)
				PQclear(conn->result);
			conn->result = result;
		}
	}
	return PG_STEP_WAIT;
}
