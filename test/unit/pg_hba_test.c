/* link: src/remote/pg_hba.c src/remote/pg_hba_file.c src/common/quote.c */
/* libs: -lpgcommon -lpgport -lcrypto */
/* flags: -DFRONTEND */
/*
 * pg_hba_test.c
 *	  The managed block of pg_hba.conf: what is added can be taken out without
 *	  a trace, and nothing of the user's is ever changed.
 *
 * The properties run on random files; CDC_TEST_SEED sets another seed.
 */
#include "remote/pg_hba.h"

#include <stdlib.h>

#include "tap.h"

#define A "aaaaaaaa-0000-4000-8000-00000000000a"
#define B "bbbbbbbb-0000-4000-8000-00000000000b"
#define C "cccccccc-0000-4000-8000-00000000000c"

#define BEGIN_LINE "# BEGIN cdc_pipeline (managed: lines up to END are written by the control plane)\n"
#define END_LINE "# END cdc_pipeline\n"
#define A_LINE "host \"app\" \"ra\" 10.0.0.0/24 scram-sha-256 # cdc_pipeline " A "\n"
#define B_LINE "host \"app\" \"rb\" 10.0.0.0/24 scram-sha-256 # cdc_pipeline " B "\n"

static const CdcHbaLine line_a = {A, "app", "ra", "10.0.0.0/24"};
static const CdcHbaLine line_b = {B, "app", "rb", "10.0.0.0/24"};

static const char *const only_a[] = {A};
static const char *const only_b[] = {B};
static const char *const a_and_b[] = {A, B};

static bool
has(const char *file, const CdcHbaLine *lines, int nlines)
{
	return cdc_hba_has(cdc_hba_ours(file), lines, nlines);
}

static bool
left(const char *file, const char *id)
{
	return cdc_hba_left(cdc_hba_ours(file), id);
}

static char *
add(const char *file, const CdcHbaLine *line)
{
	return cdc_hba_apply(file, line, 1, NULL, 0);
}

static char *
take(const char *file, const char *const *id)
{
	return cdc_hba_apply(file, NULL, 0, id, 1);
}

static void
lines(void)
{
	CdcHbaLine	line = line_a;

	is(cdc_hba_line(&line), "host \"app\" \"ra\" 10.0.0.0/24 scram-sha-256 # cdc_pipeline " A, "a line");
	line.database = "a \"b\", @c +d /e #f all\\";
	line.role = "replication";
	line.cidr = "2001:db8::/32";
	is(cdc_hba_line(&line),
	   "host \"a \"\"b\"\", @c +d /e #f all\\\" \"replication\" 2001:db8::/32 scram-sha-256 # cdc_pipeline " A,
	   "names are literal");
	line = line_a;
	line.database = "app\nhost all all all trust";
	is(cdc_hba_line(&line), NULL, "a line end in a name is refused");
	is(cdc_hba_apply("x\n", &line, 1, NULL, 0), NULL, "... by apply too");
	ok(!has("x\n", &line, 1), "... and such a line is never there");
	line.database = "app\r";
	is(cdc_hba_line(&line), NULL, "a carriage return is refused");
	line.database = "/.*";
	is(cdc_hba_line(&line), NULL, "a database that 16 and later would read as a regular expression is refused");
	line.database = "app";
	line.role = "/.*";
	is(cdc_hba_line(&line), NULL, "so is a role");
	line.role = "ra";
	line.database = "";
	is(cdc_hba_line(&line), NULL, "an empty name is refused");
	line = line_a;
	line.cidr = "all";
	is(cdc_hba_line(&line), NULL, "a cidr that is none is refused");
	line.cidr = "10.0.0.0/8 trust";
	is(cdc_hba_line(&line), NULL, "... also with more behind it");
	line = line_a;
	line.pipeline_id = "short";
	is(cdc_hba_line(&line), NULL, "an id that is none is refused");
}

static void
one_file(void)
{
	const char *file = "# rules\r\nhost all all ::1/128 trust\r\nlocal all all peer";
	char	   *with_a;
	char	   *with_both;
	CdcHbaLine	both[2];
	CdcHbaLine	changed = line_a;

	both[0] = line_b;
	both[1] = line_a;
	with_a = add(file, &line_a);
	is(with_a, psprintf("%s%s%s%s", BEGIN_LINE, A_LINE, END_LINE, file), "the block is at the top");
	is(add(with_a, &line_a), with_a, "again: the same");
	ok(has(with_a, &line_a, 1), "it has the line");
	ok(!has(with_a, &line_b, 1), "... but not another's");
	ok(!has(with_a, both, 2), "... nor both");
	ok(!has(file, &line_a, 1), "the old file has not");
	ok(has(file, NULL, 0), "nothing wanted is always there");
	ok(left(with_a, A), "a line is left");
	ok(!left(with_a, B), "... of this one only");

	with_both = add(with_a, &line_b);
	is(with_both, psprintf("%s%s%s%s%s", BEGIN_LINE, A_LINE, B_LINE, END_LINE, file), "a second pipeline joins");
	is(add(add(file, &line_b), &line_a), with_both, "... in any order");
	is(cdc_hba_apply(file, both, 2, NULL, 0), with_both, "... or at once");
	ok(has(with_both, both, 2), "it has both");
	is(take(with_both, only_b), with_a, "one leaves");
	is(take(take(with_both, only_a), only_b), file, "the last one takes the block with it");
	is(take(file, only_a), file, "taking what is not there changes nothing");

	changed.cidr = "10.9.0.0/16";
	ok(!has(with_a, &changed, 1), "another cidr is another line");
	is(take(add(with_both, &changed), only_a), take(with_both, only_a), "a line is replaced, not added");
	ok(!left(take(add(with_both, &changed), only_a), A), "... with nothing left");

	is(cdc_hba_lines_hash(file, only_a, 1), "", "no block, no hash");
	is(cdc_hba_lines_hash(with_a, only_b, 1), "", "no line of ours, no hash");
	ok(strlen(cdc_hba_lines_hash(with_a, only_a, 1)) == 64, "a hash");
	is(cdc_hba_lines_hash(with_a, only_a, 1), cdc_hba_lines_hash(psprintf("%s# more\n", with_a), only_a, 1), "... of the block only");
	is(cdc_hba_lines_hash(with_a, only_a, 1), cdc_hba_lines_hash(with_both, only_a, 1), "... to which lines of others do not matter");
	ok(strcmp(cdc_hba_lines_hash(with_a, a_and_b, 2), cdc_hba_lines_hash(with_both, a_and_b, 2)) != 0, "... and which differs with ours");
	is(cdc_hba_sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of abc");
	is(add("", &line_a), BEGIN_LINE A_LINE END_LINE, "an empty file");
	is(take(BEGIN_LINE A_LINE END_LINE, only_a), "", "... is empty again");
}

static void
by_hand(void)
{
	char	   *edited;

	is(add(A_LINE END_LINE "x\n", &line_b), NULL, "END without BEGIN: nothing is written");
	is(take(BEGIN_LINE A_LINE "host all all all md5\n", only_a), NULL, "BEGIN without END: nothing is written");
	is(add(END_LINE BEGIN_LINE, &line_a), NULL, "the wrong way round: nothing is written");
	is(add(BEGIN_LINE END_LINE BEGIN_LINE END_LINE, &line_a), NULL, "two blocks: nothing is written");
	is(add(BEGIN_LINE BEGIN_LINE END_LINE, &line_a), NULL, "BEGIN twice: nothing is written");
	ok(cdc_hba_broken(BEGIN_LINE) != NULL, "... and it can be told why");
	is(cdc_hba_broken(BEGIN_LINE END_LINE "x\n"), NULL, "a whole block is not broken");
	ok(!has(BEGIN_LINE A_LINE, &line_a, 1), "half a block has nothing");
	ok(left(BEGIN_LINE A_LINE, A), "... but something is left there");
	is(cdc_hba_lines_hash(BEGIN_LINE A_LINE, only_a, 1), "", "... and it has no hash");

	is(add("# BEGIN cdc_pipelines\n", &line_a), BEGIN_LINE A_LINE END_LINE "# BEGIN cdc_pipelines\n",
	   "a similar comment is no marker");
	is(take("# BEGIN cdc_pipeline reworded\n" A_LINE "# END cdc_pipeline too\nx\n", only_a), "x\n",
	   "a reworded marker is one");
	is(take("# BEGIN cdc_pipeline\r\nhost \"app\" \"ra\" 10.0.0.0/24 scram-sha-256 # cdc_pipeline " A "\r\n# END cdc_pipeline\r\nx\r\n", only_a),
	   "x\r\n", "an editor may have changed the line ends");

	/* Lines of the user within the block. */
	edited = BEGIN_LINE "host all all 10.1.0.0/16 md5\n" A_LINE "# mine\n" END_LINE "x\n";
	is(add(edited, &line_b), BEGIN_LINE A_LINE B_LINE "host all all 10.1.0.0/16 md5\n# mine\n" END_LINE "x\n",
	   "the user's lines in the block stay, below ours");
	is(take(edited, only_a), "host all all 10.1.0.0/16 md5\n# mine\nx\n", "... and outlive it");
	ok(!has(edited, &line_a, 1), "ours behind theirs is not before any other rule");

	/* The block was moved, or something was put before it. */
	edited = "# comment\n\n  # another\n" BEGIN_LINE A_LINE END_LINE "x\n";
	ok(has(edited, &line_a, 1), "comments before the block do not matter");
	edited = "host all all all reject\n" BEGIN_LINE A_LINE END_LINE "x\n";
	ok(!has(edited, &line_a, 1), "a rule before the block does");
	is(add(edited, &line_a), BEGIN_LINE A_LINE END_LINE "host all all all reject\nx\n", "... and the block goes to the top");
	is(take(edited, only_a), "host all all all reject\nx\n", "... or away");
	ok(!has("# comment \\\n" BEGIN_LINE A_LINE END_LINE, &line_a, 1), "a continued comment swallows what follows");

	/* The last line of the file is in the block. */
	is(take(BEGIN_LINE A_LINE "# END cdc_pipeline", only_a), "", "END without a line end");
	ok(left("host \"a\" \"b\" 10.0.0.0/8 md5 # cdc_pipeline " A "\n", A) == false, "outside of the block nothing is ours");
}

static void
encodings(void)
{
	is(cdc_hba_decode("a\\\\b\\303\\251\\377\nc"), "a\\b\xc3\xa9\xff\nc", "bytea escape is decoded");
	is(cdc_hba_decode("a\\000b"), NULL, "a NUL byte is refused");
	is(cdc_hba_decode("a\\x"), NULL, "what is no escape is refused");
	is(cdc_hba_decode("a\\"), NULL, "... at the end too");
	ok(strstr(cdc_hba_write_sql("/a'b\\c", "00", "x", "us"), "\\'") == NULL ||
	   strstr(cdc_hba_write_sql("/a'b\\c", "00", "x", "us"), " E'") != NULL, "a backslash in the path makes it an E'' literal");
}

/* A random file: lines from a stock that has everything awkward. */
static char *
random_file(void)
{
	static const char *const stock[] = {
		"host all all 127.0.0.1/32 trust", "local all all peer", "# comment", "", "   ", "\t#",
		"host \"a b\" +group 10.0.0.0/8 md5", "# BEGIN something else", "# END something else",
		"hostssl all @file samenet cert map=x", "continued \\", "include_if_exists other.conf",
		"host \"app\" \"rx\" 10.0.0.0/24 scram-sha-256 # cdc_pipeline dddddddd-0000-4000-8000-00000000000d",
		"#BEGIN cdc_pipeline", " # BEGIN cdc_pipeline", "\xff\xfe\x80", "host all all all md5 # cdc_pipeline"
	};
	static const char *const ends[] = {"\n", "\r\n", "\n\n"};
	StringInfoData buf;
	int			n = (int) (random() % 12);

	initStringInfo(&buf);
	while (n-- > 0)
		appendStringInfo(&buf, "%s%s", stock[random() % lengthof(stock)],
						 n == 0 && random() % 2 ? "" : ends[random() % lengthof(ends)]);
	return buf.data;
}

static void
properties(void)
{
	static const char *const ids[] = {A, B, C};
	static const char *const names[] = {"app", "all", "a \"b", "#x", "\xc3\xa9", "\\"};
	const char *seed = getenv("CDC_TEST_SEED");
	bool		identity = true;
	bool		idempotent = true;
	bool		present = true;
	bool		any_order = true;
	bool		others_kept = true;
	int			round;

	srandom(seed ? (unsigned) strtoul(seed, NULL, 10) : 4711);
	for (round = 0; round < 5000; round++)
	{
		char	   *file = random_file();
		CdcHbaLine	l[3];
		char	   *all;
		char	   *steps = file;
		char	   *other = file;
		int			i;

		for (i = 0; i < 3; i++)
		{
			l[i].pipeline_id = ids[i];
			l[i].database = names[random() % lengthof(names)];
			l[i].role = names[random() % lengthof(names)];
			l[i].cidr = random() % 2 ? "10.0.0.0/8" : "::1/128";
		}
		all = cdc_hba_apply(file, l, 3, NULL, 0);
		idempotent = idempotent && strcmp(cdc_hba_apply(all, l, 3, NULL, 0), all) == 0;
		present = present && has(all, l, 3);
		for (i = 0; i < 3; i++)
		{
			steps = add(steps, &l[i]);
			other = add(other, &l[2 - i]);
		}
		any_order = any_order && strcmp(steps, all) == 0 && strcmp(other, all) == 0;
		steps = take(all, only_b);
		others_kept = others_kept && has(steps, &l[0], 1) && has(steps, &l[2], 1) &&
			!left(steps, B);
		identity = identity && strcmp(cdc_hba_apply(all, NULL, 0, ids, 3), file) == 0 &&
			strcmp(cdc_hba_apply(cdc_hba_apply(steps, NULL, 0, ids, 1), NULL, 0, ids + 2, 1), file) == 0;
		if (!(identity && idempotent && present && any_order && others_kept))
		{
			printf("# round %d, file:\n# %s\n", round, file);
			break;
		}
	}
	ok(identity, "add and remove is identity");
	ok(idempotent, "adding twice is adding once");
	ok(present, "what was added is there");
	ok(any_order, "any order gives the same file");
	ok(others_kept, "removing one keeps the others");
}

int
main(void)
{
	lines();
	one_file();
	by_hand();
	encodings();
	properties();
	return done_testing();
}
