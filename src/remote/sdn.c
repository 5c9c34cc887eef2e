/*
 * sdn.c
 *	  The vocabulary of UpCloud's API of network peerings.
 *
 * See sdn.h.  What each state and error asks of a user is said here, once.
 */
#include "remote/sdn.h"

#include <string.h>
#include <strings.h>

#include "common/json.h"

/* What error codes ask of a user. */
static const struct
{
	const char *code;
	const char *what_to_do;
}			advice[] =
{
	{"NETWORK_NOT_FOUND", "register the service with the network_id that it has now; if the network is another account's, its owner must create this peering"},
	{"PEER_NETWORK_NOT_FOUND", "register the service with the network_id that it has now"},
	{"LOCAL_NETWORK_NO_ROUTER", "attach a router to the network"},
	{"NETWORK_TYPE_INVALID", "only private networks can be peered: register the service with its private network"},
	{"ZONE_MISMATCH", "UpCloud does not peer networks of these two zones: use services in one zone"},
	{"PEERING_ACCOUNT_INVALID", "UpCloud does not let these two accounts peer their networks: ask its support"},
	{"NETWORK_PEERINGS_LIMIT_REACHED", "delete peerings that are not needed, or ask UpCloud's support for a higher limit"},
};

char	  **
cdc_sdn_parse_ranges(const char *body, int *n)
{
	struct json_object *whole = cdc_json_parse(body);
	struct json_object *array = cdc_json_array(cdc_json_get(cdc_json_get(whole, "network"), "ip_networks"), "ip_network");
	char	  **ranges = NULL;
	size_t		i;

	*n = 0;
	if (array != NULL && json_object_array_length(array) > 0)
	{
		ranges = palloc0(sizeof(char *) * json_object_array_length(array));
		for (i = 0; i < json_object_array_length(array); i++)
		{
			const char *address = cdc_json_string(json_object_array_get_idx(array, i), "address");

			if (address != NULL && strchr(address, '/') != NULL &&
				strspn(address, "0123456789abcdefABCDEF.:/") == strlen(address))
				ranges[(*n)++] = pstrdup(address);
		}
	}
	json_object_put(whole);
	return *n > 0 ? ranges : NULL;
}

bool
cdc_sdn_network_is_of(const char *body, const char *organization)
{
	struct json_object *whole = cdc_json_parse(body);
	const char *owner = cdc_sdn_label(cdc_json_get(whole, "network"), CDC_SDN_OWNER_LABEL);
	bool		is_of = owner != NULL && strcasecmp(owner, organization) == 0;

	json_object_put(whole);
	return is_of;
}

static struct json_object *
network(const char *uuid)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "uuid", json_object_new_string(uuid));
	return object;
}

char *
cdc_sdn_create_body(const char *local, const char *peer, const char *installation)
{
	char	   *name = psprintf("cdc_pipeline %.8s to %.8s", local, peer);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "configured_status", json_object_new_string("active"));
	json_object_object_add(object, "network", network(local));
	json_object_object_add(object, "peer_network", network(peer));
	json_object_object_add(object, "labels", cdc_sdn_labels(CDC_SDN_LABEL, installation));
	pfree(name);
	return cdc_sdn_enveloped("network_peering", object);
}

char *
cdc_sdn_status_body(bool active)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "configured_status", json_object_new_string(active ? "active" : "disabled"));
	return cdc_sdn_enveloped("network_peering", object);
}

static bool
is(const char *code, const char *name)
{
	return code != NULL && strcmp(code, name) == 0;
}

bool
cdc_sdn_forbids(const char *body)
{
	char	   *code;

	(void) cdc_sdn_error(body, &code);
	return code == NULL;
}

CdcSdnMeaning
cdc_sdn_meaning(int status, const char *body, char **message)
{
	char	   *code;
	char	   *said;
	int			i;

	*message = NULL;
	if (status >= 200 && status < 300)
		return CDC_SDN_DONE;
	said = cdc_sdn_error(body, &code);
	*message = psprintf("HTTP %d%s%s", status, said ? ": " : "", said ? said : "");
	for (i = 0; code != NULL && i < (int) lengthof(advice); i++)
	{
		if (strcmp(advice[i].code, code) == 0)
		{
			*message = psprintf("%s: %s", *message, advice[i].what_to_do);
			return CDC_SDN_REFUSED;
		}
	}
	if (status == 401 || (status == 403 && cdc_sdn_forbids(body)))
	{
		*message = psprintf("%s: put valid credentials into the file that cdc_pipeline.sdn_credentials_file names", *message);
		return CDC_SDN_DENIED;
	}
	if (status == 409 && is(code, "PEERING_CONFLICT"))
		return CDC_SDN_EXISTS;
	if (status == 409 && is(code, "PEERING_NOT_DISABLED"))
		return CDC_SDN_NOT_DISABLED;
	/* not for a wrong URL: that has another code, or none */
	if (status == 404 && is(code, "PEERING_NOT_FOUND"))
		return CDC_SDN_ABSENT;
	if (status == 408 || status == 429)
		return CDC_SDN_LATER;
	if (status >= 400 && status < 500)
		return CDC_SDN_REFUSED;
	return CDC_SDN_MAYBE;
}

bool
cdc_sdn_ours(const CdcSdnPeering *peering, const char *installation)
{
	return peering != NULL && peering->owner != NULL && installation != NULL &&
		strcasecmp(peering->owner, installation) == 0;
}

static bool
is_off(const CdcSdnPeering *p)
{
	return p != NULL && (p->state == CDC_SDN_DISABLED || p->wants_disabled);
}

/* What only people can change about one direction, and how; NULL: nothing. */
static char *
block_of(const CdcSdnPeering *p, const CdcSdnPeering *opposite)
{
	if (p == NULL)
		return NULL;
	switch (p->state)
	{
		case CDC_SDN_CONFLICT_SUBNET:
			return psprintf("the address ranges of the networks %s and %s overlap (state conflict-subnet): give one of them another range",
							p->local, p->peer);
		case CDC_SDN_MISSING_LOCAL_ROUTER:
			return psprintf("network %s has no router (state missing-local-router): attach a router to it", p->local);
		case CDC_SDN_MISSING_PEER_ROUTER:
			return psprintf("network %s has no router (state missing-peer-router): attach a router to it", p->peer);
		case CDC_SDN_DELETED_PEER_NETWORK:
			return psprintf("network %s does not exist any more (state deleted-peer-network): register the service with the network that it has now",
							p->peer);
		case CDC_SDN_ERROR:
			return psprintf("UpCloud reports an error of peering %s from network %s to %s: delete the peering, and it is made again; if the error comes back, ask UpCloud's support",
							p->uuid, p->local, p->peer);
		case CDC_SDN_PEER_DISABLED:
			if (opposite != NULL)
				return NULL;
			return psprintf("the peering from network %s to %s, of another account, is disabled (state peer-disabled): its owner must enable it",
							p->peer, p->local);
		case CDC_SDN_OTHER:
			return psprintf("peering %s from network %s to %s is in state \"%s\", which this version does not know: see UpCloud's documentation",
							p->uuid, p->local, p->peer, p->state_name);
		default:
			return NULL;
	}
}

static CdcSdnVerdict
blocked(char *words)
{
	CdcSdnVerdict verdict = {CDC_PEERINGS_BLOCKED, NULL, NULL, NULL, NULL};

	verdict.words = words;
	return verdict;
}

static CdcSdnVerdict
to_act(CdcPeerings what, const char *local, const char *peer, const char *uuid)
{
	CdcSdnVerdict verdict = {CDC_PEERINGS_MISSING, NULL, NULL, NULL, NULL};

	verdict.peerings = what;
	verdict.local = local;
	verdict.peer = peer;
	verdict.uuid = uuid;
	verdict.words = psprintf("the peering from network %s to %s %s", local, peer,
							 what == CDC_PEERINGS_MISSING ? "does not exist" : "is disabled");
	return verdict;
}

CdcSdnVerdict
cdc_sdn_judge(const char *a, const char *b, const CdcSdnPeering *ab, const CdcSdnPeering *ba,
			  const char *installation)
{
	const CdcSdnPeering *both[2] = {ab, ba};
	bool		active[2] = {ab && ab->state == CDC_SDN_ACTIVE, ba && ba->state == CDC_SDN_ACTIVE};
	CdcSdnVerdict verdict = {CDC_PEERINGS_ACTIVE, NULL, NULL, NULL, NULL};
	char	   *words;
	int			i;

	if ((active[0] && active[1]) || (active[0] && ba == NULL) || (active[1] && ab == NULL))
		return verdict;
	for (i = 0; i < 2; i++)
	{
		/* a peering with what is gone cannot be made */
		if (both[i] && both[i]->state == CDC_SDN_DELETED_PEER_NETWORK)
			return blocked(block_of(both[i], both[1 - i]));
	}
	for (i = 0; i < 2; i++)
	{
		if (!is_off(both[i]))
			continue;
		if (cdc_sdn_ours(both[i], installation))
			return to_act(CDC_PEERINGS_DISABLED, both[i]->local, both[i]->peer, both[i]->uuid);
		return blocked(psprintf("peering %s from network %s to %s is disabled, and not by us: enable it",
								both[i]->uuid, both[i]->local, both[i]->peer));
	}
	if (ab == NULL && !(ba && ba->state == CDC_SDN_PEER_DISABLED))
		return to_act(CDC_PEERINGS_MISSING, a, b, NULL);
	if (ba == NULL && !(ab && ab->state == CDC_SDN_PEER_DISABLED))
		return to_act(CDC_PEERINGS_MISSING, b, a, NULL);
	for (i = 0; i < 2; i++)
	{
		words = block_of(both[i], both[1 - i]);
		if (words != NULL)
			return blocked(words);
	}
	verdict.peerings = CDC_PEERINGS_WAITING;
	verdict.words = psprintf("the peering from network %s to %s is %s, the one back is %s", a, b,
							 ab ? ab->state_name : "not listed", ba ? ba->state_name : "not listed");
	return verdict;
}

CdcSdnRemoval
cdc_sdn_removal(const CdcSdnPeering *ab, const CdcSdnPeering *ba, const char *installation,
				const CdcSdnPeering **which)
{
	const CdcSdnPeering *both[2] = {ab, ba};
	bool		waiting = false;
	int			i;

	*which = NULL;
	for (i = 0; i < 2; i++)
	{
		if (!cdc_sdn_ours(both[i], installation))
			continue;
		*which = both[i];
		if (both[i]->state == CDC_SDN_DISABLED)
			return CDC_SDN_TO_DELETE;
		if (!both[i]->wants_disabled)
			return CDC_SDN_TO_DISABLE;
		waiting = true;
	}
	*which = NULL;
	return waiting ? CDC_SDN_TO_WAIT : CDC_SDN_REMOVED;
}
