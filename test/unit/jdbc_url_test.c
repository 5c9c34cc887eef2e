/* link: src/remote/connect_value.c src/common/connect_path.c src/remote/kafka_connect.c src/remote/debezium.c src/remote/debezium_snapshot.c src/remote/kc_config.c src/remote/debezium_options.c src/common/json.c src/common/redact.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * jdbc_url_test.c
 *	  Which database a connector talks to: the one that is named, or none.
 *
 * Debezium puts database.hostname, database.port and database.dbname into a URL as
 * they stand; here it is read as the driver does (pgjdbc's Driver.parseURL), for
 * every character at every place and for random names.
 */
#include "remote/kafka_connect.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tap.h"

static int
hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* java.net.URLDecoder; NULL: it throws. */
static char *
url_decoded(const char *from)
{
	char	   *decoded = palloc(strlen(from) + 1);
	char	   *to = decoded;

	for (; *from; from++)
	{
		if (*from == '+')
			*to++ = ' ';
		else if (*from != '%')
			*to++ = *from;
		else if (hex_of(from[1]) < 0 || hex_of(from[2]) < 0)
			return NULL;
		else
		{
			*to++ = (char) (hex_of(from[1]) * 16 + hex_of(from[2]));
			from += 2;
		}
	}
	*to = '\0';
	return decoded;
}

/* The database of jdbc:postgresql://host:port/database?...; NULL: the driver refuses it. */
static char *
database_of_url(const char *url)
{
	char	   *server = pnstrdup(url, strcspn(url, "?"));
	char	   *slash;

	server += strlen("jdbc:postgresql://");
	slash = strchr(server, '/');
	if (slash == NULL || strchr(slash + 1, '/'))
		return NULL;
	return url_decoded(slash + 1);
}

/* Is a connector for this database refused, or does it talk to that one? */
static bool
talks_to(const char *name, bool *refused)
{
	CdcConnectorSpec spec = {0};
	char	   *fault = NULL;
	struct json_object *config;
	bool		right;
	char	   *reached;

	spec.generation = CDC_KC_GENERATION;
	spec.hostname = "db-1.example";
	spec.port = 5432;
	spec.database = name;
	spec.password = cdc_connect_text("x");
	config = cdc_kc_config(&spec, &fault);
	*refused = config == NULL && fault != NULL;
	if (*refused)
		return true;
	reached = database_of_url(psprintf("jdbc:postgresql://%s:%s/%s", cdc_json_string(config, "database.hostname"),
									   cdc_json_string(config, "database.port"), cdc_json_string(config, "database.dbname")));
	right = reached != NULL && strcmp(reached, name) == 0;
	json_object_put(config);
	return right;
}

static void
every_character(void)
{
	static const char *const places[] = {"%c", "a%c", "%cb", "a%cb", "a%c20b", "a%c%%b", "%cc3%%a9"};
	bool		refused;
	size_t		i;
	int			c;

	for (c = ' '; c < 0x7f; c++)
	{
		int			bad = 0;
		int			kept = 0;

		for (i = 0; i < lengthof(places); i++)
		{
			if (!talks_to(psprintf(places[i], c), &refused))
				bad++;
			kept += !refused;
		}
		ok(bad == 0 && (kept > 0) == (strchr("%+?/", c) == NULL), psprintf("%c in a database's name: that one or none, and none without need", c));
	}
}

static void
random_names(void)
{
	static const char *const pieces[] = {"a", "B", " ", "%", "%2", "%2B", "+", "?", "?ssl=false", "/", "&", "=", "#", ";", "$", "{", "\\", "\"", "'", ":", "@", "[", "]", "\xc3\xa9", "\xf0\x9f\x98\x80"};
	int			wrong = 0;
	int			taken = 0;
	int			n;

	srand(42);
	for (n = 0; n < 20000; n++)
	{
		StringInfoData name;
		int			parts = 1 + rand() % 4;
		bool		refused;

		initStringInfo(&name);
		while (parts-- > 0)
			appendStringInfoString(&name, pieces[rand() % lengthof(pieces)]);
		wrong += !talks_to(name.data, &refused);
		taken += !refused;
		pfree(name.data);
	}
	ok(wrong == 0, "of random names none leads elsewhere");
	ok(taken > 1000, "... and many are taken");
}

int
main(void)
{
	is(database_of_url("jdbc:postgresql://h:1/b+b"), "b b", "the driver as it was seen to read: a plus is a blank");
	is(database_of_url("jdbc:postgresql://h:1/b%c"), NULL, "... half an escape is refused");
	is(database_of_url("jdbc:postgresql://h:1/b/e"), NULL, "... so is a second slash");
	is(database_of_url("jdbc:postgresql://h:1/b?e"), "b", "... and a question mark ends the name");
	every_character();
	random_names();
	return done_testing();
}
