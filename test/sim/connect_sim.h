/*
 * connect_sim.h
 *	  What the parts of the Kafka Connect simulator share.
 *
 * connect_sim.c has its settings and doors, connect_state.c holds the
 * connectors and does what a request asks for, connect_task.c is one task that
 * acts on its source by libpq as Debezium does, connect_pg.c its PostgreSQL.
 * HTTP, the lock's rules and the faults: sim_http.h.
 */
#ifndef CONNECT_SIM_H
#define CONNECT_SIM_H

#include "sim_http.h"

/* Changed by PUT /_sim/settings; times in ms. */
typedef struct SimSettings
{
	int			status_ms;		/* a new connector has no status for so long */
	int			start_ms;		/* a task is UNASSIGNED for at least so long */
	int			stop_ms;		/* a task works on for so long after a stop */
	int			snapshot_ms;	/* how long a snapshot's transaction is held */
	int			flush_ms;		/* offset.flush.interval.ms of the worker */
	int			retry_ms;		/* Debezium's wait between tries (10 s there) */
	int			heartbeat_ms;	/* 0: as the connector's config says */
	bool		hold_start;		/* no task gets further than UNASSIGNED */
	bool		pretend;		/* who takes a snapshot and no more has taken it at once,
								 * without a session on its source: for thousands of them */
	bool		plugin;			/* is Debezium's connector class installed? */
	char		plugin_version[32];
} SimSettings;

/* What a task remembers outside of itself, per connector name. */
typedef struct SimCounters
{
	int			starts;			/* tasks begun */
	int			snapshots;		/* snapshots begun */
	int			snapshots_done;
	int			slots_made;
	int64_t		snapshot_rows;
	int64_t		changes;		/* row changes received in streaming */
} SimCounters;

typedef struct SimTask SimTask;

/*
 * Everything about one name.  Never freed: offsets outlive the connector, and
 * so does a task that has not stopped yet.
 */
typedef struct SimConnector
{
	char	   *name;
	bool		exists;
	struct json_object *config; /* with "name", as Connect keeps it */
	char	   *config_text;	/* the same, as it is told */
	int			version;		/* of config; a task of an older one is replaced */
	const char *target;			/* "RUNNING", "PAUSED" or "STOPPED" */
	int64_t		made_at;		/* has a status status_ms later */
	SimTask    *task;			/* the one that works, or FAILED; may outlive exists */
	bool		restart;		/* the next task is a restarted one */
	struct json_object *offset; /* of partition server; NULL none */
	char	   *server;			/* topic.prefix of the offset */
	char	   *fail_trace;		/* what /_sim/fail asked for */
	int			fail_starts;	/* so many more starts fail with it */
	SimCounters counters;
	struct SimConnector *next;
} SimConnector;

/* One task; its thread owns all but what the lock guards. */
struct SimTask
{
	SimConnector *connector;
	struct json_object *config; /* own deep copy */
	int			version;
	int			wake;			/* eventfd: stop or fail was asked for */
	/* guarded by the lock */
	const char *state;			/* "UNASSIGNED", "RUNNING", ... */
	char	   *trace;
	bool		stop;
	bool		fail;			/* fail now, with the connector's fail_trace */
	bool		ended;			/* the thread is over: FAILED */
};

extern SimSettings sim_settings;

/* connect_state.c: all of these take the lock themselves unless said */

/* Does what Connect would; never NULL body but for 204 and 202 without one; late: see SimRequest */
extern SimAnswer sim_connect(const char *method, const char *path, const char *query, const char *body, bool late);

/* POST /_sim/fail, GET /_sim/state; NULL path part */
extern SimAnswer sim_fail(struct json_object *request);
extern SimAnswer sim_state(void);

/* Connectors and offsets to and from a file, as Connect's topics keep them. */
extern void sim_save(const char *file);
extern void sim_load(const char *file);

/* The lock is held: makes tasks follow what is wanted. */
extern void sim_follow(SimConnector *c);

/* connect_task.c: starts the thread; the lock is held. */
extern bool sim_task_start(SimTask *task);

/* Is a task of this configuration one that only pretends?  It has no thread and has ended from its start on. */
extern bool sim_task_pretends(struct json_object *config);
extern void sim_task_pretend(SimTask *task);

/* config's value, or missing. */
extern const char *sim_config(struct json_object *config, const char *key, const char *missing);

/* Can the connector log in?  NULL or the server's words (malloc'd).  Waits. */
extern char *sim_check_login(struct json_object *config);

#endif							/* CONNECT_SIM_H */
