/*
 * kafka_files.h
 *	  The files that the programs of a Kafka service read: a broker's, Kafka
 *	  Connect's, its agent's.
 *
 * Passwords are in files of the service's user alone, never in an argument: java
 * reads an argument file.  Starts nothing.
 */
#ifndef CDC_AGENT_KAFKA_FILES_H
#define CDC_AGENT_KAFKA_FILES_H

#include "agent/service.h"

#define AGENT_KAFKA_SASL_PORT 9093
#define AGENT_KAFKA_CONTROLLER_PORT 9094
#define AGENT_KAFKA_CONNECT_PORT 8083
#define AGENT_KAFKA_AGENT_PORT 8085

/* Kafka Connect's password alone, for who asks it. */
#define AGENT_KAFKA_PASSWORD_FILE "connect-password"

/*
 * The directory with the jars of the ordered version; false with *error when they,
 * or what asks for a password at Kafka Connect, are not there.
 */
extern bool agent_kafka_find_jars(const AgentService *service, char *path, size_t size, char **error);

/* Each: false with *error. */

/* NAME.args: what java is to run, more its own options (lines). */
extern bool agent_kafka_write_args(AgentService *service, const char *name, const char *heap, const char *more, const char *class, const char *arguments, char **error);

/* The broker's, with its storage in kafka/LOGS. */
extern bool agent_kafka_write_broker(AgentService *service, const char *file, const char *logs, char **error);

extern bool agent_kafka_write_connect(AgentService *service, char **error);
extern bool agent_kafka_write_agent(AgentService *service, char **error);

#endif							/* CDC_AGENT_KAFKA_FILES_H */
