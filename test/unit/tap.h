/*
 * tap.h
 *	  The few words of TAP that unit tests need.
 *
 * Everything is static: a test is one program.  End main with
 * "return done_testing();".
 */
#ifndef CDC_TEST_TAP_H
#define CDC_TEST_TAP_H

#include <stdio.h>
#include <string.h>

static int	tap_tests;
static int	tap_failures;

#define TAP_UNUSED __attribute__((unused))

static TAP_UNUSED bool
ok(bool good, const char *what)
{
	tap_tests++;
	if (!good)
		tap_failures++;
	printf("%sok %d - %s\n", good ? "" : "not ", tap_tests, what);
	return good;
}

static TAP_UNUSED bool
is(const char *got, const char *wanted, const char *what)
{
	bool		same = got == NULL || wanted == NULL ? got == wanted : strcmp(got, wanted) == 0;

	if (!ok(same, what))
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", wanted ? wanted : "(null)");
	return same;
}

static TAP_UNUSED bool
is_number(long long got, long long wanted, const char *what)
{
	if (!ok(got == wanted, what))
		printf("#      got: %lld\n# expected: %lld\n", got, wanted);
	return got == wanted;
}

static TAP_UNUSED int
done_testing(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failures == 0 ? 0 : 1;
}

#endif							/* CDC_TEST_TAP_H */
