/*
 * provision_kafka.c
 *	  A Kafka service: one broker (KRaft) with SCRAM on port 9093, and with the
 *	  addon a Kafka Connect worker and its agent.
 *
 * See service.h.  What its programs read is kafka_files.c's.
 */
#include "agent/service.h"

#include <arpa/inet.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/kafka_files.h"
#include "agent/worker_control.h"
#include "common/clock.h"

#define LOOK_MS 100
#define PROBE_MS 1000
#define ASK_MS 2000
#define FORMAT_SECONDS 120
#define CONNECT_GONE_MS 60000	/* a worker that is restarted is back before */

enum
{
	START_BROKER,
	START_CONNECT,
	START_AGENT
};

static int
start_java(AgentService *s, int n, const char *name)
{
	char		args[MAXPGPATH + 64];
	char		cwd[MAXPGPATH + 64];
	const char *argv[] = {s->config->java, args, NULL};
	AgentLaunch launch;

	snprintf(args, sizeof(args), "@%s/%s.args", s->dir, name);
	snprintf(cwd, sizeof(cwd), "%s/%s", s->dir, name);
	launch = agent_service_launch(s, name, cwd, argv);
	return agent_service_start(s, n, &launch);
}

/* -- the broker ---------------------------------------------------------------- */

/* Formats the broker's storage beside, with its users, and puts it into place. */
static bool
format_storage(AgentService *s, char **error)
{
	char		dir[MAXPGPATH + 64];
	char		args[MAXPGPATH + 64];
	unsigned char noise[16];
	char		cluster[32];
	StringInfoData words;
	bool		ok;
	int			fd;
	const char *argv[] = {s->config->java, args, NULL};
	AgentLaunch launch;
	int			i;

	if (!agent_service_stop(s, "format", NULL, SIGKILL, 5))
	{
		*error = pstrdup("a format of before does not end");
		return false;
	}
	if (RAND_bytes(noise, sizeof(noise)) != 1)
	{
		*error = pstrdup("no random numbers");
		return false;
	}
	/* base64url of 16 bytes begins with no dash where the first byte is below 0xf8 */
	noise[0] &= 0x7f;
	{
		static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

		for (i = 0; i < 22; i++)
		{
			int			bit = i * 6;
			int			value = (noise[bit / 8] << 8) | (bit / 8 + 1 < 16 ? noise[bit / 8 + 1] : 0);

			cluster[i] = digits[(value >> (10 - bit % 8)) & 63];
		}
		cluster[22] = '\0';
	}
	snprintf(dir, sizeof(dir), "%s/kafka", s->dir);
	snprintf(args, sizeof(args), "@%s/format.args", s->dir);
	launch = agent_service_launch(s, "format", dir, argv);
	initStringInfo(&words);
	appendStringInfo(&words, "format\n--cluster-id=%s\n-c\n\"%s/format.properties\"\n--add-scram\n\"SCRAM-SHA-256=[name=%s,password=%s]\"\n"
					 "--add-scram\n\"SCRAM-SHA-256=[name=%s,password=%s]\"\n", cluster, s->dir, s->order.admin_user, s->order.admin_password,
					 s->order.app_user, s->order.app_password);
	ok = agent_kafka_write_broker(s, "format.properties", "data.new", error) && agent_kafka_write_args(s, "format", s->config->kafka_heap, "", "kafka.tools.StorageTool", words.data, error);
	explicit_bzero(words.data, (size_t) words.len);
	pfree(words.data);
	ok = ok && (fd = agent_service_open_as(s, "kafka", error)) >= 0;
	if (ok)
	{
		ok = agent_remove_tree(fd, "data.new", error);
		agent_service_close(fd);
	}
	ok = ok && agent_process_run(&launch, FORMAT_SECONDS, error) && (fd = agent_service_open_as(s, "kafka", error)) >= 0;
	if (ok)
	{
		ok = agent_sync_tree(fd, "data.new", error) && agent_rename(fd, "data.new", fd, "data", error);
		agent_service_close(fd);
	}
	fd = agent_service_open(s, ok ? error : &(char *) {NULL});
	if (fd >= 0)
	{
		unlinkat(fd, "format.args", 0);
		unlinkat(fd, "format.properties", 0);
		close(fd);
	}
	return ok;
}

static bool
exchange(int fd, const struct sockaddr_in *to)
{
	/* ApiVersions, version 0, correlation 0x63646331, no client id; allowed before SASL */
	static const unsigned char request[] = {0, 0, 0, 10, 0, 18, 0, 0, 0x63, 0x64, 0x63, 0x31, 0xff, 0xff};
	unsigned char answer[10];
	struct timeval limit = {ASK_MS / 1000, 0};
	size_t		got = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *) to, sizeof(*to)) != 0 ||
		send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		return false;
	while (got < sizeof(answer))
	{
		ssize_t		n = recv(fd, answer + got, sizeof(answer) - got, 0);

		if (n <= 0)
			return false;
		got += (size_t) n;
	}
	/* the correlation, and no error */
	return memcmp(answer + 4, request + 8, 4) == 0 && answer[8] == 0 && answer[9] == 0;
}

/* Does a broker answer, in its own protocol? */
static bool
broker_answers(const AgentService *s)
{
	struct sockaddr_in to;
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool		ok;

	memset(&to, 0, sizeof(to));
	to.sin_family = AF_INET;
	to.sin_port = htons(AGENT_KAFKA_SASL_PORT);
	inet_pton(AF_INET, s->addresses[0], &to.sin_addr);
	ok = fd >= 0 && exchange(fd, &to);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Brings the broker up; < 0: it answers, else ms. */
static int
attend_broker(AgentService *s)
{
	char	   *error = NULL;
	pid_t		pid;

	if (!agent_service_has(s, "kafka/data"))
	{
		if (s->made)
			return agent_service_fault(s, pstrdup("the broker's data directory is not there any more"));
		agent_service_note(s, "the broker's storage is being formatted");
		if (!agent_service_mkdir(s, "kafka", &error) || !format_storage(s, &error))
			return agent_service_fault(s, error);
		s->failures = 0;
		return 0;
	}
	if (!agent_process_lives(s->dir, "kafka", &pid) || pid == 0)
	{
		char		arguments[MAXPGPATH + 64];

		if (agent_port_taken(s->addresses[0], AGENT_KAFKA_SASL_PORT) || agent_port_taken(s->addresses[0], AGENT_KAFKA_CONTROLLER_PORT))
			return agent_service_fault(s, psprintf("another program listens on %s port %d or %d, which are this service's", s->addresses[0], AGENT_KAFKA_SASL_PORT, AGENT_KAFKA_CONTROLLER_PORT));
		snprintf(arguments, sizeof(arguments), "\"%s/server.properties\"", s->dir);
		agent_service_note(s, "the broker is being started");
		if (!agent_kafka_write_broker(s, "server.properties", "data", &error) || !agent_kafka_write_args(s, "kafka", s->config->kafka_heap, "", "kafka.Kafka", arguments, &error))
			return agent_service_fault(s, error);
		return start_java(s, START_BROKER, "kafka");
	}
	s->seen.nodes[0].lives = true;
	if (!broker_answers(s))
	{
		agent_service_note(s, "the broker does not answer yet");
		return LOOK_MS;
	}
	s->seen.nodes[0].answers = true;
	return -1;
}

/* -- Kafka Connect ---------------------------------------------------------------- */

static int
start_connect(AgentService *s)
{
	static const char *const dirs[] = {"connect", "plugins", "secrets", "agent"};
	char		arguments[MAXPGPATH + 64];
	char		login[MAXPGPATH + 64] = "";
	char	   *error = NULL;
	size_t		i;

	if (s->order.connect_user)
		snprintf(login, sizeof(login), "\"-Djava.security.auth.login.config=%s/connect.jaas\"\n", s->dir);
	for (i = 0; i < lengthof(dirs); i++)
	{
		if (!agent_service_mkdir(s, dirs[i], &error))
			return agent_service_fault(s, error);
	}
	if (agent_port_taken(s->addresses[0], AGENT_KAFKA_CONNECT_PORT))
		return agent_service_fault(s, psprintf("another program listens on %s port %d, which is this service's", s->addresses[0], AGENT_KAFKA_CONNECT_PORT));
	snprintf(arguments, sizeof(arguments), "\"%s/connect.properties\"", s->dir);
	if (!agent_kafka_write_connect(s, &error) ||
		!agent_kafka_write_args(s, "connect", s->config->connect_heap, login, "org.apache.kafka.connect.cli.ConnectDistributed", arguments, &error))
		return agent_service_fault(s, error);
	return start_java(s, START_CONNECT, "connect");
}

static int
start_agent(AgentService *s)
{
	char		config[MAXPGPATH + 64];
	char		cwd[MAXPGPATH + 64];
	char	   *error = NULL;
	const char *argv[] = {s->config->program, "--config", config, NULL};
	AgentLaunch launch;

	snprintf(config, sizeof(config), "%s/agent.json", s->dir);
	snprintf(cwd, sizeof(cwd), "%s/agent", s->dir);
	launch = agent_service_launch(s, "connect-agent", cwd, argv);
	if (!agent_kafka_write_agent(s, &error))
		return agent_service_fault(s, error);
	return agent_service_start(s, START_AGENT, &launch);
}

/* For the addon's message: the broker runs all the same. */
static void
note_connect(AgentService *s, const char *words)
{
	strlcpy(s->seen.message, words, sizeof(s->seen.message));
}

/* Brings the worker and its agent up; < 0: both answer. */
static int
attend_connect(AgentService *s)
{
	AgentConfig look_at;
	AgentWorkerLook look;
	char		url[64];
	char		password[MAXPGPATH + 64];
	pid_t		pid;

	if (!agent_process_lives(s->dir, "connect", &pid) || pid == 0)
	{
		note_connect(s, "Kafka Connect is being started");
		return start_connect(s);
	}
	if (!agent_process_lives(s->dir, "connect-agent", &pid) || pid == 0)
	{
		note_connect(s, "the agent of Kafka Connect is being started");
		return start_agent(s);
	}
	memset(&look_at, 0, sizeof(look_at));
	snprintf(url, sizeof(url), "http://%s:%d", s->addresses[0], AGENT_KAFKA_CONNECT_PORT);
	look_at.connect_url = url;
	if (s->order.connect_user)
	{
		snprintf(password, sizeof(password), "%s/" AGENT_KAFKA_PASSWORD_FILE, s->dir);
		look_at.connect_user = (char *) s->order.connect_user;
		look_at.connect_password_file = password;
	}
	agent_worker_look(&look_at, NULL, NULL, &look);
	if (look.error)
		pfree(look.error);
	if (!look.answers)
	{
		note_connect(s, "Kafka Connect does not answer yet");
		return 2 * LOOK_MS;
	}
	return -1;
}

int
agent_kafka_step(AgentService *s)
{
	char		words[AGENT_WORDS];
	char	   *error = NULL;
	pid_t		pid;
	int			wait;

	if (s->probed_at != 0 && cdc_clock_ms() < s->probed_at + PROBE_MS && agent_process_lives(s->dir, "kafka", &pid) && pid &&
		(!s->order.connect || (agent_process_lives(s->dir, "connect", &pid) && pid && agent_process_lives(s->dir, "connect-agent", &pid) && pid)))
		return LOOK_MS;
	s->probed_at = 0;
	if (!agent_kafka_find_jars(s, words, sizeof(words), &error) &&
		!(agent_service_fetch(s, "Kafka", &error) && agent_kafka_find_jars(s, words, sizeof(words), &error)))
		return agent_service_fault(s, error);
	memset(s->seen.nodes, 0, sizeof(s->seen.nodes));
	wait = attend_broker(s);
	if (wait >= 0)
	{
		if (s->seen.connect != AGENT_SERVICE_RUNNING)
			s->seen.connect = AGENT_SERVICE_PROVISIONING;
		return wait;
	}
	agent_service_made(s);
	if (s->order.connect)
	{
		wait = attend_connect(s);
		if (wait < 0)
		{
			s->seen.connect = AGENT_SERVICE_RUNNING;
			s->connect_lost = 0;
			s->seen.message[0] = '\0';
		}
		else
		{
			if (s->connect_lost == 0)
				s->connect_lost = cdc_clock_ms();
			/* its agent may be restarting it: no news for a while */
			if (s->seen.connect != AGENT_SERVICE_RUNNING || cdc_clock_ms() - s->connect_lost > CONNECT_GONE_MS)
				s->seen.connect = s->failures > 0 || s->connect_at ? AGENT_SERVICE_ERROR : AGENT_SERVICE_PROVISIONING;
		}
		if (s->seen.connect == AGENT_SERVICE_RUNNING && wait < 0)
			s->connect_at = cdc_clock_ms();
		strlcpy(s->seen.connect_message, s->seen.message, sizeof(s->seen.connect_message));
	}
	s->seen.message[0] = '\0';
	s->seen.state = AGENT_SERVICE_RUNNING;
	if (wait >= 0)
		return wait;
	s->failures = 0;
	s->probed_at = cdc_clock_ms();
	return LOOK_MS;
}

bool
agent_kafka_end(AgentService *s)
{
	static const char *const names[] = {"connect-agent", "connect", "kafka", "format"};
	static const char *const dirs[] = {"agent", "connect", "kafka", NULL};
	bool		ok = agent_process_end(s->dir, "fetch", geteuid(), NULL, SIGKILL, 5);
	size_t		i;

	for (i = 0; i < lengthof(names); i++)
	{
		char		cwd[MAXPGPATH + 64];

		/* nobody wants the data any more */
		snprintf(cwd, sizeof(cwd), "%s/%s", s->dir, dirs[i] ? dirs[i] : "none");
		ok = agent_service_stop(s, names[i], dirs[i] ? cwd : NULL, SIGKILL, 5) && ok;
	}
	return ok;
}
