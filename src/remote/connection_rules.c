/*
 * connection_rules.c
 *	  Rules of connection keys that several peers have.
 *
 * A rule says what was wrong without showing a secret.  No I/O, no state.
 */
#include "remote/connection_rules.h"

#include <ctype.h>
#include <string.h>

#include "common/json.h"
#include "common/quote.h"
#include "remote/connect_value.h"

/* Longest part of a value that a detail shows, in bytes. */
#define SHOWN_MAX 100

bool
cdc_fault(CdcFault *fault, const char *message, const char *detail, const char *hint)
{
	fault->message = message;
	fault->detail = detail;
	fault->hint = hint;
	return false;
}

char *
cdc_shown(const char *value)
{
	char	   *clipped = pstrdup(value);
	size_t		length = strlen(clipped);

	if (length > SHOWN_MAX)
	{
		length = SHOWN_MAX;
		/* not within a character of UTF-8 */
		while (length > 0 && ((unsigned char) clipped[length] & 0xc0) == 0x80)
			length--;
		clipped[length] = '\0';
	}
	return cdc_quote_literal(clipped);
}

bool
cdc_has_others(struct json_object *object, const char *const *wanted)
{
	json_object_object_foreach(object, key, value)
	{
		bool		known = false;
		int			i;

		(void) value;
		for (i = 0; wanted[i]; i++)
			known = known || strcmp(wanted[i], key) == 0;
		if (!known)
			return true;
	}
	return false;
}

bool
cdc_is_base_url(const char *url)
{
	const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
	size_t		length;

	if (host == NULL)
		return false;
	length = strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:[]-");
	return length > 0 && (host[length] == '\0' || strcmp(host + length, "/") == 0);
}

bool
cdc_rule_one_line(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);

	if (strlen(words) == (size_t) json_object_get_string_len(value) && words[0] != '\0' && cdc_is_one_line(words))
		return true;
	return cdc_fault(fault, psprintf("\"%s\" in connection must be one line of printable characters", key),
					 psprintf("It was %s.", cdc_shown(words)), "Leave it out for its default.");
}

/* A name that a role may have, as PostgreSQL's, HTTP's and Kafka's logins are. */
bool
cdc_rule_login(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);

	if (words[0] != '\0' && strlen(words) <= 63 && cdc_is_one_line(words))
		return true;
	return cdc_fault(fault, psprintf("\"%s\" in connection must be a name of 1 to 63 bytes on one line", key),
					 psprintf("It was %s.", cdc_shown(words)), "Give the name that is logged in with.");
}

/* What a header or a login could be split by is no secret's character. */
bool
cdc_rule_secret(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);

	if (words[0] == '\0')
		return cdc_fault(fault, psprintf("\"%s\" in connection must not be empty", key), "The value was empty.", "Give the secret, or leave it out.");
	if (strlen(words) == (size_t) json_object_get_string_len(value) && cdc_is_one_line(words))
		return true;
	return cdc_fault(fault, psprintf("\"%s\" in connection must be one line of printable characters", key),
					 "It has a line end, a control character or a mark of writing direction.", "Look for what was copied along with it.");
}

bool
cdc_rule_certificate(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);

	if (strstr(words, "-----BEGIN CERTIFICATE-----") != NULL && strstr(words, "PRIVATE KEY") == NULL)
		return true;
	return cdc_fault(fault, psprintf("%s must be the certificate itself, as PEM text", key), "It has no \"-----BEGIN CERTIFICATE-----\", or a private key.",
					 strcmp(key, "ca") == 0 ? "Give the text of the CA's certificate; never a key, never a path." : "Give the text of the certificate; its key goes into \"client_key\".");
}

bool
cdc_rule_private_key(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);
	const char *begin = strstr(words, "-----BEGIN ");

	if (begin && strstr(begin, "PRIVATE KEY-----") != NULL && strstr(words, "ENCRYPTED") == NULL)
		return true;
	return cdc_fault(fault, psprintf("%s must be the private key itself, as PEM text without a passphrase", key),
					 "It has no \"-----BEGIN PRIVATE KEY-----\", or is encrypted.", "It is kept encrypted here: give the text, never a path.");
}

bool
cdc_rule_uuid(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);
	int			i;

	for (i = 0; words[i]; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23 ? words[i] != '-' : !isxdigit((unsigned char) words[i]))
			break;
	}
	if (i == 36 && words[i] == '\0')
		return true;
	return cdc_fault(fault, psprintf("%s must be a UUID", key), psprintf("It was %s.", cdc_shown(words)), "It is the UUID of the service's private network.");
}

bool
cdc_rule_pipelines_by(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);

	if (strcmp(words, "member") == 0 || strcmp(words, "admin") == 0)
		return true;
	return cdc_fault(fault, "unknown value of pipelines_by", psprintf("It was %s.", cdc_shown(words)), "Use member or admin.");
}

/* Logins that applications use, kept so that their passwords can be shown. */
bool
cdc_rule_users(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	static const char *const members[] = {"username", "password", NULL};
	int			n = (int) json_object_array_length(value);
	int			i;
	int			j;

	for (i = 0; i < n; i++)
	{
		struct json_object *user = json_object_array_get_idx(value, i);
		const char *name = stored ? json_object_get_string(user) : cdc_json_string(user, "username");
		const char *password = stored ? "" : cdc_json_string(user, "password");

		if (name == NULL || name[0] == '\0' || strlen(name) > 63 || !cdc_is_one_line(name) || password == NULL ||
			(!stored && (password[0] == '\0' || cdc_has_others(user, members))))
			return cdc_fault(fault, "a user must be {\"username\": \"...\", \"password\": \"...\"}", "username or password is missing or of another form.",
							 "Give both and nothing else.");
		if (!stored && !cdc_is_one_line(password))
			return cdc_fault(fault, "the password of a user must be one line of printable characters",
							 "It has a line end, a control character or a mark of writing direction.", "Look for what was copied along with it.");
		for (j = 0; j < i; j++)
		{
			struct json_object *other = json_object_array_get_idx(value, j);

			if (strcmp(name, stored ? json_object_get_string(other) : cdc_json_string(other, "username")) == 0)
				return cdc_fault(fault, "a user is named twice", "The names in users, and admin_user, must differ.", "Name each login once.");
		}
	}
	return true;
}
