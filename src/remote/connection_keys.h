/*
 * connection_keys.h
 *	  The keys of a service's connection: one table a peer, which every door
 *	  and the worker read.
 *
 * A key is a row: its JSON type, its rule, who may set it, whether it is a
 * secret, which secrets it directs, and what a change of it on a live service
 * sets off.  Nothing about a key is checked anywhere else.  No I/O, no state,
 * no ereport; results are palloc'd, JSON results are json_object_put by the
 * caller.
 */
#ifndef CDC_CONNECTION_KEYS_H
#define CDC_CONNECTION_KEYS_H

#include "common/base.h"
#include <json-c/json.h>

/* Why something is refused.  No part of it has a secret. */
typedef struct CdcFault
{
	const char *message;
	const char *detail;
	const char *hint;
} CdcFault;

/* Always false, so that a rule can return it. */
extern bool cdc_fault(CdcFault *fault, const char *message, const char *detail, const char *hint);

/*
 * Is value one that key takes?  stored: as the tables have it, where the secrets
 * within an array are taken out ({"url"} of an agent, the name of a user).
 */
typedef bool (*CdcConnectionRule) (const char *key, struct json_object *value, bool stored, CdcFault *fault);

typedef enum CdcSetBy
{
	CDC_BY_MEMBER,
	CDC_BY_ADMIN,				/* who registers; afterwards an admin */
	CDC_BY_SUPERUSER
} CdcSetBy;

/* Where a value is kept: in cdc.service.connection, or beside it. */
typedef enum CdcKeptIn
{
	CDC_KEPT_CONNECTION,
	CDC_KEPT_COLUMN,			/* a column of cdc.service, or cdc.service_node */
	CDC_KEPT_SECRET				/* cdc.service_secret, whole */
} CdcKeptIn;

typedef struct CdcConnectionKey
{
	const char *key;
	enum json_type type;
	const char *rule;			/* in words, for people */
	CdcConnectionRule check;	/* NULL: any value of the type */
	CdcSetBy	set_by;
	CdcKeptIn	kept;
	const char *inner_secret;	/* of an array's members: the one that is a secret, or NULL; */
	const char *inner_name;		/* the one that is kept; */
	const char *inner_purpose;	/* and what the secret is called: "agent_token/%d" by
								 * number, "user_password/%s" by inner_name */
	const char *directs;		/* secrets that go where this key says, words with
								 * blanks between, or NULL: purposes, "agent_token",
								 * "pipelines" for the passwords of their roles */
	const char *in_use;			/* why it stays while a pipeline uses the service, or NULL */
	const char *on_change;		/* what a change sets off */
} CdcConnectionKey;

typedef struct CdcConnectionPeer
{
	const char *database_type;
	const CdcConnectionKey *keys;	/* sorted, the last one's key is NULL */

	/*
	 * What no key can tell alone.  ranges_learned: the addresses of Kafka Connect
	 * can be asked of the SDN API.
	 */
	bool		(*whole) (struct json_object *connection, bool ranges_learned, CdcFault *fault);
} CdcConnectionPeer;

/* NULL: no such type, or key. */
extern const CdcConnectionPeer *cdc_connection_peer(const char *database_type);
extern const CdcConnectionPeer *const *cdc_connection_peers(void);	/* ends with NULL */
extern const CdcConnectionKey *cdc_connection_key(const CdcConnectionPeer *peer, const char *key);

/*
 * Is each member of given known, of its type, and does its rule take it?  A
 * member that is null counts as absent.  stored: see CdcConnectionRule; keys
 * that the worker or a provider adds are let be then.
 */
extern bool cdc_connection_check(const CdcConnectionPeer *peer, struct json_object *given, bool stored, CdcFault *fault);

/*
 * Divides a connection that was checked: *kept is what cdc.service.connection
 * gets (objects by their inner_name alone), *secrets maps purposes to clear
 * texts.  Nulls are in neither.
 */
extern void cdc_connection_divide(const CdcConnectionPeer *peer, struct json_object *given,
								  struct json_object **kept, struct json_object **secrets);

/*
 * Is value one that a secret of this purpose takes?  (The purpose is of a key of
 * the peer, as cdc_connection_divide names them.)
 */
extern bool cdc_connection_check_secret(const CdcConnectionPeer *peer, const char *purpose, const char *value, CdcFault *fault);

extern const char *cdc_set_by_name(CdcSetBy by);

/* Rules that several peers have, in connection_rules.c. */
extern bool cdc_rule_login(const char *key, struct json_object *value, bool stored, CdcFault *fault);
extern bool cdc_rule_secret(const char *key, struct json_object *value, bool stored, CdcFault *fault);
extern bool cdc_rule_certificate(const char *key, struct json_object *value, bool stored, CdcFault *fault);
extern bool cdc_rule_private_key(const char *key, struct json_object *value, bool stored, CdcFault *fault);
extern bool cdc_rule_users(const char *key, struct json_object *value, bool stored, CdcFault *fault);
extern bool cdc_rule_uuid(const char *key, struct json_object *value, bool stored, CdcFault *fault);
extern bool cdc_rule_pipelines_by(const char *key, struct json_object *value, bool stored, CdcFault *fault);
extern bool cdc_rule_one_line(const char *key, struct json_object *value, bool stored, CdcFault *fault);

/* Members of an object besides the wanted ones (NULL-terminated)? */
extern bool cdc_has_others(struct json_object *object, const char *const *wanted);

/* 'text', or a part of it, for a detail. */
extern char *cdc_shown(const char *value);

/* "http://host:port" or https, nothing behind it but a slash. */
extern bool cdc_is_base_url(const char *url);

extern const CdcConnectionPeer cdc_connection_postgresql;
extern const CdcConnectionPeer cdc_connection_kafka;

#endif							/* CDC_CONNECTION_KEYS_H */
