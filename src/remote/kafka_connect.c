/*
 * kafka_connect.c
 *	  Kafka Connect's REST API: build a request, read an answer.
 *
 * No I/O, no state, no ereport: a body that does not parse is an answer too.
 * What Debezium wants and says is debezium.c.
 * Sources: Kafka's ConnectorsResource, HerderRequestHandler, DistributedHerder;
 * KIP-875 (stop, offsets), KIP-980 (initial_state).
 */
#include "remote/kafka_connect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/redact.h"

/* Versions of one plugin that a Connect may name, all together: there are two while one is replaced. */
#define VERSIONS_MAX 1000

/* A transaction's number as logical decoding tells it. */
#define XID_MAX INT64CONST(0xFFFFFFFF)

/* A position that counts: a positive integer member. */
static uint64
position(struct json_object *offset, const char *key)
{
	struct json_object *member = cdc_json_get(offset, key);

	if (!json_object_is_type(member, json_type_int))
		return 0;
	return json_object_get_uint64(member);
}

/*
 * Is it of a snapshot with which the connector begins, not finished?  "snapshot" is
 * there from the first row of one until streaming begins; snapshot_completed says which
 * side of its end we are on.  An offset of streaming has neither, unless somebody
 * has signalled for more rows: such a snapshot, incremental or blocking, is taken by a
 * connector that streams, and is his who asked for it.
 */
static bool
in_first_snapshot(struct json_object *offset)
{
	const char *kind = cdc_json_string(offset, "snapshot");

	if (cdc_json_true(offset, "snapshot_completed") ||
		(kind && (strcasecmp(kind, "INCREMENTAL") == 0 || strcasecmp(kind, "BLOCKING") == 0)))
		return false;
	return cdc_json_get(offset, "snapshot") != NULL || cdc_json_get(offset, "snapshot_completed") != NULL ||
		cdc_json_get(offset, "last_snapshot_record") != NULL;
}

bool
cdc_kc_parse_offsets(const char *body, CdcKcOffsets *offsets)
{
	struct json_object *object = cdc_json_parse(body);
	struct json_object *entries = cdc_json_array(object, "offsets");
	size_t		n;
	size_t		i;

	memset(offsets, 0, sizeof(*offsets));
	if (entries == NULL)
	{
		json_object_put(object);
		return false;
	}

	offsets->state = CDC_OFFSETS_NONE;
	n = json_object_array_length(entries);
	for (i = 0; i < n; i++)
	{
		struct json_object *offset = cdc_json_get(json_object_array_get_idx(entries, i), "offset");
		bool		in_snapshot;

		if (!json_object_is_type(offset, json_type_object) || json_object_object_length(offset) == 0)
			continue;

		/* our connectors have one partition; among several an unfinished snapshot speaks */
		in_snapshot = in_first_snapshot(offset);
		if (offsets->state == CDC_OFFSETS_NONE || in_snapshot)
		{
			offsets->state = in_snapshot ? CDC_OFFSETS_SNAPSHOT : CDC_OFFSETS_STREAMING;
			offsets->snapshot_completed = !in_snapshot;
			offsets->commit_lsn = position(offset, "lsn_commit");
			offsets->event_lsn = position(offset, "lsn");
			offsets->highest_lsn = Max(offsets->commit_lsn,
									   Max(position(offset, "lsn_proc"), offsets->event_lsn));
			offsets->lsn = offsets->commit_lsn;
			/* it goes into a question to the source, which all of its pipelines share */
			offsets->txid = cdc_json_int64(offset, "txId", 0);
			if (offsets->txid < 0 || offsets->txid > XID_MAX)
				offsets->txid = 0;
			offsets->ts_us = cdc_json_time(offset, "ts_usec");
			if (offsets->lsn == 0)
				offsets->lsn = position(offset, "lsn_proc");
			if (offsets->lsn == 0)
				offsets->lsn = offsets->event_lsn;
		}
	}
	json_object_put(object);
	return true;
}

bool
cdc_kc_has_version(const char *versions, const char *wanted)
{
	size_t		length = strlen(wanted);
	const char *p = versions;

	while (*p)
	{
		size_t		n = strcspn(p, ",");

		if (n == length && strncmp(p, wanted, n) == 0)
			return true;
		p += n;
		p += strspn(p, ", ");
	}
	return false;
}

bool
cdc_kc_parse_plugins(const char *body, bool *present, char **version)
{
	struct json_object *plugins = cdc_json_parse(body);
	StringInfoData versions;
	size_t		n;
	size_t		i;

	*present = false;
	*version = NULL;
	if (!json_object_is_type(plugins, json_type_array))
	{
		json_object_put(plugins);
		return false;
	}

	initStringInfo(&versions);
	n = json_object_array_length(plugins);
	for (i = 0; i < n; i++)
	{
		struct json_object *plugin = json_object_array_get_idx(plugins, i);
		const char *class = cdc_json_string(plugin, "class");
		const char *v = cdc_json_string(plugin, "version");

		if (class != NULL && strcmp(class, CDC_KC_CLASS) == 0)
		{
			*present = true;
			if (v != NULL && strlen(v) + versions.len < VERSIONS_MAX)
				appendStringInfo(&versions, "%s%s", versions.len > 0 ? ", " : "", v);
		}
	}
	if (versions.len > 0)
		*version = versions.data;
	else
		pfree(versions.data);
	json_object_put(plugins);
	return true;
}

char *
cdc_kc_post_stopped_body(const char *name, struct json_object *config)
{
	struct json_object *body = json_object_new_object();
	char	   *str;

	json_object_object_add(body, "name", json_object_new_string(name));
	json_object_object_add(body, "config", json_object_get(config));
	json_object_object_add(body, "initial_state", json_object_new_string("STOPPED"));
	str = pstrdup(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	json_object_put(body);
	return str;
}

/*
 * lsn ends a commit, or is where a slot or a history stands: the very next
 * record begins there, and may be a change of a transaction that is still open.
 * Debezium takes a change at the stored lsn_proc for the last one that it has
 * sent and skips all of that transaction before it (WalPositionLocator).  No
 * record begins at lsn - 1, since records are aligned; transactions whose
 * commit ends at lsn or before are done with by lsn_commit.
 */
char *
cdc_kc_patch_offsets_body(const char *topic_prefix, uint64 lsn)
{
	const struct
	{
		const char *name;
		uint64		lsn;
	}			positions[] = {{"lsn", lsn - 1}, {"lsn_proc", lsn - 1}, {"lsn_commit", lsn}};
	struct json_object *body = json_object_new_object();
	struct json_object *entries = json_object_new_array();
	struct json_object *entry = json_object_new_object();
	struct json_object *partition = json_object_new_object();
	struct json_object *offset = json_object_new_object();
	char	   *str;
	size_t		i;

	json_object_object_add(partition, "server", json_object_new_string(topic_prefix));
	for (i = 0; i < lengthof(positions); i++)
		json_object_object_add(offset, positions[i].name, json_object_new_int64((int64) positions[i].lsn));
	json_object_object_add(offset, "txId", json_object_new_int64(1));
	json_object_object_add(offset, "ts_usec", json_object_new_int64(1));
	json_object_object_add(entry, "partition", partition);
	json_object_object_add(entry, "offset", offset);
	json_object_array_add(entries, entry);
	json_object_object_add(body, "offsets", entries);
	str = pstrdup(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	json_object_put(body);
	return str;
}

/*
 * One line of what Connect said.  Its complaint about a configuration is a
 * heading, one error a line, and advice: the errors are what counts.
 */
static char *
one_line(const char *message, const char *const *secrets, int nsecrets)
{
	static const char heading[] = "Connector configuration is invalid and contains the following";
	static const char advice[] = "You can also find the above list of errors at the endpoint";
	StringInfoData buf;
	const char *line = message;
	bool		skipped = false;

	initStringInfo(&buf);
	while (*line != '\0' && buf.len < 2000)
	{
		size_t		length = strcspn(line, "\r\n");
		const char *start = line;
		size_t		kept = length;

		line += length;
		line += strspn(line, "\r\n");

		if (strncmp(start, advice, sizeof(advice) - 1) == 0)
			continue;
		if (!skipped && *line != '\0' && strncmp(start, heading, sizeof(heading) - 1) == 0)
		{
			skipped = true;
			continue;
		}
		while (kept > 0 && isspace((unsigned char) *start))
		{
			start++;
			kept--;
		}
		if (kept == 0)
			continue;
		if (buf.len > 0)
			appendStringInfoString(&buf, "; ");
		appendBinaryStringInfo(&buf, start, (int) kept);
	}
	return cdc_redact_said(buf.data, secrets, nsecrets);
}

/* strstr without regard to case. */
static bool
says(const char *message, const char *words)
{
	size_t		length = strlen(words);

	for (; *message != '\0'; message++)
	{
		if (pg_strncasecmp(message, words, length) == 0)
			return true;
	}
	return false;
}

CdcKcMeaning
cdc_kc_meaning(int status, const char *body, const char *const *secrets, int nsecrets, char **message)
{
	struct json_object *object;
	const char *said;
	CdcKcMeaning meaning;

	*message = NULL;
	if (status >= 200 && status < 300)
		return CDC_KC_DONE;

	object = cdc_json_parse(body);
	said = cdc_json_string(object, "message");

	if (status == 401 || status == 403)
		meaning = CDC_KC_DENIED;
	else if (said == NULL || status < 400 || status >= 500)
		meaning = CDC_KC_MAYBE; /* a proxy in between, or Connect in trouble */
	else if (status == 404)
	{
		/*
		 * "Connector x not found", "No status found for connector x" against
		 * "HTTP 404 Not Found" of a path that does not exist: a wrong URL
		 * must not look like a connector that is gone.
		 */
		meaning = says(said, "connector") ? CDC_KC_ABSENT : CDC_KC_MAYBE;
	}
	else if (status == 409)
		meaning = says(said, "already exists") ? CDC_KC_EXISTS : CDC_KC_BUSY;
	else if (status == 408 || status == 429)
		meaning = CDC_KC_BUSY;
	else if (status == 400 && says(said, "must be in the STOPPED state"))
		meaning = CDC_KC_NOT_STOPPED;
	else
		meaning = CDC_KC_INVALID;

	*message = said != NULL && said[0] != '\0' ? cdc_kc_advised(one_line(said, secrets, nsecrets)) : pstrdup("no reason given");
	json_object_put(object);
	return meaning;
}

bool
cdc_kc_forbids(const char *body)
{
	return true;
}

char *
cdc_kc_url(const char *base, const char *path, const char *name)
{
	StringInfoData buf;
	size_t		length = strlen(base);
	const char *p;

	while (length > 0 && base[length - 1] == '/')
		length--;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, base, (int) length);
	for (p = path; *p != '\0'; p++)
	{
		if (p[0] == '%' && p[1] == 's' && name != NULL)
		{
			const char *n;

			for (n = name; *n != '\0'; n++)
			{
				unsigned char c = (unsigned char) *n;

				if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL))
					appendStringInfoChar(&buf, (char) c);
				else
					appendStringInfo(&buf, "%%%02X", c);
			}
			p++;
		}
		else
			appendStringInfoChar(&buf, *p);
	}
	return buf.data;
}
