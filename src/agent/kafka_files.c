/*
 * kafka_files.c
 *	  See kafka_files.h.
 */
#include "agent/kafka_files.h"

#include <glob.h>
#include <openssl/sha.h>
#include <unistd.h>

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

bool
agent_kafka_find_jars(const AgentService *s, char *path, size_t size, char **error)
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

bool
agent_kafka_write_args(AgentService *s, const char *name, const char *heap, const char *more, const char *class, const char *arguments, char **error)
{
	char		jars[MAXPGPATH];
	char		file[64];
	StringInfoData words;

	if (!agent_kafka_find_jars(s, jars, sizeof(jars), error))
		return false;
	initStringInfo(&words);
	appendStringInfo(&words, "-XX:TieredStopAtLevel=1\n-XX:+UseSerialGC\n-Xshare:auto\n-XX:-UsePerfData\n-XX:+DisableAttachMechanism\n-Xmx%s\n\"-Dlog4j.configuration=file:%s/log4j.properties\"\n%s"
					 "-cp\n\"%s/*\"\n%s\n%s", heap, s->dir, more, jars, class, arguments);
	snprintf(file, sizeof(file), "%s.args", name);
	return agent_service_write(s, "log4j.properties", log4j, error) && write_words(s, file, &words, error);
}

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

bool
agent_kafka_write_broker(AgentService *s, const char *file, const char *logs, char **error)
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
					 a, AGENT_KAFKA_CONTROLLER_PORT, a, AGENT_KAFKA_SASL_PORT, a, AGENT_KAFKA_CONTROLLER_PORT, a, AGENT_KAFKA_SASL_PORT);
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
		agent_service_write(s, AGENT_KAFKA_PASSWORD_FILE, s->order.connect_password, error);
	pfree(jaas);
	return ok;
}

bool
agent_kafka_write_connect(AgentService *s, char **error)
{
	static const char *const prefixes[] = {"", "producer.", "consumer.", "admin."};
	const char *a = s->addresses[0];
	StringInfoData words;
	size_t		i;

	initStringInfo(&words);
	appendStringInfo(&words, "bootstrap.servers=%s:%d\ngroup.id=connect\nlisteners=http://%s:%d\nrest.advertised.host.name=%s\nrest.advertised.port=%d\n",
					 a, AGENT_KAFKA_SASL_PORT, a, AGENT_KAFKA_CONNECT_PORT, a, AGENT_KAFKA_CONNECT_PORT);
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

bool
agent_kafka_write_agent(AgentService *s, char **error)
{
	struct json_object *config = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char		words[MAXPGPATH + 64];
	const char *paths[][2] = {{"token_file", "agent-token"}, {"plugin_dir", "plugins"}, {"state_dir", "agent"}, {"secret_dir", "secrets"}};
	bool		ok;
	size_t		i;
	int			j;

	json_object_object_add(config, "listen_address", json_object_new_string(s->addresses[0]));
	json_object_object_add(config, "port", json_object_new_int(AGENT_KAFKA_AGENT_PORT));
	for (i = 0; i < lengthof(paths); i++)
	{
		snprintf(words, sizeof(words), "%s/%s", s->dir, paths[i][1]);
		json_object_object_add(config, paths[i][0], json_object_new_string(words));
	}
	snprintf(words, sizeof(words), "http://%s:%d", s->addresses[0], AGENT_KAFKA_CONNECT_PORT);
	json_object_object_add(config, "connect_url", json_object_new_string(words));
	if (s->order.connect_user)
	{
		snprintf(words, sizeof(words), "%s/" AGENT_KAFKA_PASSWORD_FILE, s->dir);
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
