/*
 * connect_sim.h
 *	  What the parts of the Kafka Connect simulator share.
 *
 * connect_sim.c speaks HTTP and owns the process, connect_faults.c decides
 * how an answer goes wrong, connect_state.c holds the connectors and does what
 * a request asks for, connect_task.c is one task that acts on its source by
 * libpq as Debezium does, connect_pg.c its PostgreSQL.
 *
 * One lock guards all shared state.  Nothing that waits (sleep, libpq, HTTP)
 * runs under it.  json-c's reference counts are not atomic, so objects of the
 * shared state never leave the lock.  Times are milliseconds of a monotonic
 * clock.
 */
#ifndef CONNECT_SIM_H
#define CONNECT_SIM_H

#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

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
	int			version;		/* of config; a task of an older one is replaced */
	const char *target;			/* "RUNNING", "PAUSED" or "STOPPED" */
	int64_t		visible_at;		/* has a status from then on */
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

/* A request's answer; body is malloc'd JSON or NULL. */
typedef struct SimAnswer
{
	int			status;
	char	   *body;
} SimAnswer;

extern pthread_mutex_t sim_lock;
extern SimSettings sim_settings;

/* connect_sim.c */
extern int64_t sim_now(void);
extern void sim_sleep(int64_t ms);

/* connect_state.c: all of these take the lock themselves unless said */

/* Does what Connect would; never NULL body but for 204 and 202 without one. */
extern SimAnswer sim_connect(const char *method, const char *path, const char *query, const char *body);
extern SimAnswer sim_error(int status, const char *format,...) __attribute__((format(printf, 2, 3)));
extern SimAnswer sim_json(int status, struct json_object *object);	/* takes it over */

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

/* config's value, or missing. */
extern const char *sim_config(struct json_object *config, const char *key, const char *missing);

/* Can the connector log in?  NULL or the server's words (malloc'd).  Waits. */
extern char *sim_check_login(struct json_object *config);

/* connect_faults.c */

/* How a request goes; all zero: as usual. */
typedef struct SimFault
{
	int64_t		delay_ms;		/* answered so long after it came */
	int64_t		effect_ms;		/* has its effect so long after it came */
	bool		no_effect;
	int			status;			/* 0: what the effect says */
	char	   *message;
	bool		drop;			/* the connection is closed instead of an answer */
	bool		truncate;		/* half of the answer, then closed */
} SimFault;

/* The fault for this request, counted down; fault->message is malloc'd. */
extern void sim_fault_take(const char *method, const char *path, SimFault *fault);
extern SimAnswer sim_fault_add(struct json_object *request);
extern SimAnswer sim_fault_clear(void);

#endif							/* CONNECT_SIM_H */
