/* link: test/unit/world_model.c src/reconciler/decide.c src/reconciler/effect.c src/reconciler/awaited.c src/reconciler/state_table.c src/reconciler/state_table_check.c src/reconciler/guards.c src/reconciler/detail.c */
/*
 * snapshot_test.c
 *	  Do the tests of decide() know every field of the snapshot, and every value
 *	  of each, "not known" included?
 *
 * Reads src/reconciler/snapshot.h, so that a field or value that is added there
 * and nowhere else fails here, by name.
 */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_model.h"

#define HEADER "src/reconciler/snapshot.h"
#define MAX_NAME 64

static char header[1 << 20];
static int	tests;
static int	failures;

static void
ok(bool good, const char *what, const char *name)
{
	tests++;
	failures += !good;
	printf("%sok %d - %s%s\n", good ? "" : "not ", tests, what, name);
}

/* The file without its comments; false when it cannot be read. */
static bool
read_header(void)
{
	FILE	   *file = fopen(HEADER, "r");
	size_t		n = file ? fread(header, 1, sizeof(header) - 1, file) : 0;
	char	   *open;
	char	   *close;

	if (file)
		fclose(file);
	while ((open = strstr(header, "/*")) != NULL && (close = strstr(open, "*/")) != NULL)
		memset(open, ' ', (size_t) (close + 2 - open));
	return n > 0;
}

/* The body of "typedef <kind> <name> {...}", to be freed, or NULL. */
static char *
body_of(const char *kind, const char *name)
{
	char		start[MAX_NAME * 2];
	char	   *at;
	char	   *end;

	snprintf(start, sizeof(start), "typedef %s %s\n{", kind, name);
	at = strstr(header, start);
	if (at == NULL)
		return NULL;
	at += strlen(start);
	end = strchr(at, '}');
	return end ? strndup(at, (size_t) (end - at)) : NULL;
}

/* Enumerators of an enum of the header; *unknown: is the first one "not known"? */
static int
count_values(const char *type, bool *unknown)
{
	char	   *body = body_of("enum", type);
	char	   *rest = NULL;
	char	   *p;
	int			n = 0;

	*unknown = false;
	for (p = body ? strtok_r(body, ",", &rest) : NULL; p != NULL; p = strtok_r(NULL, ",", &rest))
	{
		p += strspn(p, " \t\n");
		if (*p == '\0')
			continue;
		if (n++ == 0)
			*unknown = strstr(p, "UNKNOWN = 0") != NULL;
	}
	free(body);
	return n;
}

static const Field *
find_field(const char *name)
{
	int			i;

	for (i = 0; i < num_fields; i++)
	{
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	}
	return NULL;
}

/* One "type name;" of the struct. */
static void
check_member(const char *type, const char *name)
{
	const Field *f = find_field(name);
	bool		unknown;
	int			values;

	ok(f != NULL, "test/unit/world_model.c has a line in fields[] for ", name);
	if (f == NULL)
		return;
	if (strcmp(type, "bool") == 0)
	{
		ok(f->values == 0 && !f->observed, "a flag is one there: ", name);
		return;
	}
	values = count_values(type, &unknown);
	ok(f->values == (strcmp(name, "status") == 0 ? CDC_NUM_STATUSES : values), "all of its values are generated: ", name);
	if (f->values != values)
		printf("# %d of the %d values of %s\n", f->values, values, type);

	/* what the tables know, or the worker remembers, does not become unknown by itself */
	if (strcmp(name, "network_ids") != 0 && strcmp(name, "gap") != 0 && strcmp(name, "snapshot_again") != 0)
		ok(f->observed == unknown, "\"not known\" may come at any time: ", name);
	else
		ok(!f->observed, "known from the tables: ", name);
}

/* Does the generator give every value of every field, and a good world too? */
static void
check_generator(void)
{
	static bool seen[100][20];
	CdcSnapshot s;
	int			missing = 0;
	int			i;
	int			n;
	int			v;

	random_seed(1);
	for (n = 0; n < 4000; n++)
	{
		snapshot_random(&s, n % 100);
		for (i = 0; i < num_fields; i++)
			seen[i][field_get(&s, &fields[i])] = true;
	}
	for (i = 0; i < num_fields; i++)
	{
		for (v = 0; v < (fields[i].values ? fields[i].values : 2); v++)
		{
			if (!seen[i][v])
			{
				missing++;
				printf("# %s is never %d\n", fields[i].name, v);
			}
		}
	}
	ok(missing == 0, "snapshots at random have every value of every field", "");
}

int
main(void)
{
	char	   *body;
	char	   *line;
	int			members = 0;

	ok(read_header(), "it reads ", HEADER);
	body = body_of("struct", "CdcSnapshot");
	ok(body != NULL, "and finds the struct", "");
	for (line = body; line != NULL && *line != '\0'; line = strchr(line, ';') ? strchr(line, ';') + 1 : NULL)
	{
		char		type[MAX_NAME];
		char		name[MAX_NAME];

		if (sscanf(line, " %63[A-Za-z] %63[a-z_]", type, name) != 2)
			continue;
		members++;
		check_member(type, name);
	}
	free(body);
	ok(members == num_fields, "and fields[] has no others", "");
	check_generator();
	printf("1..%d\n", tests);
	return failures > 0;
}
