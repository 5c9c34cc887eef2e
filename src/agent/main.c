/*
 * main.c
 *	  cdc_agent: HTTP by libmicrohttpd, who may ask, start and end.
 *
 * Owns the server, the token and the process's life.  What a request means is
 * request.c's, what it does api.c's.
 */
#include "common/base.h"

#include <curl/curl.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netdb.h>
#include <unistd.h>

#include "agent/api.h"
#include "agent/client.h"
#include "agent/config.h"
#include "agent/fence.h"
#include "agent/files.h"
#include "agent/job.h"
#include "agent/process.h"
#include "agent/provision.h"
#include "agent/service_list.h"
#include "agent/secret.h"
#include "common/pg_parameters.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif
#ifdef CDC_COVERAGE
#include <gcov.h>
#endif

#define MIN_TOKEN 16
#define MAX_TOKEN 512
#define THREADS 4
#define HEADER_BYTES 16384

#ifndef CDC_VERSION
#define CDC_VERSION "unknown"
#endif

static unsigned char token_digest[SHA256_DIGEST_LENGTH];
static pthread_mutex_t token_lock = PTHREAD_MUTEX_INITIALIZER;

/* One request while its body comes in. */
typedef struct Pending
{
	StringInfoData body;
	bool		too_large;
} Pending;

/* Reads the token's file; only its owner may be able to. */
static bool
load_token(const AgentConfig *config, char **error)
{
	char	   *token = agent_read_secret("token_file", config->token_file, MAX_TOKEN + 2, error);
	size_t		length;
	bool		ok = false;

	if (token == NULL)
		return false;
	length = strcspn(token, "\r\n");
	token[length] = '\0';
	if (length < MIN_TOKEN || length > MAX_TOKEN)
		*error = psprintf("token_file \"%s\" must hold %d to %d characters on one line", config->token_file, MIN_TOKEN, MAX_TOKEN);
	else
	{
		pthread_mutex_lock(&token_lock);
		SHA256((unsigned char *) token, length, token_digest);
		pthread_mutex_unlock(&token_lock);
		ok = true;
	}
	explicit_bzero(token, strlen(token));
	pfree(token);
	return ok;
}

/* Digests are compared, in constant time: neither content nor length is told. */
static bool
may_ask(struct MHD_Connection *connection)
{
	const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	unsigned char digest[SHA256_DIGEST_LENGTH];
	bool		same;

	if (header == NULL || pg_strncasecmp(header, "Bearer ", 7) != 0)
		return false;
	SHA256((const unsigned char *) header + 7, strlen(header + 7), digest);
	pthread_mutex_lock(&token_lock);
	same = CRYPTO_memcmp(digest, token_digest, sizeof(digest)) == 0;
	pthread_mutex_unlock(&token_lock);
	return same;
}

static enum MHD_Result
send_answer(struct MHD_Connection *connection, AgentAnswer answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(answer.body), answer.body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	pfree(answer.body);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (answer.status == 401)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"cdc_agent\"");
	agent_client_does(connection, AGENT_CLIENT_READS);
	result = MHD_queue_response(connection, (unsigned) answer.status, response);
	MHD_destroy_response(response);
	return result;
}

static AgentAnswer
dispatch(struct MHD_Connection *connection, const char *method, const char *url, const Pending *pending)
{
	AgentRequest request;
	AgentAnswer answer;
	char	   *error = NULL;
	int			status;

	if (pending->too_large)
		return agent_api_refuse(413, "the body is too large");
	status = agent_request_read(&request, method, url,
								MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "installation"),
								MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "epoch"),
								MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "mark"),
								pending->body.data, (size_t) pending->body.len, &error);
	answer = status != 0 ? agent_api_refuse(status, error) : agent_api_answer(&request);
	agent_request_wipe(&request);
	if (error)
		pfree(error);
	return answer;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
		   const char *version, const char *data, size_t *size, void **state)
{
	Pending    *pending = *state;

	(void) arg;
	(void) version;
	if (pending == NULL)
	{
		/* before a byte of the body is taken */
		if (!may_ask(connection))
			return send_answer(connection, agent_api_refuse(401, "the token is missing or wrong: Authorization: Bearer <token>"));
		agent_client_known(connection);
		*state = pending = palloc0(sizeof(Pending));
		initStringInfo(&pending->body);
		return MHD_YES;
	}
	if (*size > 0)
	{
		if (pending->too_large || pending->body.len + *size > AGENT_MAX_BODY)
			pending->too_large = true;
		else
			appendBinaryStringInfo(&pending->body, data, (int) *size);
		*size = 0;
		return MHD_YES;
	}
	agent_client_does(connection, AGENT_CLIENT_IS_SERVED);
	return send_answer(connection, dispatch(connection, method, url, pending));
}

/* A request line has come; what this gives is *state of on_request at first. */
static void *
on_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
	(void) arg;
	(void) uri;
	agent_client_does(connection, AGENT_CLIENT_SENDS);
	return NULL;
}

/* Nothing that we take is ever percent-encoded, and a decoded NUL would cut a name short. */
static size_t
no_unescape(void *arg, struct MHD_Connection *connection, char *words)
{
	(void) arg;
	(void) connection;
	return strlen(words);
}

static void
on_end(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
	Pending    *pending = *state;

	(void) arg;
	(void) why;
	agent_client_does(connection, AGENT_CLIENT_WAITS);
	if (pending == NULL)
		return;
	explicit_bzero(pending->body.data, (size_t) pending->body.maxlen);
	pfree(pending->body.data);
	pfree(pending);
	*state = NULL;
}

static int
bind_to(const AgentConfig *config, char **error)
{
	struct addrinfo hints;
	struct addrinfo *found = NULL;
	char		port[16];
	int			fd;
	int			yes = 1;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
	hints.ai_socktype = SOCK_STREAM;
	snprintf(port, sizeof(port), "%d", config->port);
	if (getaddrinfo(config->listen_address, port, &hints, &found) != 0)
	{
		*error = psprintf("listen_address \"%s\" is no IP address", config->listen_address);
		return -1;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
		bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 64) != 0)
	{
		*error = psprintf("could not listen on %s port %d: %m", config->listen_address, config->port);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

/* The port that the socket has got. */
static int
port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t	length = sizeof(address);
	char		port[16] = "0";

	if (getsockname(fd, (struct sockaddr *) &address, &length) == 0)
		getnameinfo((struct sockaddr *) &address, length, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
	return atoi(port);
}

static struct MHD_Daemon *
serve(const AgentConfig *config, int fd, char **error)
{
	unsigned	flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;
	struct MHD_OptionItem tls[3];
	struct MHD_Daemon *daemon;

	memset(tls, 0, sizeof(tls));
	tls[0].option = tls[1].option = tls[2].option = MHD_OPTION_END;
	if (config->tls_certificate)
	{
		tls[0].option = MHD_OPTION_HTTPS_MEM_CERT;
		tls[0].ptr_value = agent_read_file(AT_FDCWD, config->tls_certificate, 1024 * 1024, error);
		tls[1].option = MHD_OPTION_HTTPS_MEM_KEY;
		tls[1].ptr_value = tls[0].ptr_value ? agent_read_file(AT_FDCWD, config->tls_key, 1024 * 1024, error) : NULL;
		if (tls[1].ptr_value == NULL)
			return NULL;
		flags |= MHD_USE_TLS;
	}
	daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL,
							  MHD_OPTION_LISTEN_SOCKET, fd,
							  MHD_OPTION_THREAD_POOL_SIZE, (unsigned) THREADS,
							  /* the accounting is ours; each thread has a part of this, and may get them all */
							  MHD_OPTION_CONNECTION_LIMIT, (unsigned) (THREADS * (config->max_connections + 16)),
							  MHD_OPTION_NOTIFY_CONNECTION, agent_client_notify, NULL,
							  MHD_OPTION_URI_LOG_CALLBACK, on_line, NULL,
							  MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) config->request_timeout,
							  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HEADER_BYTES,
							  MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
							  MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL,
							  MHD_OPTION_ARRAY, tls,
							  MHD_OPTION_END);
	if (daemon == NULL)
		*error = pstrdup(config->tls_certificate ? "the server does not start: are tls_certificate and tls_key PEM and a pair?" :
						 "the server does not start");
	return daemon;
}

static bool
start(const char *path, AgentConfig **config, struct MHD_Daemon **daemon, char **error)
{
	int			fd;

	*config = agent_config_load(path, error);
	if (*config == NULL || !load_token(*config, error))
		return false;
	/* the socket first: a second agent on the port must not touch a job */
	fd = bind_to(*config, error);
	if (fd < 0)
		return false;
	if ((*config)->services_dir ?
		!agent_provision_init(*config, error) || !agent_fence_init(agent_services_dir(), error) :
		!agent_secret_init(*config, error) || !agent_job_init(*config, error) || !agent_fence_init(agent_job_state_dir(), error))
		return false;
	agent_api_init(*config);
	if (!agent_client_init(*config, error))
		return false;
	*daemon = serve(*config, fd, error);
	if (*daemon == NULL)
		return false;
	printf("cdc_agent listens on %s port %d\n", (*config)->listen_address, port_of(fd));
	fflush(stdout);
	return true;
}

int
main(int argc, char **argv)
{
	AgentConfig *config = NULL;
	struct MHD_Daemon *daemon = NULL;
	char	   *error = NULL;
	sigset_t	signals;
	int			signal = 0;

	cdc_pg_parameters_init();
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
	{
		printf("cdc_agent %s\n", CDC_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
	{
		agent_config_help();
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "--launch") == 0)
		return agent_launch_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], "--restart") == 0)
		return agent_restart_main(argc, argv);
	if (argc != 3 || strcmp(argv[1], "--config") != 0)
	{
		fprintf(stderr, "usage: cdc_agent --config FILE | --help | --version\n");
		return 2;
	}
	umask(022);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	/* blocked in every thread; taken here, one after the other */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	pqsignal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (!start(argv[2], &config, &daemon, &error))
	{
		fprintf(stderr, "cdc_agent: %s\n", error ? error : "unknown fault");
		return 1;
	}
	while (sigwait(&signals, &signal) == 0 && signal == SIGHUP)
	{
		if (!load_token(config, &error))
			fprintf(stderr, "cdc_agent: the token stays what it was: %s\n", error);
	}
	/* a job under way goes on at the next start */
	MHD_stop_daemon(daemon);
	fflush(NULL);
#ifdef __SANITIZE_ADDRESS__
	(void) __lsan_do_recoverable_leak_check();
#endif
#ifdef CDC_COVERAGE
	__gcov_dump();
#endif
	_exit(0);
}
