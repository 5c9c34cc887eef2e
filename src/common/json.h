/*
 * json.h
 *	  Thin helpers on json-c: strict parsing, and reading a member whose type
 *	  the peer may have got wrong.
 *
 * Nothing here ereports or takes ownership; strings that are returned belong
 * to the object unless it is said.  Every function accepts a NULL object.
 */
#ifndef CDC_JSON_H
#define CDC_JSON_H

#include "common/base.h"
#include <json-c/json.h>

/*
 * The value of exactly one JSON text (RFC 8259; anything but white space after
 * it is an error), NULL when it is not, or is deeper than 64 or has more than
 * 30,000 objects and arrays, which a peer's honest answer has not.
 * json_object_put by the caller.  A JSON null is NULL too.
 */
extern struct json_object *cdc_json_parse(const char *text);

/* A member of an object, NULL when absent, null, or object is no object. */
extern struct json_object *cdc_json_get(struct json_object *object, const char *key);

/* A member that is a string, else NULL. */
extern const char *cdc_json_string(struct json_object *object, const char *key);

/* The same, palloc'd. */
extern char *cdc_json_strdup(struct json_object *object, const char *key);

/* A member that is true; false when absent or anything else. */
extern bool cdc_json_true(struct json_object *object, const char *key);

/* A member that is an integer (or a string of digits), else the fallback. */
extern int64 cdc_json_int64(struct json_object *object, const char *key, int64 fallback);

/* A member that is an integer (or a string of digits) of 32 bits, else 0. */
extern int	cdc_json_int(struct json_object *object, const char *key);

/* A member that is a time, microseconds since 1970 up to the year 9999, else 0. */
extern int64 cdc_json_time(struct json_object *object, const char *key);

/* A member that is an array, else NULL. */
extern struct json_object *cdc_json_array(struct json_object *object, const char *key);

/* Sets a member of an object: a copy of a string, null for NULL. */
extern void cdc_json_add_string(struct json_object *object, const char *key, const char *value);

/* The same of valid text (common/text.h), cut to most bytes between characters; nothing for NULL. */
extern void cdc_json_add_word(struct json_object *object, const char *key, const char *value, size_t most);

#endif							/* CDC_JSON_H */
