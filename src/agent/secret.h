/*
 * secret.h
 *	  The files that Connect's DirectoryConfigProvider reads: one secret a file,
 *	  its name the key, its bytes the value; and certificates of CAs beside them.
 *
 * Nothing outside of the one directory, names as request.h checks them; files
 * 0600, written whole or not at all.  Values never leave this file again.
 */
#ifndef CDC_AGENT_SECRET_H
#define CDC_AGENT_SECRET_H

#include "agent/config.h"

#include <json-c/json.h>

/* Opens the directory; false, *error set, when others than its owner and group may look into it. */
extern bool agent_secret_init(const AgentConfig *config, char **error);

/* Names, sorted, as a JSON array (json_object_put by the caller); NULL on error. */
extern struct json_object *agent_secret_list(char **error);

extern bool agent_secret_put(const char *name, const char *value, char **error);

/*
 * Certificates, PEM text, in a file beside the secrets, for the same readers:
 * what is written are the certificates that were read, and nothing else that
 * stood between them.  0, or an HTTP status: 422 when there is none, or a block
 * that is no certificate.
 */
extern int	agent_secret_put_certificate(const char *name, const char *pem, char **error);

/* One that is absent is deleted already. */
extern bool agent_secret_delete(const char *name, char **error);

#endif							/* CDC_AGENT_SECRET_H */
