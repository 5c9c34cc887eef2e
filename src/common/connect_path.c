/*
 * connect_path.c
 *	  See connect_path.h.
 */
#include "common/connect_path.h"

#include <string.h>

#define ALLOWED "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"

char *
cdc_connect_path_fault(const char *path)
{
	const char *part;

	if (path[0] != '/' || strlen(path) > CDC_CONNECT_PATH_MAX || path[strspn(path, ALLOWED)] != '\0')
		return psprintf("is no absolute path of at most %d letters, digits, dots, hyphens, underscores and slashes", CDC_CONNECT_PATH_MAX);
	for (part = path; part != NULL; part = strchr(part, '/'))
	{
		part++;
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return pstrdup("has a part \"..\"");
	}
	return NULL;
}
