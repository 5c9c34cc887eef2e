/*
 * kc_config.c
 *	  See kc_config.h.
 *
 * Of each key: its name, NUL, what its value is, the value, NUL.
 */
#include "remote/kc_config.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define IS_TEXT 't'
#define IS_JSON 'j'
#define IS_NULL 'n'

struct CdcKcConfig
{
	size_t		length;			/* of words */
	char		words[FLEXIBLE_ARRAY_MEMBER];
};

/* One key at *at of to; to is NULL: how long it will be. */
static void
put(CdcKcConfig *to, size_t *at, const char *key, struct json_object *value, size_t most)
{
	const char *words = value ? json_object_get_string(value) : "";
	size_t		key_length = strlen(key);
	size_t		length = strlen(words);

	if (length > most)
		length = cdc_text_clip(words, most);
	if (to)
	{
		char	   *place = to->words + *at;

		memcpy(place, key, key_length + 1);
		place[key_length + 1] = value == NULL ? IS_NULL : json_object_is_type(value, json_type_string) ? IS_TEXT : IS_JSON;
		memcpy(place + key_length + 2, words, length);
		place[key_length + 2 + length] = '\0';
	}
	*at += key_length + length + 3;
}

/* All of it, or how long it will be. */
static size_t
put_all(CdcKcConfig *to, struct json_object *config, const char *const *only, int nonly, size_t only_max)
{
	size_t		at = 0;
	int			i;

	for (i = 0; only && i < nonly; i++)
	{
		struct json_object *value = cdc_json_get(config, only[i]);

		if (json_object_is_type(value, json_type_string))
			put(to, &at, only[i], value, only_max);
	}
	if (only == NULL)
	{
		json_object_object_foreach(config, key, value)
			put(to, &at, key, value, SIZE_MAX);
	}
	return at;
}

CdcKcConfig *
cdc_kc_config_keep(struct json_object *config, const char *const *only, int nonly, size_t only_max)
{
	size_t		length = put_all(NULL, config, only, nonly, only_max);
	CdcKcConfig *kept = malloc(offsetof(CdcKcConfig, words) + length);

	if (kept == NULL)
		return NULL;
	kept->length = length;
	put_all(kept, config, only, nonly, only_max);
	return kept;
}

size_t
cdc_kc_config_size(const CdcKcConfig *config)
{
	return config ? offsetof(CdcKcConfig, words) + config->length : 0;
}

bool
cdc_kc_config_next(const CdcKcConfig *config, size_t *at, const char **key, const char **value)
{
	const char *kind;

	if (config == NULL || *at >= config->length)
		return false;
	*key = config->words + *at;
	kind = *key + strlen(*key) + 1;
	*value = *kind == IS_NULL ? NULL : kind + 1;
	*at = (size_t) (kind + 1 + strlen(kind + 1) + 1 - config->words);
	return true;
}

const char *
cdc_kc_config_value(const CdcKcConfig *config, const char *key)
{
	const char *name;
	const char *value;
	size_t		at = 0;

	while (cdc_kc_config_next(config, &at, &name, &value))
	{
		if (strcmp(name, key) == 0)
			return value;
	}
	return NULL;
}

const char *
cdc_kc_config_string(const CdcKcConfig *config, const char *key)
{
	const char *value = cdc_kc_config_value(config, key);

	/* what it is stands before it */
	return value && value[-1] == IS_TEXT ? value : NULL;
}
