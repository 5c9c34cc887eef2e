/*
 * sim_http.h
 *	  What the simulators of the tests share: the process, HTTP, a record of
 *	  what was asked, and fault switches.
 *
 * sim_http.c speaks HTTP and owns the process, sim_faults.c decides how an
 * answer goes wrong.  A simulator is the SimProgram that its main() hands to
 * sim_run(), and its own sim_error().
 *
 * One lock guards all shared state.  Nothing that waits (sleep, libpq, HTTP)
 * runs under it.  json-c's reference counts are not atomic, so objects of the
 * shared state never leave the lock.  Times are milliseconds of a monotonic
 * clock.
 *
 * Doors that every simulator has, which are not recorded:
 *	 POST   /_sim/faults		one more fault, see sim_faults.c
 *	 DELETE /_sim/faults		none any more; how many were taken
 *	 GET    /_sim/mutations		every request but GET, in order of arrival
 *	 DELETE /_sim/mutations		forget them, and the number of requests
 *	 GET    /_sim/requests		how many requests came, and how many of what
 */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A request's answer; body is malloc'd JSON or NULL. */
typedef struct SimAnswer
{
	int			status;
	char	   *body;
	const char *type;			/* Content-Type, static; NULL: the simulator's */
} SimAnswer;

/* A request; strings are the caller's. */
typedef struct SimRequest
{
	const char *method;
	const char *path;			/* decoded */
	const char *query;			/* decoded, "a=b&c=d", "" without one */
	const char *body;			/* "" without one */
	const char *user;			/* Basic: both, or NULL */
	const char *password;
	const char *bearer;			/* Bearer token, or NULL */
	bool		late;			/* answered before: what is checked before an answer was checked then */
} SimRequest;

typedef struct SimProgram
{
	const char *name;
	const char *type;			/* Content-Type of its answers */

	/* --NAME VALUE of the command line; false: what is it? */
	bool		(*option) (const char *name, const char *value);

	/* Runs once before it listens; may start threads. */
	void		(*start) (void);

	/* Does what the real one would; takes the lock itself. */
	SimAnswer	(*serve) (const SimRequest *request);

	/* A door of its own (/_sim/...); status 0: there is none. */
	SimAnswer	(*control) (const char *method, const char *path, struct json_object *request);

	/* Is this request kept in the record of mutations? */
	bool		(*recorded) (const char *method, const char *path);

	/* After every effect. */
	void		(*save) (void);

	/* Once, at the end. */
	void		(*end) (void);
} SimProgram;

extern pthread_mutex_t sim_lock;

/* Runs until SIGTERM; the exit code. */
extern int	sim_run(const SimProgram *program, int argc, char **argv);

extern int64_t sim_now(void);
extern void sim_sleep(int64_t ms);

/* A thread that nobody waits for. */
extern void sim_detach(void *(*what) (void *), void *arg);

extern SimAnswer sim_json(int status, struct json_object *object);	/* takes it over */

/* An error in the simulator's own shape; each simulator has its own. */
extern SimAnswer sim_error(int status, const char *format,...) __attribute__((format(printf, 2, 3)));

/* sim_faults.c */

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

#endif							/* SIM_HTTP_H */
