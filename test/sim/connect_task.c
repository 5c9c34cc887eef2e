/*
 * connect_task.c
 *	  One task of the simulated Debezium: what it does on its source, in the
 *	  order in which Debezium 3.7 does it.
 *
 * PostgresConnectorTask.start(): log in, look at the publication, at the slot,
 * at the stored offset, make the slot when it is missing; only then is the
 * task RUNNING.  Then the snapshot in a repeatable read transaction that sees
 * exactly what the slot will not bring, then streaming.  Faults of the
 * connection are retried inside of the task, which stays RUNNING.
 */
#include "connect_pg.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_SIZE (512 * 1024)

/* How one try of a task ended. */
typedef enum Outcome
{
	STOPPED,					/* told to stop */
	RETRY,						/* Debezium tries again by itself */
	RETRY_FOREVER,				/* the same, outside of errors.max.retries */
	FAILED						/* trace says why */
} Outcome;

/* A try's sessions and position. */
typedef struct Run
{
	SimTask    *task;
	PGconn	   *streaming;
	PGconn	   *general;
	PGconn	   *heartbeat;
	const char *slot;
	const char *publication;
	char	   *snapshot_name;	/* of a slot that this run made */
	uint64_t	received;		/* position behind the last change */
	int64_t		received_us;	/* when that was committed, by the source's clock, epoch us */
	uint64_t	confirmed;
	bool		unflushed;		/* a finished snapshot of which Connect has stored nothing yet */
	char	   *words;			/* of what went wrong; malloc'd */
	char	   *trace;
} Run;

static void
set_state(SimTask *task, const char *state)
{
	pthread_mutex_lock(&sim_lock);
	task->state = state;
	pthread_mutex_unlock(&sim_lock);
}

static int64_t
epoch_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The position of the run; done: the snapshot is over. */
static void
store_offset(Run *run, bool in_snapshot, bool done)
{
	SimTask    *task = run->task;
	uint64_t	lsn = run->received;
	struct json_object *offset = json_object_new_object();

	json_object_object_add(offset, "lsn", json_object_new_int64((int64_t) lsn));
	json_object_object_add(offset, "ts_usec", json_object_new_int64(run->received_us));
	if (in_snapshot)
	{
		json_object_object_add(offset, "snapshot", json_object_new_string("INITIAL"));
		json_object_object_add(offset, "snapshot_completed", json_object_new_boolean(done));
		json_object_object_add(offset, "last_snapshot_record", json_object_new_boolean(done));
	}
	else
	{
		json_object_object_add(offset, "lsn_proc", json_object_new_int64((int64_t) lsn));
		json_object_object_add(offset, "lsn_commit", json_object_new_int64((int64_t) lsn));
		json_object_object_add(offset, "messageType", json_object_new_string("COMMIT"));
	}
	pthread_mutex_lock(&sim_lock);
	if (task->connector->offset != NULL)
		json_object_put(task->connector->offset);
	task->connector->offset = offset;
	free(task->connector->server);
	task->connector->server = strdup(sim_config(task->config, "topic.prefix", ""));
	pthread_mutex_unlock(&sim_lock);
}

/* Is an offset stored for our partition, of a finished snapshot? */
static bool
stored_offset(SimTask *task, bool *finished, uint64_t *lsn)
{
	struct json_object *offset;
	struct json_object *value = NULL;
	bool		found;

	pthread_mutex_lock(&sim_lock);
	offset = task->connector->offset;
	found = offset != NULL &&
		strcmp(task->connector->server ? task->connector->server : "", sim_config(task->config, "topic.prefix", "")) == 0;
	*finished = true;
	*lsn = 0;
	if (found && json_object_object_get_ex(offset, "snapshot_completed", &value))
		*finished = json_object_get_boolean(value);
	/* one that was signalled for is taken by a task that streams */
	if (found && json_object_object_get_ex(offset, "snapshot", &value) && strcmp(json_object_get_string(value), "INITIAL") != 0)
		*finished = true;
	value = NULL;
	if (found && json_object_object_get_ex(offset, "lsn", &value))
		*lsn = (uint64_t) json_object_get_int64(value);
	pthread_mutex_unlock(&sim_lock);
	return found;
}

static char *
trace_of(const char *class, const char *words)
{
	char	   *trace;

	if (asprintf(&trace, "%s: %s\n\tat io.debezium.connector.postgresql.PostgresConnectorTask.start(PostgresConnectorTask.java:143)\n"
				 "\tat org.apache.kafka.connect.runtime.WorkerSourceTask.execute(WorkerSourceTask.java:281)\n", class, words) < 0)
		abort();
	return trace;
}

static char *
sql_trace(const char *words)
{
	char	   *trace;

	if (asprintf(&trace, "org.apache.kafka.connect.errors.ConnectException: An exception occurred in the change event producer. This connector will be stopped.\n"
				 "\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:67)\n"
				 "Caused by: org.postgresql.util.PSQLException: %s\n"
				 "\tat org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2733)\n", words) < 0)
		abort();
	return trace;
}

/* error NULL: told to stop.  Else the words are kept for the last retry. */
static Outcome
went_wrong(Run *run, char *error)
{
	if (error == NULL)
		return STOPPED;
	free(run->words);
	run->words = error;
	return RETRY;
}

/* Looks up slot and publication; *outcome only when false. */
static bool
look_up(Run *run, bool *slot_there, bool *slot_lost, Outcome *outcome)
{
	char	   *name = sim_pg_literal(run->general, run->publication);
	char	   *value;
	char	   *error;
	char	   *sql;
	bool		ok;

	if (asprintf(&sql, "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = %s", name) < 0)
		abort();
	free(name);
	ok = sim_pg_value(run->task, run->general, sql, &value, &error);
	free(sql);
	if (!ok)
	{
		*outcome = went_wrong(run, error);
		return false;
	}
	if (value == NULL)
	{
		run->trace = trace_of("org.apache.kafka.connect.errors.ConnectException",
							  "Publication autocreation is disabled, please create one and restart the connector.");
		*outcome = FAILED;
		return false;
	}
	free(value);

	name = sim_pg_literal(run->general, run->slot);
	if (asprintf(&sql, "SELECT coalesce(wal_status, '') FROM pg_catalog.pg_replication_slots WHERE slot_name = %s"
				 " AND database = pg_catalog.current_database() AND plugin = 'pgoutput'", name) < 0)
		abort();
	free(name);
	ok = sim_pg_value(run->task, run->general, sql, &value, &error);
	free(sql);
	if (!ok)
	{
		*outcome = went_wrong(run, error);
		return false;
	}
	*slot_there = value != NULL;
	*slot_lost = value != NULL && strcmp(value, "lost") == 0;
	free(value);
	return true;
}

static bool
make_slot(Run *run, Outcome *outcome)
{
	char	   *sql = sim_pg_create_slot_sql(run->slot);
	PGresult   *result;
	char	   *error;
	bool		ok = sim_pg_run(run->task, run->streaming, sql, &result, &error);

	free(sql);
	if (!ok)
	{
		*outcome = went_wrong(run, error);
		return false;
	}
	run->received = sim_pg_lsn(PQgetvalue(result, 0, 1));
	run->snapshot_name = strdup(PQgetvalue(result, 0, 2));
	PQclear(result);
	pthread_mutex_lock(&sim_lock);
	run->task->connector->counters.slots_made++;
	pthread_mutex_unlock(&sim_lock);
	return true;
}

/* Reads the tables; false with *outcome when it did not get to the end. */
static bool
take_snapshot(Run *run, bool rows, Outcome *outcome)
{
	SimTask    *task = run->task;
	char	   *name = sim_pg_literal(run->general, run->publication);
	PGresult   *result = NULL;
	char	   *error;
	char	   *sql;
	int64_t		total = 0;
	int64_t		began;
	int			i;

	pthread_mutex_lock(&sim_lock);
	task->connector->counters.snapshots++;
	pthread_mutex_unlock(&sim_lock);

	if (asprintf(&sql, run->snapshot_name ?
				 "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '%s'; SELECT pg_catalog.pg_current_wal_lsn()" :
				 "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_catalog.pg_current_wal_lsn() /* %s */",
				 run->snapshot_name ? run->snapshot_name : "no exported snapshot") < 0)
		abort();
	if (!sim_pg_run(task, run->general, sql, &result, &error))
	{
		free(sql);
		free(name);
		*outcome = went_wrong(run, error);
		return false;
	}
	free(sql);
	if (run->snapshot_name == NULL)
		run->received = sim_pg_lsn(PQgetvalue(result, 0, 0));
	run->received_us = epoch_us();
	PQclear(result);
	if (rows && sim_settings.snapshot_ms > 0)
		store_offset(run, true, false);

	if (asprintf(&sql, "SELECT pg_catalog.format('SELECT count(*), pg_catalog.string_agg(t::pg_catalog.text, '''') FROM %%I.%%I AS t', schemaname, tablename)"
				 " FROM pg_catalog.pg_publication_tables WHERE pubname = %s", name) < 0)
		abort();
	free(name);
	if (!sim_pg_run(task, run->general, sql, &result, &error))
	{
		free(sql);
		*outcome = went_wrong(run, error);
		return false;
	}
	free(sql);
	for (i = 0; rows && i < PQntuples(result); i++)
	{
		char	   *count;

		if (!sim_pg_value(task, run->general, PQgetvalue(result, i, 0), &count, &error))
		{
			PQclear(result);
			*outcome = went_wrong(run, error);
			return false;
		}
		total += count ? atoll(count) : 0;
		free(count);
	}
	PQclear(result);

	/* the setting may change meanwhile */
	for (began = sim_now(); rows && sim_now() - began < sim_settings.snapshot_ms;)
	{
		if (sim_told(task, 20))
		{
			*outcome = STOPPED;
			return false;
		}
	}
	if (sim_told(task, 0))
	{
		*outcome = STOPPED;
		return false;
	}
	if (!sim_pg_run(task, run->general, "COMMIT", &result, &error))
	{
		*outcome = went_wrong(run, error);
		return false;
	}
	PQclear(result);
	run->unflushed = true;
	pthread_mutex_lock(&sim_lock);
	task->connector->counters.snapshots_done++;
	task->connector->counters.snapshot_rows += total;
	pthread_mutex_unlock(&sim_lock);
	return true;
}

static uint64_t
get_u64(const char *from)
{
	uint64_t	value;

	memcpy(&value, from, sizeof(value));
	return be64toh(value);
}

/* microseconds between 1970 and 2000, where PostgreSQL's clock begins */
#define POSTGRES_EPOCH_US (INT64_C(946684800) * 1000000)

/* One message of the stream; true when the server wants a word at once. */
static bool
take_message(Run *run, const char *data, int length)
{
	const char *change = data + 25;

	if (data[0] == 'k')
		return length >= 18 && data[17] != 0;
	if (data[0] != 'w' || length < 26)
		return false;
	switch (change[0])
	{
		case 'C':				/* flags, commit LSN, end LSN, time of commit */
			if (length >= 25 + 26)
			{
				run->received = get_u64(change + 10);
				run->received_us = (int64_t) get_u64(change + 18) + POSTGRES_EPOCH_US;
			}
			break;
		case 'M':				/* flags, LSN */
			if (length >= 25 + 10 && change[1] == 0 && get_u64(change + 2) > run->received)
				run->received = get_u64(change + 2);
			break;
		case 'I':
		case 'U':
		case 'D':
			pthread_mutex_lock(&sim_lock);
			run->task->connector->counters.changes++;
			pthread_mutex_unlock(&sim_lock);
			break;
		default:
			break;
	}
	return false;
}

static bool
beat(Run *run, Outcome *outcome)
{
	const char *sql = sim_config(run->task->config, "heartbeat.action.query", NULL);
	PGresult   *result;
	char	   *error = NULL;

	if (sql == NULL)
		return true;
	if (run->heartbeat == NULL)
		run->heartbeat = sim_pg_connect(run->task, "Debezium Heartbeat", false, &error);
	if (run->heartbeat == NULL || !sim_pg_run(run->task, run->heartbeat, sql, &result, &error))
	{
		*outcome = went_wrong(run, error);
		return false;
	}
	PQclear(result);
	return true;
}

static bool
is_paused(SimTask *task)
{
	bool		paused;

	pthread_mutex_lock(&sim_lock);
	paused = strcmp(task->connector->target, "PAUSED") == 0;
	pthread_mutex_unlock(&sim_lock);
	return paused;
}

/*
 * What Connect does every offset.flush.interval.ms, and when a task is stopped
 * in order.  Until the first one nothing says that the snapshot has finished.
 * A paused task holds its slot and flushes nothing.
 */
static void
flush(Run *run)
{
	if (!is_paused(run->task) && (run->unflushed || run->received > run->confirmed))
	{
		store_offset(run, run->unflushed, true);
		run->unflushed = false;
		run->confirmed = run->received;
	}
	sim_pg_confirm(run->streaming, run->confirmed);
}

static Outcome
stream(Run *run)
{
	SimTask    *task = run->task;
	char	   *sql = sim_pg_start_sql(run->slot, run->publication);
	int64_t		beats = sim_settings.heartbeat_ms > 0 ? sim_settings.heartbeat_ms :
		atoll(sim_config(task->config, "heartbeat.interval.ms", "0"));
	int64_t		next_beat = beats > 0 ? sim_now() + beats : 0;
	int64_t		next_flush = sim_now() + sim_settings.flush_ms;
	int64_t		began;
	Outcome		outcome = STOPPED;
	PGresult   *result;
	char	   *error;
	bool		ok = sim_pg_run(task, run->streaming, sql, &result, &error);

	free(sql);
	if (!ok)
		return went_wrong(run, error);
	PQclear(result);
	run->confirmed = 0;
	for (;;)
	{
		int64_t		now = sim_now();
		int64_t		next = next_flush;
		struct pollfd p[2] = {{PQsocket(run->streaming), POLLIN, 0}, {task->wake, POLLIN, 0}};
		char	   *data;
		int			length;
		bool		asked = false;

		if (now >= next_flush)
		{
			flush(run);
			next_flush = now + sim_settings.flush_ms;
			next = next_flush;
		}
		if (next_beat > 0 && now >= next_beat)
		{
			if (!is_paused(task) && !beat(run, &outcome))
			{
				/* told to stop in the middle of it: in order, all the same */
				if (outcome == STOPPED)
					break;
				return outcome;
			}
			next_beat = sim_now() + beats;
		}
		if (next_beat > 0 && next_beat < next)
			next = next_beat;
		if (sim_told(task, 0))
			break;
		poll(p, 2, (int) (next > now ? next - now : 0));
		if (p[1].revents)
		{
			uint64_t	count;

			if (read(task->wake, &count, sizeof(count)) > 0)
				continue;
		}
		if (p[0].revents && !PQconsumeInput(run->streaming))
			return went_wrong(run, strdup("FATAL: terminating connection due to administrator command"));
		while ((length = PQgetCopyData(run->streaming, &data, 1)) > 0)
		{
			asked = take_message(run, data, length) || asked;
			PQfreemem(data);
		}
		if (length < 0)
		{
			result = PQgetResult(run->streaming);
			error = strdup(result && PQresultErrorMessage(result)[0] ? PQresultErrorMessage(result) : "Database connection failed when reading from copy");
			PQclear(result);
			error[strcspn(error, "\n")] = '\0';
			return went_wrong(run, error);
		}
		if (asked)
			sim_pg_confirm(run->streaming, run->confirmed);
	}
	/* told to stop: what was handed on is flushed first */
	sim_told(task, 0);
	pthread_mutex_lock(&sim_lock);
	ok = task->fail;
	pthread_mutex_unlock(&sim_lock);
	if (!ok)
	{
		/* the setting may change meanwhile */
		for (began = sim_now(); sim_now() - began < sim_settings.stop_ms;)
			sim_sleep(5);
		flush(run);
	}
	return STOPPED;
}

/* Does snapshot.mode ask for rows, given the stored offset? */
static bool
wants_snapshot(SimTask *task, const char *mode, bool slot_there)
{
	bool		finished;
	uint64_t	lsn;
	bool		stored = stored_offset(task, &finished, &lsn);

	if (strcmp(mode, "always") == 0)
		return true;
	if (strcmp(mode, "when_needed") == 0 && !slot_there)
		return true;
	return !stored || !finished;
}

/* At its start Debezium takes a refused connection for a database that will come back. */
static Outcome
starts_badly(Run *run, char *error)
{
	Outcome		outcome = went_wrong(run, error);

	return outcome == RETRY ? RETRY_FOREVER : outcome;
}

static Outcome
run_once(Run *run)
{
	SimTask    *task = run->task;
	const char *mode = sim_config(task->config, "snapshot.mode", "initial");
	bool		streams = strcmp(mode, "initial_only") != 0;
	Outcome		outcome = FAILED;
	bool		slot_there;
	bool		slot_lost;
	bool		finished;
	uint64_t	lsn;
	bool		snapshot;
	char	   *error;

	if ((run->general = sim_pg_connect(task, "Debezium General", false, &error)) == NULL)
		return starts_badly(run, error);
	if (!look_up(run, &slot_there, &slot_lost, &outcome))
		return outcome;
	/* to make a slot at once, else only when the snapshot is over */
	if (streams && !slot_there && !slot_lost &&
		(run->streaming = sim_pg_connect(task, "Debezium Streaming", true, &error)) == NULL)
		return starts_badly(run, error);
	if (slot_lost && streams)
	{
		/* readReplicationSlotInfo() asks again for half an hour */
		sim_told(task, 900 * 2000);
		return STOPPED;
	}
	if (stored_offset(task, &finished, &lsn) && streams && !slot_there && strcmp(mode, "when_needed") != 0)
	{
		run->trace = trace_of("io.debezium.DebeziumException",
							  "The connector is trying to read change stream starting at PostgresOffsetContext [sourceInfoSchema=Schema{io.debezium.connector.postgresql.Source:STRUCT}], but this is no longer available on the server. Reconfigure the connector to use a snapshot mode when needed.");
		return FAILED;
	}
	snapshot = wants_snapshot(task, mode, slot_there);
	if (!slot_there && streams && !make_slot(run, &outcome))
		return outcome;
	set_state(task, "RUNNING");
	if (snapshot && !take_snapshot(run, strcmp(mode, "no_data") != 0, &outcome))
		return outcome;
	if (streams)
	{
		if (run->streaming == NULL &&
			(run->streaming = sim_pg_connect(task, "Debezium Streaming", true, &error)) == NULL)
			return starts_badly(run, error);
		return stream(run);
	}
	if (run->unflushed)
		store_offset(run, true, true);
	sim_told(task, -1);
	return STOPPED;
}

static void
end_run(Run *run)
{
	PQfinish(run->streaming);
	PQfinish(run->general);
	PQfinish(run->heartbeat);
	free(run->snapshot_name);
	run->unflushed = false;
	run->streaming = run->general = run->heartbeat = NULL;
	run->snapshot_name = NULL;
}

/* What /_sim/fail asked for at this start; malloc'd, or NULL. */
static char *
fails_at_start(SimTask *task)
{
	SimConnector *c = task->connector;
	char	   *trace = NULL;

	pthread_mutex_lock(&sim_lock);
	if (c->fail_starts > 0)
	{
		c->fail_starts--;
		trace = strdup(c->fail_trace);
	}
	pthread_mutex_unlock(&sim_lock);
	return trace;
}

/* Waits until the task may start; false when it was told to stop. */
static bool
may_start(SimTask *task)
{
	if (sim_told(task, sim_settings.start_ms))
		return false;
	while (sim_settings.hold_start || is_paused(task))
	{
		if (sim_told(task, 20))
			return false;
	}
	return true;
}

static void *
task_main(void *arg)
{
	SimTask    *task = arg;
	SimConnector *c = task->connector;
	int			limit = atoi(sim_config(task->config, "errors.max.retries", "-1"));
	int			tries = 0;
	Run			run;

	memset(&run, 0, sizeof(run));
	run.task = task;
	run.slot = sim_config(task->config, "slot.name", "debezium");
	run.publication = sim_config(task->config, "publication.name", "dbz_publication");
	if (may_start(task) && (run.trace = fails_at_start(task)) == NULL)
	{
		for (;;)
		{
			Outcome		outcome = run_once(&run);

			end_run(&run);
			if (outcome == STOPPED || outcome == FAILED)
				break;
			set_state(task, "RUNNING"); /* it says so while it retries */
			if (outcome == RETRY && limit >= 0 && ++tries > limit)
			{
				run.trace = sql_trace(run.words);
				break;
			}
			if (sim_told(task, sim_settings.retry_ms))
				break;
		}
	}
	free(run.words);

	pthread_mutex_lock(&sim_lock);
	if (task->fail && !task->stop)
	{
		free(run.trace);
		run.trace = strdup(c->fail_trace);
	}
	task->ended = true;
	if (run.trace != NULL)
	{
		task->state = "FAILED";
		task->trace = run.trace;
	}
	sim_follow(c);
	pthread_mutex_unlock(&sim_lock);
	return NULL;
}

bool
sim_task_pretends(struct json_object *config)
{
	return sim_settings.pretend && strcmp(sim_config(config, "snapshot.mode", "initial"), "initial_only") == 0;
}

void
sim_task_pretend(SimTask *task)
{
	SimConnector *c = task->connector;

	c->counters.snapshots++;
	c->counters.snapshots_done++;
	task->state = "RUNNING";
	task->ended = true;
	if (c->offset != NULL)
		json_object_put(c->offset);
	c->offset = json_object_new_object();
	json_object_object_add(c->offset, "lsn", json_object_new_int64(1));
	json_object_object_add(c->offset, "ts_usec", json_object_new_int64(epoch_us()));
	json_object_object_add(c->offset, "snapshot", json_object_new_string("INITIAL"));
	json_object_object_add(c->offset, "snapshot_completed", json_object_new_boolean(true));
	json_object_object_add(c->offset, "last_snapshot_record", json_object_new_boolean(true));
	free(c->server);
	c->server = strdup(sim_config(task->config, "topic.prefix", ""));
}

bool
sim_task_start(SimTask *task)
{
	pthread_attr_t attributes;
	pthread_t	thread;
	int			rc;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attributes, task_main, task);
	pthread_attr_destroy(&attributes);
	return rc == 0;
}
