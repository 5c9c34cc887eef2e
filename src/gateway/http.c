/*
 * http.c
 *	  The HTTP side: libmicrohttpd, driven by the loop.
 *
 * The library calls handle() once when the header is there, once for each part
 * of the body, once when the request is complete; then the connection is
 * suspended until the answer is known, and called once more to queue it.  Where
 * there is a body it is suspended after the first call as well, until the
 * credentials are known to be right, and called again.  An answer that is
 * queued before the body was read closes the connection: only refusals are.
 */
#include "gateway/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include "gateway/access_log.h"
#include "gateway/client.h"
#include "gateway/config.h"
#include "gateway/incoming.h"
#include "gateway/metrics.h"
#include "gateway/openapi.h"
#include "gateway/pool.h"
#include "gateway/request.h"
#include "gateway/tls.h"

static struct MHD_Daemon *http;
static LoopSource listener;
static bool work;				/* the library has some */
static bool stopping;
static int	in_flight;

/* --- one request --------------------------------------------------------- */

/* Its answer is here, or its body may come: the library may call handle() again. */
static void
goes_on(Request *request)
{
	if (request->counted)
		in_flight--;
	request->counted = false;
	if (request->suspended)
	{
		request->suspended = false;
		MHD_resume_connection(request->connection);
		work = true;
	}
}

/* The library's callback when it has read a request line. */
static void *
begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	Request    *request = request_new(connection, uri, goes_on);

	client_set(request->client, CLIENT_RECEIVING);
	return request;
}

static void
over(void *cls, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
	Request    *request = *context;
	uint64		now;
	int			route;

	if (request == NULL)
		return;
	*context = NULL;
	if (request->phase == REQUEST_ARRIVING || request->phase == REQUEST_PROVING)
	{
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);

		/* what the library or the deadline said to it; else it went away */
		request->status = request->client->refused != 0 ? request->client->refused :
			info != NULL && info->http_status != 0 ? (int) info->http_status : 499;
	}
	now = loop_clock();
	route = request->target != NULL ? openapi_route(request->target, request->path_length) : 0;
	metrics_count(route, request->status, now - request->began);
	access_log_write(request, openapi_template(route), now - request->began);
	if (request->credentials)
		request->client->known = request->proven;
	client_set(request->client, CLIENT_IDLE);
	request_free(request);
}

static void
add_unless_there(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_get_response_header(response, name) == NULL)
		(void) MHD_add_response_header(response, name, value);
}

static enum MHD_Result
queue(Request *request)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (request->metrics && request->status == 200)
	{
		StringInfoData own;

		initStringInfo(&own);
		metrics_print(&own);
		request_append(request, own.data, own.len);
		pg_free(own.data);
	}
	response = MHD_create_response_from_buffer(request->answer_length, request->answer != NULL ? request->answer : "", MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return MHD_NO;
	if (request->answer_headers != NULL)
	{
		struct json_object *headers = json_tokener_parse(request->answer_headers);

		if (json_object_is_type(headers, json_type_object))
		{
			json_object_object_foreach(headers, name, value)
				(void) MHD_add_response_header(response, name, json_object_get_string(value));
		}
		json_object_put(headers);
	}
	add_unless_there(response, "X-Request-Id", request->id);
	add_unless_there(response, "Cache-Control", "no-store");
	add_unless_there(response, "X-Content-Type-Options", "nosniff");
	if (request->close || stopping)
		(void) MHD_add_response_header(response, "Connection", "close");
	request->phase = REQUEST_SENDING;
	client_set(request->client, CLIENT_SENDING);
	result = MHD_queue_response(request->connection, request->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Room for so many bytes more; what is left behind is wiped, since it may be a secret. */
static void
enlarge(StringInfo body, size_t size)
{
	size_t		wanted = (size_t) body->len + size + 1;
	char	   *larger;

	if (wanted <= (size_t) body->maxlen)
		return;
	wanted = Max(wanted, (size_t) body->maxlen * 2);
	larger = pg_malloc(wanted);
	memcpy(larger, body->data, body->len + 1);
	explicit_bzero(body->data, body->len);
	pg_free(body->data);
	body->data = larger;
	body->maxlen = (int) wanted;
}

/* The body came in part. */
static enum MHD_Result
take_body(Request *request, const char *data, size_t *length)
{
	size_t		size = *length;

	*length = 0;
	if (request->body.len + size > (size_t) config.max_body)
	{
		client_refuse(request->client, 413, "Content Too Large", "{\"error\":\"the body is too large\",\"code\":\"body_too_large\"}");
		return MHD_NO;
	}
	if (!request_hold(request, size))
	{
		client_refuse(request->client, 503, "Service Unavailable", "{\"error\":\"the gateway has no memory for this now\",\"code\":\"busy\"}");
		return MHD_NO;
	}
	enlarge(&request->body, size);
	appendBinaryStringInfo(&request->body, data, (int) size);
	return MHD_YES;
}

/* The header was judged: it is refused, or its body may come, or that is not known yet. */
static enum MHD_Result
after_header(Request *request)
{
	request->at_header = request->phase == REQUEST_PROVING;
	if (request->at_header)
	{
		client_set(request->client, CLIENT_WORKING);
		request->suspended = true;
		MHD_suspend_connection(request->connection);
		return MHD_YES;
	}
	if (request->phase == REQUEST_ANSWERED)
	{
		/* what was not read would be taken for the next request */
		request->close |= request->has_body;
		request->client->unfinished = request->has_body;
		return queue(request);
	}
	client_set(request->client, CLIENT_RECEIVING);
	return MHD_YES;
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
	   const char *upload_data, size_t *upload_data_size, void **context)
{
	Request    *request = *context;

	if (request == NULL)
		return MHD_NO;
	if (request->method[0] == '\0')
	{
		/* the first call: the header is there */
		incoming_header(request, method, version);
		return after_header(request);
	}
	if (request->at_header)
		return after_header(request);
	if (*upload_data_size != 0)
		return take_body(request, upload_data, upload_data_size);
	if (request->phase == REQUEST_ARRIVING)
	{
		request->phase = REQUEST_COMPLETE;
		client_set(request->client, CLIENT_WORKING);
		in_flight++;
		request->counted = true;
		incoming_complete(request);
		if (request->phase == REQUEST_COMPLETE)
		{
			request->suspended = true;
			MHD_suspend_connection(connection);
			return MHD_YES;
		}
	}
	if (request->phase == REQUEST_ANSWERED)
		return queue(request);
	return MHD_YES;
}

/* --- the library ------------------------------------------------------------ */

static void
ready(LoopSource *source, uint32 events)
{
	work = true;
}

static void
fatal(const char *what, const char *why)
{
	fprintf(stderr, "cdc_gateway: %s: %s\n", what, why);
	exit(1);
}

/* A socket that listens on config.listen; says where on stderr. */
static int
listen_socket(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list;
	struct sockaddr_storage bound;
	socklen_t	size = sizeof(bound);
	char		host[256];
	char		str[64] = "";
	char		port[8] = "";
	char	   *colon;
	int			one = 1;
	int			code;
	int			fd;

	strlcpy(host, config.listen != NULL ? config.listen : "", sizeof(host));
	colon = strrchr(host, ':');
	if (colon == NULL)
		fatal("listen", "host:port is wanted");
	*colon = '\0';
	if (host[0] == '[' && colon > host && colon[-1] == ']')
	{
		colon[-1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	code = getaddrinfo(host[0] != '\0' && strcmp(host, "*") != 0 ? host : NULL, colon + 1, &hints, &list);
	if (code != 0)
		fatal(config.listen, gai_strerror(code));
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		fatal(config.listen, strerror(errno));
	(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, 1024) != 0)
		fatal(config.listen, strerror(errno));
	freeaddrinfo(list);
	(void) getsockname(fd, (struct sockaddr *) &bound, &size);
	(void) getnameinfo((struct sockaddr *) &bound, size, str, sizeof(str), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	fprintf(stderr, "cdc_gateway: listening on %s:%s%s\n", str, port, config.tls_certificate != NULL ? " with TLS" : "");
	return fd;
}

void
http_start(void)
{
	const union MHD_DaemonInfo *info;
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem options[12];
	int			n = 0;
	int			fd;

	if (config.tls_certificate != NULL)
	{
		if (!tls_load())
			exit(1);
		flags |= MHD_USE_TLS;
		options[n++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *) tls_certificate};
		options[n++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
	}
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_CONNECTION_LIMIT, config.max_connections + client_lobby(), NULL};
	/* what the guard lets through, with the library's list of headers, and the answer's header; zeroed for each request, so no more */
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_CONNECTION_MEMORY_LIMIT, config.max_uri + config.max_header + 20 * 1024, NULL};
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) over, NULL};
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t) client_notify, NULL};
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) begin, NULL};
#if MHD_VERSION >= 0x00097600
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_CLIENT_DISCIPLINE_LVL, 2, NULL};
#else
	/* what its strictness refuses it closes without an answer: the guard answers */
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL};
#endif
	options[n++] = (struct MHD_OptionItem) {MHD_OPTION_END, 0, NULL};

	fd = listen_socket();
	http = MHD_start_daemon(flags, 0, client_accept, NULL, handle, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (http == NULL)
		fatal("libmicrohttpd", "could not be started");
	info = MHD_get_daemon_info(http, MHD_DAEMON_INFO_EPOLL_FD);
	listener.ready = ready;
	loop_add(&listener, info->epoll_fd, EPOLLIN);
}

void
http_run(void)
{
	if (!work)
		return;
	work = false;
	(void) MHD_run(http);
}

uint64
http_expire(void)
{
	MHD_UNSIGNED_LONG_LONG timeout;
	uint64		next = request_expire();

	if (work || (MHD_get_timeout(http, &timeout) == MHD_YES && timeout == 0))
	{
		work = true;
		return loop_now;
	}
	return next;
}

void
http_stop(void)
{
	int			fd = MHD_quiesce_daemon(http);

	if (fd >= 0)
		close(fd);
	stopping = true;
	client_stop();
	work = true;
}

void
http_end(void)
{
	loop_remove(&listener);
	MHD_stop_daemon(http);
}

int
http_in_flight(void)
{
	return in_flight;
}
