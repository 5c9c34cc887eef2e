/*
 * sdn_objects.c
 *	  Zones, networks, routers and the networking of servers.
 *
 * Does what a request asks for; knows peerings only where a network that goes
 * takes them with it.
 */
#include "sdn_sim.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_LABELS 30

struct json_object *
sdn_find(struct json_object *array, const char *uuid, const char *account)
{
	size_t		i;

	for (i = 0; uuid != NULL && i < json_object_array_length(array); i++)
	{
		struct json_object *object = json_object_array_get_idx(array, i);
		const char *owner = sdn_string(object, "account");

		if (strcasecmp(sdn_string(object, "uuid"), uuid) == 0 &&
			(account == NULL || strcmp(owner, account) == 0 || strcmp(owner, "") == 0))
			return object;
	}
	return NULL;
}

void
sdn_remove(struct json_object *array, struct json_object *object)
{
	size_t		i;

	for (i = 0; i < json_object_array_length(array); i++)
	{
		if (json_object_array_get_idx(array, i) == object)
		{
			json_object_array_del_idx(array, i, 1);
			return;
		}
	}
}

char *
sdn_uuid(const char *prefix)
{
	unsigned char bytes[16];
	FILE	   *random = fopen("/dev/urandom", "r");
	char	   *uuid;

	if (random == NULL || fread(bytes, sizeof(bytes), 1, random) != 1)
		abort();
	fclose(random);
	if (asprintf(&uuid, "%s%02x%02x%02x-%02x%02x-4%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x", prefix,
				 bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6] & 15, bytes[7], bytes[8] & 15, bytes[9],
				 bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]) < 0)
		abort();
	return uuid;
}

const char *
sdn_labels_fault(struct json_object *labels)
{
	size_t		i;
	size_t		j;

	if (labels == NULL)
		return NULL;
	if (!json_object_is_type(labels, json_type_array) || json_object_array_length(labels) > MAX_LABELS)
		return "VALIDATION_ERROR";
	for (i = 0; i < json_object_array_length(labels); i++)
	{
		const char *key = sdn_string(json_object_array_get_idx(labels, i), "key");
		const char *value = sdn_string(json_object_array_get_idx(labels, i), "value");

		if (key == NULL || strlen(key) < 2 || strlen(key) > 32 || key[0] == '_')
			return "INVALID_LABEL_KEY";
		if (value == NULL || strlen(value) > 255)
			return "INVALID_LABEL_VALUE";
		for (j = 0; j < i; j++)
		{
			if (strcasecmp(sdn_string(json_object_array_get_idx(labels, j), "key"), key) == 0)
				return "DUPLICATE_LABEL_KEYS";
		}
	}
	return NULL;
}

struct json_object *
sdn_labels(struct json_object *labels)
{
	struct json_object *copy = NULL;

	if (labels == NULL || json_object_deep_copy(labels, &copy, NULL) != 0)
		copy = json_object_new_array();
	return copy;
}

/* "key" or "key=value"; keys without regard to case. */
static bool
has_label(struct json_object *object, const char *wanted)
{
	struct json_object *labels = sdn_get(object, "labels");
	size_t		length = strcspn(wanted, "=");
	size_t		i;

	for (i = 0; labels != NULL && i < json_object_array_length(labels); i++)
	{
		struct json_object *label = json_object_array_get_idx(labels, i);
		const char *key = sdn_string(label, "key");

		if (strlen(key) == length && strncasecmp(key, wanted, length) == 0 &&
			(wanted[length] == '\0' || strcmp(sdn_string(label, "value"), wanted + length + 1) == 0))
			return true;
	}
	return false;
}

bool
sdn_labels_match(struct json_object *object, const char *query)
{
	bool		match = true;
	char	   *wanted;
	int			n;

	for (n = 0; match && (wanted = sdn_query(query, "label", n)) != NULL; n++)
	{
		match = has_label(object, wanted);
		free(wanted);
	}
	return match;
}

/* An address range: family, its bytes, its length; false when it is none. */
static bool
parse_range(const char *cidr, int *family, unsigned char *bytes, int *length)
{
	char		address[64];
	const char *slash = strchr(cidr, '/');

	if (slash == NULL || (size_t) (slash - cidr) >= sizeof(address))
		return false;
	memcpy(address, cidr, (size_t) (slash - cidr));
	address[slash - cidr] = '\0';
	*family = strchr(address, ':') ? AF_INET6 : AF_INET;
	*length = atoi(slash + 1);
	return inet_pton(*family, address, bytes) == 1 && *length >= 0 && *length <= (*family == AF_INET ? 32 : 128);
}

static bool
ranges_overlap(const char *a, const char *b)
{
	unsigned char bytes[2][16];
	int			family[2];
	int			length[2];
	int			bits;
	int			i;

	if (!parse_range(a, &family[0], bytes[0], &length[0]) || !parse_range(b, &family[1], bytes[1], &length[1]) ||
		family[0] != family[1])
		return false;
	bits = length[0] < length[1] ? length[0] : length[1];
	for (i = 0; i < bits; i++)
	{
		if (((bytes[0][i / 8] ^ bytes[1][i / 8]) & (128 >> (i % 8))) != 0)
			return false;
	}
	return true;
}

static struct json_object *
ranges_of(struct json_object *network)
{
	return sdn_get(sdn_get(network, "ip_networks"), "ip_network");
}

bool
sdn_overlap(struct json_object *a, struct json_object *b)
{
	struct json_object *ra = ranges_of(a);
	struct json_object *rb = ranges_of(b);
	size_t		i;
	size_t		j;

	for (i = 0; ra && i < json_object_array_length(ra); i++)
	{
		for (j = 0; rb && j < json_object_array_length(rb); j++)
		{
			if (ranges_overlap(sdn_string(json_object_array_get_idx(ra, i), "address"),
							   sdn_string(json_object_array_get_idx(rb, j), "address")))
				return true;
		}
	}
	return false;
}

/* What an answer shows of an object: not the simulator's own keys. */
static struct json_object *
shown(struct json_object *object)
{
	struct json_object *copy = NULL;

	if (json_object_deep_copy(object, &copy, NULL) != 0)
		abort();
	json_object_object_del(copy, "account");
	json_object_object_del(copy, "_changed");
	return copy;
}

static SimAnswer
enveloped(int status, const char *name, struct json_object *object)
{
	struct json_object *envelope = json_object_new_object();

	json_object_object_add(envelope, name, object);
	return sim_json(status, envelope);
}

/* {"<name>s": {"<name>": [...]}}: the caller's, and the shared ones. */
static SimAnswer
list(const SdnRequest *request, struct json_object *array, const char *name, struct json_object *(*show) (struct json_object *))
{
	struct json_object *items = json_object_new_array();
	struct json_object *inner = json_object_new_object();
	char	   *zone = sdn_query(request->query, "zone", 0);
	char		plural[40];
	size_t		i;

	for (i = 0; i < json_object_array_length(array); i++)
	{
		struct json_object *object = json_object_array_get_idx(array, i);
		const char *owner = sdn_string(object, "account");

		if ((strcmp(owner, request->account) == 0 || strcmp(owner, "") == 0) &&
			(zone == NULL || (sdn_string(object, "zone") && strcmp(sdn_string(object, "zone"), zone) == 0)) &&
			sdn_labels_match(object, request->query))
			json_object_array_add(items, show(object));
	}
	free(zone);
	json_object_object_add(inner, name, items);
	snprintf(plural, sizeof(plural), "%ss", name);
	return enveloped(200, plural, inner);
}

SimAnswer
sdn_zone(const SdnRequest *request)
{
	static const struct
	{
		const char *id;
		const char *description;
	}			zones[] = {
		{"au-syd1", "Sydney #1"}, {"de-fra1", "Frankfurt #1"}, {"dk-cph1", "Copenhagen #1"}, {"es-mad1", "Madrid #1"},
		{"fi-hel1", "Helsinki #1"}, {"fi-hel2", "Helsinki #2"}, {"nl-ams1", "Amsterdam #1"}, {"no-svg1", "Stavanger #1"},
		{"pl-waw1", "Warsaw #1"}, {"se-sto1", "Stockholm #1"}, {"sg-sin1", "Singapore #1"}, {"uk-lon1", "London #1"},
		{"us-chi1", "Chicago #1"}, {"us-nyc1", "New York #1"}, {"us-sjo1", "San Jose #1"}
	};
	struct json_object *items = json_object_new_array();
	struct json_object *inner = json_object_new_object();
	size_t		i;

	if (strcmp(request->method, "GET") != 0 || request->uuid != NULL)
	{
		json_object_put(items);
		json_object_put(inner);
		return sdn_error(405, "METHOD_NOT_ALLOWED", NULL, "Zones are only listed.");
	}
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
	{
		struct json_object *zone = json_object_new_object();

		json_object_object_add(zone, "id", json_object_new_string(zones[i].id));
		json_object_object_add(zone, "description", json_object_new_string(zones[i].description));
		json_object_object_add(zone, "public", json_object_new_string("yes"));
		json_object_array_add(items, zone);
	}
	json_object_object_add(inner, "zone", items);
	return enveloped(200, "zones", inner);
}

/* Sets what the request gives; NULL, or the parameter that is wrong. */
static const char *
change_network(struct json_object *network, const SdnRequest *request)
{
	struct json_object *ranges = ranges_of(request->body);
	size_t		i;

	if (sdn_get(request->body, "name") != NULL && (sdn_string(request->body, "name") == NULL || sdn_string(request->body, "name")[0] == '\0'))
		return "name";
	if (sdn_labels_fault(sdn_get(request->body, "labels")) != NULL)
		return "labels";
	for (i = 0; ranges && i < json_object_array_length(ranges); i++)
	{
		unsigned char bytes[16];
		int			family;
		int			length;
		const char *address = sdn_string(json_object_array_get_idx(ranges, i), "address");

		if (address == NULL || !parse_range(address, &family, bytes, &length) || length < 8 || (family == AF_INET && length > 29))
			return "ip_networks";
	}
	if (sdn_string(request->body, "router") != NULL)
	{
		if (sdn_find(sdn_routers, sdn_string(request->body, "router"), request->account) == NULL)
			return "router";
		json_object_object_add(network, "router", json_object_new_string(sdn_string(request->body, "router")));
	}
	else if (json_object_object_get_ex(request->body, "router", NULL))
		json_object_object_del(network, "router");
	if (sdn_string(request->body, "name") != NULL)
		json_object_object_add(network, "name", json_object_new_string(sdn_string(request->body, "name")));
	if (sdn_get(request->body, "labels") != NULL)
		json_object_object_add(network, "labels", sdn_labels(sdn_get(request->body, "labels")));
	if (ranges != NULL)
	{
		struct json_object *copy = NULL;

		json_object_deep_copy(sdn_get(request->body, "ip_networks"), &copy, NULL);
		json_object_object_add(network, "ip_networks", copy);
	}
	return NULL;
}

static SimAnswer
network_fault(const SdnRequest *request, const char *param)
{
	if (strcmp(param, "router") == 0)
		return sdn_error(404, "ROUTER_NOT_FOUND", param, "The router does not exist.");
	return sdn_error(400, strcmp(param, "name") == 0 ? "NAME_INVALID" : strcmp(param, "labels") == 0 ? sdn_labels_fault(sdn_get(request->body, "labels")) :
					 "NETWORK_INVALID", param, "The attribute %s has an invalid value.", param);
}

static SimAnswer
create_network(const SdnRequest *request)
{
	struct json_object *network = json_object_new_object();
	struct json_object *ranges = ranges_of(request->body);
	char	   *uuid = sdn_uuid("03");
	const char *fault;

	if (sdn_string(request->body, "zone") == NULL)
		fault = "zone";
	else if (sdn_string(request->body, "name") == NULL)
		fault = "name";
	else if (ranges == NULL || json_object_array_length(ranges) == 0)
		fault = "ip_networks";
	else
		fault = change_network(network, request);
	if (fault != NULL)
	{
		json_object_put(network);
		free(uuid);
		return network_fault(request, fault);
	}
	json_object_object_add(network, "uuid", json_object_new_string(uuid));
	json_object_object_add(network, "type", json_object_new_string("private"));
	json_object_object_add(network, "zone", json_object_new_string(sdn_string(request->body, "zone")));
	json_object_object_add(network, "account", json_object_new_string(request->account));
	if (sdn_get(network, "labels") == NULL)
		json_object_object_add(network, "labels", json_object_new_array());
	json_object_array_add(sdn_networks, network);
	free(uuid);
	return enveloped(201, "network", shown(network));
}

static SimAnswer
delete_network(struct json_object *network)
{
	struct json_object *servers = sdn_get(sdn_get(network, "servers"), "server");
	const char *uuid = sdn_string(network, "uuid");
	size_t		i;

	if (servers && json_object_array_length(servers) > 0)
		return sdn_error(409, "NETWORK_NOT_EMPTY", NULL, "The network %s has servers attached.", uuid);
	for (i = json_object_array_length(sdn_peerings); i-- > 0;)
	{
		struct json_object *peering = json_object_array_get_idx(sdn_peerings, i);

		if (sdn_settings.keep_peered && (strcmp(sdn_string(sdn_get(peering, "network"), "uuid"), uuid) == 0 ||
										 strcmp(sdn_string(sdn_get(peering, "peer_network"), "uuid"), uuid) == 0))
			return sdn_error(409, "NETWORK_NOT_EMPTY", NULL, "The network %s is peered.", uuid);
		if (strcmp(sdn_string(sdn_get(peering, "network"), "uuid"), uuid) == 0)
			json_object_array_del_idx(sdn_peerings, i, 1);
	}
	sdn_remove(sdn_networks, network);
	return sdn_empty(204);
}

SimAnswer
sdn_network(const SdnRequest *request)
{
	struct json_object *network;
	const char *fault;

	if (request->uuid == NULL && strcmp(request->method, "GET") == 0)
		return list(request, sdn_networks, "network", shown);
	if (request->uuid == NULL && strcmp(request->method, "POST") == 0 && request->body != NULL)
		return create_network(request);
	network = sdn_find(sdn_networks, request->uuid, request->account);
	if (request->uuid != NULL && network == NULL)
		return sdn_error(404, "NETWORK_NOT_FOUND", NULL, "The network %s does not exist.", request->uuid);
	if (network != NULL && strcmp(request->method, "GET") == 0)
		return enveloped(200, "network", shown(network));
	if (network != NULL && strcmp(request->method, "PUT") == 0 && request->body != NULL)
	{
		fault = change_network(network, request);
		return fault ? network_fault(request, fault) : enveloped(200, "network", shown(network));
	}
	if (network != NULL && strcmp(request->method, "DELETE") == 0)
		return delete_network(network);
	return sdn_error(405, "METHOD_NOT_ALLOWED", NULL, "%s is not possible here.", request->method);
}

/* A router with the networks that are attached to it. */
static struct json_object *
shown_router(struct json_object *router)
{
	struct json_object *copy = shown(router);
	struct json_object *networks = json_object_new_array();
	struct json_object *inner = json_object_new_object();
	size_t		i;

	for (i = 0; i < json_object_array_length(sdn_networks); i++)
	{
		struct json_object *network = json_object_array_get_idx(sdn_networks, i);
		const char *attached = sdn_string(network, "router");

		if (attached && strcmp(attached, sdn_string(router, "uuid")) == 0)
		{
			struct json_object *one = json_object_new_object();

			json_object_object_add(one, "uuid", json_object_new_string(sdn_string(network, "uuid")));
			json_object_array_add(networks, one);
		}
	}
	json_object_object_add(inner, "network", networks);
	json_object_object_add(copy, "attached_networks", inner);
	return copy;
}

static SimAnswer
save_router(struct json_object *router, const SdnRequest *request, int status)
{
	const char *name = sdn_string(request->body, "name");
	struct json_object *routes = sdn_get(request->body, "static_routes");
	struct json_object *copy = NULL;
	bool		bad = (sdn_get(request->body, "name") != NULL || status == 201) && (name == NULL || name[0] == '\0');
	bool		bad_labels = sdn_labels_fault(sdn_get(request->body, "labels")) != NULL;

	if (bad || bad_labels)
	{
		if (status == 201)
			json_object_put(router);
		return network_fault(request, bad ? "name" : "labels");
	}
	if (name != NULL)
		json_object_object_add(router, "name", json_object_new_string(name));
	if (sdn_get(request->body, "labels") != NULL || status == 201)
		json_object_object_add(router, "labels", sdn_labels(sdn_get(request->body, "labels")));
	if (routes != NULL && json_object_deep_copy(routes, &copy, NULL) == 0)
		json_object_object_add(router, "static_routes", copy);
	if (status == 201)
		json_object_array_add(sdn_routers, router);
	return enveloped(status, "router", shown_router(router));
}

SimAnswer
sdn_router(const SdnRequest *request)
{
	struct json_object *router;

	if (request->uuid == NULL && strcmp(request->method, "GET") == 0)
		return list(request, sdn_routers, "router", shown_router);
	if (request->uuid == NULL && strcmp(request->method, "POST") == 0 && request->body != NULL)
	{
		char	   *uuid = sdn_uuid("04");

		router = json_object_new_object();
		json_object_object_add(router, "uuid", json_object_new_string(uuid));
		json_object_object_add(router, "type", json_object_new_string("normal"));
		json_object_object_add(router, "account", json_object_new_string(request->account));
		json_object_object_add(router, "static_routes", json_object_new_array());
		free(uuid);
		return save_router(router, request, 201);
	}
	router = sdn_find(sdn_routers, request->uuid, request->account);
	if (request->uuid != NULL && router == NULL)
		return sdn_error(404, "ROUTER_NOT_FOUND", NULL, "The router %s does not exist.", request->uuid);
	if (router != NULL && strcmp(request->method, "GET") == 0)
		return enveloped(200, "router", shown_router(router));
	if (router != NULL && strcmp(request->method, "PATCH") == 0 && request->body != NULL)
		return save_router(router, request, 200);
	if (router != NULL && strcmp(request->method, "DELETE") == 0)
	{
		struct json_object *copy = shown_router(router);
		bool		attached = json_object_array_length(sdn_get(sdn_get(copy, "attached_networks"), "network")) > 0;

		json_object_put(copy);
		if (attached)
			return sdn_error(409, "ROUTER_ATTACHED", NULL, "The router %s has networks attached.", request->uuid);
		sdn_remove(sdn_routers, router);
		return sdn_empty(204);
	}
	return sdn_error(405, "METHOD_NOT_ALLOWED", NULL, "%s is not possible here.", request->method);
}

SimAnswer
sdn_server_networking(const SdnRequest *request)
{
	struct json_object *server = sdn_find(sdn_servers, request->uuid, request->account);
	struct json_object *networking = NULL;

	if (server == NULL)
		return sdn_error(404, "SERVER_NOT_FOUND", NULL, "The server %s does not exist.", request->uuid ? request->uuid : "");
	if (strcmp(request->method, "GET") != 0)
		return sdn_error(405, "METHOD_NOT_ALLOWED", NULL, "%s is not possible here.", request->method);
	json_object_deep_copy(sdn_get(server, "networking"), &networking, NULL);
	return enveloped(200, "networking", networking);
}
