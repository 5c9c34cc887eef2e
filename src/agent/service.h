/*
 * service.h
 *	  One service of the agent in provisioning mode: what is ordered, where it
 *	  is, what is said of it.
 *
 * service_list.c has all of them; provision.c makes and ends them and their threads;
 * network.c makes the private network of one and removes it;
 * provision_pg.c and provision_kafka.c look at one service and do the next thing
 * that is missing, each time anew: being killed anywhere needs no recovery.
 */
#ifndef CDC_AGENT_SERVICE_H
#define CDC_AGENT_SERVICE_H

#include <netinet/in.h>
#include <pthread.h>

#include "agent/config.h"
#include "agent/limits.h"
#include "agent/order.h"
#include "agent/process.h"

#define AGENT_WORDS 600

/* A service's addresses are of a block of its own: the range of its network. */
#define AGENT_BLOCK_BITS 29
#define AGENT_BLOCK (1 << (32 - AGENT_BLOCK_BITS))

typedef enum AgentServiceState
{
	AGENT_SERVICE_CHECKING,		/* not looked at yet since the agent was started */
	AGENT_SERVICE_PROVISIONING, /* never ran */
	AGENT_SERVICE_RUNNING,		/* it answers */
	AGENT_SERVICE_ERROR,		/* it does not, or cannot be made; tried on */
	AGENT_SERVICE_DELETING
} AgentServiceState;

typedef struct AgentSaidNode
{
	bool		lives;
	bool		answers;
	bool		primary;
	bool		streams;		/* standby: from the primary */
} AgentSaidNode;

/* What GET says; copied under the lock. */
typedef struct AgentSaid
{
	AgentServiceState state;
	char		message[AGENT_WORDS];	/* what it waits for, or the reason; "" none */
	char		version[64];	/* as the server itself says it; "" not known */
	AgentSaidNode nodes[AGENT_MAX_NODES];
	AgentServiceState connect;
	char		connect_message[AGENT_WORDS];
	int			failovers;
	char		limits[AGENT_WORDS];	/* what it is held to */
} AgentSaid;

struct pg_conn;

/* Writer: service_file.c */
typedef struct AgentService
{
	char		id[64];
	char		dir[MAXPGPATH]; /* absolute; the agent's own, what is below is the service's */
	const AgentConfig *config;
	/* Writers: service_file.c, provision.c, service_adopt.c */
	uid_t		uid;			/* as whom it runs, and owns its directories; set before
								 * its thread is, changed by that alone */
	gid_t		gid;
	bool		adopting;		/* what is there is being given to uid */

	/* Writer: service_file.c */
	char	   *damaged;		/* why its order cannot be read: it has no thread, and nothing is
								 * done to it; or NULL */

	/* Writer: provision.c */
	char		cgroups[2 * MAXPGPATH]; /* its own, with colons; "" none */
	AgentPlan	held;			/* what it is held to */
	AgentOrder	order;			/* replaced by its thread alone; Writers: provision.c, service_file.c */

	/* Writers: service_file.c, service_address.c, provision.c */
	int			naddresses;		/* 0: none found yet */
	char		addresses[AGENT_MAX_NODES][INET_ADDRSTRLEN];

	/* Writers: agent */
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t changed;
	/* Writers: provision.c, service_file.c */
	bool		deleted;
	struct json_object *wanted; /* a changed order to take over, or NULL */
	char	   *former_password;	/* the administrator's, until the server has the
								 * order's; or NULL */
	/* Writers: network.c, service_file.c */
	char		network[40];	/* UUID of its private network; "" none */
	bool		network_begun;	/* something of it may be there */
	int64		network_asked;	/* epoch seconds of a request whose outcome is not
								 * known, 0: none */
	AgentSaid	said;			/* Writers: service.c, provision.c, service_file.c */

	/* its thread's own; Writers: service.c, provision.c, provision_pg.c, provision_kafka.c */
	AgentSaid	seen;			/* what it is about to say */
	bool		made;			/* it ran once: file "made"; Writers: service.c, service_file.c */
	int			failures;		/* of the same step in a row */
	int64		network_at;		/* monotonic ms: looked at no sooner; Writer: network.c */
	int64		wait_until;		/* monotonic ms: nothing is tried before; Writer: service.c */
	struct AgentStart
	{
		int64		at;			/* when it was last started, 0 never */
		int			quick;		/* how often it ended soon after that */
	}			starts[AGENT_MAX_NODES + 2];

	/* Writer: provision_kafka.c */
	int64		connect_lost;	/* since when it does not answer, 0: it does */
	int64		connect_at;		/* when it last did */

	/* Writer: provision_pg.c */
	struct pg_conn *conns[AGENT_MAX_NODES]; /* Writer: pg_session.c */
	int			primary;		/* node, -1: not read yet; Writers: provision_pg.c, service_file.c */
	int64		probed_at;		/* when all was last seen well; Writers: provision_pg.c, provision_kafka.c */
	int64		standby_lost[AGENT_MAX_NODES];	/* since when it does not stream */
} AgentService;

/*
 * One look and at most one thing done.  Returns ms until the next look.  What is
 * known is in seen; the caller makes it public.
 */
extern int	agent_pg_step(AgentService *service);
extern int	agent_kafka_step(AgentService *service);

/* Ends every process of the service; false: some live on, try again. */
extern bool agent_pg_end(AgentService *service);
extern bool agent_kafka_end(AgentService *service);

/* -- service.c, for both -------------------------------------------------- */

/* What was seen becomes what is said. */
extern void agent_service_publish(AgentService *service);

/* Says that the service does not work and why; frees words.  Returns a growing pause. */
extern int	agent_service_fault(AgentService *service, char *words);

/* Says what is being waited for, unless the last try of it failed; printf. */
extern void agent_service_note(AgentService *service, const char *format,...) pg_attribute_printf(2, 3);

/*
 * Starts process number n, NAME, unless it ended too soon too often: then a
 * fault with its last words.  Returns ms.
 */
extern int	agent_service_start(AgentService *service, int n, const AgentLaunch *launch);

/* How a process of the service is started: argv, cwd and name are the caller's. */
extern AgentLaunch agent_service_launch(const AgentService *service, const char *name, const char *cwd, const char *const *argv);

/* Ends a process of the service; as agent_process_end(). */
extern bool agent_service_stop(const AgentService *service, const char *name, const char *cwd, int signal, int seconds);

/*
 * Lets fetch_command get the ordered version, which find_... has just not found;
 * blocks.  False with *error: that of before, where there is no such command.
 */
extern bool agent_service_fetch(AgentService *service, const char *name, char **error);

/* From now on it is a service that ran, as the file AGENT_MADE_FILE says. */
#define AGENT_MADE_FILE "made"
extern void agent_service_made(AgentService *service);

/* Does something listen at address and port? */
extern bool agent_port_taken(const char *address, int port);

/* -- service_dir.c ------------------------------------------------------------ */

/*
 * Files in the service's directory, which is the agent's own: one that the
 * service's user may read (its, 0600, in a directory in which it can replace
 * nothing), and one of the agent's alone.  Whole or not at all.
 */
extern bool agent_service_write(AgentService *service, const char *name, const char *words, char **error);
extern bool agent_service_keep(AgentService *service, const char *name, const char *words, char **error);

/* Is there something of this name, or path, below the service's directory? */
extern bool agent_service_has(const AgentService *service, const char *name);

/* Makes a directory of the service's user; one that is there is left as it is. */
extern bool agent_service_mkdir(AgentService *service, const char *name, char **error);

/* The service's directory, to be closed by the caller; -1 with *error. */
extern int	agent_service_open(const AgentService *service, char **error);

/*
 * A directory of the service's, and from here on the thread is its user, for as
 * long as it works there: ended by agent_service_close().  -1 with *error: it is not.
 */
extern int	agent_service_open_as(const AgentService *service, const char *name, char **error);
extern void agent_service_close(int fd);

/* -- service_file.c ----------------------------------------------------------- */

#define AGENT_ORDER_FILE "order.json"

/* A service without an order, in services_path/<id>; nothing is written. */
extern AgentService *agent_service_new(const AgentConfig *config, const char *services_path, const char *id);

extern void agent_service_free(AgentService *service);

/* The server has the order's password: wipes the former one.  Under its lock. */
extern void agent_service_forget_former(AgentService *service);

/*
 * Writes its order, addresses, user and network to its file; store: the list's
 * lock is held.
 */
extern bool agent_service_save(AgentService *service, char **error);
extern bool agent_service_store(AgentService *service, bool deleted, char **error);

/* A service from its file, to be taken over then; NULL with *error: damaged. */
extern AgentService *agent_service_load(const AgentConfig *config, const char *services_path, const char *id, char **error);

/* In place of one that is damaged; takes why over.  What it has of the host (its user) is still its. */
extern AgentService *agent_service_damaged(const AgentConfig *config, const char *services_path, const char *id, char *why);

/* -- service_adopt.c ---------------------------------------------------------- */

/*
 * A service that was made before each had a user of its own: its directory
 * becomes the agent's at once, and what is below a user's of its own when none of
 * its processes lives.  False with *error when it cannot; true for others.
 */
extern bool agent_service_take_over(AgentService *service, char **error);
extern bool agent_service_adopt(AgentService *service, char **error);

/* -- service_address.c -------------------------------------------------------- */

/*
 * Finds a block of addresses (used(its first) is false), in which each node has
 * one where its ports are free; false with *error when there is none.  The caller
 * holds the list's lock.
 */
extern bool agent_address_find(AgentService *service, bool (*used) (uint32 first), char **error);

/* -- service_object.c --------------------------------------------------------- */

/* What GET says of it; the caller holds the list's lock. */
extern struct json_object *agent_service_object(AgentService *service);

#endif							/* CDC_AGENT_SERVICE_H */
