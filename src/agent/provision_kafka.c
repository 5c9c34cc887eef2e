/*
 * provision_kafka.c
 *	  A Kafka service: one broker (KRaft) with SCRAM on port 9093, and with the
 *	  addon a Kafka Connect worker and its agent.
 *
 * See service.h.  Passwords are in files of the service's user alone, never in
 * an argument: the programs read an argument file.
 */
#include "agent/service.h"

#include <arpa/inet.h>
#include <glob.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/worker_control.h"
#include "common/clock.h"

#define SASL_PORT 9093
#define CONTROLLER_PORT 9094
#define CONNECT_PORT 8083
#define AGENT_PORT 8085

#define CONNECT_PASSWORD "connect-password"

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

static const char log4j[] =
"log4j.rootLogger=WARN, stdout\n"
"log4j.appender.stdout=org.apache.log4j.ConsoleAppender\n"
"log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n"
"log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n\n"
"log4j.logger.org.apache.kafka.connect=INFO\n"
"log4j.logger.io.debezium=INFO\n"
"log4j.logger.io.debezium.metrics.stats=ERROR\n";

/* asks for a password at Kafka Connect's REST interface, by a list of users in a file */
#define AUTH "org.apache.kafka.connect.rest.basic.auth.extension."
#define AUTH_JARS "%s/connect-basic-auth-extension-*.jar"

#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule"
#define JAAS "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";"

static bool
write_words(AgentService *s, const char *name, StringInfo words, char **error)
{
	bool		ok = agent_service_write(s, name, words->data, error);

	explicit_bzero(words->data, (size_t) words->len);
	pfree(words->data);
	return ok;
}

/* Is there what asks for a password at Kafka Connect? */
static bool
has_auth(const char *jars)
{
	char		pattern[MAXPGPATH + 64];
	glob_t		found;
	bool		has;

	snprintf(pattern, sizeof(pattern), AUTH_JARS, jars);
	has = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
	globfree(&found);
	return has;
}

/* The directory with the jars of the ordered version. */
static bool
find_jars(const AgentService *s, char *path, size_t size, char **error)
{
	const char *dir = s->config->kafka_dir;
	bool		found = false;

	if (dir)
	{
		snprintf(path, size, "%s/%s/libs", dir, s->order.version);
		found = access(path, R_OK | X_OK) == 0;
		if (!found)
		{
			snprintf(path, size, "%s/%s", dir, s->order.version);
			found = access(path, R_OK | X_OK) == 0;
		}
	}
	if (found && (s->order.connect_user == NULL || has_auth(path)))
		return true;
	if (found)
		*error = psprintf("Kafka %s cannot be had here: there is no connect-basic-auth-extension-*.jar in %s, and without it Kafka Connect would be open to every process of this host",
						  s->order.version, path);
	else
		*error = psprintf("Kafka %s cannot be had here: there is no %s/%s", s->order.version, dir ? dir : "(kafka_dir)", s->order.version);
	return false;
}

/* NAME.args: what java is to run, more its own options (lines); java itself reads it. */
static bool
write_args(AgentService *s, const char *name, const char *heap, const char *more, const char *class, const char *arguments, char **error)
{
	char		jars[MAXPGPATH];
	char		file[64];
	StringInfoData words;

	if (!find_jars(s, jars, sizeof(jars), error))
		return false;
	initStringInfo(&words);
	appendStringInfo(&words, "-XX:TieredStopAtLevel=1\n-XX:+UseSerialGC\n-Xshare:auto\n-XX:-UsePerfData\n-XX:+DisableAttachMechanism\n-Xmx%s\n\"-Dlog4j.configuration=file:%s/log4j.properties\"\n%s"
					 "-cp\n\"%s/*\"\n%s\n%s", heap, s->dir, more, jars, class, arguments);
	snprintf(file, sizeof(file), "%s.args", name);
	return agent_service_write(s, "log4j.properties", log4j, error) && write_words(s, file, &words, error);
}

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

/*
 * The password between the broker and its controller, in hexadecimal: made of the
 * administrator's, which it does not tell.
 */
static void
controller_password(const AgentService *s, char words[2 * SHA256_DIGEST_LENGTH + 1])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char	   *all = psprintf("cdc_agent controller %s", s->order.admin_password);
	int			i;

	SHA256((const unsigned char *) all, strlen(all), digest);
	for (i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(words + 2 * i, 3, "%02x", digest[i]);
	explicit_bzero(all, strlen(all));
	pfree(all);
}

static bool
write_broker(AgentService *s, const char *file, const char *logs, char **error)
{
	const char *a = s->addresses[0];
	char		password[2 * SHA256_DIGEST_LENGTH + 1];
	StringInfoData words;

	initStringInfo(&words);
	controller_password(s, password);
	appendStringInfo(&words, "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@%s:%d\n"
					 "listeners=SASL_PLAINTEXT://%s:%d,CONTROLLER://%s:%d\nadvertised.listeners=SASL_PLAINTEXT://%s:%d\n"
					 "controller.listener.names=CONTROLLER\ninter.broker.listener.name=SASL_PLAINTEXT\n"
					 "listener.security.protocol.map=CONTROLLER:SASL_PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT\n"
					 "sasl.enabled.mechanisms=SCRAM-SHA-256\nsasl.mechanism.inter.broker.protocol=SCRAM-SHA-256\n",
					 a, CONTROLLER_PORT, a, SASL_PORT, a, CONTROLLER_PORT, a, SASL_PORT);
	/* whoever reaches a controller without a password owns the cluster */
	appendStringInfo(&words, "sasl.mechanism.controller.protocol=PLAIN\nlistener.name.controller.sasl.enabled.mechanisms=PLAIN\n"
					 "listener.name.controller.plain.sasl.jaas.config=" PLAIN " required username=\"controller\" password=\"%s\" user_controller=\"%s\";\n",
					 password, password);
	explicit_bzero(password, sizeof(password));
	appendStringInfo(&words, "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=" JAAS "\nlog.dirs=%s/kafka/%s\n",
					 s->order.admin_user, s->order.admin_password, s->dir, logs);
	appendStringInfoString(&words, "offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\ntransaction.state.log.replication.factor=1\n"
						   "transaction.state.log.min.isr=1\nnum.partitions=1\ngroup.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n");
	return write_words(s, file, &words, error);
}

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
	ok = write_broker(s, "format.properties", "data.new", error) && write_args(s, "format", s->config->kafka_heap, "", "kafka.tools.StorageTool", words.data, error);
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
	to.sin_port = htons(SASL_PORT);
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

		if (agent_port_taken(s->addresses[0], SASL_PORT) || agent_port_taken(s->addresses[0], CONTROLLER_PORT))
			return agent_service_fault(s, psprintf("another program listens on %s port %d or %d, which are this service's", s->addresses[0], SASL_PORT, CONTROLLER_PORT));
		snprintf(arguments, sizeof(arguments), "\"%s/server.properties\"", s->dir);
		agent_service_note(s, "the broker is being started");
		if (!write_broker(s, "server.properties", "data", &error) || !write_args(s, "kafka", s->config->kafka_heap, "", "kafka.Kafka", arguments, &error))
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

/* Whom Kafka Connect lets in: a file with users, and one that leads there. */
static bool
write_connect_users(AgentService *s, char **error)
{
	StringInfoData words;
	char	   *jaas;
	bool		ok;

	if (s->order.connect_user == NULL)
		return true;
	initStringInfo(&words);
	appendStringInfo(&words, "%s=%s\n", s->order.connect_user, s->order.connect_password);
	jaas = psprintf("KafkaConnect {\n " AUTH "PropertyFileLoginModule required file=\"%s/connect.users\";\n};\n", s->dir);
	ok = write_words(s, "connect.users", &words, error) && agent_service_write(s, "connect.jaas", jaas, error) &&
		agent_service_write(s, CONNECT_PASSWORD, s->order.connect_password, error);
	pfree(jaas);
	return ok;
}

static bool
write_connect(AgentService *s, char **error)
{
	static const char *const prefixes[] = {"", "producer.", "consumer.", "admin."};
	const char *a = s->addresses[0];
	StringInfoData words;
	size_t		i;

	initStringInfo(&words);
	appendStringInfo(&words, "bootstrap.servers=%s:%d\ngroup.id=connect\nlisteners=http://%s:%d\nrest.advertised.host.name=%s\nrest.advertised.port=%d\n",
					 a, SASL_PORT, a, CONNECT_PORT, a, CONNECT_PORT);
	for (i = 0; i < lengthof(prefixes); i++)
		appendStringInfo(&words, "%ssecurity.protocol=SASL_PLAINTEXT\n%ssasl.mechanism=SCRAM-SHA-256\n%ssasl.jaas.config=" JAAS "\n",
						 prefixes[i], prefixes[i], prefixes[i], s->order.admin_user, s->order.admin_password);
	appendStringInfoString(&words, "key.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter=org.apache.kafka.connect.json.JsonConverter\n"
						   "key.converter.schemas.enable=false\nvalue.converter.schemas.enable=false\n"
						   "offset.storage.topic=connect-offsets\noffset.storage.replication.factor=1\noffset.storage.partitions=1\n"
						   "config.storage.topic=connect-configs\nconfig.storage.replication.factor=1\n"
						   "status.storage.topic=connect-status\nstatus.storage.replication.factor=1\nstatus.storage.partitions=1\n"
						   "offset.flush.interval.ms=1000\nplugin.discovery=service_load\nscheduled.rebalance.max.delay.ms=0\n"
						   "task.shutdown.graceful.timeout.ms=20000\nconfig.providers=dir\n"
						   "config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider\n");
	if (s->order.connect_user)
		appendStringInfoString(&words, "rest.extension.classes=" AUTH "BasicAuthSecurityRestExtension\n");
	appendStringInfo(&words, "config.providers.dir.param.allowed.paths=%s/secrets\nplugin.path=%s/plugins\n", s->dir, s->dir);
	return write_connect_users(s, error) && write_words(s, "connect.properties", &words, error);
}

static bool
write_agent(AgentService *s, char **error)
{
	struct json_object *config = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char		words[MAXPGPATH + 64];
	const char *paths[][2] = {{"token_file", "agent-token"}, {"plugin_dir", "plugins"}, {"state_dir", "agent"}, {"secret_dir", "secrets"}};
	bool		ok;
	size_t		i;
	int			j;

	json_object_object_add(config, "listen_address", json_object_new_string(s->addresses[0]));
	json_object_object_add(config, "port", json_object_new_int(AGENT_PORT));
	for (i = 0; i < lengthof(paths); i++)
	{
		snprintf(words, sizeof(words), "%s/%s", s->dir, paths[i][1]);
		json_object_object_add(config, paths[i][0], json_object_new_string(words));
	}
	snprintf(words, sizeof(words), "http://%s:%d", s->addresses[0], CONNECT_PORT);
	json_object_object_add(config, "connect_url", json_object_new_string(words));
	if (s->order.connect_user)
	{
		snprintf(words, sizeof(words), "%s/" CONNECT_PASSWORD, s->dir);
		json_object_object_add(config, "connect_user", json_object_new_string(s->order.connect_user));
		json_object_object_add(config, "connect_password_file", json_object_new_string(words));
	}
	for (j = 0; j < s->config->nallowed; j++)
		json_object_array_add(list, json_object_new_string(s->config->allowed_urls[j]));
	json_object_object_add(config, "allowed_urls", list);
	/* whoever watches over the worker starts it again */
	list = json_object_new_array();
	json_object_array_add(list, json_object_new_string(s->config->program));
	json_object_array_add(list, json_object_new_string("--restart"));
	json_object_array_add(list, json_object_new_string(s->dir));
	json_object_array_add(list, json_object_new_string("connect"));
	json_object_object_add(config, "restart_command", list);
	ok = agent_service_write(s, "agent.json", json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN), error) &&
		agent_service_write(s, "agent-token", s->order.agent_token, error);
	json_object_put(config);
	return ok;
}

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
	if (agent_port_taken(s->addresses[0], CONNECT_PORT))
		return agent_service_fault(s, psprintf("another program listens on %s port %d, which is this service's", s->addresses[0], CONNECT_PORT));
	snprintf(arguments, sizeof(arguments), "\"%s/connect.properties\"", s->dir);
	if (!write_connect(s, &error) ||
		!write_args(s, "connect", s->config->connect_heap, login, "org.apache.kafka.connect.cli.ConnectDistributed", arguments, &error))
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
	if (!write_agent(s, &error))
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
	snprintf(url, sizeof(url), "http://%s:%d", s->addresses[0], CONNECT_PORT);
	look_at.connect_url = url;
	if (s->order.connect_user)
	{
		snprintf(password, sizeof(password), "%s/" CONNECT_PASSWORD, s->dir);
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
	if (!find_jars(s, words, sizeof(words), &error) &&
		!(agent_service_fetch(s, "Kafka", &error) && find_jars(s, words, sizeof(words), &error)))
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
