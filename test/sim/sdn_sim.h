/*
 * sdn_sim.h
 *	  What the parts of the SDN simulator share.
 *
 * sdn_sim.c has accounts, settings and doors, sdn_objects.c zones, networks,
 * routers and servers, sdn_peering.c peerings and their states, sdn_hook.c
 * tells a command what is active.  HTTP, the lock's rules and the faults:
 * sim_http.h.
 *
 * An object is kept as its JSON, with keys of the simulator's own that no
 * answer shows: "account" (whose it is), "_changed" (sdn clock ms of the last
 * change), "_forced" (a state that a test wants).
 */
#ifndef SDN_SIM_H
#define SDN_SIM_H

#include "sim_http.h"

/* Changed by PUT /_sim/settings or --NAME VALUE; times in ms. */
typedef struct SdnSettings
{
	int			provision_ms;	/* provisioning after a create or change */
	int			activate_ms;	/* provisioning after the opposite side changed */
	int			max_peerings;	/* of an account */
	bool		same_zone_only; /* networks of two zones cannot be peered */
	bool		keep_peered;	/* a network with a peering from or to it cannot go */
	bool		problem;		/* errors as application/problem+json */
} SdnSettings;

extern SdnSettings sdn_settings;

/* Arrays of objects; the lock guards them. */
extern struct json_object *sdn_networks;
extern struct json_object *sdn_routers;
extern struct json_object *sdn_servers;
extern struct json_object *sdn_peerings;

/* A request to the API below /1.3, by an account; the lock is held. */
typedef struct SdnRequest
{
	const char *account;
	const char *method;
	const char *uuid;			/* of the path, or NULL: the collection */
	const char *query;
	struct json_object *body;	/* inside of the envelope, or NULL */
} SdnRequest;

/* sdn_sim.c */

/* code: of error_codes.go; param: what a 400 is about, or NULL */
extern SimAnswer sdn_error(int status, const char *code, const char *param, const char *format,...)
			__attribute__((format(printf, 4, 5)));
extern SimAnswer sdn_empty(int status);

/* One value of the query, malloc'd; the n-th of that name, NULL after the last. */
extern char *sdn_query(const char *query, const char *name, int n);

/* A member that is a string, else NULL. */
extern const char *sdn_string(struct json_object *object, const char *key);
extern struct json_object *sdn_get(struct json_object *object, const char *key);

/* sdn_objects.c; the lock is held */
extern SimAnswer sdn_zone(const SdnRequest *request);
extern SimAnswer sdn_network(const SdnRequest *request);
extern SimAnswer sdn_router(const SdnRequest *request);
extern SimAnswer sdn_server_networking(const SdnRequest *request);

/* By uuid, NULL when there is none (or it is not the account's, unless NULL). */
extern struct json_object *sdn_find(struct json_object *array, const char *uuid, const char *account);
extern void sdn_remove(struct json_object *array, struct json_object *object);

/* A random UUID with its kind's prefix, e.g. "03"; malloc'd. */
extern char *sdn_uuid(const char *prefix);

/* Labels: NULL when an array of them is well formed, else the error code. */
extern const char *sdn_labels_fault(struct json_object *labels);

/* Does the object have every label of the query? */
extern bool sdn_labels_match(struct json_object *object, const char *query);

/* A copy of [{key,value}]; an empty array for NULL. */
extern struct json_object *sdn_labels(struct json_object *labels);

/* Do two networks have overlapping ranges? */
extern bool sdn_overlap(struct json_object *a, struct json_object *b);

/* sdn_peering.c; the lock is held */
extern SimAnswer sdn_peering(const SdnRequest *request);

/* Its state now. */
extern const char *sdn_peering_state(struct json_object *peering);

/* The peering from network a to b, of whatever account; NULL when none. */
extern struct json_object *sdn_peering_between(const char *a, const char *b);

/* sdn_hook.c: runs command (a program) as pairs become active and stop being it. */
extern void sdn_hook_start(const char *command);

/* At the end: takes back what is active. */
extern void sdn_hook_stop(void);

#endif							/* SDN_SIM_H */
