/*
 * connection_keys.c
 *	  See connection_keys.h: what holds for the keys of every peer.
 */
#include "remote/connection_keys.h"

#include <string.h>

#include "common/json.h"
#include "remote/connect_value.h"

static const CdcConnectionPeer *const peers[] = {&cdc_connection_kafka, &cdc_connection_postgresql, NULL};

/*
 * What cdc.service.connection has besides what users give: said by
 * register_service, or by a provider of what it made.
 */
static const char *const not_given[] = {"connect_cidrs_from_urls", NULL};

const CdcConnectionPeer *const *
cdc_connection_peers(void)
{
	return peers;
}

const CdcConnectionPeer *
cdc_connection_peer(const char *database_type)
{
	int			i;

	for (i = 0; peers[i]; i++)
	{
		if (strcmp(peers[i]->database_type, database_type) == 0)
			return peers[i];
	}
	return NULL;
}

const CdcConnectionKey *
cdc_connection_key(const CdcConnectionPeer *peer, const char *key)
{
	const CdcConnectionKey *k;

	for (k = peer->keys; k->key; k++)
	{
		if (strcmp(k->key, key) == 0)
			return k;
	}
	return NULL;
}

const char *
cdc_set_by_name(CdcSetBy by)
{
	return by == CDC_BY_MEMBER ? "member" : by == CDC_BY_ADMIN ? "admin" : "superuser";
}

static char *
known_keys(const CdcConnectionPeer *peer)
{
	StringInfoData names;
	const CdcConnectionKey *k;

	initStringInfo(&names);
	for (k = peer->keys; k->key; k++)
		appendStringInfo(&names, "%s%s", names.len ? ", " : "", k->key);
	return names.data;
}

static bool
was_not_given(const char *key)
{
	int			i;

	for (i = 0; not_given[i]; i++)
	{
		if (strcmp(not_given[i], key) == 0)
			return true;
	}
	return false;
}

/*
 * A text may reach a connector's configuration, today or with the next option,
 * and Connect would look up what it refers to: somebody else's secret.
 */
static char *
text_fault(const char *key, struct json_object *value)
{
	char	   *why = NULL;
	size_t		i;

	if (json_object_is_type(value, json_type_string))
		return cdc_connect_text_fault(key, json_object_get_string(value));
	if (json_object_is_type(value, json_type_array))
	{
		for (i = 0; i < json_object_array_length(value) && why == NULL; i++)
			why = text_fault(key, json_object_array_get_idx(value, i));
	}
	return why;
}

static bool
check_key(const CdcConnectionKey *k, struct json_object *value, bool stored, CdcFault *fault)
{
	char	   *why;

	if (json_object_get_type(value) != k->type)
		return cdc_fault(fault, psprintf("\"%s\" in connection must be of JSON type %s", k->key, json_type_to_name(k->type)),
						 psprintf("It was of type %s.", json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double) ? "number" :
								  json_type_to_name(json_object_get_type(value))),
						 "See docs/configuration.md, section connection.");
	why = k->kept == CDC_KEPT_SECRET ? NULL : text_fault(k->key, value);
	if (why)
		return cdc_fault(fault, why, "A configuration's references to secrets are made by the worker alone.", "Give the value itself.");
	return k->check == NULL || k->check(k->key, value, stored, fault);
}

static bool
check_keys(const CdcConnectionPeer *peer, struct json_object *given, bool stored, CdcFault *fault)
{
	json_object_object_foreach(given, key, value)
	{
		const CdcConnectionKey *k = cdc_connection_key(peer, key);

		if (k == NULL && stored && was_not_given(key))
			continue;
		if (k == NULL)
			return cdc_fault(fault, psprintf("unknown key \"%s\" in connection", key), "A mistyped key would silently mean its default.",
							 psprintf("Known keys: %s.", known_keys(peer)));
		if (value != NULL && !check_key(k, value, stored, fault))
			return false;
	}
	return true;
}

bool
cdc_connection_check(const CdcConnectionPeer *peer, struct json_object *given, bool stored, CdcFault *fault)
{
	if (!json_object_is_type(given, json_type_object))
		return cdc_fault(fault, "connection must be a JSON object",
						 psprintf("It was %s.", json_type_to_name(json_object_get_type(given))),
						 "See docs/sql-api.md, cdc.register_service.");
	return check_keys(peer, given, stored, fault);
}

/* The array without its secrets, which go into secrets. */
static struct json_object *
divide_array(const CdcConnectionKey *k, struct json_object *array, struct json_object *secrets)
{
	struct json_object *kept = json_object_new_array();
	int			n = (int) json_object_array_length(array);
	int			i;

	for (i = 0; i < n; i++)
	{
		struct json_object *item = json_object_array_get_idx(array, i);
		const char *name = cdc_json_string(item, k->inner_name);
		const char *secret = cdc_json_string(item, k->inner_secret);
		bool		by_number = strstr(k->inner_purpose, "%d") != NULL;
		struct json_object *one = json_object_new_string(name ? name : "");

		if (by_number)
		{
			struct json_object *object = json_object_new_object();

			json_object_object_add(object, k->inner_name, one);
			one = object;
		}
		json_object_array_add(kept, one);
		if (secret)
		{
			StringInfoData purpose;

			initStringInfo(&purpose);
			appendBinaryStringInfo(&purpose, k->inner_purpose, (int) (strchr(k->inner_purpose, '%') - k->inner_purpose));
			if (by_number)
				appendStringInfo(&purpose, "%d", i);
			else
				appendStringInfoString(&purpose, name);
			cdc_json_add_string(secrets, purpose.data, secret);
			pfree(purpose.data);
		}
	}
	return kept;
}

void
cdc_connection_divide(const CdcConnectionPeer *peer, struct json_object *given,
					  struct json_object **kept, struct json_object **secrets)
{
	struct json_object_iterator it = json_object_iter_begin(given);
	struct json_object_iterator end = json_object_iter_end(given);

	*kept = json_object_new_object();
	*secrets = json_object_new_object();
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
	{
		const char *key = json_object_iter_peek_name(&it);
		struct json_object *value = json_object_iter_peek_value(&it);
		const CdcConnectionKey *k = cdc_connection_key(peer, key);

		if (k == NULL || value == NULL)
			continue;
		if (k->kept == CDC_KEPT_SECRET)
			json_object_object_add(*secrets, key, json_object_get(value));
		else if (k->inner_secret)
			json_object_object_add(*kept, key, divide_array(k, value, *secrets));
		else if (k->kept == CDC_KEPT_CONNECTION)
			json_object_object_add(*kept, key, json_object_get(value));
	}
}

bool
cdc_connection_check_secret(const CdcConnectionPeer *peer, const char *purpose, const char *value, CdcFault *fault)
{
	const CdcConnectionKey *k;
	bool		fine = true;

	for (k = peer->keys; k->key; k++)
	{
		struct json_object *given = json_object_new_object();

		if (k->kept == CDC_KEPT_SECRET && strcmp(k->key, purpose) == 0)
			cdc_json_add_string(given, k->key, value);
		else if (k->inner_secret && strncmp(k->inner_purpose, purpose, strchr(k->inner_purpose, '%') - k->inner_purpose) == 0)
		{
			/* as one member of the array, with a name that every rule takes */
			struct json_object *array = json_object_new_array();
			struct json_object *item = json_object_new_object();

			cdc_json_add_string(item, k->inner_name, "http://h");
			cdc_json_add_string(item, k->inner_secret, value);
			json_object_array_add(array, item);
			json_object_object_add(given, k->key, array);
		}
		fine = fine && cdc_connection_check(peer, given, false, fault);
		json_object_put(given);
	}
	return fine;
}
