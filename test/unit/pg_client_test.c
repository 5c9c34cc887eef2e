/* link: src/worker/io/pg_client.c src/worker/io/pg_socket.c src/worker/io/pg_connect.c src/worker/io/pg_query.c src/worker/io/pg_answer.c src/common/pg_login.c src/worker/io/pg_words.c src/worker/io/descriptors.c src/worker/io/pool.c src/worker/io/fair.c src/common/ring.c src/worker/io/names.c src/worker/io/peers.c src/common/pg_parameters.c src/common/pg_auth.c src/common/address.c */
/* libs: -lpq -lssl -lcrypto -lpgcommon -lpgport */
/* flags: -I/usr/include/postgresql -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer */
/*
 * pg_client_test.c
 *	  Whoever is told that a connection did not come about may close it, at once:
 *	  nothing of it is used afterwards, and everybody is told once.  Of a name's
 *	  addresses each is judged, and tried; nobody is gone to without the CA.  What
 *	  was secret is wiped.
 *
 * The client with libpq, on a loop and a memory of the test's own, under
 * AddressSanitizer: what is freed here is gone.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "common/redact.h"
#include "common/text.h"
#include "worker/io/guard.h"
#include "worker/io/descriptors.h"
#include "worker/io/peer_address.h"
#include "worker/io/peers.h"
#include "worker/io/pg_client.h"
#include "worker/io/pg_result.h"
#include "worker/io/resolver.h"

#undef printf
#undef snprintf
#define OWN_MEMORY
#include "server.h"
#include "loop.h"
#include "tap.h"

/* --- memory: each piece malloc'd, so that what is freed is known to be ------------------- */
typedef struct Piece
{
	struct MemoryContextData *context;
	struct Piece *next;
	struct Piece *prev;
	size_t		size;
} Piece;

/* Of owners that wait, of organizations, of peers: they stay. */
#define HASH_TABLES 3

/* What is secret of the connections here; a piece that is freed with it in it was not wiped. */
#define PASSWORD "the-password-5c"
#define KEY "the-private-key-5c"
static int	not_wiped;

static struct MemoryContextData top;
static Piece pieces = {NULL, &pieces, &pieces, 0};
MemoryContext TopMemoryContext = &top;
MemoryContext CurrentMemoryContext = &top;

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	Piece	   *p = calloc(1, sizeof(Piece) + size);

	p->context = context;
	p->size = size;
	p->next = pieces.next;
	p->prev = &pieces;
	p->next->prev = p;
	pieces.next = p;
	return p + 1;
}

void
pfree(void *pointer)
{
	Piece	   *p = (Piece *) pointer - 1;

	if (memmem(pointer, p->size, PASSWORD, strlen(PASSWORD)) || memmem(pointer, p->size, KEY, strlen(KEY)))
		not_wiped++;
	p->prev->next = p->next;
	p->next->prev = p->prev;
	free(p);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return MemoryContextAlloc(context, size);
}

/* Of the hash table, which stays. */
void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return calloc(1, size);
}

void *
palloc0(Size size)
{
	return MemoryContextAlloc(CurrentMemoryContext, size);
}

char *
MemoryContextStrdup(MemoryContext context, const char *string)
{
	return strcpy(MemoryContextAlloc(context, strlen(string) + 1), string);
}

char *
pstrdup(const char *string)
{
	return MemoryContextStrdup(CurrentMemoryContext, string);
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minimum, Size first, Size most)
{
	return malloc(sizeof(struct MemoryContextData));
}

void
MemoryContextDelete(MemoryContext context)
{
	Piece	   *p;
	Piece	   *next;

	for (p = pieces.next; p != &pieces; p = next)
	{
		next = p->next;
		if (p->context == context)
			pfree(p + 1);
	}
	free(context);
}

/* --- what else a server has ------------------------------------------------------------- */
static int	external_fds;

char *
cdc_text_line(char *to, size_t size, const char *from)
{
	strlcpy(to, from, size);
	return to;
}

char *
cdc_redact(const char *text, const char *const *secrets, int nsecrets)
{
	return pstrdup(text);
}

bool
cdc_guard(void (*call) (void *arg), void *arg, const char *what, char *why, size_t size)
{
	call(arg);
	return true;
}

bool
cdc_pg_fits(void *pgresult, const CdcPgShape *shape, char *why, size_t size)
{
	return true;
}

/* --- names ------------------------------------------------------------------------------- */
static const char *refused;
static const char *refused_address; /* this one alone; NULL: each */
static const char *resolved_to[2] = {"127.0.0.1", "127.0.0.1"};

const char *
cdc_peer_refused(const CdcAddress *address)
{
	CdcAddress	other;

	return refused_address == NULL || (cdc_address_parse(refused_address, &other) && cdc_address_same(address, &other)) ? refused : NULL;
}

void
cdc_resolver_init(CdcLoop *loop)
{
}

void
cdc_resolver_shutdown(void)
{
}

void
cdc_resolve(const char *name, CdcResolved resolved, void *arg)
{
	CdcAddress	addresses[2];

	/* a name with two addresses, as literals are: from within the call */
	cdc_address_parse(resolved_to[0], &addresses[0]);
	cdc_address_parse(resolved_to[1], &addresses[1]);
	resolved(addresses, 2, NULL, arg);
}

/* --- the cases ----------------------------------------------------------------------------- */
typedef enum Then
{
	NOTHING,
	CLOSE,						/* the connection that is told */
	CLOSE_OTHER,
	ASK_AND_CLOSE,
	ASK_AGAIN
} Then;

static CdcPgConn *conns[2];
static Then then;
static int	told;
static int	cancelled;
static int	within;				/* a call of ours: nobody may be told meanwhile */
static bool told_within;
static char last[200];

static void done(const CdcPgResult *result, void *arg);

static void
ask(CdcPgConn *conn, void *arg)
{
	within++;
	cdc_pg_exec(conn, "SELECT 1", 0, NULL, NULL, 200, done, arg);
	within--;
}

static void
close_conn(int n)
{
	CdcPgConn  *conn = conns[n];

	conns[n] = NULL;
	if (conn)
		cdc_pg_close(conn);
}

static void
done(const CdcPgResult *result, void *arg)
{
	int			n = (int) (intptr_t) arg;
	Then		now = then;

	told++;
	told_within = told_within || within > 0;
	if (result->outcome == CDC_PG_CANCELLED)
	{
		cancelled++;
		return;
	}
	strlcpy(last, result->error ? result->error : "", sizeof(last));
	then = NOTHING;
	if (now == ASK_AND_CLOSE || now == ASK_AGAIN)
		ask(conns[n], arg);
	if (now == CLOSE || now == ASK_AND_CLOSE)
		close_conn(n);
	if (now == CLOSE_OTHER)
		close_conn(1 - n);
}

/* Both connections are asked three things each; the first answer does what it does. */
static void
run(const char *name, int port, Then what)
{
	CdcPgTarget target = {.host = "h", .port = port, .database = "d", .user = "u", .password = PASSWORD, .connect_timeout_ms = 300};
	int			asked = 6 + (what == ASK_AND_CLOSE || what == ASK_AGAIN);
	int64		until = cdc_loop_now() + 5000;
	char		words[500];
	int			n;

	told = cancelled = 0;
	told_within = false;
	then = what;
	for (n = 0; n < 2; n++)
		conns[n] = cdc_pg_open(&target);
	for (n = 0; n < 6; n++)
		ask(conns[n % 2], (void *) (intptr_t) (n % 2));
	while (told < asked && cdc_loop_now() < until)
		turn();
	for (n = 0; n < 2; n++)
		close_conn(n);
	snprintf(words, sizeof(words), "%s: told %d of %d, %d of them cancelled: %s", name, told, asked, cancelled, last);
	ok(told == asked && !told_within && cancelled == (what == CLOSE ? 2 : what == CLOSE_OTHER ? 3 : what == ASK_AND_CLOSE ? 3 : 0), words);
}

/* --- where it goes -------------------------------------------------------------------------- */
static bool no_memory_files;

/* In libc's place. */
int
memfd_create(const char *name, unsigned int flags)
{
	if (no_memory_files)
	{
		errno = EMFILE;
		return -1;
	}
	return (int) syscall(SYS_memfd_create, name, flags);
}

/* A socket that listens at an address, on a port of its own where it is 0. */
static int
listener(const char *address, int *port)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(*port)};
	socklen_t	length = sizeof(here);
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, address, &here.sin_addr);
	if (bind(fd, (struct sockaddr *) &here, sizeof(here)) != 0 || listen(fd, 64) != 0)
		abort();
	getsockname(fd, (struct sockaddr *) &here, &length);
	*port = ntohs(here.sin_port);
	return fd;
}

/* How many have come there. */
static int
callers(int fd)
{
	int			n = 0;
	int			client;

	while ((client = accept(fd, NULL, NULL)) >= 0)
	{
		n++;
		close(client);
	}
	return n;
}

/* One connection is asked one thing, which nobody answers; last has why. */
static void
try(const char *host, int port, const char *ca)
{
	CdcPgTarget target = {.host = host, .port = port, .database = "d", .user = "u", .password = PASSWORD, .sslmode = ca ? "require" : NULL, .ca = ca,
		.client_cert = ca, .client_key = ca ? KEY : NULL, .connect_timeout_ms = 300};
	int64		until = cdc_loop_now() + 5000;

	told = 0;
	then = NOTHING;
	conns[0] = cdc_pg_open(&target);
	ask(conns[0], (void *) 0);
	while (told < 1 && cdc_loop_now() < until)
		turn();
	close_conn(0);
}

static void
where_it_goes(void)
{
	int			port = 0;
	int			one = listener("127.0.0.1", &port);
	int			other = listener("127.0.0.2", &port);
	int			i;

	refused = "a loopback address";
	for (i = 0; i < 2; i++)
	{
		resolved_to[i] = "127.0.0.1";
		resolved_to[1 - i] = "127.0.0.2";
		refused_address = "127.0.0.1";
		try("h", port, NULL);
		is_number(callers(one), 0, "of a name's two addresses nobody comes to the one that is refused");
		ok(callers(other) > 0, "and somebody to the other");
	}
	refused_address = NULL;
	try("h", port, NULL);
	is_number(callers(one) + callers(other), 0, "where both are refused nobody comes");
	ok(strstr(last, "members may not send the worker") != NULL, "... in our words");
	refused = NULL;
	try("h", port, NULL);
	ok(callers(one) > 0 && callers(other) > 0, "a name's addresses are all tried");

	try("h", port, "a certificate");
	ok(callers(one) + callers(other) > 0, "a server whose CA is given is gone to");
	no_memory_files = true;
	try("h", port, "a certificate");
	is_number(callers(one) + callers(other), 0, "but not when there is no file for it");
	ok(strstr(last, "its certificates could not be given") != NULL, "... which is told");
	no_memory_files = false;
	close(one);
	close(other);
}

int
main(void)
{
	static const char *const names[] = {"nothing", "the connection is closed", "the other is closed", "something is asked and it is closed", "it is asked once more"};
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t	length = sizeof(here);
	int			silent = socket(AF_INET, SOCK_STREAM, 0);
	int			closed = socket(AF_INET, SOCK_STREAM, 0);
	int			silent_port;
	int			closed_port;
	int			what;
	int			before;
	int			left = 0;
	Piece	   *piece;

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(silent, (struct sockaddr *) &here, sizeof(here)) != 0 || listen(silent, 64) != 0 || getsockname(silent, (struct sockaddr *) &here, &length) != 0)
		abort();
	silent_port = ntohs(here.sin_port);
	here.sin_port = 0;
	if (bind(closed, (struct sockaddr *) &here, sizeof(here)) != 0 || getsockname(closed, (struct sockaddr *) &here, &length) != 0)
		abort();
	closed_port = ntohs(here.sin_port);

	cdc_descriptors_init(NULL);
	cdc_pg_init(NULL);
	before = dup(0);
	close(before);
	for (what = NOTHING; what <= ASK_AGAIN; what++)
	{
		char		name[200];

		refused = NULL;
		snprintf(name, sizeof(name), "refused, and then %s", names[what]);
		run(name, closed_port, what);
		ok(strstr(last, "connection refused") != NULL, "... in our words");
		snprintf(name, sizeof(name), "no answer, and then %s", names[what]);
		run(name, silent_port, what);
		refused = "a loopback address";
		snprintf(name, sizeof(name), "an address of the machine, and then %s", names[what]);
		run(name, silent_port, what);
		ok(strstr(last, "members may not send the worker") != NULL, "... in our words");
	}
	where_it_goes();
	cdc_peers_forget("");
	what = dup(0);
	is_number(what, before, "no descriptor is left");
	is_number(external_fds, 0, "nor one that is counted");
	for (piece = pieces.next; piece != &pieces; piece = piece->next)
		left++;
	is_number(left, HASH_TABLES, "nor memory, but for tables without an entry");
	is_number(not_wiped, 0, "and no piece of it was given back with a password or a key in it");
	return done_testing();
}
