/* link: src/remote/kafka_connect.c src/remote/kc_list.c src/common/fingerprint.c src/common/json_pieces.c src/remote/connect_value.c src/common/connect_path.c src/remote/debezium.c src/remote/debezium_snapshot.c src/remote/kc_config.c src/remote/debezium_options.c src/remote/agent.c src/remote/provision.c src/remote/sdn.c src/remote/sdn_list.c src/common/sdn_api.c src/common/json.c src/common/redact.c src/common/text.c */
/* libs: -ljson-c -lcrypto -lpgcommon -lpgport */
/*
 * answer_http_fuzz.c
 *	  Any bytes as the body of an answer of Kafka Connect, an agent, the
 *	  provisioning agent or the SDN API: the first byte says which question was
 *	  asked, the second the status.  What is read is text, and short where it is shown.
 */
#include "arena.h"

#include "common/json.h"
#include "common/text.h"
#include "remote/agent.h"
#include "remote/kafka_connect.h"
#include "remote/provision.h"
#include "remote/sdn.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int statuses[] = {200, 204, 400, 401, 403, 404, 408, 409, 412, 429, 500, 503, 0, -1, 700};

/* Words that are kept: valid text, and no longer than they may be. */
static void
check_words(const char *words, size_t most)
{
	if (words && (strlen(words) > most || !cdc_text_clean(pstrdup(words), strlen(words))))
		abort();
}

/* The list is the same in one piece and in many, and when it is the list after itself. */
static void
read_again(const char *body, const CdcKcList *list, const CdcKcList *former)
{
	CdcKcReader *reader = cdc_kc_reader_new(former);
	CdcKcList  *again;
	size_t		length = strlen(body);
	size_t		at;
	int			i;

	for (at = 0; at < length; at += 7)
		cdc_kc_reader_feed(body + at, Min(7, length - at), reader);
	again = cdc_kc_reader_list(reader);
	if ((list == NULL) != (again == NULL) || (list && list->n != again->n))
		abort();
	for (i = 0; list && i < list->n; i++)
	{
		const CdcKcConnector *c = &list->items[i];
		const CdcKcConnector *same = cdc_kc_find(again, c->name);

		if (same == NULL || same->state != c->state || same->ntasks != c->ntasks || strcmp(same->task_states, c->task_states) != 0)
			abort();
		check_words(c->name, 255);
		check_words(c->state_name, 255);
		check_words(c->worker_id, 255);
		check_words(c->trace, 256 * 1024);
		check_words(cdc_kc_failure(c->trace, NULL, 0), 4 * 500 + 100);
		cdc_kc_incurable(c->trace);
	}
	cdc_kc_list_free(again);
	cdc_kc_reader_free(reader);
}

static void
read_list(const char *body)
{
	CdcKcList  *list = cdc_kc_parse_list(body);

	read_again(body, list, NULL);
	read_again(body, list, list);
	cdc_kc_list_free(list);
}

static void
read_agent(const char *body)
{
	CdcAgentState *state = cdc_agent_parse_state(body);

	if (state)
	{
		if (state->fence.word && state->fence.epoch == NULL)
			abort();
		cdc_agent_has_secret(state, "mdb-pipeline-00000000.1");
	}
	cdc_agent_state_free(state);
}

static void
read_peerings(const char *body)
{
	CdcSdnList *list = cdc_sdn_parse_list(body);
	CdcSdnReader *reader = cdc_sdn_reader_new();
	CdcSdnList *again;
	size_t		length = strlen(body);
	size_t		at;
	int			i;

	/* the list is the same in one piece and in many */
	for (at = 0; at < length; at += 7)
		cdc_sdn_reader_feed(body + at, Min(7, length - at), reader);
	again = cdc_sdn_reader_list(reader);
	if ((list == NULL) != (again == NULL) || (list && list->n != again->n))
		abort();

	for (i = 0; list && i < list->n; i++)
	{
		const CdcSdnPeering *p = &list->items[i];
		const CdcSdnPeering *back = cdc_sdn_find(list, p->peer, p->local);
		const CdcSdnPeering *which;

		check_words(p->uuid, 255);
		check_words(p->state_name, 255);
		check_words(p->owner, 255);
		cdc_sdn_judge(p->local, p->peer, p, back, p->owner);
		cdc_sdn_removal(p, back, p->owner, &which);
	}
	cdc_sdn_list_free(list);
	cdc_sdn_list_free(again);
	cdc_sdn_reader_free(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *body;
	char	   *message = NULL;
	int			status;
	bool		present;
	CdcKcOffsets offsets;
	CdcProvided provided;
	int			n;

	if (size < 2)
		return 0;
	status = statuses[data[1] % lengthof(statuses)];
	body = palloc(size - 1);
	memcpy(body, data + 2, size - 2);
	body[size - 2] = '\0';
	/* as http_client.c hands it on */
	cdc_text_clean(body, size - 2);
	switch (data[0] % 10)
	{
		case 0:
			read_list(body);
			break;
		case 1:
			if (cdc_kc_parse_plugins(body, &present, &message) && message)
				cdc_kc_has_version(message, "3.7.0.Final");
			break;
		case 2:
			if (cdc_kc_parse_offsets(body, &offsets) && offsets.ts_us < 0)
				abort();
			break;
		case 3:
			cdc_kc_meaning(status, body, NULL, 0, &message);
			check_words(message, CDC_TEXT_MAX);
			break;
		case 4:
			read_agent(body);
			break;
		case 5:
			cdc_agent_meaning(status, body, NULL, 0, &message);
			check_words(message, CDC_TEXT_MAX);
			break;
		case 6:
			provided = cdc_provision_read(status, body);
			check_words(provided.message, CDC_TEXT_MAX + 100);
			check_words(provided.connect_message, CDC_TEXT_MAX);
			json_object_put(provided.connection);
			json_object_put(provided.nodes);
			break;
		case 7:
			read_peerings(body);
			break;
		case 8:
			cdc_sdn_parse_ranges(body, &n);
			break;
		default:
			cdc_sdn_meaning(status, body, &message);
			check_words(message, CDC_TEXT_MAX);
			break;
	}
	arena_reset();
	return 0;
}
