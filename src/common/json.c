/*
 * json.c
 *	  Thin helpers on json-c; knows no vocabulary of any peer.
 */
#include "common/json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define MAX_DEPTH 64			/* deeper than anything that Connect or we send */
#define MAX_OBJECTS 30000		/* and arrays: one of three bytes takes 750 */
#define MAX_TIME_US INT64CONST(253402300799999999)	/* the end of the year 9999 */

/* All of the text as one value; NULL: it is none. */
static struct json_object *
parse(const char *str, int length, int flags)
{
	struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
	struct json_object *object;
	size_t		end;

	if (tokener == NULL)
		return NULL;
	json_tokener_set_flags(tokener, flags);

	/* The terminating NUL ends a number at the end of the text. */
	object = json_tokener_parse_ex(tokener, str, length + 1);
	end = json_tokener_get_parse_end(tokener);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
		(end < (size_t) length && str[end + strspn(str + end, " \t\r\n")] != '\0'))
	{
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

/*
 * Strict, where the library can be: json-c 0.18 takes every character beyond
 * ASCII for a control character then.
 */
static int
flags(void)
{
	static int	known = -1;

	if (known < 0)
	{
		struct json_object *word = parse("\"\xc3\xa4\"", 4, JSON_TOKENER_STRICT);

		known = word ? JSON_TOKENER_STRICT : 0;
		json_object_put(word);
	}
	return known;
}

/* Has it so many objects and arrays that it would take a multiple of what it is long? */
static bool
is_dense(const char *str)
{
	bool		in_string = false;
	int			n = 0;

	for (; *str != '\0' && n <= MAX_OBJECTS; str++)
	{
		if (*str == '"')
			in_string = !in_string;
		else if (in_string)
			str += *str == '\\' && str[1] != '\0';
		else
			n += *str == '{' || *str == '[';
	}
	return n > MAX_OBJECTS;
}

struct json_object *
cdc_json_parse(const char *str)
{
	size_t		length;

	if (str == NULL)
		return NULL;
	length = strlen(str);
	/* a short one has no room for so many */
	if (length >= INT_MAX || (length > MAX_OBJECTS && is_dense(str)))
		return NULL;
	return parse(str, (int) length, flags());
}

struct json_object *
cdc_json_get(struct json_object *object, const char *key)
{
	struct json_object *member = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_get_ex(object, key, &member);
	return member;
}

const char *
cdc_json_string(struct json_object *object, const char *key)
{
	struct json_object *member = cdc_json_get(object, key);

	return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : NULL;
}

char *
cdc_json_strdup(struct json_object *object, const char *key)
{
	const char *value = cdc_json_string(object, key);

	return value ? pstrdup(value) : NULL;
}

bool
cdc_json_true(struct json_object *object, const char *key)
{
	struct json_object *member = cdc_json_get(object, key);

	return json_object_is_type(member, json_type_boolean) && json_object_get_boolean(member);
}

int64
cdc_json_int64(struct json_object *object, const char *key, int64 fallback)
{
	struct json_object *member = cdc_json_get(object, key);

	if (json_object_is_type(member, json_type_int))
		return json_object_get_int64(member);
	if (json_object_is_type(member, json_type_string))
	{
		const char *str = json_object_get_string(member);
		char	   *end;
		long long	value;

		errno = 0;
		value = strtoll(str, &end, 10);
		if (errno == 0 && end != str && *end == '\0')
			return value;
	}
	return fallback;
}

int
cdc_json_int(struct json_object *object, const char *key)
{
	int64		value = cdc_json_int64(object, key, 0);

	return value >= INT_MIN && value <= INT_MAX ? (int) value : 0;
}

int64
cdc_json_time(struct json_object *object, const char *key)
{
	int64		value = cdc_json_int64(object, key, 0);

	return value > 0 && value <= MAX_TIME_US ? value : 0;
}

struct json_object *
cdc_json_array(struct json_object *object, const char *key)
{
	struct json_object *member = cdc_json_get(object, key);

	return json_object_is_type(member, json_type_array) ? member : NULL;
}

void
cdc_json_add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}

void
cdc_json_add_word(struct json_object *object, const char *key, const char *value, size_t most)
{
	size_t		length = value ? strlen(value) : 0;

	if (value)
		json_object_object_add(object, key, json_object_new_string_len(value, (int) (length <= most ? length : cdc_text_clip(value, most))));
}
