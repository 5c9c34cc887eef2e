/* link: src/worker/io/http_client.c src/worker/io/http_request.c src/worker/io/http_fault.c src/worker/io/descriptors.c src/worker/io/pool.c src/worker/io/fair.c src/common/ring.c src/worker/io/names.c src/worker/io/peers.c src/common/address.c src/common/text.c */
/* libs: -lcurl -lpgcommon -lpgport */
/* flags: -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer */
/*
 * http_client_test.c
 *	  Requests and their turns: what one that comes waits for behind thousands of
 *	  others, how many are under way, who is left alone after a refusal.
 *
 * The client with libcurl, against a server in this process, on a loop of the
 * test's own.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpq/pqsignal.h"

#include "worker/io/descriptors.h"
#include "worker/io/guard.h"
#include "worker/io/http_client.h"
#include "worker/io/peer_address.h"
#include "worker/io/peers.h"

#undef printf
#undef snprintf
#include "server.h"
#include "loop.h"
#include "tap.h"

/* --- what a server has ------------------------------------------------------------------- */
sigset_t	BlockSig;

bool
cdc_guard(void (*call) (void *arg), void *arg, const char *what, char *why, size_t size)
{
	call(arg);
	return true;
}

const char *
cdc_peer_refused(const CdcAddress *address)
{
	return NULL;
}

/* --- a server ---------------------------------------------------------------------------- */
static int	asked;				/* requests that came */
static int	marked;				/* how many had come when the one that is looked for did, -1: it has not */
static int	status = 200;
static const char *answered = "{}";
static const char *raw;			/* sent in place of an answer, and the connection closed; NULL: it is answered */

static void
serve(int fd, int events, void *arg)
{
	char		request[4096];
	char		answer[200];
	ssize_t		n = recv(fd, request, sizeof(request) - 1, 0);

	if (n <= 0)
	{
		cdc_loop_forget(NULL, fd);
		close(fd);
		return;
	}
	request[n] = '\0';
	if (strncmp(request, "GET /mine", 9) == 0)
		marked = asked;
	asked++;
	if (raw)
	{
		if (raw[0] != '\0' && send(fd, raw, strlen(raw), MSG_NOSIGNAL) < 0)
			abort();
		cdc_loop_forget(NULL, fd);
		close(fd);
		return;
	}
	snprintf(answer, sizeof(answer), "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(answered), answered);
	if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
		abort();
}

static void
let_in(int fd, int events, void *arg)
{
	int			client = accept(fd, NULL, NULL);

	if (client >= 0)
		cdc_loop_watch(NULL, client, CDC_IO_READ, serve, NULL);
}

static int
server(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t	length = sizeof(here);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *) &here, sizeof(here)) != 0 || listen(fd, 64) != 0)
		abort();
	getsockname(fd, (struct sockaddr *) &here, &length);
	cdc_loop_watch(NULL, fd, CDC_IO_READ, let_in, NULL);
	return ntohs(here.sin_port);
}

/* --- the cases ------------------------------------------------------------------------------ */
static int	told;
static int	last_status;
static CdcHttpOutcome last_outcome;
static char last_error[1024];

static void
done(const CdcHttpResult *result, void *arg)
{
	told++;
	last_status = result->status;
	last_outcome = result->outcome;
	strlcpy(last_error, result->error ? result->error : "", sizeof(last_error));
}

/* As peers' vocabularies say (src/remote). */
static bool
forbids(const char *body)
{
	return strcmp(body, "{}") == 0;
}

static const char *asked_body;	/* of what is asked next, NULL: none */

static CdcHttpHandle *
ask(int port, const char *path, const char *organization, const char *service, const char *password)
{
	CdcHttpRequest r;
	char		url[100];

	memset(&r, 0, sizeof(r));
	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	r.url = url;
	r.body = asked_body;
	r.user = "u";
	r.password = password;
	r.any_address = true;
	r.connect_timeout_ms = r.timeout_ms = 20000;
	r.kind = CDC_PEER_CONNECT;
	r.forbids = forbids;
	strlcpy(r.owner.organization, organization, sizeof(r.owner.organization));
	strlcpy(r.owner.service, service, sizeof(r.owner.service));
	return cdc_http_start(&r, done, NULL);
}

static void
until_told(int n)
{
	int64		until = cdc_loop_now() + 60000;

	while (told < n && cdc_loop_now() < until)
		turn();
}

/* So many of other owners wait at a host; one more comes: how many are served before it? */
static int
behind(int port, int organizations, int services, int others)
{
	char		organization[20];
	char		service[20];
	int			before;
	int			i;

	told = asked = 0;
	marked = -1;
	for (i = 0; i < others; i++)
	{
		snprintf(organization, sizeof(organization), "o%d", i % organizations);
		snprintf(service, sizeof(service), "s%d", i % services);
		ask(port, "/others", organization, service, "p");
	}
	/* a few have been */
	until_told(5);
	before = asked;
	ask(port, "/mine", "me", "mine", "p");
	until_told(others + 1);
	return told == others + 1 && marked >= 0 ? marked - before : -1;
}

/* What answers at a port that is not Connect's. */
static void
others_ports(int port)
{
	told = 0;
	raw = "";
	ask(port, "/", "o", "broker", "p");
	until_told(1);
	ok(strstr(last_error, "closed without an answer") && strstr(last_error, "Kafka broker") && strstr(last_error, "https://"), "a broker hangs up on HTTP: that it may be one is said");
	raw = "\x15\x03\x03\x02\x02\x02\x50";	/* an alert of TLS */
	ask(port, "/", "o", "tls", "p");
	until_told(2);
	ok(strstr(last_error, "is not HTTP") && strstr(last_error, "https://"), "what speaks TLS is not HTTP, and https:// is named");
	raw = NULL;
}

static void
refusals(int port)
{
	int			n;

	told = asked = 0;
	status = 401;
	ask(port, "/", "o", "s", "wrong");
	until_told(1);
	for (n = 2; n <= 20; n++)
	{
		ask(port, "/", "o", "s", "wrong");
		until_told(n);
	}
	ok(told == 20 && asked == 1, "who does not know us is asked once, and then left alone for a while");
	ok(last_outcome == CDC_HTTP_ANSWERED && last_status == 401, "... and others are told what it said");
	status = 200;
	ask(port, "/", "o", "s", "right");
	until_told(21);
	ok(asked == 2 && last_status == 200, "with other credentials it is asked at once");

	status = 401;
	ask(port, "/", "o", "s", "wrong");
	until_told(22);
	ask(port, "/", "o", "t", "wrong");
	until_told(23);
	is_number(asked, 4, "and so it is for another service, which may have heard another answer");
	cdc_peers_forget("s");
	ask(port, "/", "o", "s", "wrong");
	until_told(24);
	is_number(asked, 5, "and when the service was loaded anew");

	cdc_peers_forget("s");
	status = 403;
	ask(port, "/forbidden", "o", "s", "p");
	until_told(25);
	status = 200;
	ask(port, "/allowed", "o", "s", "p");
	until_told(26);
	ok(asked == 7 && last_status == 200, "what we may not is asked once, and what we may at any time");
	ask(port, "/forbidden", "o", "s", "p");
	until_told(27);
	ok(asked == 7 && last_status == 403, "... and only that is left alone");
	asked_body = "{\"for\": \"another\"}";
	ask(port, "/forbidden", "o", "s", "p");
	asked_body = NULL;
	until_told(28);
	ok(asked == 7 && last_status == 403, "... whatever it is asked for");

	cdc_peers_forget("s");
	status = 403;
	answered = "{\"error\": \"not that one\"}";
	asked_body = "{\"for\": \"one\"}";
	ask(port, "/wish", "o", "s", "p");
	until_told(29);
	status = 200;
	answered = "{}";
	asked_body = "{\"for\": \"another\"}";
	ask(port, "/wish", "o", "s", "p");
	asked_body = NULL;
	until_told(30);
	ok(asked == 9 && last_status == 200, "a 403 that refuses one wish is an answer like any other: the next is asked");
	cdc_peers_forget("s");
	cdc_peers_forget("t");
}

int
main(void)
{
	int			ports[2];
	int			n;
	CdcHttpHandle *handle;

	sigemptyset(&BlockSig);
	cdc_descriptors_init(NULL);
	cdc_http_init(NULL);
	ports[0] = server();
	ports[1] = server();

	n = behind(ports[0], 1, 100, 2000);
	printf("# %d before it\n", n);
	ok(n >= 0 && n <= CDC_HTTP_PER_HOST + 1, "at a host behind 2,000 requests of one organization another one's is next");
	n = behind(ports[0], 20, 100, 2000);
	printf("# %d before it\n", n);
	ok(n >= 0 && n <= CDC_HTTP_PER_HOST + 20, "behind those of 20 it waits for one of each");
	ok(most_fds <= CDC_HTTP_PER_HOST, "no request that waits has a descriptor");
	is_number(external_fds, 0, "and all are given back");

	told = 0;
	for (n = 0; n < 20; n++)
		handle = ask(ports[n % 2], "/", "o", "s", "p");
	cdc_http_cancel(handle);
	ok(told == 1 && last_outcome == CDC_HTTP_CANCELLED, "one that waits is cancelled");
	until_told(20);
	is_number(told, 20, "and the others are served");

	refusals(ports[0]);
	others_ports(ports[0]);
	ask(ports[0], "/", "o", "s", "p");
	ask(ports[0], "/", "o", "s", "p");
	cdc_http_shutdown();
	is_number(external_fds, 0, "at the end nothing is left");
	return done_testing();
}
