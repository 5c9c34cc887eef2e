/*
 * connection_rules.h
 *	  Rules that values of a connection's keys follow, and how a rule says what
 *	  was wrong.
 *
 * Knows no key and no peer.  No I/O, no state, no ereport; what a fault shows
 * is palloc'd and has no secret in it.
 */
#ifndef CDC_CONNECTION_RULES_H
#define CDC_CONNECTION_RULES_H

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

/* Rules that several peers have; each is a CdcConnectionRule. */
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

#endif							/* CDC_CONNECTION_RULES_H */
