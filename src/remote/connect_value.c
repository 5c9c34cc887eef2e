/*
 * connect_value.c
 *	  See connect_value.h.
 *
 * Owns: which texts may stand in a configuration, and the closed list of
 * references.  Must not know what a key means to Debezium: that is debezium.c.
 * Source: Kafka's ConfigTransformer, whose pattern begins with "${".
 */
#include "remote/connect_value.h"

#include <ctype.h>
#include <string.h>

#define REFERENCE_START "${dir:"

/* Where which reference may stand. */
static const struct
{
	const char *key;
	CdcConnectType form;
}			references[] = {
	{"database.password", CDC_CONNECT_SECRET_FILE}
};

CdcConnectValue
cdc_connect_text(const char *words)
{
	CdcConnectValue value = {words ? CDC_CONNECT_TEXT : CDC_CONNECT_NOTHING, words, NULL, NULL};

	return value;
}

CdcConnectValue
cdc_connect_secret_file(const char *directory, const char *name)
{
	CdcConnectValue value = {directory && name ? CDC_CONNECT_SECRET_FILE : CDC_CONNECT_NOTHING, NULL, directory, name};

	return value;
}

char *
cdc_connect_text_fault(const char *what, const char *words)
{
	if (words == NULL || strstr(words, "${") == NULL)
		return NULL;
	return psprintf("%s may not have \"${\" in it: Kafka Connect would put a secret of its host there", what);
}

/* Only ASCII letters, digits and what is in more, 1 to max bytes. */
static bool
is_word(const char *words, const char *more, size_t max)
{
	size_t		i;

	for (i = 0; words[i] != '\0'; i++)
	{
		unsigned char c = (unsigned char) words[i];

		if (i >= max || !((c < 0x80 && isalnum(c)) || strchr(more, c) != NULL))
			return false;
	}
	return i > 0;
}

bool
cdc_connect_path_below(const char *path, const char *directory)
{
	size_t		length = strlen(directory);

	while (length > 0 && directory[length - 1] == '/')
		length--;
	return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

char *
cdc_connect_reference_directory(const char *words)
{
	size_t		start = strlen(REFERENCE_START);
	const char *colon;
	char	   *directory;

	if (words == NULL || strncmp(words, REFERENCE_START, start) != 0)
		return NULL;
	colon = strrchr(words, ':');
	if (colon < words + start || words[strlen(words) - 1] != '}')
		return NULL;
	directory = pnstrdup(words + start, colon - (words + start));
	return cdc_connect_path_fault(directory) == NULL ? directory : NULL;
}

void
cdc_connect_refuse(CdcConnectConfig *config, char *fault)
{
	if (config->fault == NULL)
		config->fault = fault;
}

static void
add(CdcConnectConfig *config, const char *key, const char *words)
{
	json_object_object_add(config->map, key, json_object_new_string(words));
}

/* Is this form one for the key, and are its parts what they are to be? */
static char *
reference_fault(const char *key, const CdcConnectValue *value)
{
	bool		listed = false;
	char	   *fault;
	size_t		i;

	for (i = 0; i < lengthof(references); i++)
		listed = listed || (references[i].form == value->type && strcmp(references[i].key, key) == 0);
	if (!listed)
		return psprintf("%s may not refer to a secret", key);
	if ((fault = cdc_connect_path_fault(value->directory)) != NULL)
		return psprintf("%s: the directory of secrets %s", key, fault);
	if (!is_word(value->name, "._-", 128))
		return psprintf("%s: the name of the secret's file has other characters than letters, digits, dots, hyphens and underscores", key);
	return NULL;
}

void
cdc_connect_begin(CdcConnectConfig *config)
{
	config->map = json_object_new_object();
	config->fault = NULL;
}

void
cdc_connect_put(CdcConnectConfig *config, const char *key, CdcConnectValue value)
{
	char	   *fault = NULL;

	switch (value.type)
	{
		case CDC_CONNECT_NOTHING:
			fault = psprintf("%s is not known", key);
			break;
		case CDC_CONNECT_TEXT:
			if ((fault = cdc_connect_text_fault(key, value.text)) == NULL)
				add(config, key, value.text);
			break;
		case CDC_CONNECT_SECRET_FILE:
			if ((fault = reference_fault(key, &value)) == NULL)
				add(config, key, psprintf(REFERENCE_START "%s:%s}", value.directory, value.name));
			break;
	}
	cdc_connect_refuse(config, fault);
}

void
cdc_connect_put_text(CdcConnectConfig *config, const char *key, const char *words)
{
	cdc_connect_put(config, key, cdc_connect_text(words ? words : ""));
}

void
cdc_connect_put_number(CdcConnectConfig *config, const char *key, int64 number)
{
	add(config, key, psprintf(INT64_FORMAT, number));
}

struct json_object *
cdc_connect_finish(CdcConnectConfig *config, char **fault)
{
	struct json_object *map = config->map;

	if (fault != NULL)
		*fault = config->fault;
	config->map = NULL;
	if (config->fault == NULL)
		return map;
	json_object_put(map);
	return NULL;
}
