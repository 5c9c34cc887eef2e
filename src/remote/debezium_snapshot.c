/*
 * debezium_snapshot.c
 *	  How a snapshot reads a table that others inherit from.
 *
 * No I/O, no state.  Debezium selects from a table by its name, and PostgreSQL gives
 * the rows of its children with it, of which the stream says nothing; so such a table
 * is read by a statement of ours.  What it selects is *: what is named there is to be
 * what the table has when the snapshot is taken, and Debezium asks the catalog for that.
 * Sources: Debezium 3.7 RelationalDatabaseConnectorConfig (getSnapshotSelectOverridesByTable),
 * TableId, ColumnUtils.
 */
#include "remote/kafka_connect.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

#define OVERRIDES "snapshot.select.statement.overrides"
#define ONLY "SELECT * FROM ONLY "

/* A configuration is one record of 1 MB in Connect's topic. */
#define SAID_MAX (600 * 1024)

/* "schema"."table" as Debezium calls it: schema.table, without quotes. */
static char *
plain_name(const char *quoted)
{
	char	   *name = palloc(strlen(quoted) + 1);
	char	   *to = name;
	bool		inside = false;

	for (; *quoted; quoted++)
	{
		if (*quoted != '"')
			*to++ = *quoted;
		else if (inside && quoted[1] == '"')
			*to++ = *quoted++;
		else
			inside = !inside;
	}
	*to = '\0';
	return name;
}

char *
cdc_kc_only_fault(const char *const *tables, int n, struct json_object *options)
{
	size_t		size = 0;
	int			i;

	if (n == 0)
		return NULL;
	/* Debezium refuses a result with columns that it leaves out */
	if (cdc_json_get(options, "column.exclude.list") != NULL)
		return psprintf("%s, whose snapshot cannot be told to leave out their rows beside option column.exclude.list", tables[0]);
	for (i = 0; i < n; i++)
	{
		const char *p;

		for (p = tables[i]; *p != '\0'; p++)
		{
			if ((unsigned char) *p <= ' ' || *p == ',' || *p == 0x7f || (*p == '$' && p[1] == '{'))
				return psprintf("%s, whose name Debezium does not take in " OVERRIDES, tables[i]);
		}
		size += 3 * strlen(tables[i]) + sizeof(OVERRIDES ONLY) + 16;
	}
	if (size > SAID_MAX)
		return psprintf("%d tables, more than a configuration of Kafka Connect has room for", n);
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

void
cdc_kc_put_only(CdcConnectConfig *config, const char *const *tables, int n)
{
	const char **sorted = palloc(sizeof(char *) * Max(n, 1));
	StringInfoData list;
	int			i;

	if (n == 0)
		return;
	/* the same tables make the same text */
	memcpy(sorted, tables, sizeof(char *) * n);
	qsort(sorted, n, sizeof(char *), by_name);
	initStringInfo(&list);
	for (i = 0; i < n; i++)
	{
		char	   *name = plain_name(sorted[i]);

		appendStringInfo(&list, "%s%s", i > 0 ? "," : "", name);
		cdc_connect_put_text(config, psprintf(OVERRIDES ".%s", name), psprintf(ONLY "%s", sorted[i]));
	}
	cdc_connect_put_text(config, OVERRIDES, list.data);
	pfree(list.data);
}

/* Is it the statement that we make, and does it stand where we put it? */
static bool
is_ours(const char *key, const char *statement)
{
	return strncmp(key, OVERRIDES ".", strlen(OVERRIDES ".")) == 0 && strncmp(statement, ONLY "\"", strlen(ONLY "\"")) == 0 &&
		strcmp(key + strlen(OVERRIDES "."), plain_name(statement + strlen(ONLY))) == 0;
}

const char **
cdc_kc_observed_only(const CdcKcConfig *observed, int *n)
{
	const char **tables = NULL;
	const char *key;
	const char *value;
	size_t		at = 0;
	int			room = 0;

	*n = 0;
	while (cdc_kc_config_next(observed, &at, &key, &value))
	{
		if (value == NULL || !is_ours(key, value))
			continue;
		if (*n == room)
		{
			room = room ? 2 * room : 8;
			tables = tables ? repalloc(tables, sizeof(char *) * room) : palloc(sizeof(char *) * room);
		}
		tables[(*n)++] = pstrdup(value + strlen(ONLY));
	}
	return tables;
}
