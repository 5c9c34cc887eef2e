/*
 * sdn_api.c
 *	  See sdn_api.h.
 */
#include "common/sdn_api.h"

#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/redact.h"
#include "common/text.h"

#define MAX_MESSAGE 400

char *
cdc_sdn_url_of(const char *base, const char *collection, const char *id)
{
	size_t		length = strlen(base);

	while (length > 0 && base[length - 1] == '/')
		length--;
	return psprintf("%.*s/1.3/%s%s%s", (int) length, base, collection, id ? "/" : "", id ? id : "");
}

/* One line, without secrets, not too long; CODE in front. */
static char *
one_line(const char *code, const char *message)
{
	char	   *words = cdc_redact_said(psprintf("%s%s%s", code ? code : "", code && message ? ": " : "", message ? message : ""), NULL, 0);
	char	   *end;

	if (strlen(words) > MAX_MESSAGE)
		words[cdc_text_clip(words, MAX_MESSAGE)] = '\0';
	end = words + strlen(words);
	while (end > words && (end[-1] == '.' || end[-1] == ' '))
		*--end = '\0';
	return words;
}

char *
cdc_sdn_error(const char *body, char **code)
{
	struct json_object *whole = cdc_json_parse(body);
	struct json_object *error = cdc_json_get(whole, "error");
	const char *type = cdc_json_string(whole, "type");
	const char *fragment = type ? strchr(type, '#') : NULL;
	const char *name = cdc_json_string(error, "error_code");
	const char *said = cdc_json_string(error, "error_message");
	char	   *message;

	if (error == NULL && type != NULL)
	{
		name = fragment ? fragment + 1 : type;
		if (strncmp(name, "ERROR_", 6) == 0)
			name += 6;
		said = cdc_json_string(whole, "title");
	}
	*code = name ? pstrdup(name) : NULL;
	message = name || said ? one_line(name, said) : NULL;
	json_object_put(whole);
	return message;
}

/* A copy of the n bytes without white space at its ends. */
static char *
trimmed(const char *words, size_t n)
{
	char	   *copy;

	while (n > 0 && strchr(" \t\r", words[0]) != NULL)
	{
		words++;
		n--;
	}
	while (n > 0 && strchr(" \t\r", words[n - 1]) != NULL)
		n--;
	copy = palloc(n + 1);
	memcpy(copy, words, n);
	copy[n] = '\0';
	return copy;
}

const char *
cdc_sdn_parse_credentials(const char *words, CdcSdnCredentials *c)
{
	memset(c, 0, sizeof(*c));
	while (*words != '\0')
	{
		size_t		length = strcspn(words, "\n");
		char	   *line = trimmed(words, length);
		char	   *equals = strchr(line, '=');
		char	   *key;
		char	  **where;

		words += length + (words[length] == '\n');
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (equals == NULL)
			return "a line has no \"=\"";
		key = trimmed(line, (size_t) (equals - line));
		where = strcmp(key, "username") == 0 ? &c->user : strcmp(key, "password") == 0 ? &c->password :
			strcmp(key, "token") == 0 ? &c->token : NULL;
		if (where == NULL)
			return "a line begins with something else than username, password or token";
		if (*where != NULL)
			return "a key is there twice";
		*where = trimmed(equals + 1, strlen(equals + 1));
		if ((*where)[0] == '\0')
			return "a value is empty";
	}
	if (c->token != NULL && (c->user != NULL || c->password != NULL))
		return "it has a token and a username or password: only one kind may be there";
	if (c->token == NULL && (c->user == NULL || c->password == NULL))
		return "it has neither a token nor a username with a password";
	return NULL;
}

static void
wipe(char *words)
{
	if (words)
		explicit_bzero(words, strlen(words));
}

void
cdc_sdn_wipe(CdcSdnCredentials *credentials)
{
	wipe(credentials->user);
	wipe(credentials->password);
	wipe(credentials->token);
}

const char *
cdc_sdn_label(struct json_object *object, const char *key)
{
	struct json_object *labels = cdc_json_array(object, "labels");
	size_t		i;

	for (i = 0; labels && i < json_object_array_length(labels); i++)
	{
		struct json_object *label = json_object_array_get_idx(labels, i);
		const char *its_key = cdc_json_string(label, "key");

		if (its_key != NULL && strcasecmp(its_key, key) == 0)
			return cdc_json_string(label, "value");
	}
	return NULL;
}

struct json_object *
cdc_sdn_labels(const char *key, const char *value)
{
	struct json_object *labels = json_object_new_array();
	struct json_object *label = json_object_new_object();

	json_object_object_add(label, "key", json_object_new_string(key));
	json_object_object_add(label, "value", json_object_new_string(value));
	json_object_array_add(labels, label);
	return labels;
}

char *
cdc_sdn_enveloped(const char *kind, struct json_object *inner)
{
	struct json_object *envelope = json_object_new_object();
	char	   *words;

	json_object_object_add(envelope, kind, inner);
	words = pstrdup(json_object_to_json_string_ext(envelope, JSON_C_TO_STRING_PLAIN));
	json_object_put(envelope);
	return words;
}
