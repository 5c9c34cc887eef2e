/*
 * sdn_peering.c
 *	  Network peerings: a peering is one side's wish, and works when the
 *	  opposite one is there too.
 *
 * A state is worked out whenever it is asked for, from what is there then.
 */
#include "sdn_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *
local_of(struct json_object *peering)
{
	return sdn_string(sdn_get(peering, "network"), "uuid");
}

static const char *
peer_of(struct json_object *peering)
{
	return sdn_string(sdn_get(peering, "peer_network"), "uuid");
}

struct json_object *
sdn_peering_between(const char *a, const char *b)
{
	size_t		i;

	for (i = 0; i < json_object_array_length(sdn_peerings); i++)
	{
		struct json_object *peering = json_object_array_get_idx(sdn_peerings, i);

		if (strcmp(local_of(peering), a) == 0 && strcmp(peer_of(peering), b) == 0)
			return peering;
	}
	return NULL;
}

static bool
is_disabled(struct json_object *peering)
{
	return strcmp(sdn_string(peering, "configured_status"), "disabled") == 0;
}

static bool
changed_within(struct json_object *peering, int ms)
{
	return sim_now() < json_object_get_int64(sdn_get(peering, "_changed")) + ms;
}

const char *
sdn_peering_state(struct json_object *peering)
{
	struct json_object *local = sdn_find(sdn_networks, local_of(peering), NULL);
	struct json_object *peer = sdn_find(sdn_networks, peer_of(peering), NULL);
	struct json_object *opposite = sdn_peering_between(peer_of(peering), local_of(peering));

	if (sdn_string(peering, "_forced") != NULL)
		return sdn_string(peering, "_forced");
	if (changed_within(peering, sdn_settings.provision_ms))
		return "provisioning";
	if (is_disabled(peering))
		return "disabled";
	if (peer == NULL)
		return "deleted-peer-network";
	if (opposite == NULL)
		return "pending-peer";
	if (local == NULL || sdn_string(local, "router") == NULL)
		return "missing-local-router";
	if (sdn_string(peer, "router") == NULL)
		return "missing-peer-router";
	if (is_disabled(opposite))
		return "peer-disabled";
	if (sdn_overlap(local, peer))
		return "conflict-subnet";
	if (changed_within(opposite, sdn_settings.activate_ms))
		return "provisioning";
	return "active";
}

/* {"uuid"[, "ip_networks": {"ip_network": [{address, family}]}]} */
static struct json_object *
shown_network(const char *uuid, bool ranges)
{
	struct json_object *object = json_object_new_object();
	struct json_object *network = sdn_find(sdn_networks, uuid, NULL);
	struct json_object *from = sdn_get(sdn_get(network, "ip_networks"), "ip_network");
	struct json_object *to;
	struct json_object *inner;
	size_t		i;

	json_object_object_add(object, "uuid", json_object_new_string(uuid));
	if (!ranges || from == NULL)
		return object;
	to = json_object_new_array();
	for (i = 0; i < json_object_array_length(from); i++)
	{
		struct json_object *range = json_object_array_get_idx(from, i);
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "address", json_object_new_string(sdn_string(range, "address")));
		json_object_object_add(one, "family", json_object_new_string(strchr(sdn_string(range, "address"), ':') ? "IPv6" : "IPv4"));
		json_object_array_add(to, one);
	}
	inner = json_object_new_object();
	json_object_object_add(inner, "ip_network", to);
	json_object_object_add(object, "ip_networks", inner);
	return object;
}

/* The peer's ranges are shown once both sides have defined the peering. */
static struct json_object *
shown(struct json_object *peering)
{
	struct json_object *object = json_object_new_object();
	static const char *const plain[] = {"uuid", "name", "configured_status", "created_at"};
	const char *updated = sdn_string(peering, "updated_at");
	size_t		i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		json_object_object_add(object, plain[i], sdn_string(peering, plain[i]) ? json_object_new_string(sdn_string(peering, plain[i])) : NULL);
	json_object_object_add(object, "updated_at", updated ? json_object_new_string(updated) : NULL);
	json_object_object_add(object, "state", json_object_new_string(sdn_peering_state(peering)));
	json_object_object_add(object, "network", shown_network(local_of(peering), true));
	json_object_object_add(object, "peer_network",
						   shown_network(peer_of(peering), sdn_peering_between(peer_of(peering), local_of(peering)) != NULL));
	json_object_object_add(object, "labels", sdn_labels(sdn_get(peering, "labels")));
	return object;
}

static SimAnswer
enveloped(int status, struct json_object *peering)
{
	struct json_object *envelope = json_object_new_object();

	json_object_object_add(envelope, "network_peering", shown(peering));
	return sim_json(status, envelope);
}

static bool
wanted_by(const char *query, const char *name, const char *value)
{
	char	   *wanted = sdn_query(query, name, 0);
	bool		match = wanted == NULL || strcmp(wanted, value) == 0;

	free(wanted);
	return match;
}

static SimAnswer
list(const SdnRequest *request)
{
	struct json_object *items = json_object_new_array();
	struct json_object *inner = json_object_new_object();
	struct json_object *outer = json_object_new_object();
	size_t		i;

	for (i = 0; i < json_object_array_length(sdn_peerings); i++)
	{
		struct json_object *peering = json_object_array_get_idx(sdn_peerings, i);

		if (strcmp(sdn_string(peering, "account"), request->account) == 0 && sdn_labels_match(peering, request->query) &&
			wanted_by(request->query, "uuid", sdn_string(peering, "uuid")) &&
			wanted_by(request->query, "network_uuid_local", local_of(peering)) &&
			wanted_by(request->query, "network_uuid_peer", peer_of(peering)))
			json_object_array_add(items, shown(peering));
	}
	json_object_object_add(inner, "network_peering", items);
	json_object_object_add(outer, "network_peerings", inner);
	return sim_json(200, outer);
}

static void
stamp(struct json_object *peering, const char *key)
{
	char		words[40];
	time_t		now = time(NULL);
	struct tm	utc;

	strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	json_object_object_add(peering, key, json_object_new_string(words));
	json_object_object_add(peering, "_changed", json_object_new_int64(sim_now()));
}

/* What create and modify have in common; NULL, or the attribute that is wrong. */
static const char *
attribute_fault(struct json_object *body, bool creating)
{
	static const char *const known[] = {"name", "configured_status", "labels", "network", "peer_network"};
	const char *status = sdn_string(body, "configured_status");
	const char *name = sdn_string(body, "name");
	size_t		i;

	json_object_object_foreach(body, key, value)
	{
		(void) value;
		for (i = 0; i < 5 && strcmp(known[i], key) != 0; i++)
			;
		/* the two networks cannot be changed */
		if (i >= (creating ? 5 : 3))
			return key;
	}
	if ((creating || sdn_get(body, "name") != NULL) && (name == NULL || name[0] == '\0' || strlen(name) > 255))
		return "name";
	if (sdn_get(body, "configured_status") != NULL &&
		(status == NULL || (strcmp(status, "active") != 0 && strcmp(status, "disabled") != 0)))
		return "configured_status";
	return sdn_labels_fault(sdn_get(body, "labels")) != NULL ? "labels" : NULL;
}

static SimAnswer
invalid(struct json_object *body, const char *attribute)
{
	return sdn_error(400, strcmp(attribute, "name") == 0 ? "NAME_INVALID" :
					 strcmp(attribute, "labels") == 0 ? sdn_labels_fault(sdn_get(body, "labels")) :
					 strcmp(attribute, "configured_status") == 0 ? "VALIDATION_ERROR" : "UNKNOWN_ATTRIBUTE",
					 attribute, "The attribute %s has an invalid value or is not known.", attribute);
}

static int
count(const char *account)
{
	int			n = 0;
	size_t		i;

	for (i = 0; i < json_object_array_length(sdn_peerings); i++)
		n += strcmp(sdn_string(json_object_array_get_idx(sdn_peerings, i), "account"), account) == 0;
	return n;
}

static SimAnswer
create(const SdnRequest *request)
{
	const char *fault = attribute_fault(request->body, true);
	const char *a = local_of(request->body);
	const char *b = peer_of(request->body);
	struct json_object *local;
	struct json_object *peer;
	struct json_object *peering;
	char	   *uuid;

	if (fault == NULL)
		fault = a == NULL ? "network" : b == NULL || strcmp(a, b) == 0 ? "peer_network" : NULL;
	if (fault != NULL)
		return invalid(request->body, fault);
	local = sdn_find(sdn_networks, a, request->account);
	peer = sdn_find(sdn_networks, b, NULL);
	if (local == NULL)
		return sdn_error(404, "NETWORK_NOT_FOUND", "network", "The network %s does not exist.", a);
	if (peer == NULL)
		return sdn_error(404, "PEER_NETWORK_NOT_FOUND", "peer_network", "The peer network %s does not exist.", b);
	if (strcmp(sdn_string(local, "type"), "private") != 0 || strcmp(sdn_string(peer, "type"), "private") != 0)
		return sdn_error(400, "NETWORK_TYPE_INVALID", "network", "Only private networks can be peered.");
	if (sdn_string(local, "router") == NULL)
		return sdn_error(409, "LOCAL_NETWORK_NO_ROUTER", "network", "The network %s has no router.", a);
	if (sdn_settings.same_zone_only && strcmp(sdn_string(local, "zone"), sdn_string(peer, "zone")) != 0)
		return sdn_error(409, "ZONE_MISMATCH", "peer_network", "The networks are in the zones %s and %s.",
						 sdn_string(local, "zone"), sdn_string(peer, "zone"));
	if (sdn_peering_between(a, b) != NULL)
		return sdn_error(409, "PEERING_CONFLICT", NULL, "A peering between the networks %s and %s exists already.", a, b);
	if (count(request->account) >= sdn_settings.max_peerings)
		return sdn_error(403, "NETWORK_PEERINGS_LIMIT_REACHED", NULL, "The account has %d network peerings, which is its limit.", sdn_settings.max_peerings);

	peering = json_object_new_object();
	uuid = sdn_uuid("0f");
	json_object_object_add(peering, "uuid", json_object_new_string(uuid));
	free(uuid);
	json_object_object_add(peering, "name", json_object_new_string(sdn_string(request->body, "name")));
	json_object_object_add(peering, "configured_status",
						   json_object_new_string(sdn_string(request->body, "configured_status") ? sdn_string(request->body, "configured_status") : "active"));
	json_object_object_add(peering, "network", shown_network(a, false));
	json_object_object_add(peering, "peer_network", shown_network(b, false));
	json_object_object_add(peering, "labels", sdn_labels(sdn_get(request->body, "labels")));
	json_object_object_add(peering, "account", json_object_new_string(request->account));
	stamp(peering, "created_at");
	json_object_array_add(sdn_peerings, peering);
	return enveloped(201, peering);
}

static SimAnswer
modify(struct json_object *peering, struct json_object *body)
{
	const char *fault = attribute_fault(body, false);
	const char *status = sdn_string(body, "configured_status");

	if (fault != NULL)
		return invalid(body, fault);
	if (sdn_string(body, "name") != NULL)
		json_object_object_add(peering, "name", json_object_new_string(sdn_string(body, "name")));
	/* the whole set, an empty one clears it */
	if (sdn_get(body, "labels") != NULL)
		json_object_object_add(peering, "labels", sdn_labels(sdn_get(body, "labels")));
	if (status != NULL && strcmp(status, sdn_string(peering, "configured_status")) != 0)
	{
		json_object_object_add(peering, "configured_status", json_object_new_string(status));
		stamp(peering, "updated_at");
	}
	return enveloped(200, peering);
}

SimAnswer
sdn_peering(const SdnRequest *request)
{
	struct json_object *peering;

	if (request->uuid == NULL && strcmp(request->method, "GET") == 0)
		return list(request);
	if (request->uuid == NULL && strcmp(request->method, "POST") == 0 && request->body != NULL)
		return create(request);
	peering = sdn_find(sdn_peerings, request->uuid, request->account);
	if (request->uuid != NULL && peering == NULL)
		return sdn_error(404, "PEERING_NOT_FOUND", NULL, "The network peering %s does not exist.", request->uuid);
	if (peering != NULL && strcmp(request->method, "GET") == 0)
		return enveloped(200, peering);
	if (peering != NULL && strcmp(request->method, "PATCH") == 0 && request->body != NULL)
		return modify(peering, request->body);
	if (peering != NULL && strcmp(request->method, "DELETE") == 0)
	{
		if (strcmp(sdn_peering_state(peering), "disabled") != 0)
			return sdn_error(409, "PEERING_NOT_DISABLED", NULL, "The network peering %s is not disabled.", request->uuid);
		sdn_remove(sdn_peerings, peering);
		return sdn_empty(204);
	}
	return sdn_error(405, "METHOD_NOT_ALLOWED", NULL, "%s is not possible here.", request->method);
}
