/*
 * extract.h
 *	  Unpacks an archive that may be hostile into an empty directory.
 *
 * Only regular files and directories; every path is taken apart and walked
 * from the directory's descriptor, so nothing can be written elsewhere.  Stops
 * at the first thing that is wrong: half of an archive is no plugin.
 */
#ifndef CDC_AGENT_EXTRACT_H
#define CDC_AGENT_EXTRACT_H

#include "common/base.h"

struct archive;

typedef struct AgentLimits
{
	int64		bytes;			/* of all files together, unpacked */
	int			entries;		/* files and directories named by the archive */
} AgentLimits;

/* A libarchive reader with the formats that plugins come in: tar and zip,
 * gzip, bzip2, xz, zstd.  archive_read_free by the caller; NULL: no memory. */
extern struct archive *agent_extract_reader(void);

/*
 * Unpacks an opened reader below dirfd.  False, *error saying which entry and
 * why, on: a damaged or truncated archive, a path that is absolute, has "..",
 * is too deep or comes twice; a link, a device or anything else that is no file
 * and no directory; limits; the filesystem's faults (a full disk).  What was
 * unpacked before stays there for the caller to remove.
 */
extern bool agent_extract(struct archive *reader, int dirfd, const AgentLimits *limits, char **error);

#endif							/* CDC_AGENT_EXTRACT_H */
