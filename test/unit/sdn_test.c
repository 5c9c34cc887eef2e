/* link: src/remote/sdn.c src/remote/sdn_list.c src/common/sdn_api.c src/common/json.c src/common/json_pieces.c src/common/redact.c src/common/text.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * sdn_test.c
 *	  The vocabulary of network peerings: bodies, both shapes of errors, every
 *	  pair of states, credentials.
 */
#include "remote/sdn.h"

#include <stdlib.h>

#include "common/json.h"
#include "tap.h"

#define A "03aaaaaa-0000-4000-8000-000000000001"
#define B "03bbbbbb-0000-4000-8000-000000000002"
#define AB "0fcccccc-0000-4000-8000-000000000003"
#define BA "0fdddddd-0000-4000-8000-000000000004"
#define US "11111111-2222-3333-4444-555555555555"

#define NUM_STATES (CDC_SDN_ERROR + 1)

static const char *const names[NUM_STATES] = {
	"a-new-one", "provisioning", "pending-peer", "active", "disabled", "peer-disabled", "conflict-subnet",
	"missing-local-router", "missing-peer-router", "deleted-peer-network", "error"
};

static char *
peering(const char *uuid, const char *local, const char *peer, const char *state, const char *label)
{
	return psprintf("{\"uuid\":\"%s\",\"name\":\"x\",\"configured_status\":\"%s\",\"state\":\"%s\",\"network\":{\"uuid\":\"%s\","
					"\"ip_networks\":{\"ip_network\":[{\"address\":\"10.71.0.0/24\",\"family\":\"IPv4\"}]}},\"peer_network\":{\"uuid\":\"%s\"},"
					"\"labels\":[{\"key\":\"other\",\"value\":\"x\"}%s%s%s],\"created_at\":\"2026-07-01T00:00:00Z\",\"updated_at\":null}",
					uuid, strcmp(state, "disabled") == 0 ? "disabled" : "active", state, local, peer,
					label ? ",{\"key\":\"CDC_pipeline_installation\",\"value\":\"" : "", label ? label : "", label ? "\"}" : "");
}

static CdcSdnList *
list_of(const char *one, const char *two)
{
	return cdc_sdn_parse_list(psprintf("{\"network_peerings\":{\"network_peering\":[%s%s%s]}}", one ? one : "", one && two ? "," : "", two ? two : ""));
}

static char *
large(void)
{
	char	   *words = palloc(70 * 1024 + 1);

	memset(words, 'x', 70 * 1024);
	words[70 * 1024] = '\0';
	return words;
}

/* Does a list with these two tell what there is between A and B? */
static void
costs(const char *one, const char *two, bool tells, const char *what)
{
	CdcSdnList *list = list_of(one, two);

	ok(list && cdc_sdn_tells(list, cdc_sdn_find(list, A, B), cdc_sdn_find(list, B, A)) == tells, what);
	cdc_sdn_list_free(list);
}

static void
lists(void)
{
	CdcSdnList *list = list_of(peering(AB, A, B, "pending-peer", US), peering(BA, B, A, "disabled", NULL));
	const CdcSdnPeering *p;
	int			i;

	is_number(list->n, 2, "two peerings");
	p = cdc_sdn_find(list, "03AAAAAA-0000-4000-8000-000000000001", B);
	is(p->uuid, AB, "found by its networks, without regard to case");
	ok(p->state == CDC_SDN_PENDING_PEER && !p->wants_disabled && cdc_sdn_ours(p, US), "state, status and label are read");
	ok(!cdc_sdn_ours(p, "99999999-2222-3333-4444-555555555555"), "another installation's is not ours");
	p = cdc_sdn_find(list, B, A);
	ok(p->wants_disabled && p->owner == NULL, "without our label it is nobody's");
	ok(cdc_sdn_find(list, A, A) == NULL && cdc_sdn_find(NULL, A, B) == NULL, "what is not listed is not found");
	cdc_sdn_list_free(list);
	for (i = 0; i < NUM_STATES; i++)
	{
		list = list_of(peering(AB, A, B, names[i], NULL), NULL);
		is_number(list->items[0].state, i, names[i]);
		cdc_sdn_list_free(list);
	}
	list = list_of(NULL, NULL);
	is_number(list->n, 0, "an empty list");
	cdc_sdn_list_free(list);
	ok(cdc_sdn_parse_list("") == NULL && cdc_sdn_parse_list("[]") == NULL && cdc_sdn_parse_list("{\"network_peerings\":{}}") == NULL &&
	   cdc_sdn_parse_list("<html>") == NULL, "what is no list is none");
	costs(peering(AB, A, B, "active", NULL), "{\"uuid\":\"x\"}", true, "an item that is no peering costs nothing of what is active");
	costs(peering(AB, A, B, "pending-peer", NULL), "{\"uuid\":\"x\"}", false, "... but it may be the direction that is not found");
	costs(peering(AB, A, B, "active", NULL), "7", true, "nor does one that is no object");
	costs(peering(AB, A, B, "active", NULL), psprintf("{\"a\":\"%s\"}", large()), true, "nor one of more than 64 kB");
	costs(peering(AB, A, B, "active", NULL), "[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]", true, "nor one that is deep");
	costs(peering(AB, A, B, "active", NULL), "{\"uuid\":7,\"state\":\"active\",\"network\":{\"uuid\":\"" B "\"},\"peer_network\":{\"uuid\":\"" A "\"}}", false, "one that says between which networks costs these");
	costs("{\"uuid\":7,\"network\":{\"uuid\":\"x\"},\"peer_network\":{\"uuid\":\"y\"}}", NULL, true, "... and no others: that these have none is known");
	costs(peering("../../x", A, B, "active", NULL), NULL, false, "an id that is none is not believed, whatever it says");
	costs(NULL, NULL, true, "as it is from an empty list");
	costs("null", NULL, false, "not so where nobody knows what there is");
}

static void
bodies(void)
{
	struct json_object *body = cdc_json_parse(cdc_sdn_create_body(A, B, US));
	struct json_object *p = cdc_json_get(body, "network_peering");
	char	  **ranges;
	int			n;

	is(json_object_to_json_string_ext(p, JSON_C_TO_STRING_PLAIN),
	   "{\"name\":\"cdc_pipeline 03aaaaaa to 03bbbbbb\",\"configured_status\":\"active\",\"network\":{\"uuid\":\"" A "\"},\"peer_network\":{\"uuid\":\"" B
	   "\"},\"labels\":[{\"key\":\"cdc_pipeline_installation\",\"value\":\"" US "\"}]}", "create");
	json_object_put(body);
	is(cdc_sdn_status_body(true), "{\"network_peering\":{\"configured_status\":\"active\"}}", "enable");
	is(cdc_sdn_status_body(false), "{\"network_peering\":{\"configured_status\":\"disabled\"}}", "disable");
	is(cdc_sdn_url_of("https://api.upcloud.com/", "network-peering", NULL), "https://api.upcloud.com/1.3/network-peering", "the collection's URL");
	is(cdc_sdn_url_of("http://127.0.0.1:80", "network", A), "http://127.0.0.1:80/1.3/network/" A, "a network's URL");
	ranges = cdc_sdn_parse_ranges("{\"network\":{\"ip_networks\":{\"ip_network\":[{\"address\":\"10.1.0.0/24\"},{\"address\":\"fd00::/64\"},{\"address\":\"10.0.0.0/8 md5\\n\"}]}}}", &n);
	ok(n == 2 && strcmp(ranges[0], "10.1.0.0/24") == 0 && strcmp(ranges[1], "fd00::/64") == 0, "ranges of a network; what is none is left out");
	ok(cdc_sdn_parse_ranges("{\"network\":{\"ip_networks\":{\"ip_network\":[]}}}", &n) == NULL && n == 0, "no range");
	ok(cdc_sdn_parse_ranges("nonsense", &n) == NULL, "no network");
}

static void
meaning_is(int status, const char *body, CdcSdnMeaning wanted, const char *words, const char *what)
{
	char	   *message;
	CdcSdnMeaning got = cdc_sdn_meaning(status, body, &message);

	is_number(got, wanted, what);
	if (words == NULL)
		ok(message == NULL, "... without a message");
	else if (!ok(message != NULL && strstr(message, words) != NULL, "... and says so"))
		printf("# %s\n", message ? message : "(null)");
}

#undef ERROR
#define ERROR(code, text) "{\"error\":{\"error_code\":\"" code "\",\"error_message\":\"" text "\"}}"

static void
meanings(void)
{
	meaning_is(201, "{}", CDC_SDN_DONE, NULL, "created");
	meaning_is(204, "", CDC_SDN_DONE, NULL, "deleted");
	meaning_is(401, ERROR("AUTHENTICATION_FAILED", "no"), CDC_SDN_DENIED, "cdc_pipeline.sdn_credentials_file", "bad credentials");
	meaning_is(403, "<html>", CDC_SDN_DENIED, "HTTP 403", "forbidden");
	meaning_is(403, ERROR("NETWORK_PEERINGS_LIMIT_REACHED", "100"), CDC_SDN_REFUSED, "higher limit", "over the limit");
	ok(cdc_sdn_forbids("<html>") && !cdc_sdn_forbids(ERROR("NETWORK_PEERINGS_LIMIT_REACHED", "100")), "a 403 with a code is about what was asked, one without about our credentials");
	meaning_is(404, ERROR("NETWORK_NOT_FOUND", "The network x does not exist."), CDC_SDN_REFUSED,
			   "HTTP 404: NETWORK_NOT_FOUND: The network x does not exist: register", "an unknown network");
	meaning_is(404, ERROR("PEER_NETWORK_NOT_FOUND", ""), CDC_SDN_REFUSED, "network_id", "an unknown peer");
	meaning_is(404, ERROR("PEERING_NOT_FOUND", ""), CDC_SDN_ABSENT, "PEERING_NOT_FOUND", "an unknown peering");
	meaning_is(404, "not found", CDC_SDN_REFUSED, "HTTP 404", "a wrong URL is no absence");
	meaning_is(409, ERROR("LOCAL_NETWORK_NO_ROUTER", ""), CDC_SDN_REFUSED, "attach a router", "no router");
	meaning_is(409, ERROR("PEERING_CONFLICT", ""), CDC_SDN_EXISTS, "PEERING_CONFLICT", "it exists");
	meaning_is(409, ERROR("PEERING_NOT_DISABLED", ""), CDC_SDN_NOT_DISABLED, "PEERING_NOT_DISABLED", "not disabled");
	meaning_is(409, ERROR("ZONE_MISMATCH", ""), CDC_SDN_REFUSED, "zone", "two zones");
	meaning_is(400, "{\"type\":\"https://developers.upcloud.com/1.3/errors#ERROR_NAME_INVALID\",\"title\":\"Bad name.\",\"status\":400}",
			   CDC_SDN_REFUSED, "HTTP 400: NAME_INVALID: Bad name", "the other shape");
	meaning_is(409, "{\"type\":\"https://developers.upcloud.com/1.3/errors#ERROR_PEERING_CONFLICT\",\"title\":\"x\",\"status\":409}",
			   CDC_SDN_EXISTS, "PEERING_CONFLICT", "a conflict in it");
	meaning_is(429, "", CDC_SDN_LATER, "HTTP 429", "too many requests");
	meaning_is(503, ERROR("SERVICE_UNAVAILABLE", "later\\npassword=geheim"), CDC_SDN_MAYBE, "SERVICE_UNAVAILABLE", "a fault of the server");
	meaning_is(302, "", CDC_SDN_MAYBE, "HTTP 302", "a redirect is nonsense");
}

/* One pair of states: the verdict, whom it is about. */
static CdcSdnVerdict
judge(int ab, int ba, const char *label_ab, const char *label_ba)
{
	CdcSdnList *list = list_of(ab >= 0 ? peering(AB, A, B, names[ab], label_ab) : NULL, ba >= 0 ? peering(BA, B, A, names[ba], label_ba) : NULL);

	return cdc_sdn_judge(A, B, cdc_sdn_find(list, A, B), cdc_sdn_find(list, B, A), US);
}

static void
verdict_is(int ab, int ba, const char *label, CdcPeerings wanted, const char *words)
{
	CdcSdnVerdict v = judge(ab, ba, label, label);
	char	   *what = psprintf("%s and %s%s", ab < 0 ? "nothing" : names[ab], ba < 0 ? "nothing" : names[ba], label ? "" : " of others");

	if (!ok(v.peerings == wanted && (words == NULL ? v.words == NULL : v.words != NULL && strstr(v.words, words) != NULL), what))
		printf("# %d: %s\n", v.peerings, v.words ? v.words : "(null)");
}

static void
verdicts(void)
{
	CdcSdnVerdict v;
	int			ab;
	int			ba;
	int			faults = 0;

	verdict_is(CDC_SDN_ACTIVE, CDC_SDN_ACTIVE, US, CDC_PEERINGS_ACTIVE, NULL);
	verdict_is(CDC_SDN_ACTIVE, CDC_SDN_ACTIVE, NULL, CDC_PEERINGS_ACTIVE, NULL);
	verdict_is(CDC_SDN_ACTIVE, -1, US, CDC_PEERINGS_ACTIVE, NULL);
	verdict_is(-1, -1, US, CDC_PEERINGS_MISSING, A " to " B " does not exist");
	verdict_is(CDC_SDN_PENDING_PEER, -1, NULL, CDC_PEERINGS_MISSING, B " to " A " does not exist");
	verdict_is(-1, CDC_SDN_PROVISIONING, US, CDC_PEERINGS_MISSING, A " to " B);
	verdict_is(CDC_SDN_PROVISIONING, CDC_SDN_PROVISIONING, US, CDC_PEERINGS_WAITING, "is provisioning, the one back is provisioning");
	verdict_is(CDC_SDN_ACTIVE, CDC_SDN_PROVISIONING, US, CDC_PEERINGS_WAITING, "is active, the one back is provisioning");
	verdict_is(CDC_SDN_DISABLED, CDC_SDN_PEER_DISABLED, US, CDC_PEERINGS_DISABLED, A " to " B " is disabled");
	verdict_is(CDC_SDN_PEER_DISABLED, CDC_SDN_DISABLED, US, CDC_PEERINGS_DISABLED, B " to " A " is disabled");
	verdict_is(CDC_SDN_PEER_DISABLED, CDC_SDN_DISABLED, NULL, CDC_PEERINGS_BLOCKED, "not by us: enable it");
	verdict_is(CDC_SDN_PEER_DISABLED, -1, US, CDC_PEERINGS_BLOCKED, "its owner must enable it");
	verdict_is(CDC_SDN_PEER_DISABLED, CDC_SDN_PROVISIONING, US, CDC_PEERINGS_WAITING, "peer-disabled");
	verdict_is(CDC_SDN_CONFLICT_SUBNET, CDC_SDN_CONFLICT_SUBNET, US, CDC_PEERINGS_BLOCKED, "overlap (state conflict-subnet): give one of them another range");
	verdict_is(CDC_SDN_MISSING_LOCAL_ROUTER, CDC_SDN_MISSING_PEER_ROUTER, US, CDC_PEERINGS_BLOCKED, "network " A " has no router (state missing-local-router): attach");
	verdict_is(CDC_SDN_PROVISIONING, CDC_SDN_MISSING_PEER_ROUTER, US, CDC_PEERINGS_BLOCKED, "network " A " has no router (state missing-peer-router): attach");
	verdict_is(CDC_SDN_DELETED_PEER_NETWORK, -1, US, CDC_PEERINGS_BLOCKED, "network " B " does not exist any more");
	verdict_is(CDC_SDN_ERROR, CDC_SDN_ACTIVE, US, CDC_PEERINGS_BLOCKED, "delete the peering, and it is made again");
	verdict_is(CDC_SDN_OTHER, CDC_SDN_ACTIVE, US, CDC_PEERINGS_BLOCKED, "\"a-new-one\", which this version does not know");

	v = judge(CDC_SDN_DISABLED, CDC_SDN_PEER_DISABLED, US, NULL);
	ok(v.peerings == CDC_PEERINGS_DISABLED && strcmp(v.uuid, AB) == 0, "ours is enabled beside another's");
	for (ab = -1; ab < NUM_STATES; ab++)
	{
		for (ba = -1; ba < NUM_STATES; ba++)
		{
			v = judge(ab, ba, US, US);
			faults += v.peerings == CDC_PEERINGS_UNKNOWN || v.peerings == CDC_PEERINGS_OUT_OF_REACH || v.peerings == CDC_PEERINGS_STUCK ||
				(v.words == NULL) != (v.peerings == CDC_PEERINGS_ACTIVE) ||
				(v.peerings == CDC_PEERINGS_MISSING && (v.local == NULL || v.peer == NULL || (ab >= 0 && ba >= 0))) ||
				(v.peerings == CDC_PEERINGS_DISABLED && v.uuid == NULL) ||
				(v.peerings == CDC_PEERINGS_ACTIVE && ab != CDC_SDN_ACTIVE && ba != CDC_SDN_ACTIVE);
		}
	}
	is_number(faults, 0, "all 144 pairs have a verdict that fits");
}

static void
removal_is(int ab, int ba, const char *label_ab, const char *label_ba, CdcSdnRemoval wanted, const char *uuid, const char *what)
{
	CdcSdnList *list = list_of(ab >= 0 ? peering(AB, A, B, names[ab], label_ab) : NULL, ba >= 0 ? peering(BA, B, A, names[ba], label_ba) : NULL);
	const CdcSdnPeering *which;
	CdcSdnRemoval got = cdc_sdn_removal(cdc_sdn_find(list, A, B), cdc_sdn_find(list, B, A), US, &which);

	ok(got == wanted && (which ? uuid && strcmp(which->uuid, uuid) == 0 : uuid == NULL), what);
}

static void
removals(void)
{
	removal_is(CDC_SDN_ACTIVE, CDC_SDN_ACTIVE, US, US, CDC_SDN_TO_DISABLE, AB, "the first is disabled");
	removal_is(CDC_SDN_DISABLED, CDC_SDN_PEER_DISABLED, US, US, CDC_SDN_TO_DELETE, AB, "then deleted");
	removal_is(-1, CDC_SDN_PENDING_PEER, US, US, CDC_SDN_TO_DISABLE, BA, "then the other one");
	removal_is(-1, CDC_SDN_DISABLED, US, US, CDC_SDN_TO_DELETE, BA, "as well");
	removal_is(-1, -1, US, US, CDC_SDN_REMOVED, NULL, "then all is gone");
	removal_is(CDC_SDN_ACTIVE, CDC_SDN_ACTIVE, NULL, "other", CDC_SDN_REMOVED, NULL, "what is not ours stays");
	removal_is(CDC_SDN_DISABLED, CDC_SDN_ACTIVE, NULL, US, CDC_SDN_TO_DISABLE, BA, "only our side goes");
}

static void
credentials(void)
{
	CdcSdnCredentials c;

	ok(cdc_sdn_parse_credentials("# of the API\n\n username = alice \npassword= a b=c \r\n", &c) == NULL, "a username and a password");
	is(c.user, "alice", "without white space around");
	is(c.password, "a b=c", "but with what is inside");
	ok(cdc_sdn_parse_credentials("token=ucat_01", &c) == NULL && strcmp(c.token, "ucat_01") == 0, "a token");
	ok(cdc_sdn_parse_credentials("", &c) != NULL && cdc_sdn_parse_credentials("username=a", &c) != NULL, "too little");
	ok(cdc_sdn_parse_credentials("token=x\nusername=a\npassword=b", &c) != NULL, "both kinds");
	ok(cdc_sdn_parse_credentials("token=x\ntoken=y", &c) != NULL, "one twice");
	ok(cdc_sdn_parse_credentials("geheim", &c) != NULL && strstr(cdc_sdn_parse_credentials("secret = geheim", &c), "geheim") == NULL, "nonsense, which is not quoted");
	ok(cdc_sdn_parse_credentials("token=", &c) != NULL, "an empty value");
}

int
main(void)
{
	lists();
	bodies();
	meanings();
	verdicts();
	removals();
	credentials();
	return done_testing();
}
