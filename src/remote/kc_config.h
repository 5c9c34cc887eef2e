/*
 * kc_config.h
 *	  A connector's configuration as Kafka Connect told it, kept small.
 *
 * Ten thousand of them are kept for as long as their connectors are there: in
 * one piece of memory with nothing but the words, a quarter of what a tree of
 * them takes.  Owns how that looks; knows no key.  malloc only and no ereport,
 * since it is made inside libcurl.
 */
#ifndef CDC_KC_CONFIG_H
#define CDC_KC_CONFIG_H

#include "common/base.h"
#include <json-c/json.h>

typedef struct CdcKcConfig CdcKcConfig;

/*
 * Of an object, in its order: all keys, or where only[nonly] is given those of
 * them that are text, each at most only_max bytes.  NULL: no memory.  free() by
 * the caller.
 */
extern CdcKcConfig *cdc_kc_config_keep(struct json_object *config, const char *const *only, int nonly, size_t only_max);

/* Bytes that it takes; 0 for NULL. */
extern size_t cdc_kc_config_size(const CdcKcConfig *config);

/* A value that is text; NULL: it is none, or not there, or config is NULL. */
extern const char *cdc_kc_config_string(const CdcKcConfig *config, const char *key);

/* The same of any value: what is no text is as JSON has it; NULL also for null. */
extern const char *cdc_kc_config_value(const CdcKcConfig *config, const char *key);

/* Key by key, *at from 0 on; value as cdc_kc_config_value; false: there are no more (none in NULL). */
extern bool cdc_kc_config_next(const CdcKcConfig *config, size_t *at, const char **key, const char **value);

#endif							/* CDC_KC_CONFIG_H */
